"""What an Application desires: resolve its sources, render them, mark the manifests as its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from trimtab.controllers.application.model import Desired, Inputs, Memory, Target
from trimtab.controllers.application.settings import ApplicationSettings
from trimtab.controllers.application.source_notes import notes_of, place_of
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.errors import Stalled, Transient
from trimtab.core.manifest import (
    GroupKind,
    ManifestProblem,
    Normalised,
    ProblemKind,
    digest_of,
    key_of,
    normalise_manifests,
    split_hooks,
    with_tracking,
)
from trimtab.core.render import SourceSpec
from trimtab.crds.argoproj_v1alpha1.mapping import map_source
from trimtab.crds.argoproj_v1alpha1.source import ApplicationSource
from trimtab.ports.renderer import EngineError
from trimtab.ports.source import Repository, Source
from trimtab.services.capabilities import Capabilities, CapabilityCache
from trimtab.services.charts import ChartStore
from trimtab.services.render import RenderContext, Rendered, RenderService, SourceAt
from trimtab.services.render_pins import PinOwner


class ComparisonFailed(Stalled):
    """The target state cannot be made from this commit."""

    def __init__(self, message: str) -> None:
        super().__init__("ComparisonError", message)


async def resolve_target(
    source: Source,
    charts: ChartStore,
    repository: Callable[[str], Repository],
    wire: Sequence[ApplicationSource],
    *,
    revisions: Sequence[str] = (),
    fresh: bool = False,
) -> Target:
    """Return the sources with the commits that their revisions mean.

    Args:
        source: Git.
        charts: Helm repositories.
        repository: Finds credentials for a URL.
        wire: The sources.
        revisions: In place of the sources' own target revisions, where given.
        fresh: Ask the servers now.

    Raises:
        RepositoryUnreachable, RepositoryDenied, RevisionUnknown, EngineError
    """
    found: list[SourceAt] = []
    for index, one in enumerate(wire):
        spec = map_source(one)
        stated = revisions[index] if index < len(revisions) and revisions[index] else spec.revision
        where = repository(spec.repo_url)
        if spec.chart:
            version = await charts.resolve(where, spec.chart, stated, fresh=fresh)
            found.append(SourceAt(spec, where, version))
        else:
            at = await source.resolve(where, stated, tag_prefix=spec.tag_prefix, fresh=fresh)
            found.append(SourceAt(spec, where, at.commit, at.replaced))
    return Target(tuple(wire), tuple(found))


class Desirer:
    """Makes manifests."""

    def __init__(
        self,
        render: RenderService,
        settings: ApplicationSettings,
        capabilities: CapabilityCache,
    ) -> None:
        self._render = render
        self._settings = settings
        self._capabilities = capabilities

    async def desire(
        self, inputs: Inputs, memory: Memory, target: Target, *, hard: bool = False
    ) -> Desired:
        """Return the manifests of a target; the last ones where nothing that shapes them changed.

        Raises:
            ComparisonFailed: A source cannot be rendered, or its objects are no manifests.
            Transient: It may work later.
        """
        sources = [source for source in target.sources if _is_rendered(source.spec)]
        rendered = [await self._rendered(inputs, one, target, hard=hard) for one in sources]
        digest = digest_of(
            [[one.digest for one in rendered], inputs.app_instance, inputs.namespace]
        )
        notes = notes_of(target.sources, zip(sources, rendered, strict=True))
        if memory.desired is not None and memory.desired[0] == digest:
            return _with_notes(memory.desired[1], notes)
        desired = await self._shape(inputs, rendered, digest, target)
        if not desired.has_unknown_kinds:
            memory.desired = (digest, desired)
        return _with_notes(desired, notes)

    async def _rendered(
        self, inputs: Inputs, source: SourceAt, target: Target, *, hard: bool
    ) -> Rendered:
        context = await self._context(inputs, source.spec)
        refs = {at.spec.ref: at for at in target.sources if at.spec.ref}
        try:
            return await self._render.render(source, context, refs=refs, fresh=hard)
        except Stalled as error:
            if isinstance(error, EngineError) and error.code == "unreachable":
                raise Transient("Unreachable", f"{place_of(source)}: {error.message}") from error
            raise ComparisonFailed(
                f"Failed to load target state: {place_of(source)} at {source.commit}: "
                f"{error.message}"
            ) from error
        except Transient as error:
            message = f"Failed to load target state: {place_of(source)}: {error.message}"
            raise Transient(error.reason, message, retry_after=error.retry_after) from error

    async def _context(self, inputs: Inputs, spec: SourceSpec) -> RenderContext:
        app = inputs.app
        can = Capabilities("", ())
        if spec.helm is not None or (spec.kustomize is None and spec.directory is None):
            can = await self._capabilities.of(inputs.settings.server, inputs.cluster)
        return RenderContext(
            app_name=app.metadata.name,
            namespace=inputs.namespace,
            kube_version=can.kube_version,
            api_versions=can.api_versions,
            env={
                "ARGOCD_APP_NAME": inputs.app_instance,
                "ARGOCD_APP_NAMESPACE": inputs.namespace,
                "ARGOCD_APP_PROJECT_NAME": inputs.project.name,
            },
            build_options=self._settings.build_options,
            owner=PinOwner(
                "argoproj.io/v1alpha1",
                "Application",
                inputs.app_live.key.namespace,
                inputs.app_live.key.name,
                inputs.app_live.meta.uid,
            ),
        )

    async def _shape(
        self, inputs: Inputs, rendered: Sequence[Rendered], digest: str, target: Target
    ) -> Desired:
        objects = [body for one in rendered for body in one.objects]
        scopes: dict[GroupKind, bool | None] = {}
        for body in objects:
            kind = key_of(body).group_kind
            if kind not in scopes and kind.kind:
                served = await inputs.cluster.resource_type(kind)
                scopes[kind] = None if served is None else served.namespaced
        normalised = normalise_manifests(
            objects, default_namespace=inputs.namespace, is_namespaced=scopes.get
        )
        _refuse_errors(normalised, target)
        marked = [
            with_tracking(
                manifest,
                app_instance=inputs.app_instance,
                method=self._settings.tracking,
                installation_id=self._settings.installation_id,
                label_key=self._settings.label_key,
                default_namespace=inputs.namespace,
            )
            for manifest in normalised.manifests
        ]
        split = split_hooks(marked)
        return Desired(
            digest=digest,
            objects=split.objects,
            hooks=split.hooks,
            source_types=tuple(str(one.source_type) for one in rendered),
            conditions=tuple(_warning(p) for p in normalised.problems if p.is_warning),
            namespaced={(k.group, k.kind): v for k, v in scopes.items() if v is not None},
            has_unknown_kinds=bool(normalised.unknown),
        )


def _with_notes(desired: Desired, notes: Sequence[Condition]) -> Desired:
    return replace(desired, conditions=(*desired.conditions, *notes)) if notes else desired


def _is_rendered(spec: SourceSpec) -> bool:
    """A source that only lends files to others has a ref and no path."""
    return not spec.ref or bool(spec.path) or bool(spec.chart)


def _refuse_errors(normalised: Normalised, target: Target) -> None:
    if normalised.errors:
        messages = "; ".join(sorted(problem.message for problem in normalised.errors))
        raise ComparisonFailed(f"Failed to load target state: at {target.revision}: {messages}")


def _warning(problem: ManifestProblem) -> Condition:
    repeated = problem.kind is ProblemKind.REPEATED
    kind = ConditionType.REPEATED_RESOURCE_WARNING if repeated else ConditionType.MANIFEST_WARNING
    return Condition(kind, problem.message)
