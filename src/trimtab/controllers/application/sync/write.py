"""Writing the objects of a wave, each by the verb that its options ask for.

Answers go into the live view and the verdicts at once, so that the next look knows what was done.
Before the first apply of an object, fields of client-side managers are taken over by one patch, or
fields deleted in Git later would live for ever.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from trimtab.controllers.application.compare import Comparer
from trimtab.controllers.application.model import Inputs
from trimtab.controllers.application.settings import ApplicationSettings
from trimtab.controllers.application.sync.unvalidated import Lenient
from trimtab.core import JsonObject
from trimtab.core.diff import (
    entry_of,
    leave_out_ignored,
    merge_managers_patch,
    parse_fields,
)
from trimtab.core.errors import Transient
from trimtab.core.manifest import (
    GroupKind,
    Manifest,
    ObjectKey,
    annotations_of,
    canonical_json,
    defined_kind,
    resource_options,
    with_metadata,
)
from trimtab.core.manifest.live import LiveObject
from trimtab.core.plan import (
    Action,
    ObjectResult,
    PlannedChange,
    SyncOptions,
    Verb,
    batches,
    result_of_change,
)
from trimtab.ports.cluster import (
    AlreadyExists,
    ApiError,
    FieldValidation,
    Propagation,
    Write,
    Written,
)

DEFINITION_SECONDS = 10.0
NAMESPACE_MANAGER = "trimtab-namespace"


class Writer:
    """Writes objects of one sync.

    Args:
        inputs: Of the Application.
        comparer: Takes the answers.
        settings: The controller's.
        options: The sync's.
        may_write: This process holds the lease now; asked before each write.
    """

    def __init__(
        self,
        inputs: Inputs,
        comparer: Comparer,
        settings: ApplicationSettings,
        options: SyncOptions,
        may_write: Callable[[], bool],
    ) -> None:
        self._inputs = inputs
        self._comparer = comparer
        self._settings = settings
        self.options = options
        self._may_write = may_write

    async def write(self, changes: Sequence[PlannedChange]) -> list[ObjectResult]:
        """Carry out the changes of one wave, group by group, and return what became of each."""
        results: list[ObjectResult] = []
        for batch in batches(changes):
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._one(change)) for change in batch]
            results += [task.result() for task in running]
            await self._await_definitions(batch)
        return results

    async def _await_definitions(self, batch: Sequence[PlannedChange]) -> None:
        """Give new definitions a moment to be served: objects of their kinds may come next."""
        kinds = {defined_kind(c.manifest.body) for c in batch if c.manifest is not None} - {None}
        if not kinds:
            return
        try:
            async with asyncio.timeout(DEFINITION_SECONDS):
                for kind in kinds:
                    served = cast("GroupKind", kind)
                    # Discovery has no event to wait for: it is asked, and limits itself.
                    while await self._inputs.cluster.resource_type(served) is None:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
        except TimeoutError:
            return  # The write that needs the kind says what is missing.

    async def _one(self, change: PlannedChange) -> ObjectResult:
        if not self._may_write():
            raise Transient("LeaseLost", "another process may hold the lease: nothing is written")
        try:
            return await self._carry_out(change)
        except ApiError as error:
            return result_of_change(change, error=error.message)

    async def _carry_out(self, change: PlannedChange) -> ObjectResult:
        if change.action in (Action.PRUNE, Action.RECREATE):
            return await self._delete(change)
        manifest = change.manifest
        assert manifest is not None
        if change.reason == "CreateNamespace":
            return await self._create_namespace(change, manifest)
        written = await self._put(change, manifest, dry_run=False)
        self._inputs.cluster.remember(written.live)
        self._comparer.remember_written(manifest, written.live)
        said = "created" if change.action is Action.CREATE else "configured"
        message = f"{_resource(change.key)} {said}"
        if written.warnings:
            message = f"{message}. Warning: {'; '.join(written.warnings)}"
        return result_of_change(change, message=message, uid=written.live.meta.uid)

    async def try_out(self, change: PlannedChange) -> None:
        """Ask the API server about a change without making it. Raises ApiError for a refusal."""
        assert change.manifest is not None
        await self._put(change, change.manifest, dry_run=True)

    def skips_missing(self, change: PlannedChange) -> bool:
        """Return whether an object of an unknown kind is tried without being asked about."""
        assert change.manifest is not None
        stated = resource_options(annotations_of(change.manifest.body)).skip_dry_run_on_missing
        return self.options.skip_dry_run_on_missing if stated is None else stated

    async def delete_hooks(self, uids: Mapping[ObjectKey, str]) -> None:
        """Delete hooks of earlier runs."""
        for key, uid in uids.items():
            await self._inputs.cluster.delete(key, uid=uid, propagation=Propagation.BACKGROUND)
            self._inputs.cluster.forget(key, uid)

    async def _put(self, change: PlannedChange, manifest: Manifest, *, dry_run: bool) -> Written:
        cluster = self._inputs.cluster
        live = cluster.live(manifest.key)
        validate = change.write.validate if change.write else True
        write = Write(
            self._settings.manager,
            dry_run=dry_run,
            validation=FieldValidation.STRICT if validate else FieldValidation.IGNORE,
        )
        verb = change.write.verb if change.write else Verb.APPLY
        body = self._body(manifest, live)
        key, version = manifest.key, manifest.version
        if not key.name:
            # generateName: there is nothing to apply to, each write is another object.
            return await cluster.create(key, version, canonical_json(body), write)
        match verb:
            case Verb.APPLY:
                if live is not None and self.options.migrate_ownership and not dry_run:
                    await self._adopt(live)
                return await Lenient(cluster, manifest, live, body).apply(write)
            case Verb.CREATE:
                return await cluster.create(key, version, canonical_json(body), write)
            case Verb.REPLACE | Verb.UPDATE:
                if live is None:
                    return await cluster.create(key, version, canonical_json(body), write)
                stamped = with_metadata(body, {"resourceVersion": live.meta.resource_version})
                return await cluster.replace(key, version, canonical_json(stamped), write)

    def _body(self, manifest: Manifest, live: LiveObject | None) -> JsonObject:
        if live is None or live.partial or not self.options.respect_ignore_differences:
            return manifest.body
        return leave_out_ignored(manifest.body, live, self._inputs.ignore, self._settings.manager)

    async def _adopt(self, live: LiveObject) -> None:
        """Take over what client-side managers own, once."""
        patch = merge_managers_patch(live, into=self._settings.manager)
        if patch is not None:
            await self._inputs.cluster.patch(
                live.key, "json", patch, Write(self._settings.manager), version=live.version
            )

    async def _create_namespace(self, change: PlannedChange, manifest: Manifest) -> ObjectResult:
        """Create the destination's namespace; one that exists is fine."""
        write = Write(self._settings.manager)
        body = canonical_json(manifest.body)
        try:
            written = await self._inputs.cluster.create(manifest.key, "v1", body, write)
        except AlreadyExists:
            return result_of_change(change, message="namespace exists")
        self._inputs.cluster.remember(written.live)
        uid = written.live.meta.uid
        return result_of_change(change, message=f"namespace/{change.key.name} created", uid=uid)

    async def mark_namespace(self) -> None:
        """Lay managedNamespaceMetadata over the destination's namespace, where it is missing.

        Each Application applies it by a manager of its own, so that two of them can share a
        namespace and either can take its labels back.
        """
        policy = self._inputs.app.spec.sync_policy
        wanted = policy.managed_namespace_metadata if policy else None
        key = ObjectKey("", "Namespace", "", self._inputs.namespace)
        live = self._inputs.cluster.live(key)
        if wanted is None or live is None or not self.options.create_namespace:
            return
        labels, annotations = wanted.labels or {}, wanted.annotations or {}
        manager = f"{NAMESPACE_MANAGER}-{self._inputs.app_instance}"
        is_there = (
            labels.items() <= live.labels.items()
            and annotations.items() <= live.annotations.items()
        )
        if is_there and not _owns_more(live, manager, labels, annotations):
            return
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": key.name, "labels": labels, "annotations": annotations},
        }
        write = Write(manager, validation=FieldValidation.IGNORE)
        written = await self._inputs.cluster.apply(key, "v1", canonical_json(body), write)
        self._inputs.cluster.remember(written.live)

    async def _delete(self, change: PlannedChange) -> ObjectResult:
        cluster = self._inputs.cluster
        propagation = self.options.prune_propagation
        if change.action is Action.RECREATE:
            propagation = Propagation.BACKGROUND
        await cluster.delete(change.key, uid=change.live_uid, propagation=propagation)
        return result_of_change(change)


def _owns_more(
    live: LiveObject, manager: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> bool:
    """Return whether a manager owns metadata that is no longer wanted."""
    entry = entry_of(live.meta.managed_fields, manager)
    if entry is None:
        return False
    wanted = {("f:labels", f"f:{name}") for name in labels}
    wanted |= {("f:annotations", f"f:{name}") for name in annotations}
    return any(path[1:3] not in wanted for path in parse_fields(entry.fields_v1) if len(path) > 2)


def _resource(key: ObjectKey) -> str:
    kind = key.kind.lower()
    return f"{kind}.{key.group}/{key.name}" if key.group else f"{kind}/{key.name}"
