"""The smart-HTTP server of demo and tests: real pushes, its signed hook, its life as a process."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from trimtab.testing.git import GitServer, Webhook

ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
}
IDENTITY = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com"]


async def git(*arguments: str, cwd: Path) -> str:
    def run() -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *arguments],
            cwd=cwd,
            check=True,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )
        return done.stdout.strip()

    return await asyncio.to_thread(run)


async def push(url: str, folder: Path, text: str = "1") -> str:
    """Clone, commit, push, and return the commit."""
    await git("clone", "--quiet", url, str(folder), cwd=folder.parent)
    (folder / "a.yaml").write_text(text)
    await git("add", ".", cwd=folder)
    await git("commit", "--quiet", "-m", "Change", cwd=folder)
    await git("push", "--quiet", "origin", "HEAD:main", cwd=folder)
    return await git("rev-parse", "HEAD", cwd=folder)


Received = list[tuple[dict[str, str], bytes]]


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, Received]]:
    received: Received = []

    async def take(request: web.Request) -> web.Response:
        received.append((dict(request.headers), await request.read()))
        return web.Response()

    application = web.Application()
    application.router.add_post("/api/webhook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/webhook", received
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_a_push_calls_the_signed_webhook(tmp_path: Path, kind: str) -> None:
    async with receiver() as (url, received):
        with GitServer(tmp_path / "served") as server:
            hook = Webhook(url, "s3cret", kind)  # type: ignore[arg-type]
            clone = server.create("team/app", webhook=hook)
            commit = await push(clone, tmp_path / "work")
    ((headers, body),) = received
    event = json.loads(body)
    assert (event["ref"], event["after"]) == ("refs/heads/main", commit)
    assert event["repository"]["clone_url"] == clone
    if kind == "gitlab":
        assert headers["X-Gitlab-Token"] == "s3cret"
    else:
        digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={digest}"


async def test_a_dead_webhook_does_not_fail_the_push(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served") as server:
        clone = server.create("app", webhook=Webhook("http://127.0.0.1:1/api/webhook"))
        assert await push(clone, tmp_path / "work")


async def test_a_push_needs_the_password(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served", users={"jo": "right"}) as server:
        clone = server.create("app")
        with pytest.raises(subprocess.CalledProcessError):
            await push(clone, tmp_path / "denied")
        assert await push(clone.replace("://", "://jo:right@"), tmp_path / "work")


async def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "trimtab.adapters.gitserver", "--root", str(tmp_path / "served")),
        *("--create", "team/app"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    async with asyncio.timeout(20):
        said = json.loads(await process.stdout.readline())
        clone = said["repositories"]["team/app"]
        assert await push(clone, tmp_path / "work")
        async with ClientSession() as session, session.get(f"{clone}/nothing") as answer:
            assert answer.status == 404
        process.stdin.close()
        assert await process.wait() == 0
