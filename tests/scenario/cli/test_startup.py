"""Help is quick because it imports nothing heavy: measured in modules, not in milliseconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import trimtab

HEAVY = {
    "aiohttp",
    "alembic",
    "asyncio",
    "cryptography",
    "msgspec",
    "pygit2",
    "pyreqwest",
    "rich",
    "sqlalchemy",
    "structlog",
    "yaml",
}
_SCRIPT = """
import sys
from trimtab.cli import main
code = main(sys.argv[1:])
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""


def modules_after(*args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *args],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env=os.environ | {"PYTHONPATH": str(Path(trimtab.__file__).parents[1])},
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("args", [["--help"], ["app", "--help"], ["--version"]], ids=" ".join)
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    assert modules_after(*args) & HEAVY == set()


def test_every_command_can_be_imported_and_helps() -> None:
    from trimtab.cli.errors import run_reporting
    from trimtab.cli.lazy import LazyGroup
    from trimtab.cli.root import root

    def names(group: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        import click

        assert isinstance(group, click.Group)
        found: list[tuple[str, ...]] = []
        with click.Context(group) as ctx:
            for name in group.list_commands(ctx):
                if (path, name) in {((), "demo"), ((), "serve")}:
                    continue
                command = group.get_command(ctx, name)
                found.append((*path, name))
                if isinstance(command, click.Group):
                    found += names(command, (*path, name))
        return found

    assert isinstance(root, LazyGroup)
    commands = names(root, ())
    assert len(commands) > 40
    for path in commands:
        assert run_reporting(root, [*path, "--help"]) == 0, path
