"""``trimtab app sync`` and ``rollback``: ask for an operation, and wait for its end."""

from datetime import timedelta
from functools import partial

import click

from trimtab.cli.app.facts import state_line
from trimtab.cli.app.objects import application, refused, user_name
from trimtab.cli.app.selection import resource_option
from trimtab.cli.app.serving import tell_if_unserved
from trimtab.cli.app.wait import DEFAULT_TIMEOUT_S, ENDED_PHASES, until
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import field, objects, text
from trimtab.cli.output import print_table, say
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.conditions.condition import ConditionType
from trimtab.core.manifest import LiveObject
from trimtab.services.operations import Selected, SyncRequest, rollback_patch, sync_patch
from trimtab.services.requests import RequestRefused, edit

_prune = click.option("--prune", is_flag=True, help="Delete what is no longer desired.")
_dry_run = click.option("--dry-run", is_flag=True, help="Show what it would do; change nothing.")
_wait = click.option("--wait/--async", "wait", default=True, show_default=True)
_timeout = click.option(
    "--timeout", type=click.FloatRange(0), default=DEFAULT_TIMEOUT_S, show_default=True
)


@click.command(cls=HubCommand)
@click.argument("name")
@click.option("--revision", default="", help="Another revision than the target.")
@_prune
@_dry_run
@resource_option("Only this object; repeatable.")
@click.option("--force", is_flag=True, help="Delete and create what cannot be changed in place.")
@click.option("--strategy", type=click.Choice(["hook", "apply"]), default="hook", show_default=True)
@click.option("--sync-option", "options", multiple=True, help="As in syncOptions; repeatable.")
@click.option("--confirm", default="", metavar="DIGEST", help="Release a plan over the budget.")
@_wait
@_timeout
@with_hub
async def sync(
    hub: Hub,
    name: str,
    revision: str,
    prune: bool,
    dry_run: bool,
    resources: tuple[Selected, ...],
    force: bool,
    strategy: str,
    options: tuple[str, ...],
    confirm: str,
    wait: bool,
    timeout: float,
) -> int:
    """Make the cluster match Git.

    Exit code 1: the sync failed. 6: it did not end in time (seconds). 7: another operation is in
    progress, automated sync would undo the revision, or the plan is over the deletion budget.
    """
    live = await application(hub, name)
    request = SyncRequest(
        username=await user_name(hub),
        revision=revision,
        prune=prune,
        dry_run=dry_run,
        resources=resources,
        force=force,
        strategy=strategy,
        confirm=confirm,
        options=options,
    )
    try:
        asked = await edit(hub.cluster, live.key, lambda app: sync_patch(app, request))
    except RequestRefused as error:
        raise refused(error) from error
    return await _follow(hub, live, asked, wait=wait, timeout=timeout)


@click.command(cls=HubCommand)
@click.argument("name")
@click.argument("history_id", metavar="[ID]", type=int, required=False)
@_prune
@_dry_run
@_wait
@_timeout
@with_hub
async def rollback(
    hub: Hub,
    name: str,
    history_id: int | None,
    prune: bool,
    dry_run: bool,
    wait: bool,
    timeout: float,
) -> int:
    """Sync to an entry of the history; without ID, to the one before the newest.

    Exit code 7: automated sync is on and would undo it.
    """
    live = await application(hub, name)
    change = partial(
        rollback_patch,
        username=await user_name(hub),
        history_id=history_id,
        prune=prune,
        dry_run=dry_run,
    )
    try:
        asked = await edit(hub.cluster, live.key, change)
    except RequestRefused as error:
        raise refused(error) from error
    return await _follow(hub, live, asked, wait=wait, timeout=timeout)


async def _follow(
    hub: Hub, before: LiveObject, asked: LiveObject, *, wait: bool, timeout: float
) -> int:
    say(f"asked for a sync of {asked.key.name}")
    await tell_if_unserved(hub)
    if not wait:
        return ExitCode.OK
    previous = field(before.body(), "status", "operationState")

    def is_done(body: JsonObject) -> bool:
        state = field(body, "status", "operationState")
        is_ended = text(state, "phase") in ENDED_PHASES
        return is_ended and not body.get("operation") and state != previous

    body = await until(hub, asked.key, is_done, timeout=timedelta(seconds=timeout), tell=True)
    _print_result(body)
    _refuse_over_budget(body)
    say(f"{asked.key.name}: {state_line(body)}")
    is_good = text(body, "status", "operationState", "phase") == "Succeeded"
    return ExitCode.OK if is_good else ExitCode.NEGATIVE


def _refuse_over_budget(body: JsonObject) -> None:
    name = text(body, "metadata", "name")
    for condition in objects(body, "status", "conditions"):
        if text(condition, "type") == ConditionType.DELETION_BUDGET_EXCEEDED:
            raise CommandError(
                ExitCode.CONFLICT,
                f"application {name}: {text(condition, 'message')}",
                hint=f"`trimtab app diff {name}` shows what would go; `trimtab app sync {name}"
                " --confirm DIGEST` releases exactly this plan",
            )


def _print_result(body: JsonObject) -> None:
    results = objects(body, "status", "operationState", "syncResult", "resources")
    names = ("kind", "namespace", "name")
    rows = [
        [
            *(text(item, name) for name in names),
            text(item, "status") or text(item, "hookPhase"),
            text(item, "message"),
        ]
        for item in results
    ]
    if rows:
        print_table(["KIND", "NAMESPACE", "NAME", "RESULT", "MESSAGE"], rows)
