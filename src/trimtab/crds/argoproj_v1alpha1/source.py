"""Where an Application's manifests come from, as Argo CD spells it.

Read only: a model never writes back what it read, since it drops what it does not know.
"""

import msgspec


class _Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Camel-case names on the wire, defaults left out."""


class NameValue(_Wire, frozen=True):
    """A name and a value."""

    name: str
    value: str


class HelmParameter(_Wire, frozen=True):
    """One ``--set``, or ``--set-string`` with ``force_string``."""

    name: str = ""
    value: str = ""
    force_string: bool = False


class HelmFileParameter(_Wire, frozen=True):
    """One ``--set-file``."""

    name: str = ""
    path: str = ""


class HelmSource(_Wire, frozen=True):
    """Helm settings of a source."""

    value_files: tuple[str, ...] = ()
    parameters: tuple[HelmParameter, ...] = ()
    release_name: str = ""
    values: str = ""
    file_parameters: tuple[HelmFileParameter, ...] = ()
    version: str = ""
    pass_credentials: bool = False
    ignore_missing_value_files: bool = False
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    values_object: dict[str, object] | None = None
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


class KustomizeReplica(_Wire, frozen=True):
    """A replica count by resource name; the count may be a string on the wire."""

    name: str
    count: int | str


class KustomizeSelector(_Wire, frozen=True):
    """Which resources a patch is for."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    annotation_selector: str = ""
    label_selector: str = ""


class KustomizePatch(_Wire, frozen=True):
    """A patch, inline or by path."""

    path: str = ""
    patch: str = ""
    target: KustomizeSelector | None = None
    options: dict[str, bool] | None = None


class KustomizeSource(_Wire, frozen=True):
    """Kustomize settings of a source."""

    name_prefix: str = ""
    name_suffix: str = ""
    images: tuple[str, ...] = ()
    common_labels: dict[str, str] | None = None
    version: str = ""
    common_annotations: dict[str, str] | None = None
    force_common_labels: bool = False
    force_common_annotations: bool = False
    namespace: str = ""
    common_annotations_envsubst: bool = False
    replicas: tuple[KustomizeReplica, ...] = ()
    patches: tuple[KustomizePatch, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


class JsonnetVar(_Wire, frozen=True):
    """An external variable or top-level argument."""

    name: str
    value: str
    code: bool = False


class JsonnetSource(_Wire, frozen=True):
    """Jsonnet settings of a directory source."""

    ext_vars: tuple[JsonnetVar, ...] = ()
    tlas: tuple[JsonnetVar, ...] = ()
    libs: tuple[str, ...] = ()


class DirectorySource(_Wire, frozen=True):
    """Settings of a plain directory."""

    recurse: bool = False
    jsonnet: JsonnetSource = JsonnetSource()
    exclude: str = ""
    include: str = ""
    disable_extension_filter: bool = False


class PluginParameter(_Wire, frozen=True):
    """A parameter of a config management plugin."""

    name: str = ""
    string: str | None = None
    map: dict[str, str] | None = None
    array: tuple[str, ...] | None = None


class PluginSource(_Wire, frozen=True):
    """A config management plugin: accepted, named as not supported."""

    name: str = ""
    env: tuple[NameValue, ...] = ()
    parameters: tuple[PluginParameter, ...] = ()


class ApplicationSource(_Wire, frozen=True):
    """One source of an Application."""

    repo_url: str = msgspec.field(default="", name="repoURL")
    path: str = ""
    target_revision: str = ""
    helm: HelmSource | None = None
    kustomize: KustomizeSource | None = None
    directory: DirectorySource | None = None
    plugin: PluginSource | None = None
    chart: str = ""
    ref: str = ""
    name: str = ""
    tag_prefix: str = ""


class DrySource(_Wire, frozen=True):
    """Where the source hydrator would read from."""

    repo_url: str = msgspec.field(default="", name="repoURL")
    target_revision: str = ""
    path: str = ""
    helm: HelmSource | None = None
    kustomize: KustomizeSource | None = None
    directory: DirectorySource | None = None
    plugin: PluginSource | None = None


class HydrateTo(_Wire, frozen=True):
    """A branch that hydrated manifests are staged on."""

    target_branch: str = ""


class SyncSource(_Wire, frozen=True):
    """Where hydrated manifests are synced from."""

    target_branch: str = ""
    path: str = ""
    repo_url: str = msgspec.field(default="", name="repoURL")


class SourceHydrator(_Wire, frozen=True):
    """The source hydrator: accepted, named as not supported."""

    dry_source: DrySource = DrySource()
    sync_source: SyncSource = SyncSource()
    hydrate_to: HydrateTo | None = None
