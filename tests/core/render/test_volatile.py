"""Renders that differ: what of them is kept, and where it is put back."""

from __future__ import annotations

import pytest

from trimtab.core import JsonObject
from trimtab.core.render import Kept, differing_objects, names_of, with_kept


def config(name: str, value: str = "") -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "dock"},
        "data": {"value": value},
    }


A, B = config("a"), config("b")


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        pytest.param((A, B), (A, B), (None, None), id="equal renders keep nothing"),
        pytest.param((A, B), (A, config("b", "2")), (None, B), id="what differs is kept"),
        pytest.param((A, B), (A,), (A, B), id="another number of objects keeps all"),
        pytest.param((A,), (B,), (A,), id="a random name is a difference"),
    ],
)
def test_what_differs_between_two_renders(
    first: tuple[JsonObject, ...], second: tuple[JsonObject, ...], kept: Kept
) -> None:
    assert differing_objects(first, second) == kept


@pytest.mark.parametrize(
    ("kept", "result"),
    [
        pytest.param((None, config("b", "old")), (A, config("b", "old")), id="in its place"),
        pytest.param((config("x"),), (config("x"),), id="the whole of an earlier render"),
        pytest.param((None, None, B), None, id="of a render of another shape"),
        pytest.param((None, {**B, "kind": "Secret"}), None, id="of another kind in its place"),
        pytest.param((None, config("r4nd")), (A, config("r4nd")), id="with a random name"),
    ],
)
def test_kept_objects_are_put_back(kept: Kept, result: tuple[JsonObject, ...] | None) -> None:
    assert with_kept((A, B), kept) == result


def test_the_names_of_what_is_kept_are_sorted() -> None:
    names = names_of((config("z"), None, A))
    assert [name.rpartition("/")[2] for name in names] == ["a", "z"]
