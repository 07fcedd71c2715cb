"""What a source's kustomize options do to the objects that arrive in the cluster."""

from __future__ import annotations

import json

from e2e.installation import Case, config_map
from e2e.objects import config, data_of, deployment, text
from e2e.seen import Json

KUSTOMIZATION = """\
resources: [web.yaml, one.yaml]
commonLabels: {team: land}
commonAnnotations: {note: old}
"""
COMPONENT = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [extra.yaml]
"""
SCALE = text(
    "HorizontalPodAutoscaler",
    "scale",
    "autoscaling/v2",
    spec={
        "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    },
)
ONE = config_map("one", {}, labels={"tier": "a"}, annotations={"zone": "x"})
KUSTOMIZE_FILES = {
    "app/kustomization.yaml": KUSTOMIZATION,
    "app/web.yaml": deployment("web", replicas=1, image="web:1"),
    "app/one.yaml": ONE,
    "component/kustomization.yaml": COMPONENT,
    "component/extra.yaml": config("extra"),
}


def adding(entry: str, **target: str) -> Json:
    """Return a patch that adds an entry to the data of the ConfigMaps that a target selects."""
    change = [{"op": "add", "path": f"/data/{entry}", "value": "yes"}]
    return {"patch": json.dumps(change), "target": {"kind": "ConfigMap", **target}}


def annotating(name: str, **target: str) -> Json:
    """Return a patch that adds an annotation to the objects that a target selects."""
    change = [{"op": "add", "path": "/metadata/annotations", "value": {name: "yes"}}]
    return {"patch": json.dumps(change), "target": target}


async def data(case: Case, name: str, namespace: str = "") -> Json:
    """Return the data of a ConfigMap that must be there."""
    found = await case.target.get("ConfigMap", name, namespace or case.namespace)
    assert found is not None, await case.versions()
    return data_of(found)


async def test_kustomize_names_images_replicas_components_and_namespace(case: Case) -> None:
    sha = await case.commit(KUSTOMIZE_FILES)
    elsewhere = await case.new_namespace(f"{case.namespace}-k")
    kustomize: Json = {
        "namePrefix": "eu-",
        "nameSuffix": "-1",
        "images": ["web=web.example/web:2"],
        "replicas": [{"name": "web", "count": 0}],
        "components": ["../component", "../absent"],
        "ignoreMissingComponents": True,
        "namespace": elsewhere,
    }
    app = await case.apply_app(source={"kustomize": kustomize})
    await app.delivered(sha)
    assert {name for _, name in await case.target.versions(elsewhere)} == {
        "eu-one-1",
        "eu-extra-1",
    }
    web = await case.target.get("apps/Deployment", "eu-web-1", elsewhere)
    assert web is not None
    assert web["spec"]["replicas"] == 0
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "web.example/web:2"


async def test_kustomize_labels_and_annotations_are_forced_and_expanded(case: Case) -> None:
    sha = await case.commit(KUSTOMIZE_FILES)
    kustomize: Json = {
        "commonLabels": {"team": "sea"},
        "forceCommonLabels": True,
        "commonAnnotations": {"note": "of ${ARGOCD_APP_NAME}"},
        "forceCommonAnnotations": True,
        "commonAnnotationsEnvsubst": True,
    }
    app = await case.apply_app(source={"kustomize": kustomize})
    await app.delivered(sha)
    one = await case.target.get("ConfigMap", "one", case.namespace)
    assert one is not None
    assert one["metadata"]["labels"] == {"tier": "a", "team": "sea"}
    assert one["metadata"]["annotations"]["note"] == f"of {case.name}"
    web = await case.target.get("apps/Deployment", "web", case.namespace)
    assert web is not None
    assert web["spec"]["selector"]["matchLabels"]["team"] == "sea"
    # What is there already is replaced only by force.
    await app.patch({"spec": {"source": {"kustomize": {"forceCommonLabels": False}}}})
    await app.until(lambda a: a.has("ComparisonError", "team"))
    await app.patch(
        {
            "spec": {
                "source": {
                    "kustomize": {"forceCommonLabels": True, "forceCommonAnnotations": False}
                }
            }
        }
    )
    await app.until(lambda a: a.has("ComparisonError", "note"))


async def test_kustomize_labels_without_selectors_in_templates(case: Case) -> None:
    files = {**KUSTOMIZE_FILES, "app/kustomization.yaml": "resources: [web.yaml]\n"}
    sha = await case.commit(files)
    kustomize: Json = {
        "commonLabels": {"team": "sea"},
        "labelWithoutSelector": True,
        "labelIncludeTemplates": True,
        "replicas": [{"name": "web", "count": 0}],
    }
    app = await case.apply_app(source={"kustomize": kustomize})
    await app.delivered(sha)
    web = await case.target.get("apps/Deployment", "web", case.namespace)
    assert web is not None
    assert web["metadata"]["labels"]["team"] == "sea"
    assert web["spec"]["selector"]["matchLabels"] == {"app": "web"}
    assert web["spec"]["template"]["metadata"]["labels"] == {"app": "web", "team": "sea"}


async def test_kustomize_patches_meet_their_targets(case: Case) -> None:
    here = await case.new_namespace(f"{case.namespace}-here")
    files = {
        **KUSTOMIZE_FILES,
        "app/kustomization.yaml": "resources: [web.yaml, one.yaml, two.yaml, scale.yaml]\n",
        "app/two.yaml": config_map("two", {}, namespace=here),
        "app/scale.yaml": SCALE,
        "app/patch.yaml": config_map("one", {"path": "file"}),
    }
    sha = await case.commit(files)
    renamed = config_map("uno", {"renamed": "yes"})
    patches: list[Json] = [
        adding("by-name", name="one"),
        adding("by-label", labelSelector="tier=a"),
        adding("by-annotation", annotationSelector="zone=x"),
        adding("by-namespace", namespace=here),
        adding("by-kind"),
        annotating("by-group", group="apps"),
        annotating("by-version", version="v2"),
        {"path": "patch.yaml"},
        {"patch": renamed, "target": {"name": "one"}, "options": {"allowNameChange": True}},
    ]
    kustomize: Json = {
        "patches": patches,
        "namespace": case.namespace,
        "replicas": [{"name": "web", "count": 0}],
    }
    app = await case.apply_app(source={"kustomize": kustomize})
    # Without metrics no autoscaler is ever healthy.
    await app.until(lambda a: (a.sync, a.revision) == ("Synced", sha))
    assert {name for _, name in await case.versions()} == {"uno", "two"}
    chosen = dict.fromkeys(("by-name", "by-label", "by-annotation", "by-kind", "renamed"), "yes")
    assert await data(case, "uno") == {**chosen, "path": "file"}
    assert await data(case, "two") == {"by-namespace": "yes", "by-kind": "yes"}
    marks: dict[str, set[str]] = {}
    for kind, name in (
        ("apps/Deployment", "web"),
        ("autoscaling/HorizontalPodAutoscaler", "scale"),
    ):
        body = await case.target.get(kind, name, case.namespace)
        assert body is not None
        marks[name] = {n for n in body["metadata"]["annotations"] if n.startswith("by-")}
    assert marks == {"web": {"by-group"}, "scale": {"by-version"}}
