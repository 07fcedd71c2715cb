"""What every kind of bad input must and must not do.

A clear message on the object and on the command line; nothing changed; nothing else blocked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from e2e.installation import App, AppView, Case, config_map

GOOD = {"app/one.yaml": config_map("one", {"a": "1"}), "app/two.yaml": config_map("two", {})}
Versions = dict[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Delivered:
    """An Application that was fine, and its objects as they were then."""

    case: Case
    app: App
    before: Versions

    async def refuses(self, *texts: str, seconds: float = 30) -> AppView:
        """See that the Application says all texts, and that this is all that happened."""
        view = await self.app.until(lambda a: all(t in a.said for t in texts), seconds=seconds)
        await self.case.installation.witness_moves()
        assert await self.case.versions() == self.before
        await tells(self.app, *texts)
        return view


async def deliver(case: Case, files: dict[str, Any] | None = None, **spec: Any) -> Delivered:
    """Deliver good input first, so that there is something to lose."""
    sha = await case.commit(GOOD if files is None else files)
    app = await case.apply_app(**spec)
    await app.delivered(sha)
    before = await case.versions()
    assert before
    return Delivered(case, app, before)


async def refused_at_first(case: Case, app: App, *texts: str, seconds: float = 30) -> AppView:
    """See that a new Application says all texts, creates nothing, and blocks nothing else."""
    view = await app.until(lambda a: all(t in a.said for t in texts), seconds=seconds)
    await case.installation.witness_moves()
    assert await case.versions() == {}
    await tells(app, *texts)
    return view


async def tells(app: App, *texts: str) -> None:
    """See that the command line says all texts."""
    told = await app.told()
    assert not [text for text in texts if text not in told], told


def manifest(kind: str, name: str, api_version: str = "v1", **parts: Any) -> str:
    """Return an object as text; ``metadata`` is merged with the name."""
    meta = {"name": name, **parts.pop("metadata", {})}
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": meta, **parts})
