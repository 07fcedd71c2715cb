"""A cluster as a test sees it: by watches of its own, and with the means to change it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from trimtab.adapters.kubernetes import ClusterOptions, KubernetesCluster, load_kubeconfig
from trimtab.adapters.localfleet import LocalCluster
from trimtab.core.manifest import GroupKind, ObjectKey
from trimtab.ports.cluster import Propagation, Write

Json = dict[str, Any]
TEST = Write("test")
_LOOK_AGAIN_SECONDS = 0.25


def parse_kind(text: str) -> GroupKind:
    """Return the kind that ``ConfigMap`` or ``apps/Deployment`` names."""
    group, _, kind = text.rpartition("/")
    return GroupKind(group, kind)


def key_of(body: Json) -> tuple[ObjectKey, str]:
    """Return the identity and the version that an object states."""
    group, _, version = body["apiVersion"].rpartition("/")
    meta = body["metadata"]
    return ObjectKey(group, body["kind"], meta.get("namespace", ""), meta["name"]), version


class SeenCluster:
    """Reads, changes and waits. Objects are JSON; kinds are named as ``parse_kind`` reads them."""

    def __init__(self, local: LocalCluster) -> None:
        self.local = local
        self.cluster = KubernetesCluster(load_kubeconfig(local.kubeconfig_path), ClusterOptions())
        self._pulse = asyncio.Event()
        self.cluster.subscribe(lambda _: self._beat())

    @property
    def server(self) -> str:
        return self.local.server

    async def get(self, kind: str, name: str, namespace: str = "") -> Json | None:
        group_kind = parse_kind(kind)
        key = ObjectKey(group_kind.group, group_kind.kind, namespace, name)
        found = await self.cluster.get(key)
        return None if found is None else json.loads(found.raw)

    async def list(self, kind: str, namespace: str = "") -> list[Json]:
        found = await self.cluster.list(parse_kind(kind), namespace=namespace)
        return [json.loads(live.raw) for live in found]

    async def create(self, body: Json, *, dry_run: bool = False) -> Json:
        key, version = key_of(body)
        write = Write(TEST.manager, dry_run=dry_run)
        written = await self.cluster.create(key, version, json.dumps(body).encode(), write)
        return json.loads(written.live.raw)

    async def apply(self, body: Json, *, manager: str = TEST.manager) -> Json:
        key, version = key_of(body)
        data = json.dumps(body).encode()
        written = await self.cluster.apply(key, version, data, Write(manager))
        return json.loads(written.live.raw)

    async def patch(
        self, kind: str, name: str, namespace: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """Merge ``body`` into an object."""
        group_kind = parse_kind(kind)
        key = ObjectKey(group_kind.group, group_kind.kind, namespace, name)
        data = json.dumps(body).encode()
        written = await self.cluster.patch(key, "merge", data, TEST, subresource=subresource)
        return json.loads(written.live.raw)

    async def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete an object; one that is gone already is fine."""
        group_kind = parse_kind(kind)
        key = ObjectKey(group_kind.group, group_kind.kind, namespace, name)
        found = await self.cluster.get(key)
        if found is not None:
            await self.cluster.delete(key, uid=found.meta.uid, propagation=Propagation.BACKGROUND)

    def now(self, kind: str, name: str, namespace: str = "") -> Json | None:
        """Return what the watch holds, or None."""
        group_kind = parse_kind(kind)
        live = self.cluster.live(ObjectKey(group_kind.group, group_kind.kind, namespace, name))
        return None if live is None else json.loads(live.raw)

    async def until(
        self,
        kind: str,
        name: str,
        namespace: str,
        condition: Callable[[Json | None], object],
        *,
        seconds: float = 30,
        context: Callable[[], str] = str,
    ) -> Json | None:
        """Wait until a watched object (None while it does not exist) is as expected."""
        await self.cluster.wait_synced([parse_kind(kind)], timeout=timedelta(seconds=seconds))
        deadline = time.monotonic() + seconds
        while not condition(found := self.now(kind, name, namespace)):
            if time.monotonic() > deadline:
                what = f"{kind} {namespace}/{name} did not become as expected in {seconds} s"
                raise AssertionError(f"{what}: {json.dumps(_brief(found))}\n{context()}")
            await self._event()
        return found

    async def serves(self, *kinds: str, seconds: float = 30) -> None:
        """Wait until the API server serves some kinds; discovery cannot be watched."""
        deadline = time.monotonic() + seconds
        while any([await self.cluster.resource_type(parse_kind(kind)) is None for kind in kinds]):
            assert time.monotonic() < deadline, f"{kinds} are not served after {seconds} s"
            await self._event()
            await self.cluster.discovery.refresh()

    async def versions(self, namespace: str, *kinds: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return uid and resourceVersion of the objects of some kinds, by kind and name."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for kind in kinds or ("ConfigMap",):
            for body in await self.list(kind, namespace):
                meta = body["metadata"]
                if meta["name"] != "kube-root-ca.crt":
                    found[kind, meta["name"]] = (meta["uid"], meta["resourceVersion"])
        return found

    async def pause(self) -> None:
        """Wait for the next event or a moment, for what tells nobody of its change."""
        await self._event()

    def _beat(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def _event(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await self._pulse.wait()
        except TimeoutError:
            pass


def _brief(body: Json | None) -> Json | None:
    """Return what helps a person who looks at a failed wait."""
    if body is None:
        return None
    status = {k: v for k, v in body.get("status", {}).items() if k != "history"}
    operation = status.get("operationState") or {}
    status["operationState"] = {k: operation.get(k) for k in ("phase", "message", "syncResult")}
    return {"status": status, **{k: body[k] for k in ("spec", "data", "operation") if k in body}}
