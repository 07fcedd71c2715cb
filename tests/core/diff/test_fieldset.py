"""Sets of owned fields."""

from hypothesis import given
from hypothesis import strategies as st

from core.diff.simulation import deployment, entry, live_of
from trimtab.core.diff import display_path, managers_of_path, owned_by, parse_fields
from trimtab.core.diff.fieldset import FieldSet, Segments, set_of

_SEGMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1"])
_PATHS = st.lists(st.lists(_SEGMENTS, min_size=1, max_size=3).map(tuple), max_size=6)
_SETS = _PATHS.map(set_of)


@given(_PATHS)
def test_a_set_has_exactly_its_members(paths: list[Segments]) -> None:
    assert set(set_of(paths)) == set(paths)


@given(_SETS, _SETS)
def test_union_and_difference_are_those_of_sets(a: FieldSet, b: FieldSet) -> None:
    assert set(a | b) == set(a) | set(b)
    assert set(a - b) == set(a) - set(b)
    assert set(a & b) == set(a) & set(b)


@given(_SETS)
def test_every_member_is_contained_and_covered(fields: FieldSet) -> None:
    assert all(path in fields and fields.covers(path) for path in fields)


def test_a_leaf_covers_what_lies_below_it() -> None:
    owned = parse_fields(b'{"f:spec":{"f:selector":{}}}')
    assert owned.covers(("f:spec", "f:selector", "f:app"))
    assert not owned.covers(("f:spec", "f:replicas"))


def test_paths_read_like_a_persons() -> None:
    path = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert display_path(path) == "spec.ports[port=80,protocol=TCP].name"
    labels = ("f:metadata", "f:labels", "f:app.kubernetes.io/name")
    assert display_path(labels) == "metadata.labels[app.kubernetes.io/name]"


def test_owners_are_told_by_operation_and_the_latest_first() -> None:
    fields = {"f:spec": {"f:replicas": {}}}
    live = live_of(
        deployment(),
        entry("a", fields),
        entry("b", fields, operation="Update", time="2026-02-01T00:00:00Z"),
    )
    path = ("f:spec", "f:replicas")
    assert managers_of_path(live, path) == ("b", "a")
    assert path in owned_by(live.meta.managed_fields, "a")
    assert not owned_by(live.meta.managed_fields, "b")
