"""Git's packet lines: four hex digits of length, then the payload. Pure.

Source:
    gitprotocol-common and gitprotocol-v2.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

MAX_PAYLOAD_BYTES: Final = 65516


class Mark(Enum):
    """The packets without a payload."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    RESPONSE_END = b"0002"


class MalformedPacket(ValueError):
    """The other side does not speak packet lines."""


Packet = bytes | Mark

_MARKS: Final = {mark.value: mark for mark in Mark}


def encode(packets: Iterable[Packet | str]) -> bytes:
    """Return packets as they go over the wire; text gets a line feed."""
    parts: list[bytes] = []
    for packet in packets:
        if isinstance(packet, Mark):
            parts.append(packet.value)
            continue
        payload = f"{packet}\n".encode() if isinstance(packet, str) else packet
        parts.append(b"%04x%b" % (len(payload) + 4, payload))
    return b"".join(parts)


def payload_length(head: bytes) -> int | Mark:
    """Read the four bytes that open a packet.

    Returns:
        The number of payload bytes that follow, or the mark that the packet is.

    Raises:
        MalformedPacket: They are no length.
    """
    mark = _MARKS.get(head)
    if mark is not None:
        return mark
    try:
        length = int(head, 16) - 4
    except ValueError as error:
        raise MalformedPacket(f"expected a packet length, found {head!r}") from error
    if not 0 <= length <= MAX_PAYLOAD_BYTES:
        raise MalformedPacket(f"expected a packet length, found {head!r}")
    return length


def decode(data: bytes) -> list[Packet]:
    """Return all packets of a whole message; line feeds at their ends are dropped.

    Raises:
        MalformedPacket: It ends early, or is something else.
    """
    packets: list[Packet] = []
    at = 0
    while at < len(data):
        length = payload_length(data[at : at + 4])
        at += 4
        if isinstance(length, Mark):
            packets.append(length)
            continue
        if at + length > len(data):
            raise MalformedPacket("the message ends in the middle of a packet")
        packets.append(data[at : at + length].removesuffix(b"\n"))
        at += length
    return packets
