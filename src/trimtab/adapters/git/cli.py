"""The git command line as a transport: SSH, and HTTP servers that do not speak protocol v2.

It costs processes and, for SSH, a handshake per request; what it can do, it does as git does.
"""

import shlex
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trimtab.adapters.git.command import GitResult, config_environment, run_git
from trimtab.adapters.git.limits import GitLimits
from trimtab.adapters.git.login import http_headers
from trimtab.adapters.git.refs import Refs, parse_ls_remote
from trimtab.adapters.git.remote import (
    Inbox,
    PackBroken,
    Wanted,
    denied,
    unknown_commit,
    unreachable,
)
from trimtab.ports.source import Repository
from trimtab.services.giturls import parse_git_url

# git tells failures apart by words only; LC_ALL=C keeps them as they are here.
_DENIED_WORDS: Final = (
    "Permission denied",
    "Host key verification failed",
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "HTTP 403",
    "error: 403",
    "Load key",
    "not found",
    "does not appear to be a git repository",
)
_UNKNOWN_WORDS: Final = ("not our ref", "unadvertised object", "couldn't find remote ref")
_BROKEN_WORDS: Final = (
    "unresolved delta",
    "index-pack",
    "packfile",
    "missing",
    "bad object",
    "corrupt",
    "necessary objects",
    "unable to read",
)
_PROTOCOLS: Final = {"ssh": "ssh", "http": "http", "https": "https:http", "file": "file"}


class CliRemote:
    """Talks to servers through ``git ls-remote`` and ``git fetch``.

    Args:
        limits: Deadlines.
        allow_file: Whether local paths may be read; for tools and tests, never for a service.
    """

    def __init__(self, limits: GitLimits, *, allow_file: bool = False) -> None:
        self._limits = limits
        self._allow_file = allow_file

    async def list_refs(self, repository: Repository) -> Refs:
        """Return HEAD and all refs of a server.

        Raises:
            RepositoryUnreachable, RepositoryDenied
        """
        arguments = ["ls-remote", "--symref", "--quiet", "--", _address(repository)]
        timeout = self._limits.ask_timeout
        with self._session(repository) as environment:
            try:
                result = await run_git(arguments, cwd="/", environment=environment, timeout=timeout)
            except TimeoutError as error:
                text = f"no answer within {timeout.total_seconds():g} s"
                raise unreachable(repository, text) from error
        _raise_failure(repository, result, ())
        return parse_ls_remote(result.output)

    async def fetch(self, repository: Repository, wanted: Wanted, inbox: Inbox) -> None:
        """Receive the wanted commits with their history.

        Raises:
            RepositoryUnreachable, RepositoryDenied, RevisionUnknown, PackBroken
        """
        result = await self._fetch(repository, wanted.commits, inbox)
        if result.code and any(word in result.errors for word in _UNKNOWN_WORDS):
            # Servers without protocol v2 serve branches and tags only: take them all.
            everything = ["+refs/heads/*:refs/remote/heads/*", "+refs/tags/*:refs/remote/tags/*"]
            result = await self._fetch(repository, everything, inbox)
        _raise_failure(repository, result, wanted.commits)

    async def _fetch(
        self, repository: Repository, refspecs: Sequence[str], inbox: Inbox
    ) -> GitResult:
        arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]
        arguments += ["--no-auto-maintenance", "--no-recurse-submodules", "--prune"]
        arguments += ["--", _address(repository), *refspecs]
        timeout = self._limits.fetch_timeout
        with self._session(repository) as environment:
            try:
                return await run_git(
                    arguments, cwd=inbox.path, environment=environment, timeout=timeout
                )
            except TimeoutError as error:
                text = f"the fetch took longer than {timeout.total_seconds():g} s"
                raise unreachable(repository, text) from error

    @contextmanager
    def _session(self, repository: Repository) -> Generator[Mapping[str, str]]:
        """Lend the environment of one command; keys are files only as long as it runs."""
        scheme = parse_git_url(repository.url).scheme
        if scheme not in _PROTOCOLS or (scheme == "file" and not self._allow_file):
            raise denied(repository, f"expected an http, https or ssh URL, found {scheme}")
        with tempfile.TemporaryDirectory(prefix="trimtab-git-") as folder:
            settings = {
                "fetch.unpackLimit": "1",
                "transfer.unpackLimit": "1",
                "core.fsync": "none",
                "protocol.version": "2",
            }
            extra = {"GIT_ALLOW_PROTOCOL": _PROTOCOLS[scheme]}
            if scheme == "ssh":
                extra |= _ssh_environment(repository, Path(folder))
            else:
                settings |= _http_settings(repository, Path(folder))
            yield {**config_environment(settings), **extra}


def _ssh_environment(repository: Repository, folder: Path) -> dict[str, str]:
    given = repository.credentials
    known = _private_file(folder / "known_hosts", given.ssh_known_hosts)
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "10",
        "GlobalKnownHostsFile": "/dev/null",
        "UserKnownHostsFile": str(known),
        "StrictHostKeyChecking": "no" if given.insecure else "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "LogLevel": "ERROR",
    }
    command = ["ssh", "-F", "/dev/null"]
    if given.ssh_private_key:
        command += ["-i", str(_private_file(folder / "key", given.ssh_private_key))]
    else:
        options["IdentityFile"] = "none"
    if given.proxy:
        options["ProxyCommand"] = _proxy_command(given.proxy)
    for key, value in options.items():
        command += ["-o", f"{key}={value}"]
    return {"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"}


def _proxy_command(proxy: str) -> str:
    scheme, _, rest = proxy.partition("://")
    kind = {"socks5": "5", "socks4": "4"}.get(scheme, "connect")
    return f"nc -X {kind} -x {shlex.quote(rest.rstrip('/'))} %h %p"


def _http_settings(repository: Repository, folder: Path) -> dict[str, str]:
    given = repository.credentials
    login = "\n".join(f"{key}: {value}" for key, value in http_headers(repository).items())
    settings = {"http.extraHeader": login} if login else {}
    if given.insecure:
        settings["http.sslVerify"] = "false"
    if given.ca_pem:
        settings["http.sslCAInfo"] = str(_private_file(folder / "ca.pem", given.ca_pem))
    if given.client_cert_pem:
        settings["http.sslCert"] = str(_private_file(folder / "cert.pem", given.client_cert_pem))
        settings["http.sslKey"] = str(_private_file(folder / "key.pem", given.client_key_pem))
    if given.proxy:
        settings["http.proxy"] = given.proxy
    return settings


def _private_file(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    # OpenSSH refuses a key whose last line is not ended.
    path.write_text(text if not text or text.endswith("\n") else f"{text}\n")
    return path


def _address(repository: Repository) -> str:
    """Return the URL without a password; SSH keeps the user, a part of the address."""
    url = repository.url.strip()
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    keep = at and scheme.lower().endswith("ssh")
    return (
        f"{scheme}://{user.partition(':')[0]}@{host}{slash}{path}"
        if keep
        else (f"{scheme}://{host}{slash}{path}")
    )


def _raise_failure(repository: Repository, result: GitResult, commits: Sequence[str]) -> None:
    if result.code == 0:
        return
    text = result.errors
    if any(word in text for word in _UNKNOWN_WORDS):
        raise unknown_commit(repository, commits)
    summary = " ".join(text.split())[:400]
    if any(word in text for word in _DENIED_WORDS):
        raise denied(repository, summary)
    if commits and any(word in text for word in _BROKEN_WORDS):
        raise PackBroken(summary)
    raise unreachable(repository, summary or f"git ended with code {result.code}")
