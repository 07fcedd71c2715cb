"""Taking over fields and handing them back."""

import json
from typing import Any

from core.diff.simulation import OURS, deployment, entry, live_of
from trimtab.core.diff import merge_managers_patch, release_ownership_patch

_LAST = "f:kubectl.kubernetes.io/last-applied-configuration"


def _entries(patch: bytes | None) -> list[dict[str, Any]]:
    assert patch is not None
    test, replace = json.loads(patch)
    assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert (replace["op"], replace["path"]) == ("replace", "/metadata/managedFields")
    return replace["value"]


def test_known_managers_fields_become_ours_and_the_annotation_does_not() -> None:
    theirs = {"f:metadata": {"f:annotations": {".": {}, _LAST: {}}}, "f:spec": {"f:paused": {}}}
    live = live_of(
        deployment(),
        entry(OURS, {"f:spec": {"f:replicas": {}}}),
        entry("kubectl-client-side-apply", theirs, operation="Update"),
        entry("kubectl-edit", {"f:spec": {"f:x": {}}}, operation="Update"),
    )
    ours, edit = _entries(merge_managers_patch(live, into=OURS))
    assert (ours["manager"], ours["operation"]) == (OURS, "Apply")
    assert ours["fieldsV1"]["f:spec"] == {"f:replicas": {}, "f:paused": {}}
    assert _LAST not in json.dumps(ours)
    assert edit["manager"] == "kubectl-edit"


def test_an_entry_is_made_where_we_have_none() -> None:
    live = live_of(deployment(), entry("helm", {"f:spec": {"f:x": {}}}, operation="Update"))
    (ours,) = _entries(merge_managers_patch(live, into=OURS))
    assert (ours["manager"], ours["operation"]) == (OURS, "Apply")
    assert ours["fieldsV1"] == {"f:spec": {"f:x": {}}}


def test_nothing_is_patched_where_nobody_known_owns_anything() -> None:
    status = entry("helm", {"f:status": {}}, operation="Update", subresource="status")
    live = live_of(deployment(), entry(OURS, {"f:spec": {}}), status)
    assert merge_managers_patch(live, into=OURS) is None


def test_releasing_hands_our_fields_to_another_manager() -> None:
    live = live_of(deployment(), entry(OURS, {"f:spec": {"f:x": {}}}))
    (theirs,) = _entries(release_ownership_patch(live, manager=OURS, to="helm", operation="Update"))
    assert (theirs["manager"], theirs["operation"]) == ("helm", "Update")
    assert release_ownership_patch(live, manager="nobody", to="helm") is None


def test_what_we_applied_is_told_to_a_client_side_manager() -> None:
    body = deployment()
    fields = {
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:gone": {},
            "f:template": {
                "f:spec": {
                    "f:containers": {'k:{"name":"web"}': {".": {}, "f:name": {}, "f:image": {}}}
                }
            },
        },
    }
    live = live_of(body, entry(OURS, fields))
    patch = release_ownership_patch(
        live, manager=OURS, to="kubectl", operation="Update", last_applied=True
    )
    assert patch is not None
    annotation = json.loads(patch)[2]
    assert annotation["op"] == "add"
    value = annotation["value"]
    told = json.loads(value if isinstance(value, str) else value[_LAST.removeprefix("f:")])
    container = body["spec"]["template"]["spec"]["containers"][0]
    assert told["kind"] == "Deployment"
    assert told["metadata"]["name"] == body["metadata"]["name"]
    assert told["spec"] == {
        "replicas": body["spec"]["replicas"],
        "template": {"spec": {"containers": [{k: container[k] for k in ("name", "image")}]}},
    }
