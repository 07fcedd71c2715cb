"""Pod logs, on a scripted server: no kubelet of a local fleet has any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web

from contract.stub_server import json_answer, serve, status_answer
from trimtab.adapters.kubernetes import ConnectionSettings, KubernetesCluster
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import ClusterUnreachable, Invalid, LogOptions

POD = ObjectKey("", "Pod", "shop", "web-1")
_PODS = {
    "resource": "pods",
    "responseKind": {"group": "", "version": "v1", "kind": "Pod"},
    "scope": "Namespaced",
    "verbs": ["get", "list"],
}
_CORE = {"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [_PODS]}]}


class Kubelet:
    """Answers log requests: chunks, or an error; a follower is held until it is let go."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.error: web.Response | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.go_on = asyncio.Event()
        self.breaks = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer discovery and ``/log``."""
        if request.path in {"/api", "/apis"}:
            items = [_CORE] if request.path == "/api" else []
            return json_answer({"kind": "APIGroupDiscoveryList", "items": items})
        self.asked.append((request.path, dict(request.query)))
        if self.error is not None:
            return self.error
        answer = web.StreamResponse()
        await answer.prepare(request)
        for chunk in self.chunks:
            await answer.write(chunk)
        if "follow" in request.query:
            await self.go_on.wait()
            await answer.write(b"last\n")
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
        return answer


@pytest.fixture
def kubelet() -> Kubelet:
    """Return what the server says."""
    return Kubelet()


@pytest_asyncio.fixture
async def cluster(kubelet: Kubelet) -> AsyncIterator[KubernetesCluster]:
    """Connect to the scripted server."""
    async with serve(kubelet.answer) as url:
        made = KubernetesCluster(ConnectionSettings("stub", url))
        yield made
        await made.aclose()


async def read(cluster: KubernetesCluster, **options: object) -> list[str]:
    lines = cluster.logs.lines(POD, LogOptions(**options))  # type: ignore[arg-type]
    return [line async for line in lines]


async def test_lines_are_whole_whatever_the_chunks(
    cluster: KubernetesCluster, kubelet: Kubelet
) -> None:
    kubelet.chunks = [b"one\ntw", b"o\n\ncaf\xc3", b"\xa9\nno end"]
    assert await read(cluster) == ["one", "two", "", "café", "no end"]
    assert kubelet.asked == [("/api/v1/namespaces/shop/pods/web-1/log", {})]


async def test_every_option_is_asked_for(cluster: KubernetesCluster, kubelet: Kubelet) -> None:
    since = timedelta(minutes=5, milliseconds=1)
    assert await read(cluster, container="main", tail=3, since=since, previous=True) == []
    wanted = {"container": "main", "tailLines": "3", "sinceSeconds": "301", "previous": "true"}
    assert kubelet.asked[0][1] == wanted


async def test_a_follower_gets_lines_as_they_are_written(
    cluster: KubernetesCluster, kubelet: Kubelet
) -> None:
    kubelet.chunks = [b"first\n"]
    async with aclosing(cluster.logs.lines(POD, LogOptions(follow=True))) as lines:
        assert await anext(lines) == "first"
        kubelet.go_on.set()
        assert await anext(lines) == "last"


async def test_a_refusal_says_what_the_server_said(
    cluster: KubernetesCluster, kubelet: Kubelet
) -> None:
    said = 'container "main" in pod "web-1" is waiting to start: ContainerCreating'
    kubelet.error = status_answer(400, "BadRequest", said)
    with pytest.raises(Invalid, match="is waiting to start"):
        await read(cluster)


async def test_a_connection_that_breaks_is_told(
    cluster: KubernetesCluster, kubelet: Kubelet
) -> None:
    kubelet.chunks, kubelet.breaks = [b"first\n"], True
    async with aclosing(cluster.logs.lines(POD, LogOptions())) as lines:
        assert await anext(lines) == "first"
        with pytest.raises(ClusterUnreachable, match="web-1"):
            await anext(lines)
