"""Running the hooks of a deletion, as far as they get in one look.

They are those of the revision that the Application names now, as in Argo CD: a hook that fails is
repaired by a commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from trimtab.controllers.application.model import Desired, Inputs, Memory
from trimtab.controllers.application.observe import Observer
from trimtab.controllers.application.sync.intents import merge_options
from trimtab.controllers.application.sync.write import Writer
from trimtab.controllers.application.world import World
from trimtab.core.errors import Stalled, Transient
from trimtab.core.manifest import HookPhase, ObjectKey
from trimtab.core.manifest.live import LiveObject
from trimtab.core.plan import (
    DeleteHooks,
    Finish,
    ObjectResult,
    Plan,
    ResultCode,
    RunHooks,
    RunState,
    WaitHealth,
    next_deletion_hooks,
    plan_deletion,
)
from trimtab.crds.argoproj_v1alpha1.application import SyncOperation
from trimtab.ports.cluster import ApiError

_MAX_STEPS = 100
_NAME_PART = "delete"
_REPAIR = "Repair it in Git, or delete its object to run it again"


class HookFailed(Stalled):
    """A hook of the deletion ended as failed."""


@dataclass(frozen=True, slots=True)
class HookRunner:
    """Runs the hooks of one Application's deletion.

    Args:
        world: The ports.
        inputs: Whose.
        began: When the deletion was asked for: part of the names of hooks that have none.
    """

    world: World
    inputs: Inputs
    began: datetime

    @property
    def run(self) -> str:
        """What tells the objects of this deletion from others."""
        return self.inputs.app_live.meta.uid

    async def go_on(self, phase: HookPhase) -> bool:
        """Carry a phase on, and return whether all of its hooks have succeeded.

        Raises:
            Stalled: A hook failed, or is not permitted.
            Transient: It may work later.
        """
        observer = Observer(self.world, self.inputs, Memory())
        desired = await observer.desire(await observer.target())
        plan = self._plan(desired)
        keys = [c.key for c in plan.changes() if c.phase is phase]
        if not keys:
            return True
        writer = self._writer(observer)
        await self.world.written.add(self.inputs.cluster.server, {key.group_kind for key in keys})
        for _ in range(_MAX_STEPS):
            step = next_deletion_hooks(plan, phase, self._live(keys), run=self.run)
            match step:
                case RunHooks(_, _, changes):
                    _raise_refusals(phase, await writer.write(changes))
                case DeleteHooks(uids, _):
                    await _delete(writer, uids)
                case WaitHealth():
                    return False
                case Finish(state, message):
                    if state is RunState.SUCCEEDED:
                        return True
                    raise HookFailed("DeletionError", f"{message}. {_REPAIR}")
                case _:
                    assert_never(step)
        return False

    def _plan(self, desired: Desired) -> Plan:
        """Return the plan of the hooks alone; its names must be the same at each look."""
        return plan_deletion(
            live=(),
            hooks=desired.hooks,
            options=merge_options(self.inputs.app, SyncOperation()),
            revision=_NAME_PART,
            started_unix=int(self.began.timestamp()),
        )

    def _writer(self, observer: Observer) -> Writer:
        options = merge_options(self.inputs.app, SyncOperation())
        settings, may_write = self.world.settings, self.world.may_write
        return Writer(self.inputs, observer.comparer, settings, options, may_write)

    def _live(self, keys: list[ObjectKey]) -> dict[ObjectKey, LiveObject]:
        found = ((key, self.inputs.cluster.live(key)) for key in keys)
        return {key: live for key, live in found if live is not None}


async def _delete(writer: Writer, uids: Mapping[ObjectKey, str]) -> None:
    try:
        await writer.delete_hooks(uids)
    except ApiError as error:
        named = ", ".join(map(str, sorted(uids)))
        message = f"cannot delete {named}: {error.message}"
        raise Transient("DeletionError", message, retry_after=error.retry_after) from error


def _raise_refusals(phase: HookPhase, results: list[ObjectResult]) -> None:
    refused = [result for result in results if result.status is ResultCode.SYNC_FAILED]
    if refused:
        said = "; ".join(f"{result.key}: {result.message}" for result in refused)
        raise Transient("DeletionError", f"{phase} hooks cannot be created: {said}")
