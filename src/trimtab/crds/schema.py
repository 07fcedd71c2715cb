"""CustomResourceDefinitions from wire models: the msgspec structs are the only description.

The models read leniently, so a field without a default says nothing about the API: required fields
are named beside the definition. Where unknown fields must survive, ``preserve`` says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import inspect

from trimtab.core import JsonObject, JsonValue

Required = Mapping[type, Sequence[str]]
"""Required fields, in wire names, by struct."""

_TIME_SUFFIXES = ("At", "TransitionTime")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a CustomResourceDefinition says beside its schema.

    Args:
        group: API group.
        version: The only version, served and stored.
        kind: CamelCase kind.
        plural: Name in URLs.
        short_names: For kubectl.
        columns: Printer columns: name, JSONPath, priority.
        subresources: None leaves the field out; an empty object means none.
    """

    group: str
    version: str
    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    columns: tuple[tuple[str, str, int], ...] = ()
    subresources: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The schema of a resource.

    Args:
        model: Struct of the whole object; its ``metadata`` is the API server's business.
        required: Required fields by struct.
        preserve: Top-level fields in which unknown fields survive.
        also: Schemas of fields that no model reads, by dotted path of the parent object.
        opaque: Dotted paths of objects, or of arrays of them, whose fields are left without types.
        atomic: Top-level fields that one manager owns as a whole.
    """

    model: type[msgspec.Struct]
    required: Required = field(default_factory=dict[type, Sequence[str]])
    preserve: tuple[str, ...] = ()
    also: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    opaque: tuple[str, ...] = ()
    atomic: tuple[str, ...] = ()


def custom_resource_definition(resource: Resource, fields: Fields) -> JsonObject:
    """Return the manifest of a namespaced CustomResourceDefinition."""
    version: dict[str, JsonValue] = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root_schema(fields)},
    }
    if resource.columns:
        version["additionalPrinterColumns"] = [
            {"name": name, "type": "string", "jsonPath": path}
            | ({"priority": priority} if priority else {})
            for name, path, priority in resource.columns
        ]
    if resource.subresources is not None:
        version["subresources"] = resource.subresources
    name = f"{resource.plural}.{resource.group}"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {
            "group": resource.group,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "shortNames": list(resource.short_names),
                "singular": resource.kind.lower(),
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def struct_schema(model: type[msgspec.Struct], required: Required | None = None) -> JsonObject:
    """Return the structural schema of a struct.

    Raises:
        TypeError: A field has a type that no schema can say.
    """
    return _type_schema(inspect.type_info(model), "", required or {})


def _root_schema(fields: Fields) -> JsonObject:
    schema = dict(struct_schema(fields.model, fields.required))
    inner = schema["properties"]
    assert isinstance(inner, dict)
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **inner,
        "metadata": {"type": "object"},
    }
    for parent, added in fields.also.items():
        _properties_at(properties, parent).update(added)
    for path in fields.opaque:
        _leave_open(properties, path)
    for name in fields.preserve:
        properties[name][_PRESERVE] = True
    for name in fields.atomic:
        properties[name]["x-kubernetes-map-type"] = "atomic"
    return schema | {"properties": properties, "required": ["metadata", "spec"]}


def _properties_at(properties: dict[str, Any], path: str) -> dict[str, Any]:
    for name in filter(None, path.split(".")):
        properties = properties.setdefault(name, {"type": "object"}).setdefault("properties", {})
    return properties


def _leave_open(properties: dict[str, Any], path: str) -> None:
    parent, _, name = path.rpartition(".")
    schema = _properties_at(properties, parent)[name]
    opened = schema["items"] if schema["type"] == "array" else schema
    for key in ("properties", "required"):
        opened.pop(key, None)
    opened[_PRESERVE] = True


def _type_schema(kind: inspect.Type, name: str, required: Required) -> JsonObject:
    match kind:
        case inspect.StructType():
            return _object_schema(kind, required)
        case inspect.StrType():
            return _string_schema(name)
        case inspect.LiteralType():
            return {"type": "string"}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType():
            return {"type": "integer", "format": "int64"}
        case inspect.VarTupleType() | inspect.ListType():
            return {"type": "array", "items": _type_schema(kind.item_type, "", required)}
        case inspect.DictType():
            return _map_schema(kind, required)
        case inspect.RawType() | inspect.AnyType():
            return {_PRESERVE: True}
        case inspect.UnionType():
            return _union_schema(kind, name, required)
        case _:
            raise TypeError(f"field {name}: no schema for {type(kind).__name__}")


def _object_schema(kind: inspect.StructType, required: Required) -> JsonObject:
    schema: dict[str, JsonValue] = {"type": "object"}
    description = (kind.cls.__doc__ or "").strip().partition("\n")[0]
    if description:
        schema["description"] = description
    schema["properties"] = {
        item.encode_name: _type_schema(item.type, item.encode_name, required)
        for item in kind.fields
    }
    if names := required.get(kind.cls):
        schema["required"] = sorted(names)
    return schema


def _string_schema(name: str) -> JsonObject:
    is_time = name.endswith(_TIME_SUFFIXES)
    return {"type": "string", "format": "date-time"} if is_time else {"type": "string"}


def _map_schema(kind: inspect.DictType, required: Required) -> JsonObject:
    if isinstance(kind.value_type, inspect.AnyType | inspect.CustomType):
        return {"type": "object", _PRESERVE: True}
    return {
        "type": "object",
        "additionalProperties": _type_schema(kind.value_type, "", required),
    }


def _union_schema(kind: inspect.UnionType, name: str, required: Required) -> JsonObject:
    some = [item for item in kind.types if not isinstance(item, inspect.NoneType)]
    if {type(item) for item in some} == {inspect.IntType, inspect.StrType}:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
        }
    if len(some) != 1:
        raise TypeError(f"field {name}: no structural schema for a union")
    return _type_schema(some[0], name, required)
