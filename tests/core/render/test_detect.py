"""Which engine a folder is for."""

import pytest

from trimtab.core.render import SourceSpec, SourceType, detect_source_type


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], SourceType.DIRECTORY),
        (["a.yaml", "b.json"], SourceType.DIRECTORY),
        (["Chart.yaml", "values.yaml"], SourceType.HELM),
        (["chart.yaml"], SourceType.DIRECTORY),
        (["kustomization.yaml"], SourceType.KUSTOMIZE),
        (["kustomization.yml"], SourceType.KUSTOMIZE),
        (["Kustomization"], SourceType.KUSTOMIZE),
        (["Kustomization.yaml"], SourceType.DIRECTORY),
        (["Chart.yaml", "kustomization.yaml"], SourceType.KUSTOMIZE),
    ],
    ids=str,
)
def test_file_names_decide(names: list[str], expected: SourceType) -> None:
    assert detect_source_type(names) is expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("has_helm", SourceType.HELM),
        ("has_kustomize", SourceType.KUSTOMIZE),
        ("has_directory", SourceType.DIRECTORY),
        ("has_plugin", SourceType.PLUGIN),
    ],
)
def test_what_the_application_states_wins_over_file_names(
    stated: str, expected: SourceType
) -> None:
    assert detect_source_type(["Chart.yaml", "kustomization.yaml"], **{stated: True}) is expected


def test_a_source_with_a_name_and_nothing_to_render_only_lends_its_files() -> None:
    assert SourceSpec("url", ref="values").only_lends_files
    assert not SourceSpec("url").only_lends_files
    assert not SourceSpec("url", ref="values", path="team").only_lends_files
    assert not SourceSpec("url", ref="values", chart="web").only_lends_files
