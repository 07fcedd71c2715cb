"""What an engine rendered becomes manifests; what cannot be applied becomes a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.builders import body
from trimtab.core.manifest import (
    GroupKind,
    Normalised,
    ObjectKey,
    ProblemKind,
    normalise_manifests,
)

_CLUSTER_SCOPED = {
    GroupKind("", "Namespace"),
    GroupKind("rbac.authorization.k8s.io", "ClusterRole"),
}
_SERVED = {
    GroupKind("", "ConfigMap"),
    GroupKind("", "Secret"),
    GroupKind("", "Service"),
    GroupKind("apps", "Deployment"),
}


def _is_namespaced(kind: GroupKind) -> bool | None:
    if kind in _CLUSTER_SCOPED:
        return False
    return True if kind in _SERVED else None


def _normalise(*objects: object, default_namespace: str = "demo") -> Normalised:
    return normalise_manifests(
        list(objects),
        default_namespace=default_namespace,
        is_namespaced=_is_namespaced,
    )


def test_a_namespaced_object_gets_the_destination_namespace() -> None:
    (manifest,) = _normalise(body(namespace="")).manifests
    assert manifest.key == ObjectKey("", "ConfigMap", "demo", "app")
    assert manifest.body["metadata"] == {"name": "app", "namespace": "demo"}


def test_a_stated_namespace_is_kept() -> None:
    (manifest,) = _normalise(body(namespace="other")).manifests
    assert manifest.key.namespace == "other"


def test_a_cluster_scoped_object_loses_its_namespace() -> None:
    (manifest,) = _normalise(body("Namespace", "prod", namespace="demo")).manifests
    assert manifest.key == ObjectKey("", "Namespace", "", "prod")
    assert manifest.body["metadata"] == {"name": "prod"}


def test_an_unserved_kind_is_reported_and_keeps_what_it_states() -> None:
    widget = body("Widget", api="example.com/v1", namespace="")
    normalised = _normalise(widget)
    assert normalised.unknown == (ObjectKey("example.com", "Widget", "", "app"),)
    assert normalised.manifests[0].body == widget


def test_a_kind_defined_in_the_same_render_is_known() -> None:
    crd = body(
        "CustomResourceDefinition",
        "widgets.example.com",
        api="apiextensions.k8s.io/v1",
        namespace="",
        spec={"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget"}},
    )
    normalised = _normalise(body("Widget", api="example.com/v1", namespace=""), crd)
    assert normalised.manifests[0].key.namespace == "demo"
    assert [key.kind for key in normalised.unknown] == ["CustomResourceDefinition"]


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ({"kind": "ConfigMap", "metadata": {"name": "a"}}, ProblemKind.MISSING_KIND),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, ProblemKind.MISSING_KIND),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, ProblemKind.MISSING_NAME),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}, ProblemKind.MISSING_NAME),
        (["not", "an", "object"], ProblemKind.NOT_AN_OBJECT),
    ],
    ids=[
        "without apiVersion",
        "without kind",
        "without metadata",
        "with metadata null",
        "a list instead of an object",
    ],
)
def test_an_object_that_cannot_be_named_is_an_error_and_the_rest_stays(
    broken: object, kind: ProblemKind
) -> None:
    normalised = _normalise(broken, body())
    assert [problem.kind for problem in normalised.errors] == [kind]
    assert [manifest.key.name for manifest in normalised.manifests] == ["app"]


def test_a_namespaced_object_without_any_namespace_is_an_error() -> None:
    normalised = _normalise(body(namespace=""), default_namespace="")
    assert [problem.kind for problem in normalised.errors] == [ProblemKind.MISSING_NAMESPACE]
    assert normalised.manifests == ()


def test_of_two_objects_with_one_key_the_last_wins_with_a_warning() -> None:
    first, last = body(data={"a": "1"}), body(data={"a": "2"})
    normalised = _normalise(first, body(name="other"), last)
    assert [manifest.body.get("data") for manifest in normalised.manifests] == [None, {"a": "2"}]
    (problem,) = normalised.problems
    assert problem.is_warning
    assert "ConfigMap demo/app appears 2 times" in problem.message
    assert "objects 1 and 3" in problem.message


def test_objects_with_generated_names_do_not_meet() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "run-"}}
    normalised = _normalise(job, job)
    assert len(normalised.manifests) == 2
    assert normalised.problems == ()


def test_repeated_list_keys_are_reduced_to_the_last_and_named() -> None:
    container = {
        "name": "web",
        "env": [{"name": "MODE", "value": "a"}, {"name": "X"}, {"name": "MODE", "value": "b"}],
        "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP", "name": "http"}],
    }
    spec = {"template": {"spec": {"containers": [container]}}}
    normalised = _normalise(body("Deployment", api="apps/v1", spec=spec))
    (made,) = normalised.manifests[0].body["spec"]["template"]["spec"]["containers"]
    assert made["env"] == [{"name": "X"}, {"name": "MODE", "value": "b"}]
    assert made["ports"] == [{"containerPort": 80, "protocol": "TCP", "name": "http"}]
    assert [problem.message.split(":")[1].split(" is ")[0] for problem in normalised.problems] == [
        " spec.template.spec.containers[web].env[MODE]",
        " spec.template.spec.containers[web].ports[80/TCP]",
    ]


def test_one_port_with_two_protocols_is_no_repetition() -> None:
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 53}]
    normalised = _normalise(body("Service", spec={"ports": ports}))
    assert normalised.problems == ()
    assert normalised.manifests[0].body["spec"] == {"ports": ports}


def test_string_data_is_folded_into_data_and_wins() -> None:
    secret = body("Secret", data={"a": "b2xk", "b": "a2VlcA=="}, stringData={"a": "new"})
    (manifest,) = _normalise(secret).manifests
    assert manifest.body["data"] == {"a": "bmV3", "b": "a2VlcA=="}
    assert "stringData" not in manifest.body


def test_fields_of_the_server_are_taken_out() -> None:
    rendered = body("Deployment", api="apps/v1", status={"replicas": 1}, spec={
        "template": {"metadata": {"creationTimestamp": None, "labels": {"app": "x"}}}
    })  # fmt: skip
    rendered["metadata"] |= {"creationTimestamp": None, "resourceVersion": "7", "uid": "u"}
    (manifest,) = _normalise(rendered).manifests
    assert manifest.body == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "demo"},
        "spec": {"template": {"metadata": {"labels": {"app": "x"}}}},
    }


_NAMES = st.sampled_from(["a", "b", "c"])
_OBJECTS = st.lists(
    st.builds(
        body,
        st.sampled_from(["ConfigMap", "Secret", "Namespace"]),
        _NAMES,
        namespace=st.sampled_from(["", "demo", "other"]),
    ),
    max_size=8,
)


@given(_OBJECTS)
def test_each_key_is_kept_once_and_a_second_pass_changes_nothing(objects: list[object]) -> None:
    once = _normalise(*objects)
    keys = [manifest.key for manifest in once.manifests]
    assert len(keys) == len(set(keys))
    twice = _normalise(*(manifest.body for manifest in once.manifests))
    assert twice.manifests == once.manifests
    assert twice.problems == ()


@given(_OBJECTS)
def test_what_was_rendered_is_never_changed_in_place(objects: list[dict[str, object]]) -> None:
    before = repr(objects)
    _normalise(*objects)
    assert repr(objects) == before
