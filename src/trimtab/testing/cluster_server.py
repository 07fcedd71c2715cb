"""What an API server makes of a write: the next object and its managedFields. No storage, no I/O.

The rules are those that people rely on: an apply takes, shares and gives up fields; an update takes
what it changes; status and the rest are written by different requests where a kind says so.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import GroupKind, LiveObject, join_api_version
from trimtab.ports.cluster import Conflict, Invalid, ResourceType, StatusCause
from trimtab.testing.cluster_fields import (
    Path,
    Tree,
    fields_of,
    leaves,
    merge,
    paths_of,
    without,
)

_SERVER_SET = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)
_NOTHING: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Owner:
    """One manager's fields.

    Args:
        manager: Its name.
        operation: ``Apply`` or ``Update``.
        subresource: ``status`` or empty.
        time: When the set changed last.
        paths: The fields.
    """

    manager: str
    operation: str
    subresource: str
    time: str
    paths: frozenset[Path]

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells entries apart."""
        return (self.manager, self.operation, self.subresource)


def owners_of(live: LiveObject | None) -> list[Owner]:
    """Return the managedFields of an object."""
    entries = (live.meta.managed_fields or ()) if live is not None else ()
    return [
        Owner(e.manager, e.operation, e.subresource, e.time, paths_of(_decode(bytes(e.fields_v1))))
        for e in entries
    ]


def owners_in(body: JsonObject) -> list[Owner]:
    """Return the managedFields that a body states."""
    entries = cast("list[JsonObject]", _metadata(body).get("managedFields") or [])
    return [
        Owner(
            str(e.get("manager", "")),
            str(e.get("operation", "")),
            str(e.get("subresource", "")),
            str(e.get("time", "")),
            paths_of(cast("JsonObject", e.get("fieldsV1") or {})),
        )
        for e in entries
        if e.get("manager")
    ]


@dataclass(frozen=True, slots=True)
class Server:
    """The rules for one kind at one moment.

    Args:
        resource: The kind.
        now: The time, RFC 3339.
    """

    resource: ResourceType
    now: str

    @property
    def kind(self) -> GroupKind:
        """Group and kind."""
        return self.resource.group_kind

    @property
    def has_status(self) -> bool:
        """Whether status is written by its own requests."""
        return "status" in self.resource.subresources

    def apply(
        self, live: LiveObject | None, applied: JsonObject, manager: str, *, force: bool
    ) -> tuple[Tree, list[Owner]]:
        """Return the object and its owners after a server-side apply.

        Raises:
            Conflict: Another manager owns a field with another value, and ``force`` is not set.
            Invalid: A list has two items with one key.
        """
        applied = {name: value for name, value in applied.items() if not self._is_foreign(name)}
        try:
            wanted = leaves(self.kind, applied)
        except ValueError as error:
            raise Invalid(422, "Invalid", str(error)) from error
        body = cast("Tree", live.body()) if live is not None else {}
        held = leaves(self.kind, body)
        owners = owners_of(live)
        identity = (manager, "Apply", "")
        mine = next((o for o in owners if o.identity == identity), None)
        others = [o for o in owners if o.identity != identity]
        taken = {path for path, value in wanted.items() if path in held and held[path] != value}
        if not force:
            self._refuse_conflicts(others, taken)
        others = [replace(o, paths=o.paths - taken, time=o.time) for o in others]
        owned_by_others = frozenset[Path]().union(*(o.paths for o in others))
        given_up = (mine.paths if mine else _NOTHING) - wanted.keys() - owned_by_others
        result = cast("Tree", without(self.kind, body, given_up))
        merged = cast("Tree", merge(self.kind, result, applied))
        paths = frozenset(wanted)
        stays = mine is not None and mine.paths == paths
        entry = mine if stays and mine else Owner(manager, "Apply", "", self.now, paths)
        return merged, [o for o in (entry, *others) if o.paths]

    def update(
        self, live: LiveObject | None, body: JsonObject, manager: str, *, subresource: str = ""
    ) -> tuple[Tree, list[Owner]]:
        """Return the object and its owners after a create, replace or patch.

        Args:
            live: The object before, or None when it is created.
            body: The whole object as the writer wants it.
            manager: Field manager.
            subresource: ``status``, or empty: the other part keeps its live value.
        """
        before: JsonObject = live.body() if live is not None else {}
        wanted = dict(body)
        if subresource == "status":
            wanted = {**before, "status": body.get("status")}
            if wanted["status"] is None:
                del wanted["status"]
        elif self.has_status:
            wanted.pop("status", None)
            if "status" in before:
                wanted["status"] = before["status"]
        had, has = self._leaves(before), self._leaves(wanted)
        changed = frozenset(p for p, value in has.items() if p not in had or had[p] != value)
        lost = changed | (had.keys() - has.keys())
        identity = (manager, "Update", subresource)
        base = owners_of(live)
        if live is not None and "managedFields" in _metadata(body):
            stated = owners_in(body)
            base = stated if [o.paths for o in stated] != [o.paths for o in base] else base
        mine = next((o for o in base if o.identity == identity), None)
        owners = [replace(o, paths=o.paths - lost) for o in base if o is not mine]
        own = ((mine.paths if mine else _NOTHING) - lost) | changed
        time = self.now if mine is None or own != mine.paths else mine.time
        owners.append(Owner(*identity, time, own))
        return wanted, [o for o in owners if o.paths]

    def seal(
        self, live: LiveObject | None, body: JsonObject, owners: list[Owner], *, uid: str
    ) -> Tree:
        """Return the object with what only the server sets, except resourceVersion."""
        before: JsonObject = live.body() if live is not None else {}
        result = copy.deepcopy(dict(body))
        metadata = dict(_metadata(result))
        for name in _SERVER_SET:
            metadata.pop(name, None)
            if name in _metadata(before):
                metadata[name] = _metadata(before)[name]
        if live is None:
            metadata |= {"uid": uid, "creationTimestamp": self.now}
        generation = cast("int", metadata.get("generation", 0))
        if self._counts_generations(result) and self._spec(before) != self._spec(result):
            metadata["generation"] = generation + 1
        metadata["managedFields"] = [self._entry(owner) for owner in owners]
        result["metadata"] = metadata
        result["apiVersion"] = join_api_version(self.resource.group, self.resource.version)
        result["kind"] = self.resource.kind
        return result

    def _is_foreign(self, field: str) -> bool:
        return field == "status" and self.has_status

    def _leaves(self, body: JsonObject) -> dict[Path, JsonValue]:
        try:
            return leaves(self.kind, body)
        except ValueError as error:
            raise Invalid(422, "Invalid", str(error)) from error

    def _refuse_conflicts(self, others: list[Owner], taken: set[Path]) -> None:
        causes = [
            StatusCause(_dotted(path), f'conflict with "{owner.manager}"', "FieldManagerConflict")
            for owner in others
            for path in sorted(owner.paths & taken)
        ]
        if causes:
            said = "; ".join(f"{cause.message}: {cause.field}" for cause in causes)
            raise Conflict(409, "Conflict", f"Apply failed with conflicts: {said}", causes=causes)

    def _counts_generations(self, body: JsonObject) -> bool:
        return "spec" in body or "." in self.resource.group

    def _spec(self, body: JsonObject) -> JsonObject:
        hidden = {"metadata", "apiVersion", "kind", *(("status",) if self.has_status else ())}
        return {name: value for name, value in body.items() if name not in hidden}

    def _entry(self, owner: Owner) -> Tree:
        entry: Tree = {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": join_api_version(self.resource.group, self.resource.version),
            "time": owner.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields_of(owner.paths),
        }
        return entry | {"subresource": owner.subresource} if owner.subresource else entry


def _metadata(body: JsonObject) -> JsonObject:
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _decode(raw: bytes) -> JsonObject:
    return cast("JsonObject", msgspec.json.decode(raw))


def _dotted(path: Path) -> str:
    return "".join(f".{part[2:]}" if part.startswith("f:") else f"[{part[2:]}]" for part in path)
