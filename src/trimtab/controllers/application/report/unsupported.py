"""Fields that are accepted and not implemented: each is named in a condition, never ignored."""

from collections.abc import Iterable

from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.plan import parse_sync_options
from trimtab.core.policy import Project
from trimtab.crds.argoproj_v1alpha1.application import Application, ApplicationSpec, Operation
from trimtab.crds.argoproj_v1alpha1.mapping import sources_of
from trimtab.crds.argoproj_v1alpha1.source import ApplicationSource


def unsupported(app: Application, project: Project | None) -> tuple[Condition, ...]:
    """Return what is stated and has no effect: in the spec, the operation and the project."""
    state = app.status.operation_state
    last = state.operation if state is not None else None
    operation = app.operation or (last if isinstance(last, Operation) else None)
    return (
        *unsupported_fields(app.spec),
        *unsupported_operation_fields(operation),
        *unsupported_project_fields(project),
    )


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
    found += ["spec.sourceHydrator"] if spec.source_hydrator is not None else []
    return _conditions(found)


def unsupported_operation_fields(operation: Operation | None) -> tuple[Condition, ...]:
    """Return a condition for each stated field of an operation that has no effect."""
    found: list[str] = []
    if operation is not None and operation.retry is not None and operation.retry.refresh:
        found.append("operation.retry.refresh")
    if operation is not None and operation.sync is not None and operation.sync.manifests:
        found.append("operation.sync.manifests")
    return _conditions(found)


def unsupported_project_fields(project: Project | None) -> tuple[Condition, ...]:
    """Return a condition for each stated field of an Application's project without effect."""
    if project is None:
        return ()
    overruns = any(window is not None and window.sync_overrun for window in project.sync_windows)
    stated = {
        "orphanedResources": project.orphaned_resources is not None,
        "roles": bool(project.roles),
        "signatureKeys": bool(project.signature_keys),
        "sourceIntegrity": project.has_source_integrity,
        "sourceNamespaces": bool(project.source_namespaces),
        "syncWindows.syncOverrun": overruns,
    }
    fields = [f"AppProject spec.{name}" for name, is_set in stated.items() if is_set]
    budget = tuple(
        Condition(
            ConditionType.UNSUPPORTED_FIELD,
            f"AppProject {project.name}: {problem}; the usual number holds",
        )
        for problem in project.budget_problems
    )
    return (*_conditions(fields), *budget)


def _conditions(names: Iterable[str]) -> tuple[Condition, ...]:
    return tuple(
        Condition(ConditionType.UNSUPPORTED_FIELD, f"{name} is not supported and has no effect")
        for name in sorted(set(names))
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
    if source.plugin is not None:
        found.append("plugin")
    return [f"spec.source.{name}" for name in found]
