"""The read set: what a render really read, so that an unrelated commit costs no render."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from trimtab.core.manifest import digest_of


@dataclass(frozen=True, slots=True)
class ReadSet:
    """Paths with the object ids that they had; an absent path has the empty id.

    A folder's tree id stands for everything below it, so files added there are seen too.
    """

    ids: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, paths: Iterable[str], ids: Mapping[str, str]) -> Self:
        """Return the read set of these paths under these object ids."""
        return cls(tuple((path, ids.get(path, "")) for path in sorted(set(paths))))

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths, sorted."""
        return tuple(path for path, _ in self.ids)

    def holds(self, ids: Mapping[str, str]) -> bool:
        """Return whether every path has the same id in another commit."""
        return all(ids.get(path, "") == oid for path, oid in self.ids)


def render_key(*, parameters: object, engine_version: str, capabilities: object) -> str:
    """Return the digest over everything that a render depends on beside the tree.

    Args:
        parameters: The request, as JSON-compatible values.
        engine_version: Of the worker.
        capabilities: Kubernetes version and API versions of the destination, where they matter.
    """
    return digest_of([parameters, engine_version, capabilities])
