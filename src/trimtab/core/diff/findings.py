"""What a comparison came across, and which of it counts once ignore rules are asked."""

from collections.abc import Callable, Iterable

from trimtab.core import JsonObject
from trimtab.core.diff.changes import ABSENT, FieldChange, MaybeJson
from trimtab.core.diff.fieldset import FieldSet, Segments, managers_of_path, parse_fields
from trimtab.core.diff.ignore import IgnoreSettings
from trimtab.core.diff.paths import display_path, tokens_in
from trimtab.core.diff.removal import pointer_tokens, trusted_fields
from trimtab.core.manifest import LiveObject


class Findings:
    """Differences in the order in which they were found.

    Args:
        live: The object compared.
        body: Its decoded body.
        desired: What it was compared with.
        manager: Our field manager.
    """

    __slots__ = ("_body", "_certain", "_desired", "_foreign", "_live", "_manager", "_possible")

    def __init__(
        self, live: LiveObject, body: JsonObject, desired: JsonObject, manager: str
    ) -> None:
        self._live = live
        self._body = body
        self._desired = desired
        self._manager = manager
        self._certain: list[tuple[Segments, MaybeJson, MaybeJson]] = []
        self._possible: list[tuple[Segments, MaybeJson, MaybeJson]] = []
        self._foreign: FieldSet | None = None

    def __bool__(self) -> bool:
        return bool(self._certain or self._possible)

    def certain(self, path: Segments, before: MaybeJson, after: MaybeJson) -> None:
        """Record a difference, unless an admission webhook may have made it in our own name."""
        if before is not ABSENT and self._is_ours_by_update(path):
            self._possible.append((path, before, after))
        else:
            self._certain.append((path, before, after))

    def possible(self, path: Segments, before: MaybeJson, after: MaybeJson) -> None:
        """Record what only a dry run can decide; equal sides mean that only ownership differs."""
        self._possible.append((path, before, after))

    def is_foreign(self, path: Segments) -> bool:
        """Return whether anybody but our Apply entry owns a path, so that it outlives our claim."""
        if self._foreign is None:
            self._foreign = FieldSet({})
            for entry in self._live.meta.managed_fields or ():
                if entry.manager != self._manager or entry.operation != "Apply":
                    self._foreign |= parse_fields(entry.fields_v1)
        return self._foreign.covers(path)

    def judged(
        self, settings: IgnoreSettings | None
    ) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...] | None]:
        """Return the certain changes, and the possible ones or None when nothing is left open."""
        is_ignored = _ignored(settings, self._live, (self._body, self._desired))
        certain = [found for found in self._certain if not is_ignored(found[0])]
        possible = [found for found in self._possible if not is_ignored(found[0])]
        changes = tuple(self._change(*found) for found in possible if found[1] != found[2])
        return (
            _sorted(self._change(*found) for found in certain),
            _sorted(changes) if possible else None,
        )

    def _change(self, path: Segments, before: MaybeJson, after: MaybeJson) -> FieldChange:
        managers = managers_of_path(self._live, path)
        return FieldChange(display_path(path), before, after, managers[0] if managers else "")

    def _is_ours_by_update(self, path: Segments) -> bool:
        """Fields that a webhook changes in an apply are owned by the applier as an Update."""
        return any(
            entry.manager == self._manager
            and entry.operation == "Update"
            and parse_fields(entry.fields_v1).covers(path)
            for entry in self._live.meta.managed_fields or ()
        )


def _sorted(changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    return tuple(sorted(changes, key=lambda change: change.path))


def _ignored(
    settings: IgnoreSettings | None, live: LiveObject, bodies: tuple[JsonObject, ...]
) -> Callable[[Segments], bool]:
    if not settings:
        return lambda _: False
    pointers = [pointer_tokens(pointer) for pointer in settings.json_pointers]
    trusted = trusted_fields(live.meta.managed_fields, settings.managed_fields_managers)

    def is_ignored(path: Segments) -> bool:
        if trusted and trusted.covers(path):
            return True
        places = [tokens for body in bodies if (tokens := tokens_in(body, path)) is not None]
        return any(
            pointer == tokens[: len(pointer)]
            for pointer in pointers
            if pointer
            for tokens in places
        )

    return is_ignored
