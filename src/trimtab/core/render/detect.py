"""Which engine a folder is for, decided by the names of its files as Argo CD does."""

from collections.abc import Iterable
from enum import StrEnum


class SourceType(StrEnum):
    """Argo CD's names of source types, as in status.sourceType."""

    HELM = "Helm"
    KUSTOMIZE = "Kustomize"
    DIRECTORY = "Directory"
    PLUGIN = "Plugin"


KUSTOMIZATION_FILES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def detect_source_type(
    names: Iterable[str],
    *,
    has_helm: bool = False,
    has_kustomize: bool = False,
    has_directory: bool = False,
    has_plugin: bool = False,
) -> SourceType:
    """Return the source type of a folder.

    Args:
        names: File names directly in the folder.
        has_helm: The source states helm settings or a chart; what is stated wins.
        has_kustomize: It states kustomize settings.
        has_directory: It states directory settings.
        has_plugin: It states a plugin.
    """
    if has_plugin:
        return SourceType.PLUGIN
    if has_kustomize:
        return SourceType.KUSTOMIZE
    if has_helm:
        return SourceType.HELM
    if has_directory:
        return SourceType.DIRECTORY
    present = set(names)
    # Argo CD walks the folder in the order of names, and the last file that says something wins.
    if present & KUSTOMIZATION_FILES:
        return SourceType.KUSTOMIZE
    if "Chart.yaml" in present:
        return SourceType.HELM
    return SourceType.DIRECTORY
