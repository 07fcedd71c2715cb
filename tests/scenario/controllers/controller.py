"""An Application controller over a fleet in memory, in virtual time: what its tests are told with.

A test is a story: ``@story`` runs it beside a controller that works as it does in ``serve``, by its
own queue and watches. ``passed`` lets virtual time go by, which takes none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from structlog.testing import capture_logs

from scenario.controllers.objects import NAMESPACE, PLACE, app_key, name_of, place_key
from scenario.controllers.process import URL, Process
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject
from trimtab.testing.clock import run_virtual

Story = Callable[["Controller"], Awaitable[None]]


class Controller(Process):
    """What people do to the controller's world, and what they see of it."""

    # What people do.

    def commit(self, *objects: JsonObject, without: Sequence[str] = (), text: str = "") -> str:
        """Push objects to folder ``app``, each in a file of its name; return the commit."""
        files: dict[str, str | None] = {f"app/{name_of(o)}.json": json.dumps(o) for o in objects}
        files |= {f"app/{name}.json": None for name in without}
        if text:
            files["app/broken.json"] = text
        return self.source.commit(URL, files)

    def apply_app(
        self, name: str = "shop", *, finalizers: Sequence[str] = (), **changes: Any
    ) -> None:
        """Create an Application that delivers folder ``app``, pruning and healing by itself."""
        meta: dict[str, Any] = {"name": name, "namespace": NAMESPACE}
        if finalizers:
            meta["finalizers"] = [*finalizers]
        spec: dict[str, Any] = {
            "project": "default",
            "source": {"repoURL": URL, "path": "app", "targetRevision": "main"},
            "destination": {"name": "target", "namespace": PLACE},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            **changes,
        }
        api = "argoproj.io/v1alpha1"
        self.hub.seed({"apiVersion": api, "kind": "Application", "metadata": meta, "spec": spec})

    def change_app(self, name: str = "shop", **changes: Any) -> None:
        """Merge ``metadata``, ``spec``, ``operation`` or ``status`` into an Application."""
        body: dict[str, Any] = {**self.app(name)}
        for part, change in changes.items():
            body[part] = {**body.get(part, {}), **change}
        self.hub.seed(body, manager="person")

    def annotate(self, name: str = "shop", **annotations: str) -> None:
        """Annotate an Application; ``_`` in a name stands for nothing else: pass a mapping."""
        present = self.app(name)["metadata"].get("annotations", {})
        meta = {**self.app(name)["metadata"], "annotations": {**present, **annotations}}
        self.change_app(name, metadata=meta)

    def ask(self, name: str = "shop", **sync: Any) -> None:
        """Ask for a sync as a person does."""
        asked = {"initiatedBy": {"username": "dana"}, "sync": sync}
        self.change_app(name, operation=asked)

    async def delete_app(self, name: str = "shop") -> None:
        """Ask for an Application's deletion."""
        live = self.hub.stored(app_key(name))
        assert live is not None
        await self.hub.delete(live.key, uid=live.meta.uid)

    def edit(self, body: JsonObject, *, manager: str = "kubectl-edit") -> None:
        """Change an object in the target cluster by hand."""
        self.target.seed(body, manager=manager)

    # What they see.

    def app(self, name: str = "shop") -> dict[str, Any]:
        """Return an Application as the hub stores it; empty when it does not exist."""
        live = self.hub.stored(app_key(name))
        return {} if live is None else json.loads(live.raw)

    def status(self, name: str = "shop") -> dict[str, Any]:
        """Return an Application's status."""
        return self.app(name).get("status", {})

    def sync(self, name: str = "shop") -> str:
        """Return ``Synced``, ``OutOfSync`` or ``Unknown``."""
        return self.status(name).get("sync", {}).get("status", "")

    def phase(self, name: str = "shop") -> str:
        """Return the phase of the last operation."""
        return self.operation(name).get("phase", "")

    def operation(self, name: str = "shop") -> dict[str, Any]:
        """Return the last operation."""
        return self.status(name).get("operationState", {})

    def conditions(self, name: str = "shop") -> dict[str, str]:
        """Return messages by type."""
        return {c["type"]: c["message"] for c in self.status(name).get("conditions", [])}

    def live(self, name: str, kind: str = "ConfigMap") -> dict[str, Any] | None:
        """Return an object of the target cluster, or None."""
        found = self.stored(name, kind)
        return None if found is None else json.loads(found.raw)

    def stored(self, name: str, kind: str = "ConfigMap") -> LiveObject | None:
        """Return the same, undecoded."""
        return self.target.stored(place_key(name, kind))

    def names(self, kind: str = "ConfigMap") -> set[str]:
        """Return which objects of a kind there are in namespace ``shop``."""
        wanted = place_key("", kind).group_kind
        return {live.key.name for live in self.target.stored_in(PLACE, wanted)}

    def writes(self) -> list[tuple[str, str]]:
        """Return verb and name of what was written to the target cluster, in order."""
        return [
            (request.verb, request.key.name)
            for request in self.target.requests
            if not request.dry_run and request.verb not in ("get", "list")
        ]

    def outcomes(self) -> list[tuple[str, str]]:
        """Return kind and outcome of the ledger's entries, oldest first."""
        return [(entry.kind, entry.outcome) for entry in self.ledger.entries]


def story(told: Story) -> Callable[[], None]:
    """Make a test of a story: it runs beside a controller, in virtual time."""

    def test() -> None:
        one = Controller()

        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                one.begin(tasks)
                try:
                    await told(one)
                finally:
                    one.end()

        with capture_logs():
            try:
                run_virtual(main(), one.clock)
            except ExceptionGroup as group:
                # The story is the only task that may fail.
                raise group.exceptions[0] from None

    test.__name__, test.__doc__, test.__module__ = told.__name__, told.__doc__, told.__module__
    return test
