"""The plan of a sync: made anew from what is desired and live now.

Progress keeps what must not be done twice; what is done is no longer in the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trimtab.controllers.application.model import Inputs, Intent, Memory, Observation
from trimtab.controllers.application.settings import NAMESPACE
from trimtab.controllers.application.sync.intents import is_selected
from trimtab.core.manifest import ObjectKey
from trimtab.core.plan import Action, Candidate, Plan, namespace_candidate, plan_sync


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the syncs of one Application.

    Args:
        inputs: Whose.
        memory: Updates that the API server refuses, and that are recreated instead.
    """

    inputs: Inputs
    memory: Memory

    def plan(self, intent: Intent, observation: Observation) -> Plan:
        """Return what is left to do."""
        candidates = [
            replace(seen.candidate(), is_refused=True)
            if seen.key in self.memory.refused
            else seen.candidate()
            for seen in observation.seen
            if is_selected(intent.only, seen.key)
        ]
        namespace = self._namespace(intent, candidates)
        skips_hooks = intent.only is not None or _skips_hooks(intent)
        return plan_sync(
            changes=candidates + namespace,
            hooks=() if skips_hooks else observation.desired.hooks,
            options=intent.options,
            revision=observation.target.revision,
            started_unix=int(intent.started_at.timestamp()),
        )

    def _namespace(self, intent: Intent, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidate for option CreateNamespace, unless a manifest is the namespace."""
        name = self.inputs.namespace
        key = ObjectKey("", "Namespace", "", name)
        if not name or not intent.options.create_namespace:
            return []
        if any(c.manifest is not None and c.manifest.key == key for c in candidates):
            return []
        live = self.inputs.cluster.live(key)
        return [namespace_candidate(name, live)] if live is None else []


def terminating_namespace(inputs: Inputs, plan: Plan) -> str:
    """Return why a plan must wait for a namespace that is being deleted, or empty."""
    spaces = {c.key.namespace for c in plan.changes() if c.key.namespace and c.manifest}
    for name in sorted(spaces):
        live = inputs.cluster.live(ObjectKey(NAMESPACE.group, NAMESPACE.kind, "", name))
        if live is not None and live.meta.deletion_timestamp:
            return f"waiting for namespace {name} to be deleted before it is created again"
    return ""


def takes_long(plan: Plan) -> bool:
    """Return whether a person should see that a sync has begun: it has hooks or several waves."""
    waves = sum(1 for phase in plan.phases for wave in phase.waves if wave.changes)
    return waves > 1 or any(change.action is Action.HOOK for change in plan.changes())


def _skips_hooks(intent: Intent) -> bool:
    strategy = intent.operation.sync.sync_strategy if intent.operation.sync else None
    return strategy is not None and strategy.apply is not None and strategy.hook is None
