"""Comparing desired with live, at the least cost: remembered verdicts, the cheap one, a dry run.

A dry run is I/O, so its answer is part of the observation and the diff stays pure. Secrets are read
when they must be compared, and what is remembered of them are verdicts, never values.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from trimtab.controllers.application.model import Inputs, Memory, Seen, Verdict
from trimtab.controllers.application.settings import SECRET
from trimtab.controllers.application.sync.unvalidated import Lenient
from trimtab.core import JsonObject
from trimtab.core.diff import (
    DIFFERS,
    IN_SYNC,
    FieldChange,
    compare_desired,
    diff_predicted,
    verdict_key,
)
from trimtab.core.health import Health, assess_health
from trimtab.core.manifest import (
    Manifest,
    ObjectKey,
    annotations_of,
    canonical_json,
    resource_options,
)
from trimtab.core.manifest.live import LiveObject
from trimtab.core.plan import parse_sync_options
from trimtab.ports.cluster import ApiError, FieldValidation, Write
from trimtab.ports.normaliser import Normaliser
from trimtab.ports.renderer import EngineError

MASK = "++++++++"


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares the objects of one Application.

    Args:
        inputs: Whose.
        memory: What is remembered.
        manager: Our field manager.
        normaliser: For jq paths of ignoreDifferences.
    """

    inputs: Inputs
    memory: Memory
    manager: str
    normaliser: Normaliser

    async def compare(self, manifests: Sequence[Manifest]) -> list[Seen]:
        """Return each manifest with its live object and how the two compare, in order."""
        seen: list[Seen | None] = []
        open_questions: list[tuple[int, Manifest, LiveObject]] = []
        for index, manifest in enumerate(manifests):
            live = self.inputs.cluster.live(manifest.key)
            known = self._known(manifest, live)
            seen.append(known)
            if known is None and live is not None:
                open_questions.append((index, manifest, live))
        if open_questions:
            async with asyncio.TaskGroup() as tasks:
                asked = [
                    (index, tasks.create_task(self._ask(manifest, live)))
                    for index, manifest, live in open_questions
                ]
            for index, task in asked:
                seen[index] = task.result()
        return [one for one in seen if one is not None]

    def _known(self, manifest: Manifest, live: LiveObject | None) -> Seen | None:
        """Return the answer that needs no request, or None."""
        if live is None:
            return Seen(manifest, None, differs=True)
        verdict = self.memory.verdicts.get(manifest.key)
        if (
            verdict is not None
            and verdict.desired_digest == manifest.digest
            and verdict.resource_version == live.meta.resource_version
        ):
            return self._seen(manifest, live, verdict)
        if live.partial or self._jq_paths(live):
            return None
        comparison = compare_desired(
            manifest.body, live, manager=self.manager, ignore=self.inputs.ignore
        )
        if comparison.state is IN_SYNC:
            return self._remember(manifest, live, live, differs=False)
        if comparison.state is DIFFERS and self._is_validated(manifest):
            return self._remember(manifest, live, live, differs=True, changes=comparison.changes)
        if verdict is not None and verdict.desired_digest == manifest.digest and verdict.key:
            key = verdict_key(manifest.digest, live, self.manager)
            if key == verdict.key:
                changes = verdict.changes
                return self._remember(
                    manifest, live, live, differs=verdict.differs, changes=changes
                )
            if not verdict.differs:
                # It was in sync, and a field that we own has another value now: that is certain.
                changes = comparison.changes
                return self._remember(manifest, live, live, differs=True, changes=changes)
        return None

    async def _ask(self, manifest: Manifest, live: LiveObject) -> Seen:
        """Compare with what only the API server or an engine can tell."""
        full = live
        if live.partial:
            got = await self.inputs.cluster.get(live.key, version=live.version)
            if got is None:
                return Seen(manifest, None, differs=True)
            full = got
        body, live_body = await self._without_jq_paths(manifest.body, full)
        comparison = compare_desired(
            body, full, manager=self.manager, ignore=self.inputs.ignore, live_body=live_body
        )
        if comparison.state is IN_SYNC:
            return self._remember(manifest, live, full, differs=False)
        if comparison.state is DIFFERS and self._is_validated(manifest):
            return self._remember(manifest, live, full, differs=True, changes=comparison.changes)
        return await self._dry_run(manifest, live, full)

    async def _dry_run(self, manifest: Manifest, live: LiveObject, full: LiveObject) -> Seen:
        write = Write(self.manager, dry_run=True, validation=FieldValidation.IGNORE)
        cluster = self.inputs.cluster
        try:
            if self._is_validated(manifest):
                body = canonical_json(manifest.body)
                written = await cluster.apply(manifest.key, manifest.version, body, write)
            else:
                written = await Lenient(cluster, manifest, full, manifest.body).apply(write)
        except ApiError as error:
            return self._remember(manifest, live, full, differs=True, refusal=error.message)
        settings = self.inputs.ignore.matching(manifest.key)
        found, predicted = await self._both_without_jq_paths(full, written.live)
        changes = tuple(
            change
            for change in diff_predicted(found, predicted)
            if not _is_ignored(change, settings.json_pointers, settings.managed_fields_managers)
        )
        return self._remember(manifest, live, full, differs=bool(changes), changes=changes)

    def _is_validated(self, manifest: Manifest) -> bool:
        """Return whether a field that the API server does not know is a difference."""
        policy = self.inputs.app.spec.sync_policy
        options, _ = parse_sync_options(policy.sync_options if policy else ())
        stated = resource_options(annotations_of(manifest.body)).validate
        return options.validate and stated is not False

    def remember_written(self, manifest: Manifest, live: LiveObject) -> None:
        """Take the answer of an apply as proof that the object is as desired."""
        key = verdict_key(manifest.digest, live, self.manager)
        self.memory.verdicts[manifest.key] = Verdict(
            manifest.digest, live.meta.resource_version, key, differs=False
        )

    def _remember(
        self,
        manifest: Manifest,
        live: LiveObject,
        full: LiveObject,
        *,
        differs: bool,
        changes: tuple[FieldChange, ...] = (),
        refusal: str = "",
    ) -> Seen:
        if manifest.key.group_kind == SECRET:
            changes = tuple(FieldChange(c.path, MASK, MASK, c.manager) for c in changes)
        verdict = Verdict(
            manifest.digest,
            live.meta.resource_version,
            verdict_key(manifest.digest, full, self.manager),
            differs=differs,
            changes=changes,
            refusal=refusal,
        )
        self.memory.verdicts[manifest.key] = verdict
        return self._seen(manifest, live, verdict)

    def _seen(self, manifest: Manifest, live: LiveObject, verdict: Verdict) -> Seen:
        return Seen(
            manifest,
            live,
            differs=verdict.differs,
            changes=verdict.changes,
            health=health_of(live, self.memory),
            is_refused=bool(verdict.refusal),
            refusal=verdict.refusal,
        )

    def _jq_paths(self, live: LiveObject) -> tuple[str, ...]:
        return self.inputs.ignore.matching(live.key).jq_path_expressions

    async def _both_without_jq_paths(
        self, full: LiveObject, predicted: LiveObject
    ) -> tuple[LiveObject, LiveObject]:
        before, after = await self._without_jq_paths(predicted.body(), full)
        if after is None:
            return full, predicted
        return (
            msgspec.structs.replace(full, raw=canonical_json(after)),
            msgspec.structs.replace(predicted, raw=canonical_json(before)),
        )

    async def _without_jq_paths(
        self, body: JsonObject, live: LiveObject
    ) -> tuple[JsonObject, JsonObject | None]:
        expressions = self._jq_paths(live)
        if not expressions:
            return body, None
        try:
            desired, found = await self.normaliser.delete_jq_paths((body, live.body()), expressions)
        except EngineError as error:
            message = f"ignoreDifferences of {live.key}: {error.summary}"
            raise EngineError(error.code, message) from error
        return desired, found


def health_of(live: LiveObject, memory: Memory) -> Health | None:
    """Return an object's health, remembered by resourceVersion."""
    known = memory.health.get(live.key)
    if known is not None and known[0] == live.meta.resource_version:
        return known[1]
    health = None if live.partial else assess_health(live.body())
    memory.health[live.key] = (live.meta.resource_version, health)
    return health


def forget_others(memory: Memory, keys: Iterable[ObjectKey]) -> None:
    """Drop what is remembered of objects that are neither desired nor live any more."""
    kept = set(keys)
    if len(memory.verdicts) > len(kept):
        memory.verdicts = {k: v for k, v in memory.verdicts.items() if k in kept}
    if len(memory.health) > len(kept):
        memory.health = {k: v for k, v in memory.health.items() if k in kept}


def _is_ignored(change: FieldChange, pointers: Sequence[str], managers: Sequence[str]) -> bool:
    if change.manager in managers:
        return True
    path = f"/{change.path.replace('.', '/')}"
    return any(path == pointer or path.startswith(f"{pointer}/") for pointer in pointers)
