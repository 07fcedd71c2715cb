"""Git URLs: when two of them name the same repository, and how one is shown.

Rules: ``host:path`` is SSH; the user, a default port, a trailing ``/`` and ``.git`` do not tell two
repositories apart; letter case does not either when people's spellings are compared, but it does in
the name of a mirror, since some servers keep ``App`` and ``app`` apart.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

_SCP: Final = re.compile(r"^(?:[^/@:\s]+@)?(\[[^\]]+\]|[^/:@\s]+):(?!//|:)(.*)$")
_WINDOWS_DRIVE: Final = re.compile(r"^[A-Za-z]:[\\/]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
# The same few URLs are asked about at each look.
_KEPT_URLS: Final = 4096
_SSH_HOST_PREFIXES: Final = ("altssh.", "ssh.")


class GitUrl(NamedTuple):
    """A Git URL in parts; ``port`` is None for the scheme's default and for scp form."""

    scheme: str
    host: str
    port: int | None
    path: str


@lru_cache(maxsize=_KEPT_URLS)
def parse_git_url(url: str) -> GitUrl:
    """Split a Git URL, in URL or scp form, into its telling parts.

    Returns:
        Lower-case scheme and host, and the path without outer slashes and ``.git``. Something that
        is no URL has scheme ``file``.
    """
    text = url.strip()
    if "://" not in text:
        scp = _SCP.match(text)
        if scp is None or _WINDOWS_DRIVE.match(text):
            return GitUrl("file", "", None, _bare_path(text))
        return GitUrl("ssh", scp[1].strip("[]").lower(), None, _bare_path(scp[2]))
    parts = urlsplit(text)
    scheme = parts.scheme.lower().removeprefix("git+")
    try:
        port = parts.port
    except ValueError:
        port = None
    if port == _DEFAULT_PORTS.get(scheme):
        port = None
    return GitUrl(scheme, (parts.hostname or "").lower(), port, _bare_path(unquote(parts.path)))


@lru_cache(maxsize=_KEPT_URLS)
def canonical_url(url: str) -> str:
    """Return one spelling for all URLs that surely name the same repository."""
    parts = parse_git_url(url)
    if parts.scheme == "file":
        return f"file:///{parts.path}"
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}/{parts.path}"


def is_same_repository(one: str, other: str) -> bool:
    """Return whether two spellings name the same repository over the same protocol."""
    return canonical_url(one).lower() == canonical_url(other).lower()


def display_url(url: str) -> str:
    """Return a URL fit for messages: without a user or password."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator:
        return url.strip()
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def url_credentials(url: str) -> tuple[str, str]:
    """Return the user and the password that a URL carries, decoded; empty when it has none."""
    if "://" not in url:
        return "", ""
    parts = urlsplit(url.strip())
    return unquote(parts.username or ""), unquote(parts.password or "")


def web_url_matches(repository_url: str, web_url: str) -> bool:
    """Return whether a repository URL and a web page's URL belong together.

    Webhook payloads name a repository by its page (``https://host/team/app``), people configure
    it in any clone form. Scheme, user, port, ``.git``, an ``ssh.`` host prefix and letter case are
    ignored.
    """
    repository, page = parse_git_url(repository_url), parse_git_url(web_url)
    if not repository.host or not repository.path:
        return False
    return _place(repository) == _place(page)


def _place(url: GitUrl) -> tuple[str, str]:
    host = url.host
    for prefix in _SSH_HOST_PREFIXES:
        host = host.removeprefix(prefix)
    return host, url.path.lower()


def _bare_path(path: str) -> str:
    return path.strip("/").removesuffix(".git").strip("/")
