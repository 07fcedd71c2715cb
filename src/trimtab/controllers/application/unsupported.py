"""Fields that are accepted and not implemented: each is named in a condition, never ignored."""

from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.plan import parse_sync_options
from trimtab.crds.argoproj_v1alpha1.application import ApplicationSpec
from trimtab.crds.argoproj_v1alpha1.mapping import sources_of
from trimtab.crds.argoproj_v1alpha1.source import ApplicationSource


def unsupported_fields(spec: ApplicationSpec) -> tuple[Condition, ...]:
    """Return a condition for each stated field that has no effect."""
    found: list[str] = []
    for source in sources_of(spec):
        found += _of_source(source)
    policy = spec.sync_policy
    if policy is not None:
        _, unknown = parse_sync_options(policy.sync_options)
        found += [f"spec.syncPolicy.syncOptions {entry!r}" for entry in unknown]
        if policy.retry is not None and policy.retry.refresh:
            found.append("spec.syncPolicy.retry.refresh")
    return tuple(
        Condition(ConditionType.UNSUPPORTED_FIELD, f"{name} is not supported and has no effect")
        for name in sorted(set(found))
    )


def _of_source(source: ApplicationSource) -> list[str]:
    found: list[str] = []
    helm, kustomize, directory = source.helm, source.kustomize, source.directory
    if helm is not None:
        found += ["helm.version"] if helm.version else []
        found += ["helm.passCredentials"] if helm.pass_credentials else []
    if kustomize is not None:
        found += ["kustomize.version"] if kustomize.version else []
        found += ["kustomize.kubeVersion"] if kustomize.kube_version else []
        found += ["kustomize.apiVersions"] if kustomize.api_versions else []
    if directory is not None and directory.disable_extension_filter:
        found.append("directory.disableExtensionFilter")
    if source.tag_prefix:
        found.append("tagPrefix")
    return [f"spec.source.{name}" for name in found]
