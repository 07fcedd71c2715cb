"""The pure parts of the Git adapter: packet lines and version ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.adapters.git.pktline import MalformedPacket, Mark, decode, encode
from trimtab.adapters.git.semver import newest, parse_range, parse_version


@given(st.lists(st.binary(max_size=100) | st.sampled_from(Mark)))
def test_packets_survive_the_wire(packets: list[bytes | Mark]) -> None:
    wanted = [p if isinstance(p, Mark) else p.removesuffix(b"\n") for p in packets]
    assert decode(encode(packets)) == wanted


@pytest.mark.parametrize("data", [b"0", b"zzzz", b"0003", b"0009abc", b"ffff" + b"x" * 10])
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        decode(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_packets_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except MalformedPacket:
        return


@pytest.mark.parametrize(
    ("constraint", "allowed", "refused"),
    [
        ("1.4.2", ["1.4.2", "v1.4.2", "1.4.2+build"], ["1.4.3", "1.4.2-rc.1"]),
        ("1.4", ["1.4.0", "1.4.9"], ["1.5.0", "2.4.0"]),
        ("1.4.x", ["1.4.0", "1.4.9"], ["1.5.0", "1.4.1-rc.1"]),
        ("*", ["0.0.1", "9.9.9"], ["1.0.0-rc.1"]),
        ("^1.4", ["1.4.0", "1.99.0"], ["1.3.9", "2.0.0", "2.0.0-rc.1"]),
        ("^0.4.1", ["0.4.1", "0.4.9"], ["0.5.0", "0.4.0"]),
        ("^0.0.4", ["0.0.4"], ["0.0.5"]),
        ("^0", ["0.0.1", "0.9.0"], ["1.0.0"]),
        ("~1.4.2", ["1.4.2", "1.4.8"], ["1.4.1", "1.5.0"]),
        ("~1", ["1.0.0", "1.9.9"], ["2.0.0"]),
        (">=1.0.0 <2.0.0", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        (">= 1.0, < 2", ["1.0.0", "1.9.9"], ["2.0.0"]),
        (">1", ["2.0.0"], ["1.0.0", "1.9.9"]),
        ("<=1.4", ["1.4.9", "0.1.0"], ["1.5.0"]),
        ("!=1.4.2", ["1.4.3"], ["1.4.2"]),
        ("!=1.4", ["1.5.0"], ["1.4.2"]),
        ("1.2 - 1.4", ["1.2.0", "1.4.9"], ["1.1.9", "1.5.0"]),
        ("<1.0.0 || >=3.0.0", ["0.5.0", "3.1.0"], ["1.5.0"]),
        (">=1.0.0-0", ["1.0.0-rc.1", "1.1.0"], ["0.9.0"]),
    ],
)
def test_ranges(constraint: str, allowed: list[str], refused: list[str]) -> None:
    parsed = parse_range(constraint)
    assert parsed is not None
    answers = {
        text: parsed.allows(found) for text in allowed + refused if (found := parse_version(text))
    }
    assert answers == dict.fromkeys(allowed, True) | dict.fromkeys(refused, False)


@pytest.mark.parametrize("text", ["main", "release-1.2", "", "1.2.3.4", "^", "v1 beta", "1.2 ||"])
def test_what_is_no_range(text: str) -> None:
    assert parse_range(text) is None


def test_versions_are_ordered_by_precedence() -> None:
    ordered = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0 1.0.1"
    versions = [parse_version(text) for text in ordered.split()]
    assert None not in versions
    versions.reverse()
    assert sorted(versions) == versions[::-1]  # type: ignore[type-var]


def test_the_newest_tag_is_stable_among_equals() -> None:
    constraint = parse_range("^1")
    assert constraint is not None
    tags = ["v1.2.0", "1.2.0", "1.1.0", "nightly", "1.3.0-rc.1"]
    assert newest(tags, constraint) == newest(tags[::-1], constraint) == "v1.2.0"
    assert newest(["2.0.0"], constraint) is None
