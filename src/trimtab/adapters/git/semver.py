"""Semantic versions and ranges over tags, with the meaning of Masterminds/semver. Pure.

``,`` and space mean and, ``||`` means or. ``^1.2`` allows changes right of the first non-zero
number, ``~1.2`` of the last given one; ``1.2.x``, ``1.2.*`` and a bare ``1.2`` are wildcards. A
pre-release matches only a comparison that names a pre-release itself.

Source:
    Masterminds/semver v3, which Argo CD uses for targetRevision.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

_VERSION: Final = re.compile(
    r"^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$"
)
_PARTIAL: Final = (
    r"v?([0-9]+|[xX*])(?:\.([0-9]+|[xX*]))?(?:\.([0-9]+|[xX*]))?"
    r"(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_CLAUSE: Final = re.compile(rf"\s*(=|==|!=|>|<|>=|=>|<=|=<|~|~>|\^)?\s*{_PARTIAL}\s*(?:,|\s|$)")
_HYPHEN: Final = re.compile(rf"({_PARTIAL})\s+-\s+({_PARTIAL})")
_WILDCARDS: Final = frozenset("xX*")
_LARGEST_NUMBER: Final = 2**64
_ALL: Final = 3


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version, ordered by precedence; build metadata is kept out of the order."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Major, minor and patch."""
        return self.major, self.minor, self.patch

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._precedence() == other._precedence()

    def __lt__(self, other: "Version") -> bool:
        return self._precedence() < other._precedence()

    def __hash__(self) -> int:
        return hash(self._precedence())

    def _precedence(self) -> tuple[object, ...]:
        identifiers = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in self.prerelease.split(".")
        )
        # A release is newer than each of its pre-releases.
        return *self.numbers, not self.prerelease, identifiers


def parse_version(text: str) -> Version | None:
    """Return a version, or None; missing numbers are 0 and a leading ``v`` is ignored."""
    found = _VERSION.match(text)
    if found is None:
        return None
    numbers = [int(part or 0) for part in found.group(1, 2, 3)]
    if max(numbers) >= _LARGEST_NUMBER:
        return None
    return Version(*numbers, prerelease=found[4] or "")


@dataclass(frozen=True, slots=True)
class _Clause:
    operator: str
    low: Version
    given: int
    """How many numbers were written, wildcards not counted: 0 to 3."""

    def allows(self, version: Version) -> bool:
        if version.prerelease and not self.low.prerelease:
            return False
        exact = self.given == _ALL
        match self.operator:
            case "!=":
                return version != self.low if exact else not self._agrees(version, self.given)
            case ">":
                return version > self.low if exact else self._given(version) > self._given(self.low)
            case ">=" | "=>":
                return version >= self.low
            case "<":
                return version < self.low
            case "<=" | "=<":
                if exact:
                    return version <= self.low
                return self._given(version) <= self._given(self.low)
            case "^":
                return version >= self.low and self._agrees(version, self._caret())
            case "~" | "~>":
                return version >= self.low and self._agrees(version, min(self.given, 2))
            case _:
                return version == self.low if exact else self._agrees(version, self.given)

    def _given(self, version: Version) -> tuple[int, ...]:
        return version.numbers[: self.given]

    def _agrees(self, version: Version, kept: int) -> bool:
        return version.numbers[:kept] == self.low.numbers[:kept]

    def _caret(self) -> int:
        """Return how many numbers must stay: up to the first that is not zero."""
        leading = next((i for i, number in enumerate(self.low.numbers) if number), _ALL)
        return min(leading + 1, self.given)


@dataclass(frozen=True, slots=True)
class Range:
    """A constraint: alternatives, each of them clauses that all must hold."""

    alternatives: tuple[tuple[_Clause, ...], ...]

    def allows(self, version: Version) -> bool:
        """Return whether a version satisfies the constraint."""
        return any(all(c.allows(version) for c in clauses) for clauses in self.alternatives)


def parse_range(text: str) -> Range | None:
    """Return the constraint that a text means, or None when it means none.

    A plain full version (``1.2.3``) is one too: equality.
    """
    alternatives: list[tuple[_Clause, ...]] = []
    for part in text.split("||"):
        clauses = _parse_clauses(_HYPHEN.sub(_spell_out_hyphen, part.strip()))
        if not clauses:
            return None
        alternatives.append(clauses)
    return Range(tuple(alternatives))


def newest(tags: Iterable[str], constraint: Range) -> str | None:
    """Return the tag with the highest version that a constraint allows.

    Tags that are no versions are passed over. Of two spellings of one version (``1.2.0`` and
    ``v1.2.0``), the alphabetically last one wins, so that the answer is stable.
    """
    allowed = [
        (version, tag)
        for tag in tags
        if (version := parse_version(tag)) is not None and constraint.allows(version)
    ]
    return max(allowed, default=(None, None))[1]


def _spell_out_hyphen(found: re.Match[str]) -> str:
    return f">={found[1]} <={found[6]}"


def _parse_clauses(text: str) -> tuple[_Clause, ...]:
    clauses: list[_Clause] = []
    at = 0
    while at < len(text):
        found = _CLAUSE.match(text, at)
        if found is None:
            return ()
        clauses.append(_clause(found))
        at = found.end()
    return tuple(clauses)


def _clause(found: re.Match[str]) -> _Clause:
    numbers: list[int] = []
    for part in found.group(2, 3, 4):
        if part is None or part in _WILDCARDS:
            break
        numbers.append(int(part))
    given = len(numbers)
    padded = [*numbers, 0, 0, 0][:3]
    return _Clause(found[1] or "=", Version(*padded, prerelease=found[5] or ""), given)
