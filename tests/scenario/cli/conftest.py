"""Runs commands in this process on a hub in memory."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trimtab.cli.errors import run_reporting
from trimtab.cli.root import root
from trimtab.cli.session import Session
from trimtab.core import JsonObject
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import ObjectKey
from trimtab.crds.argoproj_v1alpha1.crd import definitions
from trimtab.ports.cluster import LogOptions
from trimtab.testing.cluster import FakeCluster

HISTORY = [
    {
        "id": 1,
        "deployedAt": "2026-03-01T08:00:00Z",
        "revision": "1" * 40,
        "source": {"path": "old"},
    },
    {
        "id": 2,
        "deployedAt": "2026-03-02T08:00:00Z",
        "revision": "2" * 40,
        "initiatedBy": {"username": "jo"},
    },
]
KEY = ObjectKey("argoproj.io", "Application", "argocd", "web")
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "prod",
    "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": "not-for-printing"}}],
}


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def hub() -> FakeCluster:
    """Return a hub that serves Argo CD's kinds and has the namespace."""
    cluster = FakeCluster()
    for definition in definitions():
        cluster.seed(definition)
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    return cluster


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Return a kubeconfig of another cluster, with context ``prod``."""
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(KUBECONFIG))
    return str(file)


class FakeLogs:
    """Lines by pod; an error in place of lines is raised."""

    def __init__(self) -> None:
        self.pods: dict[str, Sequence[str] | TrimtabError] = {}
        self.asked: list[LogOptions] = []

    async def lines(self, pod: ObjectKey, options: LogOptions) -> AsyncGenerator[str]:
        """Yield what was put in."""
        self.asked.append(options)
        found = self.pods[pod.name]
        if isinstance(found, TrimtabError):
            raise found
        for line in found:
            yield line


@pytest.fixture
def logs() -> FakeLogs:
    """Return the logs of the pods in the hub."""
    return FakeLogs()


@pytest.fixture
def run(
    hub: FakeCluster,
    logs: FakeLogs,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Return a function that runs a command line and captures what it prints."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("NO_COLOR", "1")

    @asynccontextmanager
    async def connect(_: Session) -> AsyncGenerator[FakeCluster]:
        yield hub

    session = replace(
        Session(),
        connect=connect,
        logs=lambda _: logs,
        now=lambda: NOW,
        state_dir=tmp_path / "state",
    )

    def call(*args: str) -> Ran:
        code = run_reporting(root, _with_state(args, tmp_path), session=session)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


def _with_state(args: Sequence[str], tmp_path: Path) -> list[str]:
    return ["--state-dir", str(tmp_path / "state"), *args]


def application(name: str = "web", **fields: object) -> JsonObject:
    """Return an Application that is Synced and Healthy; ``spec`` and ``status`` are laid over."""
    spec = {
        "project": "default",
        "source": {
            "repoURL": "https://git.example.com/shop.git",
            "path": "web",
            "targetRevision": "main",
        },
        "destination": {"name": "prod-1", "namespace": "shop"},
    }
    status = {
        "sync": {"status": "Synced", "revision": "a" * 40},
        "health": {"status": "Healthy"},
        "sourceType": "Kustomize",
        "resources": [
            {
                "version": "v1",
                "kind": "Service",
                "namespace": "shop",
                "name": "web",
                "status": "Synced",
                "health": {"status": "Healthy"},
            },
            {
                "group": "apps",
                "version": "v1",
                "kind": "Deployment",
                "namespace": "shop",
                "name": "web",
                "status": "Synced",
                "health": {"status": "Healthy"},
            },
        ],
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": spec | fields.get("spec", {}),  # type: ignore[operator]
        "status": status | fields.get("status", {}),  # type: ignore[operator]
    }


def body_of(hub: FakeCluster) -> dict[str, Any]:
    """Return Application ``web`` as the hub stores it."""
    live = hub.stored(KEY)
    assert live is not None
    return json.loads(live.raw)
