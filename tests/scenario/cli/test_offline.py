"""Commands that read files: their text is golden, their exit codes are answers."""

import io
from pathlib import Path

import pytest

from trimtab.cli.documents import read_documents
from trimtab.cli.errors import CommandError

from .conftest import Run

DESIRED = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {limit: "20"}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {argocd.argoproj.io/sync-wave: "1"}}
spec: {ports: [{port: 80}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: shop, annotations: {argocd.argoproj.io/hook: PreSync}}
"""
LIVE = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: settings, namespace: shop}
  data: {limit: "10"}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: shop}}
"""
HEALTH = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
status: {phase: Pending}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    desired, live = tmp_path / "desired.yaml", tmp_path / "live.yaml"
    desired.write_text(DESIRED)
    live.write_text(LIVE)
    return str(desired), str(live)


def test_diff_says_field_by_field_what_differs(files: tuple[str, str], run: Run) -> None:
    ran = run("diff", files[1], files[0])
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "~ ConfigMap shop/settings",
        "    data.limit: 10 -> 20",
        "+ Service shop/web",
        "- ConfigMap shop/old",
    ]


def test_diff_of_equal_sets_is_silent(files: tuple[str, str], run: Run) -> None:
    assert run("diff", files[1], files[1]) == run("diff", files[1], files[1])
    assert run("diff", files[1], files[1]).code == 0


def test_plan_shows_phases_and_waves(files: tuple[str, str], run: Run) -> None:
    ran = run("plan", files[0], "--live", files[1], "--prune")
    assert ran.code == 0
    golden = Path(__file__).with_name("golden") / "plan.txt"
    assert ran.out == golden.read_text()


def test_plan_reads_stdin(
    files: tuple[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(DESIRED))
    assert run("plan", "-").out == run("plan", files[0]).out


def test_health_is_a_negative_answer_when_something_is_not_healthy(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(HEALTH))
    ran = run("health", "-")
    assert ran.code == 1
    assert [line.split() for line in ran.out.splitlines()] == [
        ["KIND", "NAMESPACE", "NAME", "HEALTH", "MESSAGE"],
        ["PersistentVolumeClaim", "shop", "data", "Progressing"],
        ["ConfigMap", "shop", "settings"],
    ]


def test_lint_finds_what_would_stop_an_application(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  project: default
  destination: {server: https://x, name: y}
  syncPolicy: {syncOptions: [Prnue=false]}
---
apiVersion: v1
kind: ConfigMap
metadata: {labels: {a: b}}
"""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    ran = run("lint", "-", "-o", "jsonpath={range .items[*]}{.level}: {.message}{'\\n'}{end}")
    assert ran.code == 1
    assert "problem: expected spec.source or spec.sources, found neither" in ran.out
    assert (
        "problem: expected spec.destination.server or spec.destination.name, found both" in ran.out
    )
    assert "warning: sync option Prnue=false means nothing" in ran.out
    assert len(ran.out.splitlines()) == 4


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "expected YAML, found"),
        ("- 1", "expected an object, found a list"),
        (BOMB, "aliases that expand"),
        ("a: &a [*a]", "aliases that expand"),
    ],
    ids=["not YAML", "no object", "alias bomb", "endless alias"],
)
def test_bad_documents_are_told(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=r"bad\.yaml") as caught:
        read_documents(str(file))
    assert said in caught.value.message


def test_documents_of_a_folder_keep_times_as_text_and_aliases(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("kind: B\nwhen: 2026-01-01\n---\n")
    (tmp_path / "a.yml").write_text("x: &x {k: 1}\ny: *x\n")
    (tmp_path / "ignored.txt").write_text("a: [")
    assert read_documents(str(tmp_path)) == [
        {"x": {"k": 1}, "y": {"k": 1}},
        {"kind": "B", "when": "2026-01-01"},
    ]
