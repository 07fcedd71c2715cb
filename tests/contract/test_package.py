"""The wheel: what it carries, and that it works away from the clone it was built in."""

from __future__ import annotations

import email
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from trimtab_build import GoMissingError

ROOT = Path(__file__).resolve().parents[2]
ENGINES = "trimtab/_bin/trimtab-engines"
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: harbour\nversion: 0.1.0\n",
    "templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as ``make build`` makes it: from the source archive, which must be whole."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build"]
    _run([*command, "-t", "sdist", "-d", str(folder)], cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    _run(["tar", "-xzf", str(archive)], cwd=folder)
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    _run([*command, "-t", "wheel", "-d", str(folder)], cwd=unpacked)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, installed by pip."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    _run([sys.executable, "-m", "pip", "install", *options, "--target", folder, wheel], cwd=folder)
    return folder


def _run(
    command: list[str | Path], *, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    assert wheel.name.startswith("trimtab-")
    assert "-py3-none-" in wheel.name
    assert not wheel.name.endswith("-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (info,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(info))
        points = archive.read(info.replace("METADATA", "entry_points.txt")).decode()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "trimtab = trimtab.cli:main" in points


def test_the_wheel_carries_the_binary_and_what_the_demo_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        mode = archive.getinfo(ENGINES).external_attr >> 16
    assert mode & 0o111
    assert "trimtab/bootstrap/demo/repository/base/kustomization.yaml" in names
    assert "trimtab/bootstrap/demo/repository/chart/Chart.yaml" in names
    assert "trimtab/_go/localfleet/go.mod" in names
    assert "trimtab/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "tools/"))]


def test_an_installed_wheel_works_away_from_the_clone(installed: Path, tmp_path: Path) -> None:
    for path, text in CHART.items():
        file = tmp_path / "chart" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    where = (
        "import trimtab; from trimtab.adapters.engines import find_binary; "
        "print(trimtab.__file__, find_binary(), sep='\\n')"
    )
    env = {
        **os.environ,
        "PYTHONPATH": str(installed),
        # No Go, and no binary in a cache: the one in the wheel is all there is.
        "PATH": f"{tmp_path}",
        "TRIMTAB_CACHE": str(tmp_path / "cache"),
    }
    found = _run([sys.executable, "-c", where], cwd=tmp_path, env=env).stdout.splitlines()
    assert [Path(line).is_relative_to(installed) for line in found] == [True, True]
    main = "import sys; from trimtab.cli import main; sys.exit(main())"
    trimtab = [sys.executable, "-c", main]
    assert _run([*trimtab, "version"], cwd=tmp_path, env=env).stdout.startswith("trimtab ")
    rendered = _run([*trimtab, "render", "chart", "-o", "json"], cwd=tmp_path, env=env).stdout
    assert '"ConfigMap"' in rendered


def test_without_go_the_build_of_a_wheel_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    hook = module.EnginesHook(str(ROOT), {}, None, None, str(tmp_path), "wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TRIMTAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(SystemExit) as refused:
        hook.initialize("standard", {"force_include": {}})
    assert isinstance(refused.value.__cause__, GoMissingError)
    message = str(refused.value)
    assert "the wheel needs the Go program trimtab-engines" in message
    assert "install Go 1.26+ or run" in message
    assert "\n" not in message
    # An editable install needs no Go: set-up works before it is there.
    hook.initialize("editable", {"force_include": {}})
