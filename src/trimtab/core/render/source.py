"""A source as an Application states it, whatever dialect it was written in."""

from dataclasses import dataclass

from trimtab.core.render.request import DirectoryRequest, HelmRequest, KustomizeOptions


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source of a delivery.

    Args:
        repo_url: Repository, as the user wrote it.
        path: Folder in the repository.
        revision: Branch, tag, commit, semver range, or chart version; empty means HEAD.
        chart: Chart name, for Helm repositories.
        ref: Name under which other sources find this one's files.
        helm: Helm settings; ``path``, ``release_name`` and ``namespace`` may be empty.
        kustomize: Kustomize settings.
        directory: Directory settings; ``path`` is empty.
        has_plugin: A config management plugin is asked for.
        name: The source's own name.
        tag_prefix: Only tags with this prefix count for a semver range.
    """

    repo_url: str
    path: str = ""
    revision: str = ""
    chart: str = ""
    ref: str = ""
    helm: HelmRequest | None = None
    kustomize: KustomizeOptions | None = None
    directory: DirectoryRequest | None = None
    has_plugin: bool = False
    name: str = ""
    tag_prefix: str = ""

    @property
    def only_lends_files(self) -> bool:
        """Whether the source is there for other sources' value files and renders nothing itself."""
        return bool(self.ref) and not self.path and not self.chart
