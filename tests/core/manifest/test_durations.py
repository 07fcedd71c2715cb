"""Durations as Go writes them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.manifest.durations import NANOSECONDS, parse_duration, parse_nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1h30m", "5400e9"), ("2.5s", "2.5e9"), ("300ms", "300e6"), (".5us", "500"), ("1.s", "1e9"),
        ("7µs", "7000"), ("7μs", "7000"), ("0", "0"), ("-0", "0"), ("+1m", "60e9"),
        ("-1m", "-60e9"), ("1s1s", "2e9"), ("0.1ns", "0.1"),
    ],
)  # fmt: skip
def test_durations_are_read_exactly(text: str, nanoseconds: str) -> None:
    assert parse_nanoseconds(text) == Decimal(nanoseconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5x", "s", "1m 2s", " 1s", "1,5s", "-", "+", "5s!", "--5s", "1e3s", "٣s"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_nanoseconds(text) is None
    assert parse_duration(text) is None


def test_a_duration_too_long_to_count_is_none() -> None:
    assert parse_duration("9" * 30 + "h") is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(sorted(NANOSECONDS))), min_size=1))
def test_the_parts_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)
    total = sum((number * NANOSECONDS[unit] for number, unit in parts), Decimal(0))
    assert parse_nanoseconds(text) == total
    assert parse_duration(text) == timedelta(microseconds=int(total / 1000))
