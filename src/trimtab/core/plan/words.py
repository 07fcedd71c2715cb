"""The words of a running sync: messages and generated names, as Argo CD's tools show them."""

from collections.abc import Sequence

from trimtab.core.manifest import HookPhase, ObjectKey

REVISION_LENGTH = 7


def slashed(key: ObjectKey) -> str:
    """Return ``group/Kind/name``, with an empty group for core kinds."""
    return f"{key.group}/{key.kind}/{key.name}"


def and_more(keys: Sequence[ObjectKey]) -> str:
    """Return the first key and how many follow it."""
    rest = len(keys) - 1
    return slashed(keys[0]) + (f" and {rest} more resources" if rest > 0 else "")


def running_message(
    keys: Sequence[ObjectKey], hooks: Sequence[ObjectKey], *, is_deletion: bool = False
) -> str:
    """Return what a sync waits for.

    Args:
        keys: All objects that it waits for, in order.
        hooks: Those among them that are hooks; one of them is named first.
        is_deletion: It waits for their deletion.

    Returns:
        Empty when it waits for nothing.
    """
    if not keys:
        return ""
    verb = "deletion" if is_deletion else ("completion" if hooks else "healthy state")
    if not hooks:
        return f"waiting for {verb} of {and_more(keys)}"
    first = hooks[0]
    others = [key for key in keys if key != first]
    return f"waiting for {verb} of hook {and_more([first, *others])}"


def confirmation_message(keys: Sequence[ObjectKey]) -> str:
    """Return which prunes a person must confirm; empty for none."""
    return f"waiting for pruning confirmation of {and_more(keys)}" if keys else ""


def hook_name_prefix(revision: str, phase: HookPhase) -> str:
    """Return how the name of a hook without a name begins, dash included."""
    return f"{revision[:REVISION_LENGTH].lower()}-{phase.lower()}-"


def hook_name(revision: str, phase: HookPhase, started_unix: int, *, prefix: str = "") -> str:
    """Return the name of a hook that has none.

    Args:
        revision: Of the sync.
        phase: At which it runs: a hook of two phases is two objects.
        started_unix: When the sync began; the same for all of its plans.
        prefix: The hook's generateName.
    """
    return f"{prefix}{hook_name_prefix(revision, phase)}{started_unix}"
