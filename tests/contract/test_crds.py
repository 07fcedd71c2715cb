"""The CustomResourceDefinitions: what the schema says, and goldens of the whole text."""

import os
from pathlib import Path

import msgspec
import pytest

from trimtab.cli.output import to_yaml
from trimtab.core import JsonObject
from trimtab.crds.argoproj_v1alpha1.crd import application_crd, definitions, project_crd
from trimtab.crds.schema import struct_schema

GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize(
    "definition", definitions(), ids=lambda body: body["spec"]["names"]["kind"]
)
def test_the_text_is_the_golden_one(definition: JsonObject) -> None:
    text = to_yaml(definition)
    golden = GOLDEN / f"{definition['metadata']['name']}.yaml"  # type: ignore[index,call-overload]
    if os.environ.get("TRIMTAB_UPDATE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


def schema_of(definition: JsonObject) -> dict[str, dict[str, object]]:
    version = definition["spec"]["versions"][0]  # type: ignore[index,call-overload]
    return version["schema"]["openAPIV3Schema"]["properties"]


@pytest.mark.parametrize("name", ["spec", "operation", "status"])
def test_fields_we_do_not_know_survive(name: str) -> None:
    assert schema_of(application_crd())[name]["x-kubernetes-preserve-unknown-fields"] is True


def test_neither_resource_has_a_status_subresource() -> None:
    subresources = [
        body["spec"]["versions"][0].get("subresources", {})  # type: ignore[index,call-overload]
        for body in (application_crd(), project_crd())
    ]
    assert subresources == [{}, {}]


class Inner(msgspec.Struct, frozen=True, rename="camel"):
    """An inner one."""

    some_name: str = ""


class Outer(msgspec.Struct, frozen=True, rename="camel"):
    """An outer one.

    More of it.
    """

    finished_at: str = ""
    count: int | None = None
    either: int | str = 0
    items: tuple[Inner, ...] = ()
    labels: dict[str, str] | None = None
    anything: msgspec.Raw = msgspec.Raw(b"null")


def test_a_struct_becomes_a_structural_schema() -> None:
    assert struct_schema(Outer, {Inner: ("someName",)}) == {
        "type": "object",
        "description": "An outer one.",
        "properties": {
            "finishedAt": {"type": "string", "format": "date-time"},
            "count": {"type": "integer", "format": "int64"},
            "either": {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": True,
            },
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "An inner one.",
                    "properties": {"someName": {"type": "string"}},
                    "required": ["someName"],
                },
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "anything": {"x-kubernetes-preserve-unknown-fields": True},
        },
    }


def test_a_union_that_no_schema_can_say_is_refused() -> None:
    class Odd(msgspec.Struct):
        value: bool | str

    with pytest.raises(TypeError, match="field value: no structural schema"):
        struct_schema(Odd)
