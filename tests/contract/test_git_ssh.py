"""The Git adapter over SSH: keys, known hosts, and what happens without them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh
import pytest

from contract.git_cases import RealRemote, opened
from trimtab.ports.source import (
    Repository,
    RepositoryCredentials,
    RepositoryDenied,
    RepositoryUnreachable,
    RevisionUnknown,
)
from trimtab.testing.git import GitServer


@dataclass(frozen=True)
class Ssh:
    """A running SSH server, its repository, and the credentials that open it."""

    repository: Repository
    remote: RealRemote


async def serve_git(process: asyncssh.SSHServerProcess[bytes]) -> None:
    command, _, argument = (process.command or "").partition(" ")
    if command not in ("git-upload-pack", "git upload-pack"):
        process.exit(1)
        return
    git = await asyncio.create_subprocess_exec(
        "git",
        "upload-pack",
        argument.strip("'"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"GIT_PROTOCOL": process.env.get("GIT_PROTOCOL", ""), "PATH": "/usr/bin:/bin"},
    )
    await process.redirect(stdin=git.stdin, stdout=git.stdout)
    process.exit(await git.wait())
    await process.wait_closed()


@pytest.fixture
async def ssh(tmp_path: Path) -> AsyncIterator[Ssh]:
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    user_key = asyncssh.generate_private_key("ssh-ed25519")
    allowed = tmp_path / "authorized_keys"
    allowed.write_bytes(user_key.export_public_key())
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=str(allowed),
        process_factory=serve_git,
        encoding=None,
    )
    git = GitServer(tmp_path / "served")
    remote = RealRemote(git, "app")
    port = listener.get_port()
    credentials = RepositoryCredentials(
        ssh_private_key=user_key.export_private_key("openssh").decode().strip(),
        ssh_known_hosts=f"[127.0.0.1]:{port} {host_key.export_public_key().decode()}",
    )
    url = f"ssh://git@127.0.0.1:{port}{remote.path}"
    async with listener:
        yield Ssh(Repository(url, credentials), remote)
    git.close()


async def test_a_repository_is_read_over_ssh(ssh: Ssh, tmp_path: Path) -> None:
    first = ssh.remote.commit({"app/a.yaml": "1"})
    ssh.remote.tag("v1.0.0", first)
    async with opened(tmp_path / "cache") as source:
        found = await source.resolve(ssh.repository, "HEAD")
        assert (found.commit, found.ref) == (first, "refs/heads/main")
        assert (await source.resolve(ssh.repository, "^1")).commit == first
        await source.fetch(ssh.repository, first)
        second = ssh.remote.commit({"app/a.yaml": "2"})
        assert (await source.resolve(ssh.repository, "main", fresh=True)).commit == second
        await source.fetch(ssh.repository, second)
        read = await source.read(ssh.repository, second, ["app/a.yaml"])
        assert read == {"app/a.yaml": b"2"}


async def test_an_unknown_commit_is_named_over_ssh(ssh: Ssh, tmp_path: Path) -> None:
    ssh.remote.commit({"a.yaml": "1"})
    async with opened(tmp_path / "cache") as source:
        with pytest.raises(RevisionUnknown, match="abcdabcd"):
            await source.resolve(ssh.repository, "abcd" * 10)


async def test_a_wrong_key_is_refused(ssh: Ssh, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode()
    given = replace(ssh.repository.credentials, ssh_private_key=other)
    async with opened(tmp_path / "cache") as source:
        for credentials in (given, replace(given, ssh_private_key="")):
            with pytest.raises(RepositoryDenied, match="Permission denied") as caught:
                await source.resolve(replace(ssh.repository, credentials=credentials), "main")
            assert "PRIVATE KEY" not in caught.value.message


async def test_an_unknown_host_is_refused(ssh: Ssh, tmp_path: Path) -> None:
    given = replace(ssh.repository.credentials, ssh_known_hosts="")
    async with opened(tmp_path / "cache") as source:
        with pytest.raises(RepositoryDenied, match="Host key verification failed"):
            await source.resolve(replace(ssh.repository, credentials=given), "main")
        trusting = replace(given, insecure=True)
        ssh.remote.commit({"a.yaml": "1"})
        assert await source.resolve(replace(ssh.repository, credentials=trusting), "main")


async def test_a_host_that_refuses_connections_is_unreachable(tmp_path: Path) -> None:
    async with opened(tmp_path / "cache") as source:
        with pytest.raises(RepositoryUnreachable, match="refused"):
            await source.resolve(Repository("ssh://git@127.0.0.1:1/x.git"), "main")


@pytest.mark.parametrize("url", ["file:///etc", "/etc", "ext::sh -c id", "git://127.0.0.1/x"])
async def test_other_protocols_are_refused(tmp_path: Path, url: str) -> None:
    async with opened(tmp_path / "cache") as source:
        with pytest.raises(RepositoryDenied, match="expected an http, https or ssh URL"):
            await source.resolve(Repository(url), "main")


async def test_a_url_is_never_an_option(tmp_path: Path) -> None:
    async with opened(tmp_path / "cache") as source:
        with pytest.raises(RepositoryUnreachable):
            await source.resolve(Repository("ssh://-oProxyCommand=touch${IFS}pwned/x"), "main")
    assert not Path("pwned").exists()
