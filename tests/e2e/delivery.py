"""A delivery of a few files, as most tests begin."""

from __future__ import annotations

from e2e.installation import App, Case
from e2e.objects import (
    config,
)

ONE_TWO = {"app/one.yaml": config("one"), "app/two.yaml": config("two")}


async def deliver(case: Case, files: dict[str, object] | None = None, **spec: object) -> App:
    """Deliver some files and return the Application."""
    sha = await case.commit(ONE_TWO if files is None else files)
    app = await case.apply_app(**spec)
    await app.delivered(sha)
    return app


def options(*names: str) -> dict[str, object]:
    """Return a sync policy with options."""
    return {"syncPolicy": {"syncOptions": list(names)}}
