"""The bench works: a tiny run measures every number. What it measures is no assertion."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.plan import BUDGETS

TESTS = Path(__file__).parents[1]


def test_a_quick_bench_measures_every_budget(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    output.write_text("of an earlier run")
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert set(found) == set(BUDGETS)
    for name, entry in found.items():
        assert set(entry) == {"value", "unit", "budget", "met", "detail"}, name
        assert entry["unit"] == BUDGETS[name].unit
        assert isinstance(entry["value"], int | float), name
        assert name in done.stdout
