"""The set of watches of one cluster: which kinds are wanted, served, synced.

Rules: a wanted kind that is not served yet is no error; it is watched as soon as discovery shows
it. Discovery itself is kept fresh by watching CustomResourceDefinitions and APIServices.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.kubernetes.view import View, without_values
from trimtab.adapters.kubernetes.watch import Share, Watch, WatchState
from trimtab.core.manifest import GroupKind, LiveObject
from trimtab.ports.cluster import (
    ApiError,
    ClusterUnreachable,
    CredentialsRefused,
    ResourceType,
    WatchEvent,
)

SECRET = GroupKind("", "Secret")
_DISCOVERY_KINDS = (
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
    GroupKind("apiregistration.k8s.io", "APIService"),
)
# A CRD is served some time after its event; later re-reads only happen while a kind is missing.
_REREADS = (0.1, 0.4, 1.0, 2.0, 4.0)
_REREAD_ANYWAY = timedelta(minutes=10).total_seconds()


class Watcher:
    """Runs the watches of one cluster and knows their state.

    Args:
        client: The API server.
        discovery: Its kinds.
        view: Where objects go.
        namespaces: Restriction; each namespace is watched by itself.
        cluster_resources: With ``namespaces``: cluster-scoped kinds are watched too.
        full_secret_selector: Secrets with these labels are read whole, all others by metadata.
    """

    def __init__(
        self,
        client: ApiClient,
        discovery: Discovery,
        view: View,
        *,
        namespaces: Sequence[str] = (),
        cluster_resources: bool = True,
        full_secret_selector: str = "",
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._view = view
        self._namespaces = tuple(namespaces)
        self._cluster_resources = cluster_resources or not namespaces
        self._full_secrets = full_secret_selector
        self._other_secrets = complement(full_secret_selector)
        self._wanted: dict[GroupKind, None] = {}
        self._watches: dict[GroupKind, list[Watch]] = {}
        self._tasks: dict[GroupKind, list[asyncio.Task[None]]] = {}
        self._undecided: set[GroupKind] = set()
        self._poke = asyncio.Event()
        self._must_reread = asyncio.Event()
        self._waiters: set[asyncio.Future[None]] = set()
        discovery.subscribe(self._poke.set)

    def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds from now on."""
        new = [kind for kind in kinds if kind not in self._wanted]
        for kind in new:
            self._wanted[kind] = None
            self._undecided.add(kind)
            self._view.open(kind)
        if new:
            self._poke.set()

    def is_synced(self, group_kind: GroupKind) -> bool:
        """Return whether all watches of a kind are in step."""
        watches = self._watches.get(group_kind)
        if not watches or self._client.circuit.is_open:
            return False
        return all(watch.state is WatchState.SYNCED for watch in watches)

    def is_settled(self, group_kind: GroupKind) -> bool:
        """Return whether a kind is synced or known not to be served."""
        if group_kind in self._undecided or group_kind not in self._wanted:
            return False
        return group_kind not in self._watches or self.is_synced(group_kind)

    async def wait_synced(self, kinds: Iterable[GroupKind], *, timeout: timedelta) -> None:
        """Wait until all kinds are synced or known not to be served.

        Raises:
            ClusterUnreachable: The deadline passed.
        """
        wanted = tuple(kinds)
        self.ensure(wanted)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while not all(self.is_settled(kind) for kind in wanted):
                    await self._changed()
        except TimeoutError as error:
            missing = [kind for kind in wanted if not self.is_settled(kind)]
            raise ClusterUnreachable("NotSynced", self._explain(missing)) from error

    def remember(self, live: LiveObject) -> None:
        """Put the answer of a write into the view, without values that the watch would not hold."""
        if live.key.group_kind == SECRET:
            held = self._view.live(live.key)
            if held is None or held.partial:
                live = without_values(live)
        self._view.remember(live)

    async def run(self) -> None:
        """Run the watches until cancelled; after a failure it may be run again."""
        # Watches of a run that failed are dead: what they had seen is out of step.
        self._watches.clear()
        self._tasks.clear()
        self._undecided.update(self._wanted)
        self._poke.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_discovery())
            feed: list[asyncio.Task[None]] = []
            while True:
                await self._poke.wait()
                self._poke.clear()
                if not self._discovery.was_read:
                    continue
                if not feed:
                    feed = [tasks.create_task(watch.run()) for watch in self._feed()]
                for kind in tuple(self._wanted):
                    self._settle(kind, tasks)
                self._wake()

    def _settle(self, kind: GroupKind, tasks: asyncio.TaskGroup) -> None:
        resource = self._discovery.known(kind)
        shares = self._shares(resource) if resource is not None else []
        running = self._watches.get(kind, [])
        if not shares and not running and kind in self._undecided:
            if self._discovery.is_fresh:
                self._undecided.discard(kind)
            else:
                self._must_reread.set()
            return
        self._undecided.discard(kind)
        if [watch.share for watch in running] == shares:
            return
        for task in self._tasks.pop(kind, []):
            task.cancel()
        self._watches.pop(kind, None)
        if not shares:
            self._view.close(kind)
            return
        watches = [Watch(self._client, share, self._view, self._turned) for share in shares]
        self._watches[kind] = watches
        self._tasks[kind] = [tasks.create_task(watch.run()) for watch in watches]

    def _shares(self, resource: ResourceType) -> list[Share]:
        if not {"list", "watch"} <= resource.verbs:
            return []
        if not resource.namespaced and not self._cluster_resources:
            return []
        namespaces = self._namespaces if resource.namespaced else ()
        shares: list[Share] = []
        for namespace in namespaces or ("",):
            if resource.group_kind != SECRET:
                shares.append(Share(resource, namespace))
                continue
            split = bool(self._full_secrets)
            others = self._other_secrets
            shares.append(Share(resource, namespace, others, partial=True, is_split=split))
            if split:
                shares.append(Share(resource, namespace, self._full_secrets, is_split=split))
        return shares

    def _feed(self) -> list[Watch]:
        """Metadata-only watches, apart from the view, of what changes the served kinds."""
        if not self._cluster_resources:
            return []
        view = View()
        found = [self._discovery.known(kind) for kind in _DISCOVERY_KINDS]
        shares = [Share(resource, partial=True) for resource in found if resource is not None]
        for share in shares:
            view.open(share.resource.group_kind)
        watches = [Watch(self._client, share, view, lambda _watch: None) for share in shares]

        def reread(_event: WatchEvent) -> None:
            if all(watch.state is not WatchState.LISTING for watch in watches):
                self._must_reread.set()

        view.subscribe(reread)
        return watches

    async def _keep_discovery(self) -> None:
        """Read discovery at the start, when told that it changed, and now and then."""
        while True:
            await self._reread()
            try:
                async with asyncio.timeout(_REREAD_ANYWAY):
                    await self._must_reread.wait()
            except TimeoutError:
                continue
            for pause in _REREADS:
                self._must_reread.clear()
                await asyncio.sleep(pause)
                await self._reread()
                if all(self._discovery.known(kind) for kind in self._wanted):
                    break

    async def _reread(self) -> None:
        pause = 0.2
        while True:
            try:
                await self._discovery.refresh()
            except ClusterUnreachable:
                await self._client.circuit.wait_closed()
            except (ApiError, CredentialsRefused):
                pass
            else:
                self._poke.set()
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)

    def _turned(self, watch: Watch) -> None:
        if watch.state is WatchState.GONE:
            self._must_reread.set()
        self._wake()

    async def _changed(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _explain(self, kinds: Sequence[GroupKind]) -> str:
        errors = [watch.error for kind in kinds for watch in self._watches.get(kind, [])]
        why = next((error for error in errors if error), "no answer yet")
        names = ", ".join(sorted(str(kind) for kind in kinds))
        return f"cluster {self._client.connection.name}: not synced in time: {names}: {why}"


def complement(selector: str) -> str:
    """Return a label selector for everything that ``selector`` leaves out.

    Raises:
        ValueError: More than one requirement: their complement is no label selector.
    """
    if not selector:
        return ""
    if "," in re.sub(r"\(.*?\)", "", selector):
        raise ValueError(f"label selector {selector!r}: only one requirement can be split off")
    for operator, opposite in ((" notin ", " in "), (" in ", " notin ")):
        if operator in selector:
            return selector.replace(operator, opposite, 1)
    for operator, opposite in (("!=", "="), ("==", "!="), ("=", "!=")):
        if operator in selector:
            return selector.replace(operator, opposite, 1)
    return selector[1:] if selector.startswith("!") else f"!{selector}"
