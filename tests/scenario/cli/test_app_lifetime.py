"""``trimtab app create|delete``: what is written, and what is not."""

import io
import json
from typing import Any

import pytest

from trimtab.testing.cluster import FakeCluster

from .conftest import KEY, Run, application, body_of


def test_delete_cascades_through_the_finalizer(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    assert run("app", "delete", "web", "--yes").code == 0
    body = body_of(hub)
    assert body["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert body["metadata"]["deletionTimestamp"]


def test_delete_without_cascade_leaves_resources(hub: FakeCluster, run: Run) -> None:
    body = dict(application())
    body["metadata"] = {
        **body["metadata"],  # type: ignore[dict-item]
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
    }
    hub.seed(body)
    assert run("app", "delete", "web", "--no-cascade", "--yes").code == 0
    assert hub.stored(KEY) is None


def test_delete_asks_for_a_confirmation_without_a_terminal(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    ran = run("app", "delete", "web")
    assert ran.code == 2
    assert "next: --yes" in ran.err
    assert hub.stored(KEY) is not None


CREATE = ["--repo", "https://g/r", "--path", "p", "--dest-name", "prod-1"]


def test_create_from_options(hub: FakeCluster, run: Run) -> None:
    more = ["--sync-policy", "auto", "--self-heal", "--sync-option", "CreateNamespace=true"]
    ran = run("app", "create", "web", *CREATE, *more, "--helm-set", "a=b")
    assert (ran.code, ran.out) == (0, "application.argoproj.io/web created\n")
    assert body_of(hub)["spec"] == {
        "project": "default",
        "source": {
            "repoURL": "https://g/r",
            "path": "p",
            "helm": {"parameters": [{"name": "a", "value": "b"}]},
        },
        "destination": {"name": "prod-1"},
        "syncPolicy": {"syncOptions": ["CreateNamespace=true"], "automated": {"selfHeal": True}},
    }
    again = run("app", "create", "web", *CREATE)
    assert again.code == 7
    assert "next: --upsert" in again.err


@pytest.mark.parametrize("word", ["auto", "automated", "automatic"])
def test_create_takes_argo_cds_words_for_automation(hub: FakeCluster, run: Run, word: str) -> None:
    assert run("app", "create", "web", *CREATE, "--sync-policy", word).code == 0
    assert body_of(hub)["spec"]["syncPolicy"] == {"automated": {}}


def test_create_names_what_is_missing(run: Run) -> None:
    ran = run("app", "create", "web", "--repo", "x")
    assert ran.code == 2
    assert "expected --path or --helm-chart, --dest-server or --dest-name" in ran.err


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", "found nothing"),
        ("a: b", "found an object without kind of no apiVersion without a name"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: x}}", "found Pod of v1 named 'x'"),
    ],
)
def test_create_takes_applications_only(
    given: str, found: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    ran = run("app", "create", "-f", "-")
    assert ran.code == 2
    assert f"stdin: expected Applications, {found}" in ran.err


def test_create_from_a_file(hub: FakeCluster, run: Run, tmp_path: Any) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(json.dumps(application()))
    assert run("app", "create", "-f", str(file)).code == 0
    assert hub.stored(KEY) is not None
