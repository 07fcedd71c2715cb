"""What a command works with: global options and the ways to the hub and to the shared services.

The ways lead through ``bootstrap`` and are imported when they are taken; a test puts its own there.
"""

import functools
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self

import click

if TYPE_CHECKING:
    from trimtab.ports.cluster import Cluster, PodLogs

P = ParamSpec("P")


def default_state_dir() -> Path:
    """Return the user's state folder for Trimtab."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "trimtab"


def _connect(session: "Session") -> "AbstractAsyncContextManager[Cluster]":
    from trimtab.bootstrap.client import connect_hub

    return connect_hub(kubeconfig=session.kubeconfig, context=session.context)


def _logs(cluster: "Cluster") -> "PodLogs":
    from trimtab.bootstrap.client import pod_logs

    return pod_logs(cluster)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """Options of this invocation and its doors to the world.

    Args:
        kubeconfig: File, or None for the usual search.
        context: Context, or None for the current one.
        namespace: Of Applications in the hub.
        state_dir: Where ``serve`` keeps the ledger.
        connect: Opens the hub.
        logs: Finds the pod logs of an open cluster.
        now: The clock.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str = "argocd"
    state_dir: Path = field(default_factory=default_state_dir)
    connect: "Callable[[Session], AbstractAsyncContextManager[Cluster]]" = _connect
    logs: "Callable[[Cluster], PodLogs]" = _logs
    now: Callable[[], datetime] = _now

    @property
    def ledger_path(self) -> Path:
        """The ledger that ``serve`` writes by default."""
        return self.state_dir / "ledger.db"

    def with_options(
        self,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        namespace: str | None = None,
        state_dir: Path | None = None,
    ) -> Self:
        """Return a copy with the options that were given."""
        given = {
            "kubeconfig": kubeconfig,
            "context": context,
            "namespace": namespace,
            "state_dir": state_dir,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})


def current_session() -> Session:
    """Return the running command's session."""
    found = click.get_current_context().find_object(Session)
    assert found is not None, "commands run below `root`, which makes the session"
    return found


@dataclass(frozen=True, slots=True)
class Hub:
    """An open connection to the hub, for one command."""

    cluster: "Cluster"
    session: Session

    @property
    def namespace(self) -> str:
        """Namespace of Applications in the hub."""
        return self.session.namespace


def with_hub(
    command: Callable[Concatenate[Hub, P], Awaitable[int | None]],
) -> Callable[P, int | None]:
    """Let an asynchronous command run with an open hub; its result is the exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int | None:
        import asyncio

        session = current_session()

        async def connected() -> int | None:
            async with session.connect(session) as cluster:
                return await command(Hub(cluster, session), *args, **kwargs)

        return asyncio.run(connected())

    return run


_HUB_OPTIONS = {
    "kubeconfig": ["--kubeconfig"],
    "context": ["--context"],
    "namespace": ["--namespace", "-n"],
}


class HubCommand(click.Command):
    """A command that takes the hub's global options after its own name as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taken = {opt for param in self.params for opt in param.opts}
        for option, names in _HUB_OPTIONS.items():
            free = [name for name in names if name not in taken]
            if free:
                self.params.append(_override(option, free))


def _override(option: str, names: list[str]) -> click.Option:
    def override(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            given: Any = Path(value) if option == "kubeconfig" else value
            ctx.obj = current_session_of(ctx).with_options(**{option: given})

    # A name of its own: a command may have a parameter called like the option.
    return click.Option(
        [*names, f"hub_{option}"], expose_value=False, callback=override, hidden=True
    )


def current_session_of(ctx: click.Context) -> Session:
    """Return the session of a context."""
    found = ctx.find_object(Session)
    return found or Session()
