"""``trimtab fleet``: real control planes on this machine, which stay up until ``down``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.output import Column, output_option, print_items, say
from trimtab.core import JsonObject

if TYPE_CHECKING:
    from trimtab.bootstrap.fleet import DetachedFleets, FleetStatus, RunningFleet

C = TypeVar("C", bound=Callable[..., Any])

_COLUMNS = (
    Column("CLUSTER", lambda item: str(item["index"])),
    Column("PHASE", lambda item: str(item["phase"])),
    Column("SERVER", lambda item: str(item["server"])),
    Column("KILLABLE", lambda item: "yes" if item["separate"] else "no"),
    Column("CONTROLLERS", lambda item: "yes" if item["controllers"] else "no", wide=True),
)


def _name_option(command: C) -> C:
    return click.option(
        "--name", default="default", show_default=True, metavar="NAME", help="Which fleet."
    )(command)


@click.group()
def fleet() -> None:
    """Real control planes on this machine.

    Cluster 0 is the hub by convention. They stay up until `trimtab fleet down`.
    """


@fleet.command()
@_name_option
@click.option("--clusters", "-n", default=3, show_default=True, help="How many, the hub included.")
@click.option(
    "--separate",
    type=int,
    multiple=True,
    metavar="I",
    help="Cluster that can be killed alone; may be repeated. By default the last one.",
)
def up(name: str, clusters: int, separate: tuple[int, ...]) -> None:
    """Start a fleet and return when it is ready; the first time, build it."""
    from trimtab.bootstrap.fleet import FleetPlan, build_binary

    killable = separate or ((clusters - 1,) if clusters > 1 else ())
    with _reported(name):
        plan = FleetPlan(clusters=clusters, separate=frozenset(killable))
        binary = build_binary(progress=say)
        running = _fleets().up(name, plan, binary=binary, progress=say)
    say(f"fleet {name!r} is up: {clusters} clusters, killable: {', '.join(map(str, killable))}")
    named = "" if name == "default" else f"--name {name} "
    say(f"next: export KUBECONFIG=$(trimtab fleet kubeconfig {named}0)")
    click.echo(running.cluster(0).kubeconfig_path)


@fleet.command()
@_name_option
@output_option
def status(name: str, output: str) -> None:
    """Show the clusters; exit code 1 if one is not ready, 5 if there is no such fleet."""
    with _reported(name):
        found = _find(name).status()
    print_items(
        [_described(found, index) for index in range(len(found.clusters))],
        output=output,
        columns=_COLUMNS,
        name=lambda item: f"cluster/{item['index']}",
    )
    if any(each.phase != "ready" for each in found.clusters):
        raise SystemExit(ExitCode.NEGATIVE)


@fleet.command()
@_name_option
@click.argument("index", type=int, default=0)
def kubeconfig(name: str, index: int) -> None:
    """Print the path of a cluster's kubeconfig; of the hub's by default."""
    running = _find(name)
    if not 0 <= index < len(running):
        raise CommandError(
            ExitCode.NOT_FOUND, f"there is no cluster {index} among 0 to {len(running) - 1}"
        )
    click.echo(running.cluster(index).kubeconfig_path)


@fleet.command()
@_name_option
@click.argument("index", type=int)
def kill(name: str, index: int) -> None:
    """Kill a cluster's API server; its objects stay in etcd."""
    with _reported(name):
        _find(name).kill(index)
    say(f"cluster {index} is down; `trimtab fleet start {index}` brings it back")


@fleet.command()
@_name_option
@click.argument("index", type=int)
def start(name: str, index: int) -> None:
    """Start a killed cluster again, at its old address."""
    with _reported(name):
        _find(name).start_cluster(index)
    say(f"cluster {index} is ready")


@fleet.command()
@_name_option
def down(name: str) -> None:
    """End every process of a fleet and remove its state."""
    with _reported(name):
        ended = _fleets().down(name)
    say(f"fleet {name!r} is down" if ended else f"fleet {name!r} was not up")


def _fleets() -> DetachedFleets:
    from trimtab.bootstrap.fleet import DetachedFleets

    return DetachedFleets.of_user()


def _find(name: str) -> RunningFleet:
    with _reported(name):
        found = _fleets().find(name)
    if found is None:
        raise CommandError(
            ExitCode.NOT_FOUND,
            f"expected a fleet named {name!r}, found none",
            hint="`trimtab fleet up` starts one; --name tells several apart",
        )
    return found


def _described(status: FleetStatus, index: int) -> JsonObject:
    each = status.clusters[index]
    return {
        "index": each.index,
        "phase": each.phase,
        "server": each.server,
        "separate": each.separate,
        "controllers": each.controllers,
    }


@contextlib.contextmanager
def _reported(name: str) -> Generator[None]:
    """Turn what the local fleet raises into exit codes."""
    from trimtab.bootstrap.fleet import (
        BuildError,
        FleetError,
        FleetRefusedError,
        FleetUpError,
        GoMissingError,
    )

    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FleetUpError as error:
        hint = f"trimtab fleet down --name {name}"
        raise CommandError(ExitCode.CONFLICT, str(error), hint=hint) from error
    except FleetRefusedError as error:
        code = ExitCode.NOT_FOUND if error.unknown_cluster else ExitCode.CONFLICT
        raise CommandError(code, str(error)) from error
    except (BuildError, FleetError, GoMissingError) as error:
        raise CommandError(ExitCode.ERROR, str(error)) from error
