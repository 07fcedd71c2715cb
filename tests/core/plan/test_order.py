"""The order of changes."""

from hypothesis import given
from hypothesis import strategies as st

from core.builders import WAVE, body, desired, existing, hook
from trimtab.core.manifest import HookPhase, Manifest, manifest_of
from trimtab.core.plan import (
    PHASE_ORDER,
    Action,
    Candidate,
    Plan,
    PlannedChange,
    SyncOptions,
    batches,
    kind_rank,
    order_changes,
    place_prunes,
    plan_sync,
)


def _create(manifest: Manifest, wave: int = 0, phase: HookPhase = HookPhase.SYNC) -> PlannedChange:
    return PlannedChange(Action.CREATE, manifest.key, manifest, phase=phase, wave=wave)


def _prune(kind: str, name: str, wave: int = 0) -> PlannedChange:
    return PlannedChange(Action.PRUNE, desired(kind, name).key, wave=wave)


def _names(changes: tuple[PlannedChange, ...]) -> list[str]:
    return [change.key.name for change in changes]


def _crd(name: str, kind: str) -> Manifest:
    spec = {"group": "example.com", "names": {"kind": kind}, "scope": "Namespaced"}
    return manifest_of(
        body(
            "CustomResourceDefinition",
            name,
            api="apiextensions.k8s.io/v1",
            namespace="",
            spec=spec,
        )
    )


def test_phase_then_wave_then_kind_then_name() -> None:
    changes = [
        _create(desired("Deployment", "z")),
        _create(desired("Widget", "custom")),
        _create(desired("ConfigMap", "b")),
        _create(desired("ConfigMap", "a")),
        _create(desired("ConfigMap", "early"), wave=-1),
        _create(desired("Job", "before"), wave=9, phase=HookPhase.PRE_SYNC),
    ]
    assert _names(order_changes(changes)) == ["before", "early", "a", "b", "z", "custom"]


def test_prunes_come_first_within_a_wave_in_reverse_order_of_kind() -> None:
    changes = [
        _create(desired("ConfigMap", "new")),
        _prune("ConfigMap", "map"),
        _prune("Widget", "custom"),
        _prune("Deployment", "web"),
    ]
    ordered = order_changes(changes)
    assert _names(ordered)[-1] == "new"
    assert _names(ordered).index("web") < _names(ordered).index("map")


def test_a_namespace_goes_before_the_first_object_in_it() -> None:
    ordered = order_changes(
        [
            _create(desired("Namespace", "demo", namespace=""), wave=5),
            _create(hook("migrate", "PreSync"), wave=2, phase=HookPhase.PRE_SYNC),
            _create(desired("ConfigMap", "app")),
        ]
    )
    assert _names(ordered) == ["demo", "migrate", "app"]
    assert (ordered[0].phase, ordered[0].wave) == (HookPhase.PRE_SYNC, 2)


def test_a_namespace_that_is_early_enough_stays_where_it_is() -> None:
    ordered = order_changes(
        [
            _create(desired("Namespace", "demo", namespace=""), wave=-3),
            _create(desired("ConfigMap", "app")),
        ]
    )
    assert [(change.key.name, change.wave) for change in ordered] == [("demo", -3), ("app", 0)]


def test_a_definition_goes_before_the_first_object_of_its_kind() -> None:
    ordered = order_changes(
        [
            _create(_crd("widgets.example.com", "Widget"), wave=4),
            _create(desired("Widget", "one", api="example.com/v1")),
            _create(desired("Widget", "other-group", api="example.org/v1"), wave=-1),
        ]
    )
    assert _names(ordered) == ["other-group", "widgets.example.com", "one"]
    assert ordered[1].wave == 0


def test_waves_of_prunes_are_mirrored() -> None:
    placed = place_prunes(
        [
            _prune("Pod", "a", 0),
            _prune("Pod", "b", 1),
            _prune("Pod", "c", 5),
            _prune("Pod", "d", 1),
        ],
        is_last=lambda _: False,
    )
    assert {c.key.name: c.wave for c in placed} == {"a": 5, "b": 1, "c": 0, "d": 1}


def test_what_is_pruned_last_comes_after_the_highest_wave() -> None:
    placed = place_prunes(
        [_create(desired("Pod", "new"), wave=7), _prune("Pod", "old", 2)],
        is_last=lambda _: True,
    )
    assert {c.key.name: c.wave for c in placed} == {"new": 7, "old": 8}


def test_kinds_that_nobody_ranked_come_last() -> None:
    assert kind_rank("Namespace") < kind_rank("Deployment") < kind_rank("Widget") == 0


def test_batches_keep_apart_only_what_the_api_server_needs_apart() -> None:
    changes = order_changes(
        [
            _create(desired("Namespace", "n", namespace="")),
            _create(_crd("widgets.example.com", "Widget")),
            _create(desired("ConfigMap", "c")),
            _create(desired("Role", "r")),
            _create(desired("RoleBinding", "rb")),
            _create(desired("Deployment", "d")),
            _create(desired("Widget", "w", api="example.com/v1")),
            _prune("Secret", "old"),
        ]
    )
    assert [{change.key.kind for change in batch} for batch in batches(changes)] == [
        {"Secret"},
        {"Namespace"},
        {"CustomResourceDefinition", "ConfigMap", "Role"},
        {"RoleBinding"},
        {"Deployment", "Widget"},
    ]


_KINDS = st.sampled_from(["Namespace", "ConfigMap", "Deployment", "Widget"])
_NAMES = st.sampled_from(["demo", "a", "b", "c", "d"])
_WAVES = st.integers(-2, 2).map(str)


@st.composite
def _candidates(draw: st.DrawFn) -> list[Candidate]:
    rows = draw(
        st.lists(
            st.tuples(_KINDS, _NAMES, _WAVES, st.sampled_from(["new", "same", "differs", "gone"])),
            max_size=12,
            unique_by=lambda row: row[:2],
        )
    )
    made: list[Candidate] = []
    for kind, name, wave, state in rows:
        space = "" if kind == "Namespace" else "demo"
        notes = {WAVE: wave}
        manifest = None if state == "gone" else desired(kind, name, namespace=space, notes=notes)
        live = None if state == "new" else existing(kind, name, namespace=space, notes=notes)
        made.append(Candidate(manifest, live, differs=state == "differs"))
    return made


_HOOKS = st.lists(
    st.builds(
        hook,
        st.sampled_from(["h1", "h2", "h3"]),
        st.sampled_from(["PreSync", "Sync", "PostSync", "PreSync,SyncFail"]),
        wave=st.integers(-1, 1),
    ),
    max_size=3,
    unique_by=lambda manifest: manifest.key,
)


def _plan(candidates: list[Candidate], hooks: list[Manifest]) -> Plan:
    options = SyncOptions(prune=True)
    return plan_sync(changes=candidates, hooks=hooks, options=options, revision="abc")


@given(_candidates(), _HOOKS, st.randoms())
def test_the_order_of_the_inputs_does_not_matter(
    candidates: list[Candidate], hooks: list[Manifest], random: object
) -> None:
    before = _plan(candidates, hooks)
    random.shuffle(candidates)
    random.shuffle(hooks)
    assert _plan(candidates, hooks) == before


@given(_candidates(), _HOOKS)
def test_every_change_is_placed_once(candidates: list[Candidate], hooks: list[Manifest]) -> None:
    plan = _plan(candidates, hooks)
    placed = [(change.phase, change.key) for change in plan.changes()]
    assert len(placed) == len(set(placed))
    quiet = {key for phase in plan.phases for wave in phase.waves for key in wave.unchanged}
    touched = {change.key for change in plan.changes() if change.action is not Action.HOOK}
    known = {(c.manifest or c.live).key for c in candidates}
    assert touched | quiet == known
    assert not touched & quiet


@given(_candidates(), _HOOKS)
def test_waves_and_phases_never_overtake(
    candidates: list[Candidate], hooks: list[Manifest]
) -> None:
    plan = _plan(candidates, hooks)
    places = [(PHASE_ORDER[p.phase], wave.number) for p in plan.phases for wave in p.waves]
    assert places == sorted(set(places))
    for phase in plan.phases:
        for wave in phase.waves:
            assert all((c.phase, c.wave) == (phase.phase, wave.number) for c in wave.changes)


@given(_candidates(), _HOOKS)
def test_nothing_is_created_in_a_namespace_before_the_namespace(
    candidates: list[Candidate], hooks: list[Manifest]
) -> None:
    changes = list(_plan(candidates, hooks).changes())
    for index, change in enumerate(changes):
        if change.action is Action.CREATE and change.key.kind == "Namespace":
            before = [c for c in changes[:index] if c.manifest is not None]
            assert all(c.key.namespace != change.key.name for c in before)
