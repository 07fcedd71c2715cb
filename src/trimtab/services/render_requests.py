"""What a render is asked with: a source at a commit, what it may know, and the engine's request."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trimtab.core.errors import Stalled
from trimtab.core.render import (
    DirectoryRequest,
    HelmRequest,
    KustomizeOptions,
    KustomizeRequest,
    SourceSpec,
    render_key,
)
from trimtab.ports.source import PathUnknown, Repository
from trimtab.services.render_pins import PinOwner


class RenderRefused(Stalled):
    """The source cannot be rendered until somebody changes it."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a render may know of its delivery.

    Args:
        app_name: The delivery's name; the default release name.
        namespace: The destination's namespace.
        kube_version: The destination's version, for charts.
        api_versions: Group versions served by the destination, for charts; sorted.
        env: Build variables (ARGOCD_APP_NAME …).
        build_options: Flags of argocd-cm's ``kustomize.buildOptions``.
        owner: For whom a render that differs each time is kept; nothing else depends on it.
    """

    app_name: str
    namespace: str
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    build_options: tuple[str, ...] = ()
    owner: PinOwner | None = None

    @property
    def app_instance(self) -> str:
        """The name in override files: with the namespace for one that lives beside the hub's."""
        return (self.env or {}).get("ARGOCD_APP_NAME") or self.app_name


@dataclass(frozen=True, slots=True)
class SourceAt:
    """A source with its repository and the commit that its revision means now.

    Args:
        spec: The source.
        repository: Where it is.
        commit: The commit, or a chart's version.
        replaced: What the revision meant before its history was rewritten.
    """

    spec: SourceSpec
    repository: Repository
    commit: str
    replaced: str = ""


def clean_path(path: str) -> str:
    """Return a source's path without ``./`` and slashes at its ends; empty for the root.

    Raises:
        PathUnknown: It leaves the repository.
    """
    if path.startswith("/"):
        raise PathUnknown("PathUnknown", f"path {path!r} is absolute: make it relative")
    cleaned = posixpath.normpath(path or ".")
    if cleaned == ".." or cleaned.startswith("../"):
        raise PathUnknown("PathUnknown", f"path {path!r} leaves the repository")
    return "" if cleaned == "." else cleaned


def key_of_render(source: SourceAt, context: RenderContext, refs: Mapping[str, SourceAt]) -> str:
    """Return the digest over all that a render depends on beside the files that it reads."""
    parameters = [
        source.repository.url,
        replace(source.spec, revision=""),
        {name: [at.repository.url, at.commit] for name, at in refs.items()},
        context.app_name,
        context.namespace,
        # Also where no kustomize settings are stated: an override file may bring some.
        context.env,
        context.build_options,
    ]
    capabilities = [context.kube_version, context.api_versions]
    return render_key(parameters=parameters, engine_version="1", capabilities=capabilities)


def helm_request(
    spec: SourceSpec, path: str, context: RenderContext, *, is_probe: bool = False
) -> HelmRequest:
    """Return the request for a chart, all file names relative to the tree's root.

    Raises:
        RenderRefused: A value file is a URL.
        PathUnknown: A file is outside of the repository.
    """
    stated = spec.helm or HelmRequest(path="", release_name="", namespace="")
    return replace(
        stated,
        path=path,
        release_name=stated.release_name or context.app_name,
        namespace=stated.namespace or context.namespace,
        value_files=tuple(_from_root(path, name) for name in stated.value_files),
        file_parameters=tuple(
            replace(p, path=_from_root(path, p.path)) for p in stated.file_parameters
        ),
        kube_version=stated.kube_version or context.kube_version,
        api_versions=stated.api_versions or context.api_versions,
        is_probe=is_probe,
    )


def kustomize_request(spec: SourceSpec, path: str, context: RenderContext) -> KustomizeRequest:
    """Return the request for a kustomization."""
    options = spec.kustomize or KustomizeOptions()
    return KustomizeRequest(path, options, context.build_options, context.env)


def directory_request(spec: SourceSpec, path: str) -> DirectoryRequest:
    """Return the request for plain manifests.

    Raises:
        RenderRefused: A Jsonnet library is outside of the repository.
    """
    stated = spec.directory or DirectoryRequest(path="")
    for lib in stated.libs:
        if posixpath.normpath(lib.lstrip("/")).split("/")[0] == "..":
            raise RenderRefused(
                "PathUnknown", f"jsonnet library {lib!r} resolved to outside repository root"
            )
    return replace(stated, path=path)


def _from_root(path: str, name: str) -> str:
    """Return a file that a chart names, relative to the root: ``/x`` starts at the root."""
    if name.startswith("$"):
        return name
    if "://" in name:
        raise RenderRefused("UnsupportedSource", f"value file {name!r}: URLs are not supported")
    return clean_path(name[1:] if name.startswith("/") else posixpath.join(path, name))
