"""``trimtab doctor``: what is missing on this machine and in the hub, and what to do about it."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

import click

from trimtab.bootstrap.client import connection_summary, serving_now
from trimtab.bootstrap.ledger import read_ledger
from trimtab.bootstrap.offline import go_version, open_renderer
from trimtab.cli.errors import ExitCode
from trimtab.cli.output import output_option, print_table, print_value, say
from trimtab.cli.session import HubCommand, Session, current_session
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import GroupKind, key_of
from trimtab.ports.cluster import ApiError, Cluster, ClusterReader
from trimtab.services.installation import find_other_controller
from trimtab.services.registry import read_clusters
from trimtab.services.requests import APPLICATION, PROJECT

_HUB_SECONDS = 20
_ENGINE_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: ``ok``, ``warning`` (something will not work) or ``problem``."""

    check: str
    state: str
    message: str


@click.command(cls=HubCommand)
@click.option("--offline", is_flag=True, help="Do not connect to the hub.")
@output_option
def doctor(offline: bool, output: str) -> int:
    """Check this machine and the hub.

    Exit code 1: there is a problem; warnings alone are fine.
    """
    session = current_session()
    found = [*machine(shutil.which), *asyncio.run(_engines()), *asyncio.run(_ledger(session))]
    if not offline:
        found += asyncio.run(_hub(session))
    if output in {"table", "wide", "name"}:
        rows = [[finding.check, finding.state, finding.message] for finding in found]
        print_table(["CHECK", "STATE", "MESSAGE"], rows)
    else:
        print_value([asdict(finding) for finding in found], output=output)
    has_problem = any(finding.state == "problem" for finding in found)
    return ExitCode.NEGATIVE if has_problem else ExitCode.OK


def machine(which: Callable[[str], str | None]) -> Iterator[Finding]:
    """Yield what programs there are."""
    git = which("git")
    if git:
        yield Finding("git", "ok", git)
    else:
        yield Finding("git", "problem", "not on PATH; install git")
    go = go_version()
    if go.startswith("missing"):
        message = f"{go}; only needed to build the engines and the local fleet"
        yield Finding("go", "warning", message)
    else:
        yield Finding("go", "ok", go)


async def _engines() -> list[Finding]:
    try:
        async with open_renderer(progress=say) as renderer:
            await renderer.parse("kind: Check\n", timeout=_ENGINE_TIMEOUT)
    except (TrimtabError, OSError, RuntimeError) as error:
        return [Finding("engines", "problem", str(error))]
    return [Finding("engines", "ok", "a worker started and answered")]


async def _ledger(session: Session) -> list[Finding]:
    path = session.ledger_path
    if not path.exists():
        return [Finding("ledger", "ok", f"{path}: none yet; `trimtab serve` creates it")]
    try:
        found = await read_ledger(path).verify()
    except TrimtabError as error:
        return [Finding("ledger", "problem", error.message)]
    if found.problems:
        return [Finding("ledger", "problem", f"{path}: {found.problems[0]}")]
    return [Finding("ledger", "ok", f"{path}: {found.entries} entries, whole")]


async def _hub(session: Session) -> list[Finding]:
    try:
        where = connection_summary(kubeconfig=session.kubeconfig, context=session.context)
    except TrimtabError as error:
        return [Finding("kubeconfig", "problem", error.message)]
    found = [Finding("kubeconfig", "ok", f"context {where.name}: {where.server}")]
    try:
        async with asyncio.timeout(_HUB_SECONDS), session.connect(session) as hub:
            found.append(Finding("hub", "ok", await hub.server_version()))
            for name, check in _HUB_CHECKS:
                found.append(await _checked(name, check(hub, session)))
    except TimeoutError:
        found.append(Finding("hub", "problem", f"no answer within {_HUB_SECONDS} s"))
    except TrimtabError as error:
        found.append(Finding("hub", "problem", f"{error.message} ({error.reason})"))
    return found


async def _checked(name: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except ApiError as error:
        return Finding(name, "problem", f"{error.message} ({error.reason})")


async def _applications(hub: Cluster, _: Session) -> Finding:
    return await _served(hub, APPLICATION)


async def _projects(hub: Cluster, _: Session) -> Finding:
    return await _served(hub, PROJECT)


async def _namespace(hub: Cluster, session: Session) -> Finding:
    name = session.namespace
    if await hub.get(key_of({"kind": "Namespace", "metadata": {"name": name}})) is None:
        message = f"namespace {name} does not exist; name another with -n"
        return Finding("namespace", "warning", message)
    return Finding("namespace", "ok", name)


async def _clusters(hub: Cluster, session: Session) -> Finding:
    found = await read_clusters(hub, session.namespace)
    return Finding("clusters", "ok", f"{len(found)} registered; `cluster list --check` asks them")


async def _serve(hub: Cluster, session: Session) -> Finding:
    holder = await serving_now(hub, session.namespace, session.now())
    if holder:
        return Finding("serve", "ok", f"at work: {holder}")
    return Finding("serve", "warning", "nobody is at work; `trimtab serve` starts")


async def _other(hub: Cluster, session: Session) -> Finding:
    other = await find_other_controller(hub, session.namespace)
    if other:
        return Finding("other", "warning", f"{other} is alive: `trimtab serve` only observes")
    return Finding("other", "ok", "no other controller of Applications")


_HUB_CHECKS: tuple[tuple[str, Callable[[Cluster, Session], Awaitable[Finding]]], ...] = (
    (str(APPLICATION), _applications),
    (str(PROJECT), _projects),
    ("namespace", _namespace),
    ("clusters", _clusters),
    ("serve", _serve),
    ("other", _other),
)


async def _served(hub: ClusterReader, kind: GroupKind) -> Finding:
    if await hub.resource_type(kind) is None:
        return Finding(str(kind), "problem", "not served; `trimtab crds install` installs it")
    return Finding(str(kind), "ok", "served")
