"""What a person should know about an Application's sources, beside what they render to."""

from collections.abc import Iterable, Sequence

from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.render import Unstable
from trimtab.services.giturls import display_url
from trimtab.services.render import Rendered, SourceAt


def place_of(source: SourceAt) -> str:
    """Return which source of an Application it is, for messages; without credentials."""
    spec = source.spec
    named = f"source {spec.name!r}, " if spec.name else ""
    inside = f"chart {spec.chart}" if spec.chart else f"path {spec.path or '.'}"
    return f"{named}{display_url(source.repository.url)} {inside}"


def notes_of(
    sources: Iterable[SourceAt], rendered: Iterable[tuple[SourceAt, Rendered]]
) -> Sequence[Condition]:
    """Return conditions about sources.

    Args:
        sources: All of them, those too that only lend files.
        rendered: What some of them render to.
    """
    found = [note for source in sources for note in (*_ignored(source), *_rewritten(source))]
    for source, one in rendered:
        if one.unstable is not None:
            found.append(_unstable(source, one.unstable))
    return found


def _ignored(source: SourceAt) -> Iterable[Condition]:
    where = display_url(source.repository.url)
    for name in source.repository.unsupported:
        yield Condition(
            ConditionType.UNSUPPORTED_FIELD,
            f"repository {where}: {name} of its Secret is not supported and has no effect",
        )


def _rewritten(source: SourceAt) -> Iterable[Condition]:
    if source.replaced:
        where = display_url(source.repository.url)
        yield Condition(
            ConditionType.HISTORY_REWRITTEN,
            f"repository {where}: the history of {source.spec.revision or 'HEAD'} was rewritten: "
            f"{source.commit} does not build on {source.replaced}, which it was before",
        )


def _unstable(source: SourceAt, found: Unstable) -> Condition:
    kept = "what was rendered first at a revision is kept for it"
    if not found.is_kept:
        kept = "it cannot be kept, so that each render is another change"
    return Condition(
        ConditionType.UNSTABLE_RENDER,
        f"{place_of(source)}: {', '.join(found.objects)} would differ at every render, since the "
        f"chart calls {', '.join(found.functions)}: {kept}; give such values by hand or generate "
        "them in the cluster",
    )
