"""``trimtab project|cluster|repo|crds|log|doctor`` and errors, as users have them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.command import Commands, kubeconfig_with
from e2e.installation import Case
from e2e.objects import config, text


@pytest.fixture
def trimtab(case: Case) -> Commands:
    """Return the command line of the case's installation."""
    return Commands(case.installation)


@pytest_asyncio.fixture
async def apart(case: Case) -> AsyncIterator[Commands]:
    """Return the command line in a namespace of the hub that nobody serves."""
    name = f"{case.name}-apart"
    await case.new_namespace(name, cluster=case.hub)
    yield Commands(case.installation, "--namespace", name)


async def test_projects_are_listed_shown_and_asked(case: Case, trimtab: Commands) -> None:
    body = json.loads(text("AppProject", case.name, "argoproj.io/v1alpha1"))
    body["metadata"]["namespace"] = case.installation.namespace
    place = {"name": "target", "namespace": "team-*"}
    rule = {"sourceRepos": ["https://git.example.com/*"], "destinations": [place]}
    await case.hub.apply({**body, "spec": {**rule, "description": "a team"}})
    assert "a team" in (await trimtab("project", "list")).stdout
    assert (await trimtab.read("project", "get", case.name))["spec"]["destinations"] == [place]
    assert "project list" in (await trimtab("project", "get", "nope", code=5)).stderr
    can = ("project", "can", case.name)
    allowed = ("--source", "https://git.example.com/a", "--destination", "target/team-a")
    assert (await trimtab(*can, *allowed)).stdout.count("permitted: ") == 2
    denied = await trimtab(*can, "--destination", "target/other", "--kind", "Pod", code=1)
    assert denied.stdout.splitlines() == [
        "denied: destination target/other",
        "permitted: kind Pod",
    ]


async def test_a_cluster_is_added_reached_and_removed(case: Case, apart: Commands) -> None:
    file = case.target.local.kubeconfig_path
    context = _context(file)
    add = ("cluster", "add", context, "--name", "oslo", "--from-kubeconfig", str(file))
    assert "(dry run)" in (await apart(*add, "--dry-run")).stdout
    await apart(*add, "--label", "env=test")
    assert "--upsert" in (await apart(*add, code=7)).stderr
    await apart(*add, "--label", "env=prod", "--upsert")
    assert (await apart.read("cluster", "get", "oslo"))["labels"]["env"] == "prod"
    checked = await apart("cluster", "list", "--check")
    assert [line.split()[2:3] for line in checked.stdout.splitlines()[1:]] == [["reachable"]] * 2
    assert (await apart("cluster", "get", case.target.server)).stdout.count("reachable") == 1
    assert "cluster list" in (await apart("cluster", "get", "nope", code=5)).stderr
    assert "(dry run)" in (await apart("cluster", "remove", "oslo", "--dry-run")).stdout
    await apart("cluster", "remove", "oslo")
    assert (await apart("cluster", "list", "-o", "name")).stdout == "cluster/in-cluster\n"


async def test_a_cluster_that_does_not_answer_is_a_negative_answer(
    case: Case, apart: Commands, tmp_path: Path
) -> None:
    file = kubeconfig_with(tmp_path, case.target.local.kubeconfig_path, token="wrong")
    add = ("cluster", "add", _context(file), "--name", "oslo", "--from-kubeconfig", str(file))
    await apart(*add)
    told = await apart("cluster", "get", "oslo", code=1)
    assert "unreachable" in told.stdout
    assert "answered 401" in told.stdout


async def test_a_repository_is_added_listed_and_checked(case: Case, apart: Commands) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    url = case.repo.url
    assert "(dry run)" in (await apart("repo", "add", url, "--dry-run")).stdout
    await apart("repo", "add", url, "--username", "reader", "--password-stdin", stdin="hush\n")
    await apart("repo", "add", url, code=7)
    listed = await apart("repo", "list", "-o", "wide")
    assert "reader" in listed.stdout
    assert "hush" not in listed.stdout
    await apart("repo", "add", url, "--upsert")
    assert (await apart("repo", "check", url)).stdout == f"{url}: HEAD is {sha}\n"
    assert "nope" in (await apart("repo", "check", url, "--revision", "nope", code=5)).stderr
    missing = await apart("repo", "check", f"{url}-missing", code=4)
    assert "repo list" in missing.stderr


async def test_the_definitions_are_printed_and_installed(trimtab: Commands) -> None:
    printed = (await trimtab("crds")).stdout
    assert printed.count("kind: CustomResourceDefinition") == 2
    installed = await trimtab("crds", "install")
    assert installed.stdout.count("is there already") == 2
    assert "never replaced" in installed.stderr


async def test_the_log_says_who_and_why(case: Case, trimtab: Commands) -> None:
    sha = await case.commit({"app/one.yaml": config("one")}, "Put one into the world")
    app = await case.apply_app()
    await app.delivered(sha)
    shown = await trimtab("log", "--app", app.name)
    (row,) = shown.stdout.splitlines()[1:]
    assert "Dana Reyes" in row
    assert row.endswith("Put one into the world")
    entries = (await trimtab.read("log", "--app", app.name))["items"]
    assert entries[0]["revision"] == sha
    assert ": whole" in (await trimtab("log", "verify")).stdout
    assert "--ledger" in (await trimtab("log", "--ledger", "/nowhere", code=3)).stderr


async def test_doctor_looks_at_the_machine_and_the_hub(
    case: Case, trimtab: Commands, tmp_path: Path
) -> None:
    found = {entry["check"]: entry for entry in await trimtab.read("doctor")}
    assert {entry["state"] for entry in found.values()} == {"ok"}, found
    assert found["hub"]["message"].startswith("v1.")
    assert found["serve"]["message"].startswith("at work")
    sick = Commands(case.installation, "--namespace", "nowhere")
    assert "nowhere does not exist" in (await sick("doctor")).stdout
    lost = Commands(case.installation, "--kubeconfig", str(tmp_path / "none"))
    assert "problem" in (await lost("doctor", code=1)).stdout
    assert (await lost("doctor", "--offline")).stdout.count("problem") == 0


async def test_errors_say_what_to_do_next(case: Case, tmp_path: Path) -> None:
    hub = case.hub.local.kubeconfig_path
    server = case.hub.server

    def on(file: Path) -> Commands:
        return Commands(case.installation, "--kubeconfig", str(file))

    told = await on(tmp_path / "none")("app", "list", code=3)
    assert "next: --kubeconfig or KUBECONFIG" in told.stderr
    wrong = kubeconfig_with(tmp_path, hub, token="wrong")
    told = await on(wrong)("app", "list", code=4)
    assert "next: log in again" in told.stderr
    jane = case.hub.local.user_cert("jane")
    (tmp_path / "cert.pem").write_text(jane.cert_pem)
    (tmp_path / "key.pem").write_text(jane.key_pem)
    files = {
        "client-certificate": str(tmp_path / "cert.pem"),
        "client-key": str(tmp_path / "key.pem"),
    }
    poor = kubeconfig_with(tmp_path, hub, **files)
    for command in (("app", "list"), ("app", "sync", "x"), ("cluster", "list"), ("repo", "list")):
        told = await on(poor)(*command, code=4)
        assert 'User "jane" cannot' in told.stderr
        assert "next: ask for that right" in told.stderr
    gone = tmp_path / "gone.kubeconfig"
    gone.write_text(hub.read_text().replace(server, "https://127.0.0.1:9"))
    told = await on(gone)("app", "list", code=3)
    assert "next: is it running?" in told.stderr


def _context(file: Path) -> str:
    import yaml

    return str(yaml.safe_load(file.read_text())["current-context"])
