"""The demo's steps, in order; each file holds one or two that belong together."""

from trimtab.bootstrap.demo.step import Step
from trimtab.bootstrap.demo.steps.bad_commit import bad_commit
from trimtab.bootstrap.demo.steps.fleet import first_sync, install, start_fleet
from trimtab.bootstrap.demo.steps.guard import guard
from trimtab.bootstrap.demo.steps.heal import self_heal
from trimtab.bootstrap.demo.steps.ledger import ledger
from trimtab.bootstrap.demo.steps.outage import cluster_lost, namespace_wiped
from trimtab.bootstrap.demo.steps.push import push, revert

STEPS = (
    Step("fleet", "start control planes, Git server and Trimtab", start_fleet),
    Step("install", "CRDs, project, clusters, Applications", install, ("fleet",)),
    Step("first-sync", "everything Synced and Healthy", first_sync, ("install",)),
    Step("push", "a new image tag for the whole fleet", push, ("first-sync",)),
    Step("self-heal", "ten edits by hand are undone", self_heal, ("first-sync",)),
    Step("bad-commit", "broken commits change nothing", bad_commit, ("first-sync",)),
    Step("revert", "git revert brings back what was", revert, ("first-sync",)),
    Step("namespace-wiped", "a deleted namespace comes back", namespace_wiped, ("first-sync",)),
    Step("cluster-lost", "one lost cluster stops no other", cluster_lost, ("first-sync",)),
    Step("guard", "most of an application is not deleted unseen", guard, ("first-sync",)),
    Step("ledger", "who, what, when, which commit, why", ledger, ("install",)),
)

__all__ = ["STEPS"]
