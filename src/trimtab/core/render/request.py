"""What is asked of an engine: every input that a render depends on, and nothing else.

Paths are relative to the tree's root and use ``/``; the engine refuses any that leave the root.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from trimtab.core import JsonObject


@dataclass(frozen=True, slots=True)
class HelmParameter:
    """One ``--set``, or ``--set-string``."""

    name: str
    value: str
    force_string: bool = False


@dataclass(frozen=True, slots=True)
class HelmFileParameter:
    """One ``--set-file``."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class HelmRequest:
    """``helm template``.

    Args:
        path: The chart's folder.
        release_name: .Release.Name.
        namespace: .Release.Namespace.
        value_files: In precedence order, last one wins; relative to the tree's root.
        values: YAML text, applied after the files.
        values_object: An object, applied after the files in place of ``values``.
        parameters: Applied after all values.
        file_parameters: Likewise.
        kube_version: .Capabilities.KubeVersion.
        api_versions: .Capabilities.APIVersions beside the built-in ones.
        skip_crds: Leave out crds/.
        skip_tests: Leave out test hooks.
        skip_schema_validation: Do not check values against values.schema.json.
        ignore_missing_value_files: A missing value file is no error.
        is_probe: Render as at another time, to see what depends on the moment.
    """

    path: str
    release_name: str
    namespace: str
    value_files: tuple[str, ...] = ()
    values: str = ""
    values_object: JsonObject | None = None
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[HelmFileParameter, ...] = ()
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    ignore_missing_value_files: bool = False
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class KustomizePatch:
    """A patch, inline or by path, with its target selector and options."""

    path: str = ""
    patch: str = ""
    target: Mapping[str, str] | None = None
    options: Mapping[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class KustomizeOptions:
    """What an Application lays over a kustomization before it is built.

    A replica count may be text, as on the wire: the engine refuses what is no whole number.
    """

    name_prefix: str = ""
    name_suffix: str = ""
    images: tuple[str, ...] = ()
    replicas: tuple[tuple[str, int | str], ...] = ()
    common_labels: Mapping[str, str] | None = None
    common_annotations: Mapping[str, str] | None = None
    force_common_labels: bool = False
    force_common_annotations: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False
    common_annotations_envsubst: bool = False
    namespace: str = ""
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    patches: tuple[KustomizePatch, ...] = ()


@dataclass(frozen=True, slots=True)
class KustomizeRequest:
    """``kustomize build``.

    Args:
        path: Folder of the kustomization.
        options: The Application's own.
        build_options: Flags of argocd-cm's ``kustomize.buildOptions``.
        env: Variables for ``common_annotations_envsubst`` (ARGOCD_APP_NAME …).
    """

    path: str
    options: KustomizeOptions = KustomizeOptions()
    build_options: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class JsonnetVariable:
    """An external variable or top-level argument; ``code`` means it is Jsonnet itself."""

    name: str
    value: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file handed to the engine without touching a disk; ``path`` is relative to the root."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class DirectoryRequest:
    """Plain manifests below a folder.

    Args:
        path: The folder.
        recurse: Folders below it too.
        include: Glob of files to take, ``*`` crosses ``/``; empty takes all.
        exclude: Glob of files to leave.
        ext_vars: Jsonnet external variables.
        tlas: Jsonnet top-level arguments.
        libs: Jsonnet library folders.
        max_combined_bytes: Limit over all files together; 0 for none.
        files: The files themselves, for a render without a disk; the root is not used then.
    """

    path: str
    recurse: bool = False
    include: str = ""
    exclude: str = ""
    ext_vars: tuple[JsonnetVariable, ...] = ()
    tlas: tuple[JsonnetVariable, ...] = ()
    libs: tuple[str, ...] = ()
    max_combined_bytes: int = 0
    files: tuple[TextFile, ...] = ()


RenderRequest: TypeAlias = HelmRequest | KustomizeRequest | DirectoryRequest
