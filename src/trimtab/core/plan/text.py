"""A plan as the text that a person reads before saying yes."""

from collections.abc import Iterator

from trimtab.core.plan.plan import Action, Plan, PlannedChange, Wave

_MARKS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "~",
    Action.RECREATE: "!",
    Action.PRUNE: "-",
    Action.HOOK: ">",
}
_NOTES = {Action.REPLACE: "replace", Action.RECREATE: "delete and create", Action.HOOK: "hook"}
_COUNTED = (
    (Action.CREATE, "to create"),
    (Action.UPDATE, "to update"),
    (Action.REPLACE, "to replace"),
    (Action.RECREATE, "to delete and create"),
    (Action.PRUNE, "to prune"),
    (Action.HOOK, "to run as hooks"),
)
REVISION_SHOWN = 12


def format_plan(plan: Plan) -> str:
    """Return a plan as text: counts, then a line an object below its phase and wave.

    ``+`` creates, ``~`` updates, ``!`` deletes and creates, ``-`` prunes, ``>`` runs a hook, ``.``
    is left alone. Below an update stand its fields with the manager that wrote the old value.

    Returns:
        Lines ended by a newline each; equal plans give equal text.
    """
    return "".join(f"{line}\n" for line in _lines(plan))


def summarise_plan(plan: Plan) -> str:
    """Return the counts: ``2 to create, 1 to prune``, or ``nothing to do``."""
    counts = dict.fromkeys(Action, 0)
    for change in plan.changes():
        counts[change.action] += 1
    parts = [f"{counts[action]} {words}" for action, words in _COUNTED if counts[action]]
    return ", ".join(parts) or "nothing to do"


def _lines(plan: Plan) -> Iterator[str]:
    revision = plan.revision[:REVISION_SHOWN] or "no revision"
    yield f"Plan {plan.digest} for {revision}: {summarise_plan(plan)}"
    for phase in plan.phases:
        waves = [wave for wave in phase.waves if wave.changes]
        if waves:
            yield ""
            yield str(phase.phase)
        for wave in waves:
            yield from _wave_lines(wave)
    if plan.skipped:
        yield ""
        yield "Left alone"
        for skip in plan.skipped:
            yield f"  . {skip.key}: {skip.message}"
    if plan.deletions:
        yield ""
        yield f"{len(plan.deletions)} deletions; their digest is {plan.deletion_digest}"


def _wave_lines(wave: Wave) -> Iterator[str]:
    yield f"  wave {wave.number}"
    for change in wave.changes:
        yield from _change_lines(change)


def _change_lines(change: PlannedChange) -> Iterator[str]:
    notes = [note for note in (_NOTES.get(change.action), change.reason) if note]
    suffix = f" ({', '.join(notes)})" if notes else ""
    yield f"    {_MARKS[change.action]} {change.key}{suffix}"
    for field in change.field_changes:
        yield f"        {field}"
