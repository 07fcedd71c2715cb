"""What stories of deletions have in common."""

from __future__ import annotations

from scenario.controllers.controller import Controller

RESOURCES = "resources-finalizer.argocd.argoproj.io"


async def delivered(one: Controller, *objects: object, **changes: object) -> None:
    one.commit(*objects)  # type: ignore[arg-type]
    one.apply_app(**{"finalizers": [RESOURCES], **changes})  # type: ignore[arg-type]
    await one.until(lambda: one.sync() == "Synced")
    one.target.requests.clear()


def error(one: Controller) -> str:
    return one.conditions().get("DeletionError", "")
