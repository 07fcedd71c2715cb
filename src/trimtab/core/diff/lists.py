"""How the items of two lists are paired: by key fields, as a set, or only as a whole.

What an object's own managedFields reveal is right for every kind. Where they say nothing, the
table of the built-in kinds' merge keys does; any other list is a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from trimtab.core import JsonValue
from trimtab.core.diff.fieldset import Node, key_fields
from trimtab.core.manifest import as_object, canonical_json

KeyNames: TypeAlias = tuple[str, ...]
KeyValues: TypeAlias = tuple[JsonValue, ...]

KEY_DEFAULTS: Mapping[str, JsonValue] = {"protocol": "TCP"}
"""What the API server fills in where a key field is left out."""

_KNOWN_KEYS: Mapping[str, tuple[KeyNames, ...]] = {
    "conditions": (("type",),),
    "containers": (("name",),),
    "env": (("name",),),
    "ephemeralContainers": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "resourceClaims": (("name",),),
    "secrets": (("name",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeDevices": (("devicePath",),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
    "webhooks": (("name",),),
}
_KNOWN_SETS = frozenset({"finalizers"})


def keys_revealed(node: "Node | None") -> KeyNames:
    """Return the key fields that an owned list's segments show; empty when they show none."""
    for segment in node or ():
        if segment[0] == "k":
            return tuple(name for name, _ in key_fields(segment))
    return ()


def is_revealed_set(node: "Node | None") -> bool:
    """Return whether an owned list's segments show a set."""
    return any(segment[0] == "v" for segment in node or ())


def known_keys(field: str, *lists: Iterable[JsonValue]) -> KeyNames:
    """Return the merge key of a built-in list by its field's name, if every item has it."""
    for names in _KNOWN_KEYS.get(field, ()):
        if all(key_of_item(item, names) is not None for items in lists for item in items):
            return names
    return ()


def is_known_set(field: str) -> bool:
    """Return whether a field's list is a set in every built-in kind."""
    return field in _KNOWN_SETS


def key_of_item(item: JsonValue, names: KeyNames) -> KeyValues | None:
    """Return an item's key with defaults filled in, or None where the item has no such key."""
    fields = as_object(item)
    values = tuple(fields.get(name, KEY_DEFAULTS.get(name)) for name in names)
    return None if None in values else values


def index_items(items: Sequence[JsonValue], names: KeyNames) -> dict[KeyValues, int] | None:
    """Return the position of each key, or None where an item has none or one repeats."""
    found: dict[KeyValues, int] = {}
    for position, item in enumerate(items):
        key = key_of_item(item, names)
        if key is None or key in found:
            return None
        found[key] = position
    return found


def key_segment(names: KeyNames, values: KeyValues) -> str:
    """Return the wire's segment of a list item."""
    return "k:" + canonical_json(dict(zip(names, values, strict=True))).decode()


def value_segment(value: JsonValue) -> str:
    """Return the wire's segment of a set's item."""
    return "v:" + canonical_json(value).decode()
