"""Kubernetes quantities, Go durations and other spellings of one value.

The API server stores a value in its canonical form: ``2000m`` comes back as ``2``. Here are the
canonical forms, and the question whether two spellings may be the same value.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_UP, Decimal

from trimtab.core import JsonValue
from trimtab.core.manifest.durations import NANOSECONDS, parse_nanoseconds

_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Mapping[int, str] = {
    -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E",
}  # fmt: skip
_POWERS = {suffix: power for power, suffix in _DECIMAL.items()}
_NANO = Decimal("1e-9")


def parse_quantity(text: str) -> Decimal | None:
    """Return a quantity's value, or None when the text is none."""
    match = _QUANTITY.match(text)
    if match is None:
        return None
    number, suffix = Decimal(match[1]), match[2] or ""
    if suffix in _BINARY:
        return number * (1024 ** _BINARY.index(suffix))
    if suffix in _POWERS:
        return number * (Decimal(10) ** _POWERS[suffix])
    return number * (Decimal(10) ** int(suffix[1:]))


def canonical_quantity(value: JsonValue) -> JsonValue:
    """Return a quantity as the API server prints it; anything else comes back as it is.

    Source:
        apimachinery, resource.Quantity: no precision is lost, no fraction printed, the largest
        suffix of the same family is used, nano is the finest and rounds up.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    match = _QUANTITY.match(text)
    amount = parse_quantity(text)
    if match is None or amount is None:
        return value
    suffix = match[2] or ""
    amount = amount.quantize(_NANO, rounding=ROUND_UP) if amount % _NANO else amount
    if suffix in _BINARY[1:]:
        if amount == amount.to_integral_value() and abs(amount) >= 1024:
            return _with_binary_suffix(int(amount))
        if amount == amount.to_integral_value():
            return str(int(amount))
    return _with_decimal_suffix(amount, exponent=len(suffix) > 1 and suffix[0] in "eE")


def _with_binary_suffix(amount: int) -> str:
    power = 0
    while amount and amount % 1024 == 0 and power < len(_BINARY) - 1:
        amount, power = amount // 1024, power + 1
    return f"{amount}{_BINARY[power]}"


def _with_decimal_suffix(amount: Decimal, *, exponent: bool) -> str:
    if not amount:
        return "0"
    for power in sorted(_DECIMAL, reverse=True):
        scaled = amount.scaleb(-power)
        if scaled == scaled.to_integral_value():
            suffix = _DECIMAL[power] if not exponent or power == 0 else f"e{power}"
            return f"{int(scaled)}{suffix}"
    return str(amount)


def canonical_duration(value: JsonValue) -> JsonValue:
    """Return a duration as Go prints it (``8760h`` is ``8760h0m0s``); other values as they are."""
    nanoseconds = parse_nanoseconds(value) if isinstance(value, str) else None
    if nanoseconds is None:
        return value
    sign, left = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if not left:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 10**6)):
        if left < size * 1000:
            return f"{sign}{_plain(left / size)}{unit}"
    hours, left = divmod(left, NANOSECONDS["h"])
    minutes, left = divmod(left, NANOSECONDS["m"])
    seconds = f"{_plain(left / NANOSECONDS['s'])}s"
    if hours:
        return f"{sign}{int(hours)}h{int(minutes)}m{seconds}"
    return f"{sign}{int(minutes)}m{seconds}" if minutes else f"{sign}{seconds}"


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def may_be_same(want: JsonValue, have: JsonValue) -> bool:
    """Return whether an API server could store ``want`` as ``have``, or leave it out.

    True where canonicalisation or defaulting can explain every difference: other spellings of a
    quantity, duration, time, number or base64 text; empty against absent; fields that only
    ``have`` has. Never a promise that it does: only a dry run knows.
    """
    if want == have and isinstance(want, bool) == isinstance(have, bool):
        return True
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        return all(
            may_be_same(value, have[key]) if key in have else is_empty(value)
            for key, value in want.items()
        )
    if isinstance(want, list | tuple) and isinstance(have, list | tuple):
        return len(want) == len(have) and all(map(may_be_same, want, have))
    if isinstance(want, str | int | float) and isinstance(have, str | int | float):
        return _is_same_scalar(want, have)
    return is_empty(want) and is_empty(have)


def is_empty(value: JsonValue) -> bool:
    """Return whether an API server may drop a value: null, "", 0, false, or only such."""
    if isinstance(value, Mapping):
        return all(map(is_empty, value.values()))
    return not value


def _is_same_scalar(want: str | float, have: str | float) -> bool:
    a, b = _as_text(want), _as_text(have)
    if a == b:
        return True
    if not isinstance(want, str) and not isinstance(have, str):
        return False
    for parse in (parse_quantity, parse_nanoseconds, _parse_time, _parse_base64):
        parsed = parse(a)
        if parsed is not None and parsed == parse(b):
            return True
    return False


def _as_text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _parse_time(text: str) -> datetime | None:
    if not text[:4].isdigit() or "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _parse_base64(text: str) -> bytes | None:
    compact = "".join(text.split())
    try:
        return base64.b64decode(compact, validate=True) if compact else None
    except (binascii.Error, ValueError):
        return None
