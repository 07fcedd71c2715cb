"""What a webhook request says. Pure: headers and body in, one of three outcomes out.

GitHub's shape is also Gitea's, Forgejo's and Gogs'; those send GitHub's headers beside their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import msgspec

from trimtab.api.webhook.secrets import WebhookSecrets, is_signed, is_token

_GITHUB_PUSHES: Final = frozenset({"push"})
_GITLAB_PUSHES: Final = frozenset({"push", "tag_push"})
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class PushEvent:
    """A push.

    Args:
        urls: The repository's, its web page first, then clone URLs; at least one.
        ref: Full name, for example ``refs/heads/main``.
        before: Commit before, empty when the ref is new.
        after: Commit now, empty when the ref was deleted.
        is_default_branch: Whether HEAD moved with it.
        changed_files: Sorted; empty when the payload names none, which says nothing.
    """

    urls: tuple[str, ...]
    ref: str
    before: str = ""
    after: str = ""
    is_default_branch: bool = False
    changed_files: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        """The ref without ``refs/heads/`` or ``refs/tags/``."""
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


@dataclass(frozen=True, slots=True)
class Ignored:
    """A valid event that is no push: ping, issue …"""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is not acted on.

    Args:
        status: HTTP status: 400 malformed, 401 not verified.
        reason: For the answer; says what was expected.
    """

    status: int
    reason: str


Outcome = PushEvent | Ignored | Refused


class _Commit(msgspec.Struct):
    added: list[str] | None = None
    modified: list[str] | None = None
    removed: list[str] | None = None


class _Place(msgspec.Struct):
    html_url: str | None = None
    clone_url: str | None = None
    ssh_url: str | None = None
    web_url: str | None = None
    git_http_url: str | None = None
    git_ssh_url: str | None = None
    default_branch: str | None = None

    def urls(self) -> tuple[str, ...]:
        named = (
            self.html_url,
            self.web_url,
            self.clone_url,
            self.git_http_url,
            self.ssh_url,
            self.git_ssh_url,
        )
        return tuple(dict.fromkeys(url for url in named if url))


class _Push(msgspec.Struct):
    ref: str | None = None
    before: str | None = None
    after: str | None = None
    object_kind: str | None = None
    event_name: str | None = None
    repository: _Place | None = None
    project: _Place | None = None
    commits: list[_Commit] | None = None


_decoder = msgspec.json.Decoder(_Push)


def parse_push(headers: Mapping[str, str], body: bytes, secrets: WebhookSecrets) -> Outcome:
    """Verify and read a webhook request.

    Args:
        headers: By name, in any letter case.
        body: As received.
        secrets: What the request must know.

    Returns:
        A push; an event that is none; or why the request is refused.
    """
    known = {name.lower(): value for name, value in headers.items()}
    if "x-gitlab-event" in known:
        return _parse_gitlab(known, body, secrets)
    if "x-gogs-event" in known and (secrets.gogs or "x-github-event" not in known):
        signature = known.get("x-gogs-signature", "")
        if not is_signed(secrets.gogs, body, signature):
            return Refused(401, "expected X-Gogs-Signature to be the body's HMAC-SHA256")
        return _parse_github(known["x-gogs-event"], known, body)
    if "x-github-event" in known:
        if not is_signed(secrets.github, body, known.get("x-hub-signature-256", "")):
            return Refused(401, "expected X-Hub-Signature-256 to be the body's HMAC-SHA256")
        return _parse_github(known["x-github-event"], known, body)
    return Refused(400, "expected a header X-GitHub-Event, X-Gitlab-Event or X-Gogs-Event")


def _parse_github(event: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    if event not in _GITHUB_PUSHES:
        return Ignored(f"event {event[:40]!r} is no push")
    if headers.get("content-type", "").startswith(_FORM):
        body = parse_qs(body.decode(errors="replace")).get("payload", [""])[0].encode()
    push = _decode(body)
    return push if isinstance(push, Refused) else _push(push, push.repository)


def _parse_gitlab(headers: Mapping[str, str], body: bytes, secrets: WebhookSecrets) -> Outcome:
    if not is_token(secrets.gitlab, headers.get("x-gitlab-token", "")):
        return Refused(401, "expected X-Gitlab-Token to be the configured secret")
    push = _decode(body)
    if isinstance(push, Refused):
        return push
    kind = push.object_kind or push.event_name or ""
    if kind not in _GITLAB_PUSHES:
        return Ignored(f"event {kind[:40]!r} is no push")
    return _push(push, push.project or push.repository)


def _decode(body: bytes) -> _Push | Refused:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return Refused(400, f"expected a push event as JSON: {error}")


def _push(push: _Push, place: _Place | None) -> Outcome:
    urls = place.urls() if place is not None else ()
    if not urls or not push.ref:
        return Refused(400, "expected a push event with a ref and the repository's URL")
    branch = place.default_branch if place is not None else None
    files = {
        name
        for commit in push.commits or ()
        for names in (commit.added, commit.modified, commit.removed)
        for name in names or ()
    }
    return PushEvent(
        urls=urls,
        ref=push.ref,
        before=_commit_id(push.before),
        after=_commit_id(push.after),
        is_default_branch=bool(branch) and push.ref == f"refs/heads/{branch}",
        changed_files=tuple(sorted(files)),
    )


def _commit_id(text: str | None) -> str:
    """Return a commit id; Git's servers write zeros where there is none."""
    return text if text and text.strip("0") else ""
