"""Push webhooks: who is believed, what is read, what is refused."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from scenario.web import web_on_unix
from trimtab.api.webhook import (
    Ignored,
    PushEvent,
    Refused,
    WebhookSecrets,
    parse_push,
    webhook_routes,
)
from trimtab.api.webhook.routes import MOST_BYTES, PATH
from trimtab.core import JsonObject

OPEN = WebhookSecrets()
LOCKED = WebhookSecrets(github="gh", gitlab="gl", gogs="gg")
OLD, NEW, NONE = "a" * 40, "b" * 40, "0" * 40

GITHUB: JsonObject = {
    "ref": "refs/heads/main",
    "before": OLD,
    "after": NEW,
    "repository": {
        "html_url": "https://git.example.com/team/app",
        "clone_url": "https://git.example.com/team/app.git",
        "ssh_url": "git@git.example.com:team/app.git",
        "default_branch": "main",
    },
    "commits": [
        {"added": ["b.yaml"], "modified": ["a.yaml"], "removed": []},
        {"added": None, "modified": ["a.yaml"]},
    ],
}
GITLAB: JsonObject = {
    "object_kind": "push",
    "ref": "refs/heads/dev",
    "before": NONE,
    "after": NEW,
    "project": {
        "web_url": "https://lab.example.com/team/app",
        "git_http_url": "https://lab.example.com/team/app.git",
        "default_branch": "main",
    },
    "commits": [],
}


def body_of(event: object) -> bytes:
    return json.dumps(event).encode()


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_a_github_push_is_read_whole() -> None:
    event = parse_push({"X-GitHub-Event": "push"}, body_of(GITHUB), OPEN)
    assert event == PushEvent(
        urls=(
            "https://git.example.com/team/app",
            "https://git.example.com/team/app.git",
            "git@git.example.com:team/app.git",
        ),
        ref="refs/heads/main",
        before=OLD,
        after=NEW,
        is_default_branch=True,
        changed_files=("a.yaml", "b.yaml"),
    )
    assert event.revision == "main"


def test_a_form_encoded_github_push_is_read_too() -> None:
    headers = {
        "X-GitHub-Event": "push",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    body = urlencode({"payload": json.dumps(GITHUB)}).encode()
    event = parse_push(headers, body, OPEN)
    assert isinstance(event, PushEvent)
    assert event.after == NEW


@pytest.mark.parametrize("header", ["Push Hook", "Tag Push Hook", "System Hook"])
def test_a_gitlab_push_of_a_new_branch(header: str) -> None:
    event = parse_push({"X-Gitlab-Event": header}, body_of(GITLAB), OPEN)
    assert isinstance(event, PushEvent)
    assert (event.revision, event.before, event.after) == ("dev", "", NEW)
    assert event.urls[0] == "https://lab.example.com/team/app"
    assert not event.is_default_branch


def test_a_deleted_tag_has_no_commit_after() -> None:
    deleted = {**GITHUB, "ref": "refs/tags/v1", "after": NONE}
    event = parse_push({"X-GitHub-Event": "push"}, body_of(deleted), OPEN)
    assert isinstance(event, PushEvent)
    assert (event.revision, event.after) == ("v1", "")


def test_right_signatures_are_believed() -> None:
    body = body_of(GITHUB)
    signed = {"X-Hub-Signature-256": f"sha256={signature('gh', body)}"}
    gogs = {"X-Gogs-Event": "push", "X-Gogs-Signature": signature("gg", body)}
    for headers in ({"X-GitHub-Event": "push", **signed}, {**gogs, "X-GitHub-Event": "push"}):
        assert isinstance(parse_push(headers, body, LOCKED), PushEvent)
    token = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "gl"}
    assert isinstance(parse_push(token, body_of(GITLAB), LOCKED), PushEvent)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-GitHub-Event": "push"},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=00"},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + signature("gh", b"other")},
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sÿ"},
        {"X-Gogs-Event": "push", "X-Gogs-Signature": signature("gh", body_of(GITHUB))},
        {"X-Gitlab-Event": "Push Hook"},
        {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "gh"},
    ],
)
def test_unsigned_and_wrongly_signed_requests_are_refused(headers: dict[str, str]) -> None:
    outcome = parse_push(headers, body_of(GITHUB), LOCKED)
    assert isinstance(outcome, Refused)
    assert outcome.status == 401


@pytest.mark.parametrize("event", ["ping", "issues", "pull_request"])
def test_other_events_are_ignored(event: str) -> None:
    assert isinstance(parse_push({"X-GitHub-Event": event}, b"{}", OPEN), Ignored)
    other = body_of({"object_kind": event})
    assert isinstance(parse_push({"X-Gitlab-Event": "Note Hook"}, other, OPEN), Ignored)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"ref": 1}',
        b'{"ref": "refs/heads/x"}',
        b'{"ref": "refs/heads/x", "repository": {}}',
        b'{"ref": "refs/heads/x", "repository": "x"}',
        b'{"commits": ' + b"[" * 50_000,
    ],
)
def test_malformed_pushes_are_refused(body: bytes) -> None:
    outcome = parse_push({"X-GitHub-Event": "push"}, body, OPEN)
    assert isinstance(outcome, Refused)
    assert outcome.status == 400


def test_a_request_without_an_event_is_refused() -> None:
    assert parse_push({}, b"{}", OPEN) == Refused(
        400, "expected a header X-GitHub-Event, X-Gitlab-Event or X-Gogs-Event"
    )


FIELDS = ("ref", "before", "after", "repository", "commits", "project")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    header=st.sampled_from(["X-GitHub-Event", "X-Gitlab-Event", "X-Gogs-Event"]),
    event=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("ref", "before", "after", "repository", "commits", "project"), json_values
        ),
    ),
)
def test_nothing_that_is_sent_makes_it_fail(header: str, event: object) -> None:
    assert parse_push({header: "push"}, body_of(event), OPEN) is not None


def test_secrets_come_from_argocd_secret_and_are_not_shown() -> None:
    secrets = WebhookSecrets.of({"webhook.github.secret": "gh\n", "server.secretkey": "x"})
    assert secrets == WebhookSecrets(github="gh")
    assert "gh" not in repr(secrets).replace("github", "")


class StoppedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


async def locked() -> WebhookSecrets:
    return LOCKED


@asynccontextmanager
async def serving(pushes: list[PushEvent]) -> AsyncIterator[ClientSession]:
    async def take(push: PushEvent) -> None:
        pushes.append(push)

    async with web_on_unix(webhook_routes(take, locked, clock=StoppedClock())) as session:
        yield session


async def test_the_route_hands_on_verified_pushes_only() -> None:
    pushes: list[PushEvent] = []
    body = body_of(GITHUB)
    event = {"X-GitHub-Event": "push"}
    signed = {**event, "X-Hub-Signature-256": f"sha256={signature('gh', body)}"}
    async with serving(pushes) as session:
        for headers, data, status in (
            (signed, body, 200),
            (event, body, 401),
            (signed, body + b" ", 401),
            ({}, body, 400),
            (signed, io.BytesIO(b"x" * (MOST_BYTES + 1)), 413),
        ):
            async with session.post(PATH, data=data, headers=headers) as answer:
                assert answer.status == status
        async with session.get(PATH) as answer:
            assert answer.status == 405
    assert [push.after for push in pushes] == [NEW]


async def test_a_flood_is_turned_away() -> None:
    async with serving([]) as session:
        statuses: list[int] = []
        for _ in range(210):
            async with session.post(PATH, data=b"{}") as answer:
                statuses.append(answer.status)
    assert statuses.count(429) == 10
    assert statuses[-1] == 429
