"""What ``trimtab serve`` answers over HTTP: webhook, health and metrics, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from scenario.web import serving_on_unix
from trimtab.bootstrap.listen import AddressInvalid, parse_address, web_application
from trimtab.bootstrap.metrics import Metrics
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind
from trimtab.runtime import Look
from trimtab.testing.cluster import FakeCluster

ROUTES = {
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("HEAD", "/healthz"),
    ("HEAD", "/metrics"),
    ("HEAD", "/readyz"),
    ("POST", "/api/webhook"),
}
PUSH = {"ref": "refs/heads/main", "repository": {"html_url": "https://git.test/team/app"}}


def secret(value: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "argocd-secret", "namespace": "argocd"},
        "data": {"webhook.github.secret": base64.b64encode(value.encode()).decode()},
    }


@dataclass
class Process:
    """The parts of the process that its routes reach."""

    hub: FakeCluster = field(default_factory=FakeCluster)
    metrics: Metrics = field(default_factory=Metrics)
    is_ready: bool = False
    pushed: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ClientSession]:
        async with serving_on_unix(self.application()) as session:
            yield session

    def application(self):
        async def pushed(url: str) -> None:
            self.pushed.append(url)

        return web_application(
            self.hub,
            "argocd",
            metrics=self.metrics,
            is_ready=lambda: self.is_ready,
            pushed=pushed,
        )


async def text_of(session: ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as answer:
        return answer.status, await answer.text()


async def metrics_of(session: ClientSession) -> dict[str, float]:
    """Return the samples by name and labels, ``name{a=b}``."""
    status, text = await text_of(session, "/metrics")
    assert status == 200
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_there_are_no_other_routes() -> None:
    resources = Process().application().router.routes()
    assert {(r.method, r.resource.canonical) for r in resources if r.resource} == ROUTES


async def test_it_is_healthy_at_once_and_ready_when_the_hub_has_been_read() -> None:
    process = Process()
    async with process.serving() as session:
        assert await text_of(session, "/healthz") == (200, "ok\n")
        status, text = await text_of(session, "/readyz")
        assert (status, "lease" in text) == (503, True)
        process.is_ready = True
        assert await text_of(session, "/readyz") == (200, "ok\n")


async def test_metrics_tell_looks_requests_queues_and_the_lease() -> None:
    process = Process()
    process.metrics.on_look("application", Look("a", "Done", 0.02))
    for code in (200, 200, 0):
        process.metrics.on_request("prod", "PATCH", code)
    waiting: list[str] = []
    process.metrics.watch(
        queues={"application": waiting.__len__},
        is_leader=lambda: bool(waiting),
        waiting_entries=waiting.__len__,
    )
    async with process.serving() as session:
        found = await metrics_of(session)
        assert found["trimtab_reconcile_seconds_count{controller=application,outcome=Done}"] == 1
        assert found["trimtab_reconcile_seconds_sum{controller=application,outcome=Done}"] == 0.02
        requests = "trimtab_kubernetes_requests_total{cluster=prod,code=%s,method=PATCH}"
        assert (found[requests % 200], found[requests % 0]) == (2, 1)
        assert found["trimtab_queue_length{controller=application}"] == 0
        assert found["trimtab_leader"] == 0
        assert found["process_resident_memory_bytes"] > 0
        waiting.append("b")
        found = await metrics_of(session)
        assert found["trimtab_queue_length{controller=application}"] == 1
        assert found["trimtab_leader"] == 1


async def test_a_push_is_believed_by_the_secret_of_the_hub_as_it_is_now() -> None:
    process = Process()
    body = json.dumps(PUSH).encode()
    async with process.serving() as session:

        async def push(secret: str) -> int:
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={digest}"}
            async with session.post("/api/webhook", data=body, headers=headers) as answer:
                return answer.status

        process.hub.ensure([GroupKind("", "Secret")])
        process.hub.seed(secret("right"))
        assert await push("wrong") == 401
        assert process.pushed == []
        assert await push("right") == 200
        assert "https://git.test/team/app" in process.pushed
        found = await metrics_of(session)
        assert found["trimtab_webhook_pushes_total"] == len(process.pushed)
        process.hub.seed(secret("newer"))
        assert (await push("right"), await push("newer")) == (401, 200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("127.0.0.1:8480", ("127.0.0.1", 8480), id="host and port"),
        pytest.param(":0", ("127.0.0.1", 0), id="a port alone is on loopback"),
        pytest.param("[::1]:80", ("::1", 80), id="version 6 of the protocol"),
    ],
)
def test_an_address_is_read(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "8480", "host:", "host:http", "host:70000", "host:-1"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(AddressInvalid, match="expected host:port"):
        parse_address(text)
