"""Submodules are in their places, from real repositories and from those in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from contract.git_cases import RealRemote, opened
from trimtab.core.policy import parse_project
from trimtab.ports.source import (
    PathUnknown,
    Repository,
    RepositoryCredentials,
    RepositoryDenied,
    RevisionUnknown,
    Source,
    SourceTooLarge,
)
from trimtab.services.repositories import permitted_submodule
from trimtab.services.submodules import SubmoduleSource
from trimtab.testing.git import FakeSource, GitServer, Link, Pin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git")) as running:
        yield running


class Site:
    """Repositories of one kind, by name, and the source over them."""

    def __init__(self, source: Source, remote: Callable[[str], tuple[str, Callable[..., str]]]):
        self.asked: list[str] = []
        self._remote, self._known = remote, dict[str, tuple[str, Callable[..., str]]]()
        self.source = SubmoduleSource(source, self._find)

    def _find(self, url: str, parent: Repository) -> Repository:
        self.asked.append(url)
        return replace(parent, url=url)

    def url(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = self._remote(name)
        return self._known[name][0]

    def push(self, name: str, files: Mapping[str, str | Link | Pin | None]) -> str:
        self.url(name)
        return self._known[name][1](files)

    def repository(self, name: str) -> Repository:
        return Repository(self.url(name), submodules=True)


@pytest.fixture(params=["git", "fake"])
async def site(
    request: pytest.FixtureRequest, tmp_path: Path, server: GitServer
) -> AsyncIterator[Site]:
    if request.param == "fake":
        fake = FakeSource()

        def in_memory(name: str) -> tuple[str, Callable[..., str]]:
            url = f"https://git.example.com/team/{name}.git"
            return url, lambda files: fake.commit(url, files)

        yield Site(fake, in_memory)
        return

    def on_disk(name: str) -> tuple[str, Callable[..., str]]:
        remote = RealRemote(server, f"{tmp_path.name}/{name}")
        return remote.url, remote.commit

    async with opened(tmp_path / "cache") as source:
        yield Site(source, on_disk)


def modules(**places: str) -> str:
    """Return a .gitmodules file; ``__`` in a path stands for a slash."""
    return "".join(
        f'[submodule "{name}"]\n\tpath = {name.replace("__", "/")}\n\turl = {url}\n'
        for name, url in places.items()
    )


def pushed(site: Site) -> str:
    """Push a library, a library with that in it, and an application that uses both."""
    inner = site.push("inner", {"deep/three.yaml": "3"})
    lib = site.push(
        "lib",
        {
            "base/two.yaml": "2",
            "base/link.yaml": Link("two.yaml"),
            ".gitmodules": modules(inner="../inner.git"),
            "inner": Pin(inner),
        },
    )
    site.push("lib", {"base/two.yaml": "later"})
    return site.push(
        "app",
        {
            "app/one.yaml": "1",
            ".gitmodules": modules(vendor__lib=site.url("lib")),
            "vendor/lib": Pin(lib),
        },
    )


async def fetched(site: Site, name: str, commit: str) -> Repository:
    repository = site.repository(name)
    await site.source.fetch(repository, commit)
    return repository


async def test_files_of_submodules_are_listed_and_read_as_pinned(site: Site) -> None:
    commit = pushed(site)
    app = await fetched(site, "app", commit)
    found = await site.source.entries(app, commit, "vendor")
    assert [entry.path for entry in found] == [
        "vendor/lib/.gitmodules",
        "vendor/lib/base/link.yaml",
        "vendor/lib/base/two.yaml",
        "vendor/lib/inner/deep/three.yaml",
    ]
    inside = await site.source.entries(app, commit, "vendor/lib/inner/deep")
    assert [entry.path for entry in inside] == ["vendor/lib/inner/deep/three.yaml"]
    paths = ["app/one.yaml", "vendor/lib/base/link.yaml", "vendor/lib/inner/deep/three.yaml"]
    texts = await site.source.read(app, commit, [*paths, "vendor/lib/absent"])
    assert texts == dict(zip(paths, (b"1", b"2", b"3"), strict=True))


async def test_a_submodule_has_the_id_of_its_commit_and_its_files_have_theirs(site: Site) -> None:
    commit = pushed(site)
    app = await fetched(site, "app", commit)
    paths = ["", "vendor", "vendor/lib", "vendor/lib/base", "app", "vendor/lib/absent"]
    before = await site.source.object_ids(app, commit, paths)
    assert set(before) == set(paths) - {"vendor/lib/absent"}
    lib = site.push("lib", {"base/two.yaml": "22"})
    after_commit = site.push("app", {"vendor/lib": Pin(lib)})
    await fetched(site, "app", after_commit)
    after = await site.source.object_ids(app, after_commit, paths)
    assert after["vendor/lib"] == lib
    assert {path for path in after if after[path] == before[path]} == {"app"}


async def test_an_export_holds_submodules_of_submodules(site: Site, tmp_path: Path) -> None:
    commit = pushed(site)
    app = await fetched(site, "app", commit)
    into = tmp_path / "all"
    into.mkdir()
    await site.source.export(app, commit, "", into)
    assert (into / "vendor/lib/base/link.yaml").read_text() == "2"
    assert (into / "vendor/lib/inner/deep/three.yaml").read_text() == "3"
    part = tmp_path / "part"
    part.mkdir()
    await site.source.export(app, commit, "vendor/lib/base", part)
    assert sorted(file.name for file in part.iterdir()) == ["link.yaml", "two.yaml"]


async def test_what_is_not_read_is_not_fetched(site: Site) -> None:
    files = {"app/one.yaml": "1", ".gitmodules": modules(gone="../gone.git"), "gone": Pin("a" * 40)}
    commit = site.push("app", files)
    app = await fetched(site, "app", commit)
    assert len(await site.source.entries(app, commit, "app")) == 1


async def test_a_submodule_that_cannot_be_had_is_named(site: Site, tmp_path: Path) -> None:
    site.push("lib", {"a.yaml": "1"})
    files = {".gitmodules": modules(lib="../lib.git"), "lib": Pin("a" * 40)}
    commit = site.push("app", files)
    app = await fetched(site, "app", commit)
    for asked in (
        site.source.entries(app, commit, ""),
        site.source.read(app, commit, ["lib/a.yaml"]),
        site.source.export(app, commit, "", tmp_path),
    ):
        with pytest.raises(RevisionUnknown, match=rf"submodule 'lib' of .*app.*{'a' * 40}"):
            await asked


async def test_a_link_of_a_submodule_must_stay_inside_of_it(site: Site, tmp_path: Path) -> None:
    lib = site.push("lib", {"a.yaml": Link("../secret.yaml")})
    files = {".gitmodules": modules(lib="../lib.git"), "lib": Pin(lib), "secret.yaml": "1"}
    commit = site.push("app", files)
    app = await fetched(site, "app", commit)
    with pytest.raises(PathUnknown, match="leaves"):
        await site.source.read(app, commit, ["lib/a.yaml"])
    with pytest.raises(PathUnknown):
        await site.source.export(app, commit, "", tmp_path)


async def test_repositories_that_do_not_follow_submodules_leave_them_out(site: Site) -> None:
    commit = pushed(site)
    app = replace(await fetched(site, "app", commit), submodules=False)
    found = await site.source.entries(app, commit, "")
    assert [entry.path for entry in found] == [".gitmodules", "app/one.yaml"]


async def test_an_entry_without_a_submodule_is_nothing(site: Site) -> None:
    files = {".gitmodules": modules(app="../lib.git"), "app/one.yaml": "1"}
    commit = site.push("app", files)
    app = await fetched(site, "app", commit)
    assert await site.source.read(app, commit, ["app/one.yaml"]) == {"app/one.yaml": b"1"}
    assert site.asked == []


async def test_submodules_without_end_are_refused(site: Site) -> None:
    commit = site.push("loop", {"a.yaml": "1"})
    for _ in range(10):
        commit = site.push(
            "loop", {".gitmodules": modules(again=site.url("loop")), "again": Pin(commit)}
        )
    loop = await fetched(site, "loop", commit)
    with pytest.raises(SourceTooLarge, match="levels"):
        await site.source.entries(loop, commit, "")


async def test_submodules_that_multiply_are_refused(site: Site, tmp_path: Path) -> None:
    commit = site.push("level-0", {"a.yaml": "1"})
    for level in range(1, 5):
        url = f"../level-{level - 1}.git"
        names = [f"m{number}" for number in range(4)]
        files = {".gitmodules": modules(**dict.fromkeys(names, url))}
        commit = site.push(f"level-{level}", {**files, **dict.fromkeys(names, Pin(commit))})
    top = await fetched(site, "level-4", commit)
    with pytest.raises(SourceTooLarge, match="64"):
        await site.source.export(top, commit, "", tmp_path)
    assert list(tmp_path.glob("**/a.yaml")) == []


LOGIN = RepositoryCredentials(username="me", password="secret")


@pytest.mark.parametrize(
    ("repos", "credentials", "allowed"),
    [
        pytest.param(["*"], LOGIN, True, id="every repository"),
        pytest.param(["https://git.example/lib"], LOGIN, True, id="this repository"),
        pytest.param(["https://git.example/app"], LOGIN, False, id="a login it must not use"),
        pytest.param(
            ["https://git.example/app"], RepositoryCredentials(), True, id="a public repository"
        ),
    ],
)
def test_credentials_are_used_only_for_what_the_project_permits(
    repos: list[str], credentials: RepositoryCredentials, allowed: bool
) -> None:
    project = parse_project({"metadata": {"name": "p"}, "spec": {"sourceRepos": repos}})
    lib = Repository("https://git.example/lib", credentials)
    parent = Repository("https://git.example/app", RepositoryCredentials(bearer_token="app"))
    assert permitted_submodule(lib, replace(parent, credentials=credentials), project) is lib
    if allowed:
        assert permitted_submodule(lib, parent, project) is lib
        return
    with pytest.raises(RepositoryDenied, match="not permitted in project 'p'"):
        permitted_submodule(lib, parent, project)
