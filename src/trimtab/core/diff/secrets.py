"""Secrets in diffs: one form for comparing, and masks that show a change but no value."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import annotations_of, as_object, with_map_entries

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SHORTEST_MASK = 8
_MASK_STEP = 4


def normalise_secret(body: JsonObject) -> JsonObject:
    """Return a Secret with ``stringData`` folded into ``data``, and null values empty.

    Values that are no strings stay in ``data`` as they are: the API server refuses them.
    """
    if "stringData" not in body and not isinstance(body.get("data"), Mapping):
        return {name: value for name, value in body.items() if name != "data" or value is not None}
    data = {name: "" if v is None else v for name, v in as_object(body.get("data")).items()}
    for name, value in as_object(body.get("stringData")).items():
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        data[name] = base64.b64encode(text.encode()).decode()
    rest = {name: value for name, value in body.items() if name not in ("data", "stringData")}
    return {**rest, "data": data}


@dataclass(slots=True)
class _Masks:
    """Hands out a longer mask for each further distinct value of one key."""

    given: dict[str, dict[bytes, str]] = field(default_factory=dict[str, dict[bytes, str]])

    def mask(self, key: str, value: JsonValue) -> str:
        known = self.given.setdefault(key, {})
        length = _SHORTEST_MASK + _MASK_STEP * len(known)
        return known.setdefault(msgspec.json.encode(value), "+" * length)


def hide_secret_data(
    target: JsonObject | None, live: JsonObject | None, *, hidden_annotations: Iterable[str] = ()
) -> tuple[JsonObject | None, JsonObject | None]:
    """Return two versions of a Secret with every value replaced by a mask.

    Equal values of one key get equal masks, so that a change is visible and no value is. The
    last-applied annotation is masked inside; one that cannot be read is replaced as a whole.

    Args:
        target: Desired, or None.
        live: The object in the cluster, or None.
        hidden_annotations: Keys of annotations whose values are masked too.

    Source:
        Argo CD, diff.HideSecretData.
    """
    masks, hidden = _Masks(), frozenset(hidden_annotations)
    sides = [None if side is None else normalise_secret(side) for side in (target, live)]
    masked = [None if side is None else _masked(side, masks, hidden) for side in sides]
    done = [None if side is None else _masked_last_applied(side, masks, hidden) for side in masked]
    return done[0], done[1]


def _masked(body: JsonObject, masks: _Masks, hidden: frozenset[str]) -> JsonObject:
    if isinstance(body.get("data"), Mapping):
        data = as_object(body["data"])
        body = {**body, "data": {name: masks.mask(name, value) for name, value in data.items()}}
    found = {
        name: masks.mask(f"annotation {name}", value)
        for name, value in annotations_of(body).items()
        if name in hidden and name != LAST_APPLIED
    }
    return with_map_entries(body, "annotations", found) if found else body


def _masked_last_applied(body: JsonObject, masks: _Masks, hidden: frozenset[str]) -> JsonObject:
    text = annotations_of(body).get(LAST_APPLIED)
    if text is None:
        return body
    applied = None if LAST_APPLIED in hidden else parse_last_applied(text)
    if applied is None:
        shown = "+" * _SHORTEST_MASK
    else:
        masked = _masked(normalise_secret(applied), masks, hidden)
        shown = msgspec.json.encode(masked).decode()
    return with_map_entries(body, "annotations", {LAST_APPLIED: shown})


def parse_last_applied(text: str) -> JsonObject | None:
    """Return what a last-applied annotation holds, or None where it is no JSON object."""
    try:
        applied: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return cast("JsonObject", applied) if isinstance(applied, dict) else None
