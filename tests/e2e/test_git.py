"""What Git can hold and do, seen through Applications: submodules, rewritten and lost branches."""

from __future__ import annotations

import asyncio

from e2e.installation import Case, config_map, secret
from e2e.objects import config, data_of
from e2e.repository import Repo
from e2e.seen import Json
from trimtab.adapters.gitserver import GitServer

REPOSITORY = {"argocd.argoproj.io/secret-type": "repository"}


async def test_a_submodule_is_delivered_as_pinned(case: Case) -> None:
    lib = case.installation.repo(f"{case.name}-lib")
    kustomization = "resources: [base.yaml]\n"
    base = {"k/kustomization.yaml": kustomization, "k/base.yaml": config("base")}
    first = await asyncio.to_thread(lib.commit, base)
    second = await asyncio.to_thread(lib.commit, {"k/base.yaml": config("base", "2")})
    await case.commit({"app/kustomization.yaml": "resources: [../vendor/lib/k]\n"})
    await asyncio.to_thread(case.repo.pin, "vendor/lib", f"../{case.name}-lib.git", first)
    sha = await case.commit({})
    app = await case.apply_app()
    plain = await case.apply_app(
        "-plain",
        source={"path": "vendor/lib/k", "directory": {"include": "base.yaml"}},
        destination={"namespace": await case.new_namespace(f"{case.name}-plain")},
    )
    await app.delivered(sha)
    await plain.delivered(sha)
    assert data_of(await case.target.get("ConfigMap", "base", case.namespace)) == {"value": "1"}
    await asyncio.to_thread(case.repo.pin, "vendor/lib", "", second)
    sha = await case.commit({})
    await app.delivered(sha)
    await plain.delivered(sha)
    for namespace in (case.namespace, f"{case.name}-plain"):
        assert data_of(await case.target.get("ConfigMap", "base", namespace)) == {"value": "2"}


async def test_a_submodule_that_cannot_be_had_changes_nothing(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(source={"directory": {"recurse": True}})
    await app.delivered(sha)
    before = await case.versions()
    lib = case.installation.repo(f"{case.name}-lib")
    first = await asyncio.to_thread(lib.commit, {"two.yaml": config("two")})
    await asyncio.to_thread(case.repo.pin, "app/lib", f"../{case.name}-lib.git", first)
    modules = (case.repo.folder / ".gitmodules").read_text().replace("-lib.git", "-gone.git")
    await case.commit({".gitmodules": modules})
    await app.until(lambda a: a.has("ComparisonError", "submodule 'app/lib'", f"{case.name}-gone"))
    await case.installation.witness_moves()
    assert await case.versions() == before
    await case.commit({".gitmodules": modules.replace("-gone.git", "-lib.git")})
    await app.until(lambda a: a.sync == "Synced" and len(a.status["resources"]) == 2)


async def test_a_submodule_is_opened_by_what_is_registered_for_it(case: Case, tmp_path) -> None:
    with GitServer(tmp_path / "git", users={"lib": "right"}) as git:
        url = git.create("lib")
        entry = url.replace("http://", "http://lib:right@")
        lib = Repo(url, tmp_path / "clone", push_url=entry)
        first = await asyncio.to_thread(lib.commit, {"two.yaml": config("two")})
        await case.commit({"app/one.yaml": config("one")})
        await asyncio.to_thread(case.repo.pin, "app/lib", entry, first)
        modules = (case.repo.folder / ".gitmodules").read_text().replace("lib:right@", "")
        sha = await case.commit({".gitmodules": modules})
        app = await case.apply_app(source={"directory": {"recurse": True}})
        await app.until(lambda a: a.has("ComparisonError", "submodule 'app/lib'", "401"))
        namespace = case.installation.namespace
        login = {"type": "git", "url": url, "username": "lib", "password": "right"}
        await case.hub.apply(secret(f"repo-{case.name}", namespace, login, REPOSITORY))
        await app.delivered(sha, seconds=60)
        # A project that does not permit the library gets it by nobody's credentials.
        await case.hub.apply(_project(case, [case.repo.url]))
        where = await case.new_namespace(f"{case.name}-strict")
        strict = await case.apply_app(
            "-strict",
            project=case.name,
            source={"directory": {"recurse": True}},
            destination={"namespace": where},
        )
        await strict.until(lambda a: a.has("ComparisonError", "not permitted", "sourceRepos"))
        assert "right" not in str(strict.view.body)
        await case.hub.apply(_project(case, [case.repo.url, url]))
        await strict.delivered(sha, seconds=60)


def _project(case: Case, repositories: list[str]) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": case.name, "namespace": case.installation.namespace},
        "spec": {
            "sourceRepos": repositories,
            "destinations": [{"server": "*", "namespace": "*"}],
        },
    }


async def test_a_rewritten_history_is_followed_and_named(case: Case) -> None:
    await case.commit({"README": "x"})
    old = await case.commit({"app/one.yaml": config("one"), "app/two.yaml": config("two")})
    app = await case.apply_app()
    await app.delivered(old)
    await asyncio.to_thread(case.repo.git, "reset", "--quiet", "--hard", "HEAD~1")
    new = await case.commit({"app/one.yaml": config("one", "2"), "app/two.yaml": config("two")})
    await app.delivered(new)
    await app.until(lambda a: a.has("HistoryRewritten", "main", new, old))
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "2"}
    told = await app.told()
    assert "was rewritten" in told
    # The next commit is an ordinary one again.
    sha = await case.commit({"app/one.yaml": config("one", "3")})
    await app.delivered(sha)
    await app.until(lambda a: "HistoryRewritten" not in a.conditions)


async def test_a_branch_that_vanishes_is_named_and_changes_nothing(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    await asyncio.to_thread(case.repo.git, "push", "--quiet", "origin", "main:refs/heads/release")
    app = await case.apply_app(source={"targetRevision": "release"})
    await app.delivered(sha)
    before = await case.versions()
    await asyncio.to_thread(case.repo.git, "push", "--quiet", "origin", "--delete", "release")
    view = await app.until(
        lambda a: a.has("ComparisonError", "refs/heads/release no longer exists", sha)
    )
    assert view.sync == "Unknown"
    await case.installation.witness_moves()
    assert await case.versions() == before
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await asyncio.to_thread(case.repo.git, "push", "--quiet", "origin", "main:refs/heads/release")
    await app.delivered(sha)


async def test_what_a_repository_secret_asks_for_in_vain_is_named(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config_map("one", {})})
    data = {"type": "git", "url": case.repo.url, "enableLfs": "true", "githubAppPrivateKey": "hush"}
    namespace = case.installation.namespace
    await case.hub.apply(secret(f"repo-{case.name}", namespace, data, REPOSITORY))
    app = await case.apply_app()
    view = await app.delivered(sha)
    assert view.has("UnsupportedField", "enableLfs", "githubAppPrivateKey", case.repo.url)
    assert "hush" not in str(view.body)
    checked = await case.installation.trimtab("repo", "check", case.repo.url)
    assert checked.returncode == 0, checked.stderr
    assert "enableLfs" in checked.stderr
    listed = await case.installation.trimtab("repo", "list")
    assert "enableLfs, githubAppPrivateKey" in listed.stdout
    assert "hush" not in checked.stderr + checked.stdout + listed.stdout
