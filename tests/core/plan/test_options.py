"""How one object is written, and whether it is tried beforehand."""

import pytest

from core.builders import OPTIONS
from trimtab.core.manifest import resource_options
from trimtab.core.plan import (
    DryRunChoice,
    Propagation,
    SyncOptions,
    Verb,
    WriteChoice,
    choose_dry_run,
    choose_write,
    parse_propagation,
    uses_server_side_apply,
)


def _choose(
    kind: str = "Deployment",
    group: str = "apps",
    *,
    desired: str = "",
    live: str | None = "",
    options: SyncOptions | None = None,
) -> WriteChoice:
    return choose_write(
        group=group,
        kind=kind,
        desired={OPTIONS: desired},
        live=None if live is None else {OPTIONS: live},
        options=options or SyncOptions(),
    )


@pytest.mark.parametrize(
    ("choice", "verb"),
    [
        (_choose(), Verb.APPLY),
        (_choose(live=None), Verb.APPLY),
        (_choose(desired="Replace=true"), Verb.REPLACE),
        (_choose(live="Replace=true"), Verb.REPLACE),
        (_choose(desired="Replace=true", live=None), Verb.CREATE),
        (_choose(options=SyncOptions(replace=True, server_side_apply=True)), Verb.REPLACE),
        (_choose("Namespace", "", desired="Replace=true"), Verb.UPDATE),
        (
            _choose("CustomResourceDefinition", "apiextensions.k8s.io", desired="Replace=true"),
            Verb.UPDATE,
        ),
    ],
    ids=[
        "applied by default",
        "a missing object is applied too",
        "the desired object may ask for replace",
        "the live object may ask for replace",
        "there is nothing to replace",
        "replace beats server-side apply",
        "a namespace is only ever updated",
        "so is a definition",
    ],
)
def test_the_verb(choice: WriteChoice, verb: Verb) -> None:
    assert choice.verb is verb


def test_force_and_validation() -> None:
    assert _choose().force is False
    assert _choose(live="Force=true").force
    assert _choose(options=SyncOptions(force=True)).force
    assert _choose().validate
    assert not _choose(desired="Validate=false").validate
    assert not _choose(options=SyncOptions(validate=False)).validate


@pytest.mark.parametrize(
    ("asked", "options", "is_dry_run", "used"),
    [
        ("", SyncOptions(server_side_apply=True), False, True),
        ("ServerSideApply=false", SyncOptions(server_side_apply=True), False, False),
        ("ServerSideApply=true", SyncOptions(), False, True),
        ("ServerSideApply=true", SyncOptions(), True, False),
        ("ServerSideApply=true", SyncOptions(dry_run=True), False, False),
    ],
)
def test_where_the_apply_would_be_made(
    asked: str, options: SyncOptions, is_dry_run: bool, used: bool
) -> None:
    resource = resource_options({OPTIONS: asked})
    assert uses_server_side_apply(resource, options, is_dry_run=is_dry_run) is used


@pytest.mark.parametrize(
    ("asked", "options", "is_served", "is_defined", "choice"),
    [
        ("", SyncOptions(), True, False, DryRunChoice(is_run=True, is_possible=True)),
        ("", SyncOptions(), False, True, DryRunChoice(is_run=False, is_possible=True)),
        ("", SyncOptions(), False, False, DryRunChoice(is_run=False, is_possible=False)),
        (
            "SkipDryRunOnMissingResource=true",
            SyncOptions(),
            False,
            False,
            DryRunChoice(is_run=False, is_possible=True),
        ),
        (
            "",
            SyncOptions(skip_dry_run_on_missing=True),
            False,
            False,
            DryRunChoice(is_run=False, is_possible=True),
        ),
    ],
    ids=[
        "a served kind is tried",
        "a kind that the plan defines is tried at its wave",
        "nobody will ever serve it",
        "the object says that somebody will",
        "the application says so",
    ],
)
def test_what_is_tried_beforehand(
    asked: str, options: SyncOptions, is_served: bool, is_defined: bool, choice: DryRunChoice
) -> None:
    made = choose_dry_run(
        {OPTIONS: asked}, options, is_served=is_served, is_defined_by_plan=is_defined
    )
    assert made == choice


def test_propagation_in_any_case_and_foreground_otherwise() -> None:
    assert parse_propagation("orphan") is Propagation.ORPHAN
    assert parse_propagation("") is Propagation.FOREGROUND
