"""Applying an object whose source asks for no validation.

A server-side apply refuses fields that the API server does not know, whatever validation is asked
for. Other writes drop them. So when such an apply is refused, a dry run of another write tells
which fields are known, and those are applied. Objects that are fine cost nothing.
"""

from dataclasses import dataclass, replace

from trimtab.core import JsonObject
from trimtab.core.diff import leave_out_unknown
from trimtab.core.manifest import Manifest, canonical_json
from trimtab.core.manifest.live import LiveObject
from trimtab.ports.cluster import (
    ApiError,
    Cluster,
    FieldValidation,
    Invalid,
    ServerError,
    Write,
    Written,
)


@dataclass(frozen=True, slots=True)
class Lenient:
    """An apply that leaves unknown fields out where it must.

    Args:
        cluster: Where to.
        manifest: What.
        live: The object that exists, or None.
        body: What to send of the manifest.
    """

    cluster: Cluster
    manifest: Manifest
    live: LiveObject | None
    body: JsonObject

    async def apply(self, write: Write) -> Written:
        """Apply; with validation ignored, what the API server knows of the body.

        Returns:
            The answer; a warning names the fields that were left out.

        Raises:
            ApiError: Refused, and not for unknown fields alone.
        """
        try:
            return await self._apply(self.body, write)
        except (Invalid, ServerError) as refusal:
            if write.validation is not FieldValidation.IGNORE:
                raise
            return await self._apply_known(write, refusal)

    async def _apply_known(self, write: Write, refusal: ApiError) -> Written:
        answer = await self._answer(replace(write, dry_run=True), refusal)
        before = self.body
        for keep_zeros in (True, False):
            body, dropped = leave_out_unknown(self.body, answer, keep_zeros=keep_zeros)
            if body == before:
                continue
            before = body
            try:
                written = await self._apply(body, write)
            except (Invalid, ServerError) as error:
                refusal = error
                continue
            note = f"left out what the API server does not know: {', '.join(dropped)}"
            return replace(written, warnings=(*written.warnings, note))
        raise refusal

    async def _answer(self, write: Write, refusal: ApiError) -> JsonObject:
        """Return the object as the API server would store it by a write that drops fields."""
        manifest, data = self.manifest, canonical_json(self.body)
        key, version = manifest.key, manifest.version
        try:
            if self.live is None:
                written = await self.cluster.create(key, version, data, write)
            else:
                written = await self.cluster.patch(key, "merge", data, write, version=version)
        except ApiError as error:
            # It is wrong in another way as well; of a patch the first refusal is easier to read.
            is_clear = self.live is None and isinstance(error, Invalid)
            raise error if is_clear else refusal from error
        return written.live.body()

    async def _apply(self, body: JsonObject, write: Write) -> Written:
        manifest = self.manifest
        return await self.cluster.apply(manifest.key, manifest.version, canonical_json(body), write)
