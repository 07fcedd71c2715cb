"""Writing to a cluster: every write says who makes it, and deletes name the uid that they mean."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from trimtab.core.manifest import LiveObject, ObjectKey
from trimtab.core.plan import Propagation


class FieldValidation(StrEnum):
    """How the API server treats unknown and duplicate fields."""

    STRICT = "Strict"
    WARN = "Warn"
    IGNORE = "Ignore"


@dataclass(frozen=True, slots=True)
class Write:
    """Options of one write.

    Args:
        manager: Field manager.
        dry_run: Ask the server without storing.
        force: Take over fields that other managers own (server-side apply only).
        validation: Treatment of unknown and duplicate fields.
    """

    manager: str
    dry_run: bool = False
    force: bool = True
    validation: FieldValidation = FieldValidation.STRICT


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: the object as it is now, and the server's warnings."""

    live: LiveObject
    warnings: tuple[str, ...] = ()


PatchType = Literal["json", "merge", "strategic"]


class ClusterWriter(Protocol):
    """Writes to one cluster; each needs a key so that the caller's intent is checked."""

    async def apply(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """Server-side apply. An apply that changes nothing keeps resourceVersion."""
        ...

    async def create(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """POST. Raises AlreadyExists. ``key.name`` may be empty with generateName."""
        ...

    async def replace(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """PUT; the body carries resourceVersion. Raises NotFound, Conflict."""
        ...

    async def patch(
        self,
        key: ObjectKey,
        patch_type: PatchType,
        body: bytes,
        write: Write,
        *,
        subresource: str = "",
        version: str | None = None,
    ) -> Written:
        """JSON, merge or strategic merge patch of an object or one of its subresources."""
        ...

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        dry_run: bool = False,
    ) -> bool:
        """Delete only the object with this uid. False when it is gone already.

        Raises:
            Conflict: Another object has the name now.
        """
        ...
