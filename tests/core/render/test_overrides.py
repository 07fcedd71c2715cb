"""Override files: what they change, what they must not change, and what is refused."""

import pytest

from trimtab.core import JsonValue
from trimtab.core.render import (
    DirectoryRequest,
    HelmParameter,
    HelmRequest,
    JsonnetVariable,
    KustomizeOptions,
    KustomizePatch,
    OverrideInvalid,
    SourceSpec,
    override_files,
    with_override,
)

PLACE = "team/.argocd-source.yaml"


def _laid_over(spec: SourceSpec, patch: JsonValue) -> SourceSpec:
    return with_override(spec, patch, name=PLACE)


def _helm(**settings: object) -> SourceSpec:
    request = HelmRequest(path="", release_name="", namespace="", **settings)  # pyright: ignore[reportArgumentType] - short to write
    return SourceSpec("https://git.example/shop", path="team", helm=request)


def test_the_application_s_own_file_comes_after_the_shared_one() -> None:
    assert override_files("shop") == (".argocd-source.yaml", ".argocd-source-shop.yaml")
    assert override_files("") == (".argocd-source.yaml",)


def test_settings_appear_where_the_application_states_none() -> None:
    spec = _laid_over(SourceSpec("url"), {"kustomize": {"images": ["web:2"], "namePrefix": "a-"}})
    assert spec.kustomize == KustomizeOptions(images=("web:2",), name_prefix="a-")


def test_a_list_replaces_and_other_fields_stay() -> None:
    spec = _helm(parameters=(HelmParameter("tag", "1"),), skip_crds=True)
    patch = {"helm": {"parameters": [{"name": "colour", "value": "red", "forceString": True}]}}
    helm = _laid_over(spec, patch).helm
    assert helm is not None
    assert helm.parameters == (HelmParameter("colour", "red", force_string=True),)
    assert helm.skip_crds


def test_maps_are_merged_and_null_removes() -> None:
    spec = _helm(values_object={"image": {"tag": "1", "name": "web"}, "debug": True})
    patch = {"helm": {"valuesObject": {"image": {"tag": "2"}, "debug": None}}}
    helm = _laid_over(spec, patch).helm
    assert helm is not None
    assert helm.values_object == {"image": {"tag": "2", "name": "web"}}


def test_labels_are_merged() -> None:
    spec = SourceSpec("url", kustomize=KustomizeOptions(common_labels={"a": "1", "b": "1"}))
    labels: JsonValue = {"kustomize": {"commonLabels": {"b": "2", "c": "3", "a": None}}}
    kustomize = _laid_over(spec, labels).kustomize
    assert kustomize is not None
    assert kustomize.common_labels == {"b": "2", "c": "3"}


def test_null_resets_a_setting_and_a_block() -> None:
    spec = _helm(skip_crds=True, values="a: 1")
    helm = _laid_over(spec, {"helm": {"values": None}}).helm
    assert helm is not None
    assert (helm.values, helm.skip_crds) == ("", True)
    assert _laid_over(spec, {"helm": None}).helm is None


def test_directory_settings_reach_into_jsonnet() -> None:
    spec = SourceSpec("url", directory=DirectoryRequest(path="", include="*.yaml", libs=("lib",)))
    patch: JsonValue = {
        "directory": {
            "recurse": True,
            "jsonnet": {"tlas": [{"name": "n", "value": "1", "code": True}]},
        }
    }
    assert _laid_over(spec, patch).directory == DirectoryRequest(
        path="",
        recurse=True,
        include="*.yaml",
        libs=("lib",),
        tlas=(JsonnetVariable("n", "1", code=True),),
    )


def test_patches_and_replicas_are_read_as_on_the_wire() -> None:
    patch: JsonValue = {
        "kustomize": {
            "replicas": [{"name": "web", "count": "3"}],
            "patches": [
                {"path": "p.yaml", "target": {"kind": "Job"}, "options": {"allowNameChange": True}}
            ],
        }
    }
    assert _laid_over(SourceSpec("url"), patch).kustomize == KustomizeOptions(
        replicas=(("web", "3"),),
        patches=(
            KustomizePatch(
                path="p.yaml", target={"kind": "Job"}, options={"allowNameChange": True}
            ),
        ),
    )


def test_what_is_rendered_from_where_cannot_be_overridden() -> None:
    spec = SourceSpec("https://git.example/shop", path="team", revision="main", ref="values")
    patch = {"repoURL": "https://evil.example", "path": "/", "targetRevision": "x", "chart": "y"}
    assert _laid_over(spec, patch) == spec


def test_unknown_fields_and_an_empty_file_change_nothing() -> None:
    spec = _helm(values="a: 1")
    assert _laid_over(spec, {"helm": {"later": 1}, "colour": "red"}) == spec
    assert _laid_over(spec, None) == spec


def test_a_plugin_is_seen() -> None:
    assert _laid_over(SourceSpec("url"), {"plugin": {"name": "tool"}}).has_plugin


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("text", f"{PLACE}: expected a map, found 'text'"),
        ({"helm": []}, f"{PLACE}: helm: expected a map, found '[]'"),
        ({"helm": {"skipCrds": "no"}}, "expected true or false as skipCrds, found 'no'"),
        ({"helm": {"valueFiles": "one.yaml"}}, "expected a list as valueFiles, found 'one.yaml'"),
        ({"kustomize": {"images": [1]}}, "expected a string as images, found '[1]'"),
        ({"kustomize": {"commonLabels": {"a": 1}}}, "expected a string as commonLabels"),
        ({"kustomize": {"replicas": [{"name": "a", "count": 1.5}]}}, "whole numbers as replicas"),
    ],
)
def test_a_wrong_type_is_refused_and_named(patch: JsonValue, message: str) -> None:
    with pytest.raises(OverrideInvalid) as caught:
        _laid_over(SourceSpec("url"), patch)
    assert message in str(caught.value)
    assert PLACE in str(caught.value)
