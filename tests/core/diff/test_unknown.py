"""What an API server does not know, learned from its answer."""

from typing import Any

import pytest

from trimtab.core.diff import leave_out_unknown


@pytest.mark.parametrize(
    ("ours", "theirs", "kept", "dropped"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 1}, ()),
        ({"a": 1, "x": 2}, {"a": 1}, {"a": 1}, (".x",)),
        ({"s": {"x": 1, "b": 2}}, {"s": {"b": 2}}, {"s": {"b": 2}}, (".s.x",)),
        ({"s": {"x": 1}}, {"s": {}}, {"s": {}}, (".s.x",)),
        ({"l": [{"x": 1, "b": 2}]}, {"l": [{"b": 2}]}, {"l": [{"b": 2}]}, (".l[0].x",)),
        ({"l": [1, 2]}, {"l": [2, 3]}, {"l": [1, 2]}, ()),
        (
            {"l": [{"name": "main", "x": 1}]},
            {"l": [{"name": "sidecar"}, {"name": "main"}]},
            {"l": [{"name": "main"}]},
            (".l[0].x",),
        ),
        ({"l": [{"x": 1}]}, {"l": []}, {"l": [{"x": 1}]}, ()),
        ({"a": "10m"}, {"a": {"b": 1}}, {"a": "10m"}, ()),
        ({"x": False, "y": {}}, {}, {"x": False, "y": {}}, ()),
    ],
    ids=[
        "values are not compared, and defaults are not taken over",
        "an unknown field goes",
        "at any depth",
        "what is empty then stays",
        "items of a list are told by their place",
        "items without fields stay as they are",
        "among added items by their name",
        "an item without a counterpart stays",
        "another type stays",
        "a zero value may be known",
    ],
)
def test_what_is_left_of_a_body(
    ours: dict[str, Any], theirs: dict[str, Any], kept: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert leave_out_unknown(ours, theirs, keep_zeros=True) == (kept, dropped)


def test_zero_values_go_where_nothing_else_helps() -> None:
    ours: dict[str, Any] = {"a": 0, "x": False, "y": ""}
    assert leave_out_unknown(ours, {"a": 0}, keep_zeros=False) == ({"a": 0}, (".x", ".y"))
