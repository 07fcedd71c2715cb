"""What an engine is asked: paths from the repository's root, and a key over every input."""

from dataclasses import replace

import pytest

from trimtab.core.render import (
    HelmFileParameter,
    HelmRequest,
    KustomizeOptions,
    SourceSpec,
)
from trimtab.ports.source import PathUnknown, Repository
from trimtab.services.render_requests import (
    RenderContext,
    RenderRefused,
    SourceAt,
    clean_path,
    helm_request,
    key_of_render,
    kustomize_request,
)

CONTEXT = RenderContext("web", "shop", kube_version="v1.31.0", api_versions=("apps/v1",))
SPEC = SourceSpec("https://git.example/shop", path="charts/web", revision="main")
AT = SourceAt(SPEC, Repository(SPEC.repo_url), "a" * 40)
STATED = HelmRequest(path="", release_name="", namespace="")


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("", ""), (".", ""), ("./", ""), ("./a/", "a"), ("a//b", "a/b"), ("a/../b", "b")],
)
def test_a_path_has_one_spelling(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned


@pytest.mark.parametrize("path", ["/a", "..", "../a", "a/../../b"])
def test_a_path_stays_in_the_repository(path: str) -> None:
    with pytest.raises(PathUnknown):
        clean_path(path)


def test_a_chart_gets_the_delivery_s_name_namespace_and_versions() -> None:
    request = helm_request(SPEC, "charts/web", CONTEXT)
    assert (request.path, request.release_name, request.namespace) == ("charts/web", "web", "shop")
    assert (request.kube_version, request.api_versions) == ("v1.31.0", ("apps/v1",))


def test_what_the_source_states_comes_first() -> None:
    stated = replace(
        STATED, release_name="x", namespace="y", kube_version="1.30", api_versions=("b/v1",)
    )
    request = helm_request(replace(SPEC, helm=stated), "charts/web", CONTEXT)
    assert request == replace(stated, path="charts/web")


def test_files_of_a_chart_are_found_from_the_root() -> None:
    stated = replace(
        STATED,
        value_files=("prod.yaml", "../shared.yaml", "/values/all.yaml", "$values/web.yaml"),
        file_parameters=(HelmFileParameter("key", "files/key.txt"),),
    )
    request = helm_request(replace(SPEC, helm=stated), "charts/web", CONTEXT)
    assert request.value_files == (
        "charts/web/prod.yaml",
        "charts/shared.yaml",
        "values/all.yaml",
        "$values/web.yaml",
    )
    assert request.file_parameters == (HelmFileParameter("key", "charts/web/files/key.txt"),)


@pytest.mark.parametrize(
    ("name", "error"),
    [("../../../x.yaml", PathUnknown), ("https://example.com/x.yaml", RenderRefused)],
)
def test_a_value_file_from_elsewhere_is_refused(name: str, error: type[Exception]) -> None:
    stated = replace(STATED, value_files=(name,))
    with pytest.raises(error):
        helm_request(replace(SPEC, helm=stated), "charts/web", CONTEXT)


def test_a_kustomization_gets_the_variables_and_the_installation_s_options() -> None:
    context = replace(CONTEXT, env={"ARGOCD_APP_NAME": "web"}, build_options=("--reorder=none",))
    options = KustomizeOptions(name_prefix="a-")
    request = kustomize_request(replace(SPEC, kustomize=options), "app", context)
    assert (request.options, request.env) == (options, {"ARGOCD_APP_NAME": "web"})
    assert request.build_options == ("--reorder=none",)


def test_the_name_in_override_files_is_the_instance_s() -> None:
    assert CONTEXT.app_instance == "web"
    assert replace(CONTEXT, env={"ARGOCD_APP_NAME": "team_web"}).app_instance == "team_web"


def test_the_key_does_not_depend_on_how_the_commit_was_named() -> None:
    other = replace(AT, spec=replace(SPEC, revision="v1"), commit="b" * 40)
    assert key_of_render(other, CONTEXT, {}) == key_of_render(AT, CONTEXT, {})


def test_every_other_input_is_in_the_key() -> None:
    keys = {
        key_of_render(AT, CONTEXT, {}),
        key_of_render(AT, CONTEXT, {"values": AT}),
        key_of_render(AT, CONTEXT, {"values": replace(AT, commit="b" * 40)}),
        key_of_render(replace(AT, spec=replace(SPEC, path="x")), CONTEXT, {}),
        key_of_render(replace(AT, repository=Repository("https://git.example/x")), CONTEXT, {}),
        *(
            key_of_render(AT, replace(CONTEXT, **change), {})
            for change in (
                {"app_name": "x"},
                {"namespace": "x"},
                {"kube_version": "x"},
                {"api_versions": ()},
                {"env": {"A": "b"}},
                {"build_options": ("x",)},
            )
        ),
    }
    assert len(keys) == 11
