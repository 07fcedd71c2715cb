"""``trimtab project``, ``cluster``, ``repo``, ``crds`` and ``log``."""

import asyncio
import io
import json
from pathlib import Path

import pytest

from trimtab.adapters.database import open_ledger
from trimtab.core import JsonObject
from trimtab.ports.ledger import Entry
from trimtab.services.definitions import install_crds
from trimtab.testing.cluster import FakeCluster

from .conftest import Run

PROJECT: JsonObject = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AppProject",
    "metadata": {"name": "team", "namespace": "argocd"},
    "spec": {
        "sourceRepos": ["https://git.example.com/team/*"],
        "destinations": [{"name": "prod-1", "namespace": "team-*"}],
        "namespaceResourceBlacklist": [{"group": "", "kind": "ResourceQuota"}],
    },
}


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--source", "https://git.example.com/team/shop"], 0, "permitted: source"),
        (["--source", "https://elsewhere"], 1, "denied: source"),
        (["--destination", "prod-1/team-a"], 0, "permitted: destination"),
        (["--destination", "prod-1/kube-system"], 1, "denied: destination"),
        (["--kind", "apps/Deployment"], 0, "permitted: kind apps/Deployment"),
        (["--kind", "ResourceQuota"], 1, "denied: kind ResourceQuota"),
        (["--kind", "Namespace", "--cluster-scoped"], 1, "denied: kind Namespace"),
        ([], 2, "expected --source, --destination or --kind"),
    ],
)
def test_project_can(hub: FakeCluster, run: Run, args: list[str], code: int, said: str) -> None:
    hub.seed(PROJECT)
    ran = run("project", "can", "team", *args)
    assert ran.code == code
    assert said in ran.out + ran.err


def test_project_list_and_get(hub: FakeCluster, run: Run) -> None:
    hub.seed(PROJECT)
    assert run("project", "list", "-o", "name").out == "appproject.argoproj.io/team\n"
    assert json.loads(run("project", "get", "team", "-o", "json").out)["spec"] == PROJECT["spec"]
    assert run("project", "get", "nope").code == 5


def test_a_cluster_is_added_listed_and_removed(run: Run, kubeconfig: str) -> None:
    args = ["cluster", "add", "prod", "--from-kubeconfig", kubeconfig, "--name", "prod-1"]
    assert run(*args, "--dry-run").out == "cluster prod-1 added (dry run)\n"
    assert run("cluster", "list", "-o", "name").out == "cluster/in-cluster\n"
    ran = run(*args, "--label", "env=prod")
    assert (ran.code, ran.out) == (0, "cluster prod-1 added\n")
    assert run(*args).code == 7
    assert run(*args, "--upsert").code == 0
    listed = run("cluster", "list")
    assert "https://10.0.0.1:6443" in listed.out
    assert "not-for-printing" not in listed.out
    assert run("cluster", "remove", "prod-1").out == "cluster prod-1 removed\n"
    assert run("cluster", "remove", "prod-1").code == 5


def test_the_hub_is_a_cluster_that_cannot_be_removed(run: Run) -> None:
    ran = run("cluster", "get", "in-cluster")
    assert ran.code == 0
    assert "reachable" in ran.out
    assert run("cluster", "remove", "in-cluster").code == 2


def test_a_repository_is_added_without_showing_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
    url = "https://git.example.com/team/shop.git"
    assert run("repo", "add", url, "--username", "jo", "--password-stdin").code == 0
    ran = run("repo", "list", "-o", "json")
    assert "hunter2" not in ran.out
    assert json.loads(ran.out)["items"][0]["credentials"] == "password"
    assert run("repo", "add", url, "--username", "jo").code == 2


async def test_only_missing_definitions_are_installed() -> None:
    cluster = FakeCluster()
    theirs = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    names = {"kind": "A", "plural": "as"}
    versions = [{"name": "v1", "served": True, "storage": True}]

    def definition(group: str, *, mark: str) -> JsonObject:
        return {
            **theirs,
            "metadata": {"name": f"as.{group}", "labels": {"by": mark}},
            "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": versions},
        }

    before = cluster.seed(definition("one.io", mark="them"))
    wanted = [definition("one.io", mark="us"), definition("two.io", mark="us")]
    dry = await install_crds(cluster, wanted, dry_run=True)
    done = await install_crds(cluster, wanted)
    assert [item.created for item in dry] == [item.created for item in done] == [False, True]
    assert cluster.stored(before.key) == before


def test_crds_are_printed_as_yaml(run: Run) -> None:
    ran = run("crds")
    assert ran.out.startswith("apiVersion: apiextensions.k8s.io/v1\n")
    assert ran.out.count("\n---\n") == 1


def entry(number: int) -> Entry:
    return Entry(
        delivery=f"argocd/{'web' if number % 2 else 'api'}",
        at="2026-03-02T10:00:00.000Z",
        kind="sync",
        actor="jo",
        revision="a" * 40,
        reason="Raise the limit",
        outcome="Succeeded",
        manifests_digest="b" * 64,
        detail={},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    async def fill(path: Path) -> None:
        async with open_ledger(path) as opened:
            await opened.append([entry(number) for number in range(1, 5)])

    path = tmp_path / "state" / "ledger.db"
    asyncio.run(fill(path))
    return path


def test_log_shows_the_newest_first(ledger: Path, run: Run) -> None:
    ran = run("log", "--app", "web", "--limit", "1")
    assert ran.out.splitlines()[1].endswith(
        "argocd/web  sync  Succeeded  jo     aaaaaaaa  Raise the limit"
    )
    assert run("log", "-o", "jsonpath={.items[*].sequence}").out == "4 3 2 1\n"


def test_log_verify_answers(ledger: Path, run: Run) -> None:
    ran = run("log", "verify")
    assert (ran.code, ran.out) == (0, f"{ledger}: 4 entries in 2 chains: whole\n")
    moved = ledger.with_name("other.db")
    ledger.rename(moved)
    assert run("log", "verify", "--ledger", str(moved), "-o", "jsonpath={.ok}").out == "true\n"
    missing = run("log", "verify")
    assert missing.code == 3
    assert "expected a file, found none" in missing.err


def test_log_verify_notices_tampering(ledger: Path, run: Run) -> None:
    import sqlite3

    connection = sqlite3.connect(ledger)
    connection.execute("DROP TRIGGER entries_no_update")
    connection.execute("UPDATE entries SET actor = 'mallory' WHERE sequence = 2")
    connection.commit()
    connection.close()
    ran = run("log", "verify")
    assert ran.code == 1
    assert "entry 2 of argocd/api: its content does not match its hash" in ran.out
