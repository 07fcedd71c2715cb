"""What every Source promises: revisions, files, links, limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from contract.git_cases import FakeRemote, RealRemote, Site, opened
from trimtab.adapters.git import GitLimits
from trimtab.ports.source import PathUnknown, RevisionUnknown, SourceTooLarge
from trimtab.testing.git import FakeSource, GitServer, Link

SMALL = GitLimits(file_bytes=100_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git")) as running:
        yield running


@pytest.fixture(params=["git", "fake"])
async def site(
    request: pytest.FixtureRequest, tmp_path: Path, server: GitServer
) -> AsyncIterator[Site]:
    if request.param == "fake":
        fake = FakeSource(file_bytes=SMALL.file_bytes)
        yield Site(fake, FakeRemote(fake))
        return
    async with opened(tmp_path / "cache", limits=SMALL) as source:
        yield Site(source, RealRemote(server, tmp_path.name))


async def test_branches_tags_ids_and_head_resolve(site: Site) -> None:
    first = site.remote.commit({"a.yaml": "1"})
    second = site.remote.commit({"a.yaml": "2"})
    dev = site.remote.commit({"a.yaml": "3"}, branch="dev/next")
    site.remote.tag("v1.0.0", first)
    wanted = {
        "": (second, "refs/heads/main"),
        "HEAD": (second, "refs/heads/main"),
        "main": (second, "refs/heads/main"),
        "refs/heads/main": (second, "refs/heads/main"),
        "dev/next": (dev, "refs/heads/dev/next"),
        "v1.0.0": (first, "refs/tags/v1.0.0"),
        "refs/tags/v1.0.0": (first, "refs/tags/v1.0.0"),
        first: (first, ""),
        first[:8]: (first, ""),
    }
    for revision, (commit, ref) in wanted.items():
        found = await site.source.resolve(site.repository, revision)
        assert (found.commit, found.ref) == (commit, ref), revision


@pytest.mark.parametrize(
    ("constraint", "tag"),
    [("1.2.*", "v1.2.3"), (">=1.0.0 <1.2.0", "v1.1.9"), ("^1.0", "v1.2.3"), ("*", "2.0.0")],
)
async def test_a_range_means_the_newest_tag_in_it(site: Site, constraint: str, tag: str) -> None:
    for number, name in enumerate(["v1.1.9", "v1.2.3", "2.0.0", "2.1.0-rc.1", "nightly"]):
        site.remote.tag(name, site.remote.commit({"a.yaml": str(number)}))
    found = await site.source.resolve(site.repository, constraint)
    assert found.ref == f"refs/tags/{tag}"


async def test_a_prefix_says_whose_tags_a_range_is_about(site: Site) -> None:
    commits = {}
    for name in ("web-v1.2.0", "web-v1.3.0", "api-1.9.0", "v1.8.0", "web-next"):
        commits[name] = site.remote.commit({"a.yaml": name})
        site.remote.tag(name, commits[name])
    for prefix, tag in (("web-", "web-v1.3.0"), ("api-", "api-1.9.0"), ("", "v1.8.0")):
        found = await site.source.resolve(site.repository, "1.*", tag_prefix=prefix)
        assert (found.commit, found.ref) == (commits[tag], f"refs/tags/{tag}")
    exact = await site.source.resolve(site.repository, "web-next", tag_prefix="api-")
    assert exact.commit == commits["web-next"]
    with pytest.raises(RevisionUnknown):
        await site.source.resolve(site.repository, "1.*", tag_prefix="other-")


@pytest.mark.parametrize("revision", ["nope", "^9.0", "refs/heads/nope", "0" * 40, "abcdef1"])
async def test_an_unknown_revision_is_named(site: Site, revision: str) -> None:
    site.remote.commit({"a.yaml": "1"})
    with pytest.raises(RevisionUnknown, match=r"a|0") as caught:
        await site.source.resolve(site.repository, revision, fresh=True)
    assert revision in caught.value.message


async def test_a_vanished_branch_is_named(site: Site) -> None:
    site.remote.commit({"a.yaml": "1"})
    last = site.remote.commit({"a.yaml": "2"}, branch="feature")
    assert await site.fetch("feature") == last
    site.remote.delete_branch("feature")
    with pytest.raises(RevisionUnknown, match="feature"):
        await site.source.resolve(site.repository, "feature", fresh=True)
    assert await site.source.read(site.repository, last, ["a.yaml"]) == {"a.yaml": b"2"}


async def test_a_force_push_is_followed_and_the_old_commit_stays_readable(site: Site) -> None:
    site.remote.commit({"a.yaml": "1"})
    old = site.remote.commit({"a.yaml": "2"})
    assert await site.fetch() == old
    new = site.remote.commit({"a.yaml": "3"}, force=True)
    assert await site.fetch() == new
    for commit, text in ((old, b"2"), (new, b"3")):
        assert await site.source.read(site.repository, commit, ["a.yaml"]) == {"a.yaml": text}


async def test_files_are_listed_and_read_without_a_checkout(site: Site) -> None:
    site.remote.commit({"app/b.yaml": "b", "app/sub/a.yaml": "a", "readme.md": "x"})
    commit = await site.fetch()
    entries = await site.source.entries(site.repository, commit, "./app/")
    assert [(e.path, e.size_bytes) for e in entries] == [("app/b.yaml", 1), ("app/sub/a.yaml", 1)]
    everything = await site.source.entries(site.repository, commit, "")
    assert [e.path for e in everything] == ["app/b.yaml", "app/sub/a.yaml", "readme.md"]
    found = await site.source.read(site.repository, commit, ["app/b.yaml", "app", "nope"])
    assert found == {"app/b.yaml": b"b"}


async def test_equal_folders_have_equal_ids_in_any_commit(site: Site) -> None:
    site.remote.commit({"app/a.yaml": "1", "other.md": "1"})
    first = await site.fetch()
    site.remote.commit({"other.md": "2"})
    second = await site.fetch()
    paths = ["", "app", "app/a.yaml", "other.md", "nope"]
    before = await site.source.object_ids(site.repository, first, paths)
    after = await site.source.object_ids(site.repository, second, paths)
    assert "nope" not in before
    assert {path for path in before if before[path] != after[path]} == {"", "other.md"}


@pytest.mark.parametrize("path", ["..", "../x", "/etc", "a/../../x"])
async def test_a_path_that_leaves_the_repository_is_refused(site: Site, path: str) -> None:
    site.remote.commit({"a/x.yaml": "1"})
    commit = await site.fetch()
    for question in (
        site.source.entries(site.repository, commit, path),
        site.source.read(site.repository, commit, [path]),
        site.source.object_ids(site.repository, commit, [path]),
    ):
        with pytest.raises(PathUnknown):
            await question


async def test_a_folder_that_does_not_exist_is_named(site: Site, tmp_path: Path) -> None:
    site.remote.commit({"a/x.yaml": "1"})
    commit = await site.fetch()
    with pytest.raises(PathUnknown, match="missing"):
        await site.source.entries(site.repository, commit, "a/missing")
    with pytest.raises(PathUnknown, match="missing"):
        await site.source.export(site.repository, commit, "missing", tmp_path)


async def test_links_inside_the_repository_are_followed(site: Site) -> None:
    files = {"base/v.yaml": "v", "app/v.yaml": Link("../base/v.yaml"), "all": Link("base")}
    site.remote.commit(files)
    commit = await site.fetch()
    found = await site.source.read(site.repository, commit, ["app/v.yaml", "all/v.yaml"])
    assert found == {"app/v.yaml": b"v", "all/v.yaml": b"v"}
    listed = await site.source.entries(site.repository, commit, "app")
    assert [entry.is_symlink for entry in listed] == [True]


@pytest.mark.parametrize("target", ["../../etc/passwd", "/etc/passwd", "loop"])
async def test_a_link_that_leaves_the_repository_is_refused(site: Site, target: str) -> None:
    site.remote.commit({"app/ok.yaml": "1", "app/loop": Link(target)})
    commit = await site.fetch()
    with pytest.raises(PathUnknown, match="app/loop"):
        await site.source.read(site.repository, commit, ["app/loop"])


async def test_an_export_writes_files_and_links(site: Site, tmp_path: Path) -> None:
    files = {"app/a/x.yaml": "x", "app/l.yaml": Link("a/x.yaml"), "app/dead": Link("nowhere")}
    site.remote.commit(files)
    into = tmp_path / "out"
    into.mkdir()
    await site.source.export(site.repository, await site.fetch(), "app", into)
    assert (into / "l.yaml").is_symlink()
    assert (into / "l.yaml").read_text() == (into / "a/x.yaml").read_text() == "x"
    assert sorted(str(p.relative_to(into)) for p in into.rglob("*")) == [
        "a",
        "a/x.yaml",
        "dead",
        "l.yaml",
    ]


@pytest.mark.parametrize("target", ["../outside", "/etc", "a/../../outside"])
async def test_an_export_with_a_link_out_of_it_is_refused(
    site: Site, tmp_path: Path, target: str
) -> None:
    site.remote.commit({"app/a/x.yaml": "x", "app/out": Link(target), "outside": "y"})
    into = tmp_path / "out"
    into.mkdir()
    with pytest.raises(PathUnknown, match="out"):
        await site.source.export(site.repository, await site.fetch(), "app", into)
    assert not (into / "out").is_symlink()


async def test_a_file_over_the_limit_is_refused(site: Site) -> None:
    site.remote.commit({"big.yaml": b"x" * 100_001, "small.yaml": "x"})
    commit = await site.fetch()
    with pytest.raises(SourceTooLarge, match=r"big\.yaml"):
        await site.source.read(site.repository, commit, ["small.yaml", "big.yaml"])
    assert await site.source.read(site.repository, commit, ["small.yaml"]) == {"small.yaml": b"x"}


async def test_a_commit_says_who_when_and_why(site: Site) -> None:
    first = site.remote.commit({"a.yaml": "1"})
    site.remote.commit({"a.yaml": "2"}, message="Raise the limit\n\nIt was too low.\n")
    info = await site.source.commit_info(site.repository, await site.fetch())
    assert info.author == "Jo <jo@example.com>"
    assert info.subject == "Raise the limit"
    assert info.message.startswith("Raise the limit\n\nIt was too low.")
    assert info.parents == (first,)
    assert info.committed_at.endswith("Z")
