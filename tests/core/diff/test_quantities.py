"""Spellings of one value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.diff.quantities import (
    canonical_duration,
    canonical_quantity,
    may_be_same,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("given_value", "canonical"),
    [
        ("3000m", "3"), ("0.5", "500m"), (0.25, "250m"), ("1.5Gi", "1536Mi"), ("2048Ki", "2Mi"),
        ("2.5G", "2500M"), ("1000k", "1M"), ("0", "0"), ("words", "words"), (4, "4"),
    ],
)  # fmt: skip
def test_quantities_print_as_the_api_server_prints_them(
    given_value: str | float, canonical: str
) -> None:
    assert canonical_quantity(given_value) == canonical


@given(st.integers(1, 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]))
def test_a_canonical_quantity_keeps_its_value_and_its_form(number: int, suffix: str) -> None:
    text = canonical_quantity(f"{number}{suffix}")
    assert isinstance(text, str)
    assert parse_quantity(text) == parse_quantity(f"{number}{suffix}")
    assert canonical_quantity(text) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("90m", "1h30m0s"), ("36h", "36h0m0s"), ("1500ms", "1.5s"), ("0", "0s"), ("x", "x")],
)
def test_durations_print_as_go_prints_them(text: str, canonical: str) -> None:
    assert canonical_duration(text) == canonical


@pytest.mark.parametrize(
    ("want", "have", "same"),
    [
        ("1", "1000m", True), ("60s", "1m", True), (80, "80", True), ({"a": []}, {}, True),
        ({"a": 1}, {"a": 1, "b": 2}, True), ("1", "2", False), ([1], [1, 2], False),
        ("nginx", "apache", False), ({"a": 1}, {}, False),
    ],
)  # fmt: skip
def test_only_other_spellings_may_be_the_same(want: object, have: object, same: bool) -> None:
    assert may_be_same(want, have) is same  # type: ignore[arg-type]
