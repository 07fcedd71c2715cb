"""What a new process needs to go on with a sync, kept in an annotation of the Application.

The status has no place for it: where Argo CD's own definition is installed, the API server drops
what that does not know. The annotation is there only while a sync runs or waits for its next try.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from trimtab.controllers.application.model import SyncOutcome
from trimtab.core.plan import RunState, SyncProgress
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.runtime import format_time, parse_time

PROGRESS = "trimtab.dev/sync-progress"
_COMPRESSED = "zlib:"
_MAX_PLAIN = 16 * 1024
# All annotations of an object together may hold 256 KiB.
_MAX_TEXT = 192 * 1024
_MAX_UNPACKED = 16 * 1024 * 1024


class KeptProgress(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far a sync is, and what happens to it next.

    Args:
        sync: What was done; None when the next attempt starts anew.
        superseded: How many times in a row a running sync was superseded.
        retry_at: When a failed sync is tried again; RFC 3339.
    """

    sync: SyncProgress | None = None
    superseded: int = 0
    retry_at: str = ""

    @property
    def next_attempt(self) -> datetime | None:
        """When a failed sync is tried again, or None."""
        return parse_time(self.retry_at)


_NOTHING = KeptProgress()
_DECODER = msgspec.json.Decoder(KeptProgress)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def progress_of(app: Application) -> KeptProgress:
    """Return what an Application keeps; what cannot be read was written by somebody else."""
    text = (app.metadata.annotations or {}).get(PROGRESS)
    if not text:
        return _NOTHING
    try:
        return _DECODER.decode(_unpacked(text))
    except (msgspec.MsgspecError, binascii.Error, zlib.error, ValueError):
        return _NOTHING


def progress_text(outcome: SyncOutcome) -> str:
    """Return the annotation's value after a look; empty when there is nothing to keep."""
    is_retried = outcome.retry_at is not None
    if outcome.finished_at is not None and not is_retried:
        return ""
    at = format_time(outcome.retry_at) if outcome.retry_at else ""
    progress = None if is_retried else outcome.progress
    text = _packed(KeptProgress(progress, outcome.intent.superseded, at))
    if progress is not None and len(text) > _MAX_TEXT:
        # What is done is seen in the cluster; hooks and failures are seen nowhere else.
        told = (r for r in progress.results if r.is_hook or r.state is not RunState.SUCCEEDED)
        progress = replace(progress, results=tuple(told))
        text = _packed(KeptProgress(progress, outcome.intent.superseded, at))
    return text


def without_progress(annotations: Mapping[str, str] | None) -> dict[str, str]:
    """Return the annotations that others made."""
    return {name: text for name, text in (annotations or {}).items() if name != PROGRESS}


def _packed(kept: KeptProgress) -> str:
    data = _ENCODER.encode(kept)
    if len(data) <= _MAX_PLAIN:
        return data.decode()
    return _COMPRESSED + base64.b64encode(zlib.compress(data)).decode()


def _unpacked(text: str) -> bytes:
    if not text.startswith(_COMPRESSED):
        return text.encode()
    data = base64.b64decode(text.removeprefix(_COMPRESSED), validate=True)
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data, _MAX_UNPACKED)
    if not unpacker.eof:
        raise ValueError("the progress is cut off or too large")
    return found
