"""One cluster, whole: reads, writes and the live view over one connection.

Rules: reads and writes work as soon as the object exists; watches and the probe of a lost server
run inside :meth:`KubernetesCluster.run`, which ends when its task is cancelled.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.config import ConnectionSettings
from trimtab.adapters.kubernetes.credentials import acting_as
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.kubernetes.logs import Logs
from trimtab.adapters.kubernetes.options import ClusterOptions
from trimtab.adapters.kubernetes.reads import Reads
from trimtab.adapters.kubernetes.view import View
from trimtab.adapters.kubernetes.watcher import Watcher
from trimtab.adapters.kubernetes.writes import Writes
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.ports.cluster import (
    Cluster,
    ClusterUnreachable,
    CredentialsRefused,
    Listener,
    PatchType,
    Propagation,
    ResourceType,
    Write,
    Written,
)


class _Face:
    """The port Cluster over its parts; the actor of writes differs between faces."""

    def __init__(
        self, base: "KubernetesCluster", reads: Reads, writes: Writes, watcher: Watcher, view: View
    ) -> None:
        self._base = base
        self._reads = reads
        self._writes = writes
        self._watcher = watcher
        self._view = view

    @property
    def name(self) -> str:
        """The name people gave it."""
        return self._base.identity[0]

    @property
    def server(self) -> str:
        """The URL by which Applications name it."""
        return self._base.identity[1]

    @property
    def reachable(self) -> bool | None:
        """None before the first contact, False while the circuit is open."""
        return self._base.client.circuit.reachable

    def impersonate(self, user: str, groups: Sequence[str] = ()) -> Cluster:
        """Return a view whose writes and dry runs act as ``user``."""
        base = self._base
        writes = Writes(base.client, base.discovery, acting_as(user, groups))
        return _Face(base, self._reads, writes, self._watcher, self._view)

    async def resource_type(self, group_kind: GroupKind) -> ResourceType | None:
        """Return how a kind is served, or None."""
        return await self._reads.resource_type(group_kind)

    async def resource_types(self) -> Sequence[ResourceType]:
        """Return every served resource, one entry a kind."""
        return await self._reads.resource_types()

    async def server_version(self) -> str:
        """Return the gitVersion."""
        return await self._reads.server_version()

    async def get(self, key: ObjectKey, *, version: str | None = None) -> LiveObject | None:
        """Return the object, or None when it (or its kind) does not exist."""
        return await self._reads.get(key, version=version)

    async def list(
        self, group_kind: GroupKind, *, namespace: str = "", label_selector: str = ""
    ) -> Sequence[LiveObject]:
        """Return all objects of a kind, read in chunks. Raises NotFound for an unserved kind."""
        return await self._reads.list(
            group_kind, namespace=namespace, label_selector=label_selector
        )

    async def apply(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """Server-side apply."""
        return await self._writes.apply(key, version, body, write)

    async def create(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """POST."""
        return await self._writes.create(key, version, body, write)

    async def replace(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """PUT."""
        return await self._writes.replace(key, version, body, write)

    async def patch(
        self,
        key: ObjectKey,
        patch_type: PatchType,
        body: bytes,
        write: Write,
        *,
        subresource: str = "",
        version: str | None = None,
    ) -> Written:
        """JSON, merge or strategic merge patch."""
        return await self._writes.patch(
            key, patch_type, body, write, subresource=subresource, version=version
        )

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        dry_run: bool = False,
    ) -> bool:
        """Delete only the object with this uid. False when it is gone already."""
        return await self._writes.delete(key, uid=uid, propagation=propagation, dry_run=dry_run)

    def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds from now on."""
        self._watcher.ensure(kinds)

    def is_synced(self, group_kind: GroupKind) -> bool:
        """Return whether the kind has been listed and its watch is not broken."""
        return self._watcher.is_synced(group_kind)

    async def wait_synced(self, kinds: Iterable[GroupKind], *, timeout: timedelta) -> None:
        """Wait until all kinds are synced or known not to be served."""
        await self._watcher.wait_synced(kinds, timeout=timeout)

    def live(self, key: ObjectKey) -> LiveObject | None:
        """Return the object from the view, or None."""
        return self._view.live(key)

    def objects(self, group_kind: GroupKind) -> Sequence[LiveObject]:
        """Return the view's objects of a kind."""
        return self._view.objects(group_kind)

    def owned_by(self, uid: str) -> Sequence[LiveObject]:
        """Return the view's objects with an ownerReference to this uid."""
        return self._view.owned_by(uid)

    def tracked(self, owner: str) -> Sequence[LiveObject]:
        """Return the view's objects that belong to ``owner``."""
        return self._view.tracked(owner)

    def remember(self, live: LiveObject) -> None:
        """Put the answer of a write into the view; listeners are told when that changes it."""
        self._watcher.remember(live)

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Take a deleted object out of the view; listeners are told."""
        self._view.forget(key, uid)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every later change of the view."""
        return self._view.subscribe(listener)


class KubernetesCluster(_Face):
    """A cluster over its API server.

    Args:
        connection: Where and as whom.
        options: Restrictions, indexes and hooks.

    Raises:
        ConnectionInvalid: The certificates cannot be read.
    """

    def __init__(
        self, connection: ConnectionSettings, options: ClusterOptions | None = None
    ) -> None:
        options = options or ClusterOptions()
        self.identity = (connection.name, options.server or connection.server)
        self.client = ApiClient(
            connection,
            options.transport,
            deadlines=options.deadlines,
            on_request=options.on_request,
        )
        self.discovery = Discovery(self.client)
        view = View(options.tracked_by)
        watcher = Watcher(
            self.client,
            self.discovery,
            view,
            namespaces=options.namespaces,
            cluster_resources=options.cluster_resources,
            full_secret_selector=options.full_secret_selector,
        )
        reads = Reads(self.client, self.discovery, options.namespaces)
        super().__init__(self, reads, Writes(self.client, self.discovery), watcher, view)
        self.logs = Logs(self.client, self.discovery)
        self._stack: contextlib.AsyncExitStack | None = None

    def on_reachable(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever :attr:`reachable` turns."""
        self.client.circuit.subscribe(listener)

    def rename(self, name: str, server: str) -> None:
        """Give the cluster the name and server URL under which it was registered."""
        self.identity = (name, server)

    async def run(self) -> None:
        """Keep the watches alive and look for a lost server, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watcher.run())
            tasks.create_task(self._probe())

    async def aclose(self) -> None:
        """Close all connections; call it after :meth:`run` has ended."""
        await self.client.aclose()

    async def __aenter__(self) -> Self:
        """Run the watches for as long as the block lasts."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.aclose)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(tasks.create_task(self.run()).cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the watches and close."""
        assert self._stack is not None
        if isinstance(error, asyncio.CancelledError):
            await self._stack.__aexit__(kind, error, trace)
        else:  # the block's own error leaves as it is, not inside an ExceptionGroup
            await self._stack.__aexit__(None, None, None)

    async def _probe(self) -> None:
        circuit = self.client.circuit
        while True:
            await circuit.wait_open()
            await asyncio.sleep(circuit.pause)
            # Any answer closes the circuit, a refusal of our credentials included.
            with contextlib.suppress(ClusterUnreachable, CredentialsRefused):
                await self.client.request("GET", "/version")
