"""A sync from its first look to its end, against a cluster that is a dictionary."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from core.builders import WAVE, desired, existing, hook
from trimtab.core.health import HEALTHY, Health, HealthStatus
from trimtab.core.manifest import Manifest, ObjectKey
from trimtab.core.plan import (
    PHASE_ORDER,
    Action,
    ApplyWave,
    Candidate,
    Deadlines,
    DeleteHooks,
    Finish,
    ObjectState,
    Plan,
    PlannedChange,
    RunHooks,
    RunState,
    Step,
    SyncOptions,
    SyncProgress,
    WaitConfirmation,
    WaitHealth,
    advance,
    can_supersede,
    next_actions,
    plan_deletion,
    plan_sync,
    result_of_change,
)

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_WAITING = Health(HealthStatus.PROGRESSING, "not yet")
_BROKEN = Health(HealthStatus.DEGRADED, "broken")
_SHORT = Deadlines(sync=timedelta(hours=1), wave=timedelta(minutes=5), hook=timedelta(minutes=2))


@dataclass
class _Sync:
    """Carries steps out; what is written is healthy at once unless told otherwise."""

    plan: Plan
    live: dict[ObjectKey, ObjectState] = field(default_factory=dict)
    progress: SyncProgress = field(default_factory=lambda: SyncProgress(started_at=_NOW))
    now: datetime = _NOW
    healths: dict[str, Health] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    writes: int = 0

    def look(self) -> Step:
        self.progress = advance(self.plan, self.progress, self.live, self.now, deadlines=_SHORT)
        # A new process would go on from what was stored: so does every look of these tests.
        text = msgspec.json.encode(self.progress)
        self.progress = msgspec.json.decode(text, type=SyncProgress)
        return next_actions(self.plan, self.progress, self.live, self.now, deadlines=_SHORT)

    def run(self) -> Step:
        """Carry steps out until there is nothing to do but to wait, or the end."""
        for _ in range(100):
            step = self.look()
            match step:
                case ApplyWave() | RunHooks():
                    self.places.append((PHASE_ORDER[step.phase], step.wave))
                    self.log.append(" ".join(self._act(change) for change in step.changes))
                    results = [self._result(change) for change in step.changes]
                    self.progress = self.progress.with_results(results, self.now)
                case DeleteHooks():
                    self.log.append("delete " + " ".join(key.name for key in step.uids))
                    for key, uid in step.uids.items():
                        assert self.live[key].uid == uid
                        self._delete(key)
                case _:
                    return step
        raise AssertionError(f"no end: {self.log[-6:]}")

    def _act(self, change: PlannedChange) -> str:
        if change.key.name in self.errors:
            return f"refused {change.key.name}"
        if change.is_deletion:
            self._delete(change.key)
            return f"delete {change.key.name}"
        self.writes += 1
        health = self.healths.get(change.key.name, HEALTHY)
        kept = self.live.get(change.key)
        uid = kept.uid if kept else f"uid-{change.key.name}-{self.writes}"
        self.live[change.key] = ObjectState(uid, health)
        return change.key.name

    def _result(self, change: PlannedChange) -> object:
        state = self.live.get(change.key)
        return result_of_change(
            change,
            error=self.errors.get(change.key.name, ""),
            uid="" if change.is_deletion or state is None else state.uid,
            now=self.now,
        )

    def _delete(self, key: ObjectKey) -> None:
        if key.name in self.stuck:
            self.live[key] = replace(self.live[key], is_deleting=True)
        else:
            self.live.pop(key, None)

    def turn(self, name: str, health: Health | None) -> None:
        """Change the health of an object, or take it away."""
        (key,) = [key for key in self.live if key.name == name]
        if health is None:
            del self.live[key]
        else:
            self.live[key] = replace(self.live[key], health=health)


def _new(name: str, wave: int = 0, kind: str = "Deployment") -> Candidate:
    return Candidate(desired(kind, name, notes={WAVE: str(wave)}), None)


def _old(name: str, wave: int = 0) -> Candidate:
    return Candidate(None, existing("Deployment", name, notes={WAVE: str(wave)}))


def _sync(
    *candidates: Candidate, hooks: tuple[Manifest, ...] = (), options: SyncOptions | None = None
) -> _Sync:
    plan = plan_sync(
        changes=candidates,
        hooks=hooks,
        options=options or SyncOptions(prune=True),
        revision="abc",
    )
    live = {
        c.live.key: ObjectState(c.live.meta.uid, HEALTHY) for c in candidates if c.live is not None
    }
    return _Sync(plan, live)


def test_waves_follow_one_another_and_the_last_is_not_waited_for() -> None:
    sync = _sync(_new("a", 0), _new("b", 1), _new("c", 2))
    sync.healths = {"c": _WAITING}
    assert sync.run() == Finish(RunState.SUCCEEDED, "successfully synced (all tasks run)")
    assert sync.log == ["a", "b", "c"]


def test_a_wave_waits_until_the_one_before_is_healthy() -> None:
    sync = _sync(_new("a", 0), _new("b", 1))
    sync.healths = {"a": _WAITING}
    step = sync.run()
    assert isinstance(step, WaitHealth)
    assert step.message == "waiting for healthy state of /Deployment/a"
    assert step.until == _NOW + timedelta(minutes=5)
    sync.turn("a", HEALTHY)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["a", "b"]


def test_objects_of_kinds_without_health_are_healthy() -> None:
    sync = _sync(_new("a", 0, "ConfigMap"), _new("b", 1))
    sync.healths = {"a": None}
    assert isinstance(sync.run(), Finish)


def test_a_degraded_object_that_something_waits_for_fails_the_sync() -> None:
    sync = _sync(_new("a", 0), _new("b", 1))
    sync.healths = {"a": _BROKEN}
    step = sync.run()
    assert isinstance(step, Finish)
    assert step.state is RunState.FAILED
    assert step.message.endswith("/Deployment/a is Degraded: broken")
    assert sync.log == ["a"]


def test_an_unchanged_object_of_an_earlier_wave_is_waited_for() -> None:
    unchanged = Candidate(desired("Deployment", "a"), existing("Deployment", "a"), differs=False)
    sync = _sync(unchanged, _new("b", 1))
    sync.turn("a", _WAITING)
    step = sync.run()
    assert isinstance(step, WaitHealth)
    assert [key.name for key in step.keys] == ["a"]
    assert sync.log == []


def test_a_refused_write_stops_later_waves_and_says_which() -> None:
    sync = _sync(_new("a", 0), _new("b", 0), _new("c", 1))
    sync.errors = {"b": "quota exceeded"}
    step = sync.run()
    assert isinstance(step, Finish)
    assert step.state is RunState.FAILED
    assert "/Deployment/b: quota exceeded" in step.message
    assert sync.log == ["a refused b"]


def test_hooks_run_before_and_after_and_are_waited_for() -> None:
    sync = _sync(_new("a"), hooks=(hook("pre", "PreSync"), hook("post", "PostSync")))
    sync.healths = {"pre": _WAITING, "post": _WAITING}
    step = sync.run()
    assert isinstance(step, WaitHealth)
    assert step.message == "waiting for completion of hook batch/Job/pre"
    sync.turn("pre", HEALTHY)
    assert isinstance(sync.run(), WaitHealth)
    assert sync.log == ["pre", "a", "post"]
    sync.turn("post", HEALTHY)
    assert isinstance(sync.run(), Finish)


def test_hooks_of_the_sync_phase_do_not_wait_for_the_objects_of_their_wave() -> None:
    sync = _sync(_new("a"), hooks=(hook("during", "Sync"),))
    sync.healths = {"a": _WAITING}
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["a", "during"]


def test_what_is_left_of_an_earlier_run_is_deleted_before_a_hook_is_created() -> None:
    sync = _sync(hooks=(hook("pre", "PreSync"),))
    key = next(sync.plan.changes()).key
    sync.live[key] = ObjectState("from-last-week", _BROKEN)
    sync.stuck = {"pre"}
    assert isinstance(sync.run(), WaitHealth)
    assert sync.log == ["delete pre"]
    sync.turn("pre", None)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["delete pre", "pre"]


def test_a_failed_hook_runs_the_syncfail_hooks_and_nothing_else() -> None:
    hooks = (
        hook("pre", "PreSync", policy="HookFailed"),
        hook("other", "PreSync", policy="HookSucceeded"),
        hook("alarm", "SyncFail"),
    )
    sync = _sync(_new("a"), hooks=hooks)
    sync.healths = {"pre": _BROKEN}
    step = sync.run()
    assert isinstance(step, Finish)
    assert step.state is RunState.FAILED
    assert "hook batch/Job/pre: broken" in step.message
    assert sync.log == ["other pre", "alarm", "delete other pre"]


def test_syncfail_hooks_wait_for_hooks_that_still_run() -> None:
    sync = _sync(hooks=(hook("a", "PreSync"), hook("b", "PreSync"), hook("alarm", "SyncFail")))
    sync.healths = {"a": _BROKEN, "b": _WAITING}
    assert isinstance(sync.run(), WaitHealth)
    sync.turn("b", HEALTHY)
    sync.run()
    assert sync.log == ["a b", "alarm"]


def test_hooks_go_when_their_policy_says_so() -> None:
    hooks = (hook("goes", "PostSync", policy="HookSucceeded"), hook("stays", "PostSync"))
    sync = _sync(_new("a"), hooks=hooks)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["a", "goes stays", "delete goes"]
    assert {key.name for key in sync.live} == {"a", "stays"}


def test_a_hook_that_somebody_deletes_has_failed() -> None:
    sync = _sync(hooks=(hook("pre", "PreSync"),))
    sync.healths = {"pre": _WAITING}
    sync.run()
    sync.turn("pre", None)
    step = sync.run()
    assert isinstance(step, Finish)
    assert "was deleted while it ran" in step.message


def test_deadlines_end_what_does_not_end() -> None:
    sync = _sync(_new("a", 0), _new("b", 1))
    sync.healths = {"a": _WAITING}
    sync.run()
    sync.now += timedelta(minutes=5)
    step = sync.run()
    assert step == Finish(RunState.FAILED, "timed out waiting for healthy state of /Deployment/a")
    slow = _sync(hooks=(hook("pre", "PreSync"),))
    slow.healths = {"pre": _WAITING}
    step = slow.run()
    assert isinstance(step, WaitHealth)
    assert step.until == _NOW + timedelta(minutes=2)
    slow.now += timedelta(minutes=2)
    step = slow.run()
    assert isinstance(step, Finish)
    assert "did not end within" in step.message


def test_pruned_objects_are_waited_for() -> None:
    sync = _sync(_old("gone", 0), _new("new", 1))
    sync.stuck = {"gone"}
    step = sync.run()
    assert isinstance(step, WaitHealth)
    assert step.message == "waiting for deletion of /Deployment/gone"
    sync.turn("gone", None)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["delete gone", "new"]


def test_a_recreation_deletes_waits_and_creates() -> None:
    changed = Candidate(desired("Job", "load"), existing("Job", "load"), is_refused=True)
    sync = _sync(changed, options=SyncOptions(force=True))
    assert [change.action for change in sync.plan.changes()] == [Action.RECREATE]
    sync.stuck = {"load"}
    step = sync.run()
    assert isinstance(step, WaitHealth)
    assert step.message == "waiting for deletion of /Job/load"
    sync.turn("load", None)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["delete load", "load"]
    (result,) = sync.progress.results
    assert (result.action, result.state) == (Action.CREATE, RunState.SUCCEEDED)


def test_nothing_begins_before_prunes_are_confirmed() -> None:
    kept = existing("ConfigMap", "old", notes={"argocd.argoproj.io/sync-options": "Prune=confirm"})
    sync = _sync(Candidate(None, kept), _new("a"))
    step = sync.run()
    assert isinstance(step, WaitConfirmation)
    assert step.message == "waiting for pruning confirmation of /ConfigMap/old"
    assert sync.log == []


def test_termination_deletes_running_hooks_and_ends() -> None:
    sync = _sync(_new("a"), hooks=(hook("pre", "PreSync"),))
    sync.healths = {"pre": _WAITING}
    sync.run()
    sync.progress = replace(sync.progress, is_terminating=True)
    assert sync.run() == Finish(RunState.FAILED, "Operation terminated")
    assert sync.log == ["pre", "delete pre"]


def test_a_sync_may_be_superseded_between_waves_only() -> None:
    sync = _sync(_new("a", 0), _new("b", 1), hooks=(hook("pre", "PreSync"),))
    sync.healths = {"pre": _WAITING, "a": _WAITING}
    assert can_supersede(sync.plan, sync.progress)
    sync.run()
    assert not can_supersede(sync.plan, sync.progress)
    sync.turn("pre", HEALTHY)
    sync.run()
    assert can_supersede(sync.plan, sync.progress)
    assert not can_supersede(sync.plan, sync.progress, is_automated=False)
    tired = replace(sync.progress, supersessions=3)
    assert not can_supersede(sync.plan, tired)
    half = replace(sync.progress, results=sync.progress.results[:1])
    assert not can_supersede(sync.plan, half)


def test_a_new_plan_made_in_the_middle_goes_on_where_the_old_one_was() -> None:
    run = hook("pre", "PreSync")
    sync = _sync(_new("a", 0), _new("b", 1), hooks=(run,))
    sync.healths = {"a": _WAITING}
    assert isinstance(sync.run(), WaitHealth)
    done = Candidate(desired("Deployment", "a"), existing("Deployment", "a"), differs=False)
    sync.plan = plan_sync(
        changes=[done, _new("b", 1)], hooks=[run], options=SyncOptions(), revision="abc"
    )
    assert isinstance(sync.run(), WaitHealth)
    sync.turn("a", HEALTHY)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["pre", "a", "b"]


def test_a_deletion_waits_for_the_objects_before_its_last_hooks() -> None:
    live = existing("Deployment", "web")
    plan = plan_deletion(live=[live], hooks=[hook("bye", "PostDelete")], options=SyncOptions())
    sync = _Sync(plan, {live.key: ObjectState(live.meta.uid, HEALTHY)}, stuck={"web"})
    assert isinstance(sync.run(), WaitHealth)
    sync.turn("web", None)
    assert isinstance(sync.run(), Finish)
    assert sync.log == ["delete web", "bye"]


def test_a_plan_without_work_ends_at_once() -> None:
    assert _sync().run() == Finish(RunState.SUCCEEDED, "successfully synced (no more tasks)")


_WAVES = st.integers(-1, 2)
_CHANGES: st.SearchStrategy[list[Callable[[str], Candidate]]] = st.lists(
    st.one_of(
        _WAVES.map(lambda wave: lambda name: _new(name, wave)),
        _WAVES.map(lambda wave: lambda name: _old(name, wave)),
    ),
    max_size=6,
)
_HOOK_PHASES = st.lists(
    st.sampled_from(["PreSync", "Sync", "PostSync", "SyncFail", "PreSync,PostSync"]), max_size=3
)
_HEALTHS = st.sampled_from([HEALTHY, _WAITING, _BROKEN])


@given(_CHANGES, _HOOK_PHASES, st.data())
def test_whatever_happens_it_ends_and_is_then_silent(
    makers: list[Callable[[str], Candidate]], phases: list[str], data: st.DataObject
) -> None:
    hooks = tuple(hook(f"h{index}", phase) for index, phase in enumerate(phases))
    sync = _sync(*(make(f"o{index}") for index, make in enumerate(makers)), hooks=hooks)
    names = [change.key.name for change in sync.plan.changes()]
    sync.healths = {name: data.draw(_HEALTHS) for name in names}
    sync.errors = dict.fromkeys(data.draw(st.sets(st.sampled_from(names))) if names else (), "no")
    for _ in range(50):
        step = sync.run()
        if isinstance(step, Finish):
            break
        sync.now += timedelta(minutes=1)
    assert isinstance(step, Finish)
    assert sync.places == sorted(sync.places)
    before = (list(sync.log), dict(sync.live), sync.progress)
    assert sync.run() == step
    assert (sync.log, sync.live, sync.progress) == before
    if step.state is RunState.SUCCEEDED:
        done = {result.key for result in sync.progress.results}
        wanted = {c.key for c in sync.plan.changes() if c.phase != "SyncFail"}
        assert done == wanted
