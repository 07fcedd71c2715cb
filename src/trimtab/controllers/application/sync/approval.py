"""Whether a person has approved deletions that wait for it (``Prune=confirm``, ``Delete=confirm``).

Source:
    Argo CD, IsDeletionConfirmed.
"""

from collections.abc import Mapping
from datetime import datetime

from trimtab.runtime import parse_time

DELETION_APPROVED = "argocd.argoproj.io/deletion-approved"


def is_approved(annotations: Mapping[str, str] | None, *, since: datetime) -> bool:
    """Return whether an Application's annotations approve what was begun at a time.

    Args:
        annotations: Of the Application.
        since: When the sync or the deletion began: what came before was meant for another one.
    """
    approved = parse_time((annotations or {}).get(DELETION_APPROVED, ""))
    return approved is not None and approved >= since.replace(microsecond=0)
