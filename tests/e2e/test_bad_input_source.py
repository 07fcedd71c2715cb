"""Sources that cannot be had: unreachable, refused, unknown."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from e2e.bad_input import GOOD, deliver, refused_at_first, tells
from e2e.installation import Case, config_map, merged, secret
from e2e.repository import Link, Repo
from trimtab.adapters.gitserver import GitServer
from trimtab.ports.cluster import Invalid

REPOSITORY = {"argocd.argoproj.io/secret-type": "repository"}


async def test_an_unreachable_repository_changes_nothing(case: Case, tmp_path) -> None:
    with GitServer(tmp_path / "git") as git:
        case.repo = Repo(git.create("app"), tmp_path / "clone")
        delivered = await deliver(case)
    # Its server is gone from here on; nobody asks for a refresh.
    await delivered.refuses(f"repository {case.repo.url}")
    assert delivered.app.view.sync == "Unknown"


async def test_a_repository_that_comes_back_is_delivered_again(case: Case) -> None:
    delivered = await deliver(case)
    with GitServer(case.repo.folder.parent / f"{case.name}-down") as git:
        url = git.create("app")
        git.outage = 503
        repo = Repo(url, case.repo.folder.parent / f"{case.name}-clone")
        app = await case.apply_app("-down", source={"repoURL": url})
        await app.until(lambda a: a.has("ComparisonError", "503"))
        await tells(app, "503")
        git.outage = None
        sha = await asyncio.to_thread(repo.commit, {"app/late.yaml": config_map("late", {})})
        await app.delivered(sha, seconds=60)
    assert delivered.before.items() <= (await case.versions()).items()


async def test_wrong_credentials_are_refused_until_they_are_right(case: Case, tmp_path) -> None:
    with GitServer(tmp_path / "git", users={"trimtab": "right"}) as git:
        url = git.create("app")
        entry = url.replace("http://", "http://trimtab:right@")
        repo = Repo(url, tmp_path / "clone", push_url=entry)
        sha = await asyncio.to_thread(repo.commit, GOOD)
        login = {"type": "git", "url": url, "username": "trimtab", "password": "wrong-secret"}
        namespace = case.installation.namespace
        await case.hub.apply(secret(f"repo-{case.name}", namespace, login, REPOSITORY))
        app = await case.apply_app(source={"repoURL": url})
        view = await refused_at_first(case, app, url, "401", "the repository's Secret")
        assert "wrong-secret" not in str(view.body)
        login["password"] = "right"
        await case.hub.apply(secret(f"repo-{case.name}", namespace, login, REPOSITORY))
        await app.delivered(sha, seconds=60)


async def test_an_unknown_revision_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    await case.apply_app(source={"targetRevision": "no-such-branch"})
    await delivered.refuses("no-such-branch")


async def test_a_path_that_vanishes_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app": None, "README": "moved"})
    await delivered.refuses("app", sha)


async def test_a_path_that_leaves_the_repository_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    await case.apply_app(source={"path": "app/../../../etc"})
    await delivered.refuses("leaves the repository")
    await case.apply_app(source={"path": "/etc"})
    await delivered.refuses("/etc")


async def test_a_symlink_out_of_the_repository_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/passwd.yaml": Link("../../../../../../etc/passwd")})
    view = await delivered.refuses("passwd.yaml", sha)
    assert "root:" not in str(view.body)


async def test_an_absolute_symlink_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/hosts.yaml": Link("/etc/hosts")})
    await delivered.refuses("hosts.yaml", sha)


async def test_an_empty_repository_is_named(case: Case) -> None:
    app = await case.apply_app()
    await refused_at_first(case, app, "it is empty")
    sha = await case.commit(GOOD)
    await app.delivered(sha, seconds=60)


async def test_a_commit_of_the_future_is_delivered(case: Case) -> None:
    """Clock skew: the committer's clock is years ahead, then years behind."""
    ahead = datetime.now(UTC) + timedelta(days=3650)
    sha = await case.commit(GOOD, when=ahead.isoformat())
    app = await case.apply_app()
    await app.delivered(sha)
    files = {"app/one.yaml": config_map("one", {"a": "2"})}
    sha = await case.commit(files, when="2001-01-01T00:00:00+00:00")
    await app.delivered(sha)


async def test_a_spec_without_source_is_refused(case: Case) -> None:
    app = await case.apply_app(source=None)
    await refused_at_first(case, app, "spec.source")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"syncPolicy": {"syncOptions": "CreateNamespace=true"}}, id="text-for-list"),
        pytest.param({"destination": "target"}, id="text-for-object"),
        pytest.param({"source": {"path": 3}}, id="number-for-text"),
    ],
)
async def test_a_spec_with_wrong_types_is_refused_by_its_schema(case: Case, changes) -> None:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": case.name, "namespace": case.installation.namespace},
        "spec": merged(case.spec(), changes),
    }
    with pytest.raises(Invalid) as refusal:
        await case.hub.create(body)
    assert next(iter(changes)) in refusal.value.message
