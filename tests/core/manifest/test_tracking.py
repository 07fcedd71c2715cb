"""Marks of ownership: laid on, read back, and not believed when they are copies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.builders import body, desired
from trimtab.core.manifest import (
    INSTANCE_LABEL,
    TRACKING_ID,
    ObjectKey,
    TrackedBy,
    TrackingId,
    TrackingMethod,
    align_tracking,
    annotations_of,
    app_instance_name,
    labels_of,
    parse_tracking_id,
    split_app_instance,
    tracking_owner,
    truncate_label,
    with_tracking,
    without_tracking,
)

_ROLE = ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "system:node:view")


@pytest.mark.parametrize("method", list(TrackingMethod))
def test_a_mark_is_read_back(method: TrackingMethod) -> None:
    marked = with_tracking(desired(), app_instance="shop", method=method)
    owner = tracking_owner(
        annotations_of(marked.body), labels_of(marked.body), marked.key, method=method
    )
    assert owner == TrackedBy("shop", is_own_mark=True)


def test_the_id_states_the_destination_namespace_of_a_cluster_scoped_object() -> None:
    role = desired("ClusterRole", "view", api="rbac.authorization.k8s.io/v1", namespace="")
    marked = with_tracking(
        role, app_instance="shop", method=TrackingMethod.ANNOTATION, default_namespace="demo"
    )
    notes = annotations_of(marked.body)
    assert notes[TRACKING_ID] == "shop:rbac.authorization.k8s.io/ClusterRole:demo/view"
    owner = tracking_owner(notes, {}, role.key, method=TrackingMethod.ANNOTATION)
    assert owner == TrackedBy("shop", is_own_mark=True)


@pytest.mark.parametrize(
    "key",
    [
        ObjectKey("", "ConfigMap", "demo", "copy"),
        ObjectKey("", "ConfigMap", "elsewhere", "app"),
        ObjectKey("", "Secret", "demo", "app"),
        ObjectKey("apps", "ConfigMap", "demo", "app"),
    ],
    ids=["another name", "another namespace", "another kind", "another group"],
)
def test_a_copied_annotation_is_not_the_objects_own(key: ObjectKey) -> None:
    marked = with_tracking(desired(), app_instance="shop", method=TrackingMethod.ANNOTATION)
    owner = tracking_owner(annotations_of(marked.body), {}, key, method=TrackingMethod.ANNOTATION)
    assert owner == TrackedBy("shop", is_own_mark=False)


def test_a_mark_of_another_installation_is_not_our_own() -> None:
    marked = with_tracking(
        desired(), app_instance="shop", method=TrackingMethod.ANNOTATION, installation_id="east"
    )
    notes = annotations_of(marked.body)
    for ours, is_own in (("east", True), ("west", False), ("", False)):
        owner = tracking_owner(
            notes, {}, marked.key, method=TrackingMethod.ANNOTATION, installation_id=ours
        )
        assert owner == TrackedBy("shop", is_own_mark=is_own)


@pytest.mark.parametrize("text", ["", "app", "app:x", "app:/ConfigMap:app", "app:a/b/c:n/x"])
def test_another_shape_is_no_tracking_id(text: str) -> None:
    assert parse_tracking_id(text) is None


@given(st.from_regex(r"[a-z0-9-]{1,20}(_[a-z0-9-]{1,9})?", fullmatch=True), st.just(_ROLE))
def test_a_tracking_id_is_read_back(app_instance: str, key: ObjectKey) -> None:
    made = TrackingId(app_instance, key)
    assert parse_tracking_id(str(made)) == made


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=120))
def test_a_cut_label_is_short_and_ends_well(value: str) -> None:
    cut = truncate_label(value)
    assert len(cut) <= 63
    assert value.startswith(cut)
    assert not cut or cut[-1].isalnum()


def test_a_label_alone_is_never_cut() -> None:
    name = "n" * 80
    alone = with_tracking(desired(), app_instance=name, method=TrackingMethod.LABEL)
    both = with_tracking(desired(), app_instance=name, method=TrackingMethod.ANNOTATION_AND_LABEL)
    assert labels_of(alone.body)[INSTANCE_LABEL] == name
    assert labels_of(both.body)[INSTANCE_LABEL] == name[:63]


def test_applications_of_other_namespaces_carry_theirs() -> None:
    assert app_instance_name("shop", "argocd", "argocd") == "shop"
    assert app_instance_name("shop", "team", "argocd") == "team_shop"
    assert split_app_instance("team_shop", "argocd") == ("team", "shop")
    assert split_app_instance("shop", "argocd") == ("argocd", "shop")


def test_taking_marks_off_leaves_the_object_as_it_was() -> None:
    method = TrackingMethod.ANNOTATION_AND_LABEL
    marked = with_tracking(desired(), app_instance="shop", method=method, installation_id="x")
    assert without_tracking(marked.body, method=method) == desired().body


def test_an_object_marked_by_label_is_shown_with_the_annotation() -> None:
    wanted = with_tracking(desired(), app_instance="shop", method=TrackingMethod.ANNOTATION).body
    live = with_tracking(desired(), app_instance="shop", method=TrackingMethod.LABEL).body
    assert align_tracking(wanted, live, method="annotation") == wanted


def test_a_foreign_annotation_is_never_hidden() -> None:
    wanted = with_tracking(desired(), app_instance="shop", method=TrackingMethod.ANNOTATION).body
    live = body(notes={TRACKING_ID: "other:/ConfigMap:demo/app"})
    live["metadata"]["labels"] = {INSTANCE_LABEL: "shop"}
    shown = align_tracking(wanted, live, method="annotation")
    assert shown is not None
    assert annotations_of(shown)[TRACKING_ID].startswith("other:")
