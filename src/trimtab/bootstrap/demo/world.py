"""Everything that the demo has running: the fleet, the Git server, Trimtab, and its own watches."""

import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.adapters.kubernetes import KubernetesCluster
from trimtab.adapters.localfleet import Fleet
from trimtab.bootstrap.demo.applications import ARGOCD
from trimtab.bootstrap.demo.checkout import Checkout
from trimtab.bootstrap.demo.content import FIRST_TAG, IMAGE
from trimtab.bootstrap.demo.places import NAMESPACE, Place, name_places
from trimtab.bootstrap.demo.processes import Answer, Child, run_command, trimtab_program
from trimtab.bootstrap.demo.sights import (
    APPLICATION,
    DEPLOYMENT,
    TARGET_KINDS,
    AppSight,
    is_managed,
    is_rolled_out,
    see_application,
)
from trimtab.bootstrap.demo.step import Reporter, StepFailed
from trimtab.bootstrap.demo.watching import Watching
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject, ObjectKey

HUB = "hub"


@dataclass(slots=True)
class Numbers:
    """What was measured, in seconds."""

    push_to_cluster: list[float] = field(default_factory=list[float])
    push_healthy: list[float] = field(default_factory=list[float])
    heal: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class History:
    """What earlier steps left for later ones.

    Args:
        tag: The image tag that Git says now.
        before_push: The managed objects before the push step, by cluster.
        to_revert: Commits that the revert step takes back, the newest first.
        pushed: SHA of the push step's commit; empty before it.
        healed: Application whose Deployment was edited, and how often.
    """

    tag: str = FIRST_TAG
    before_push: dict[str, dict[ObjectKey, JsonObject]] = field(
        default_factory=dict[str, dict[ObjectKey, JsonObject]]
    )
    to_revert: list[str] = field(default_factory=list[str])
    pushed: str = ""
    healed: tuple[str, int] = ("", 0)


class World:
    """What the steps work with. What ``fleet`` starts ends when ``stack`` closes.

    Args:
        clusters: How many targets.
        reporter: Told what goes on.
        stack: Closed at the end of the demo, whatever happens.
        folder: Where the repository, Trimtab's state and logs go; None for the fleet's own folder.
    """

    def __init__(
        self, clusters: int, reporter: Reporter, stack: AsyncExitStack, folder: Path | None
    ) -> None:
        self.places = name_places(clusters)
        self.reporter = reporter
        self.stack = stack
        self.asked_folder = folder
        self.webhook_secret = secrets.token_hex(16)
        self.watching = Watching(self._broken)
        self.numbers = Numbers()
        self.history = History()
        self._fleet: Fleet | None = None
        self._checkout: Checkout | None = None
        self.children: list[Child] = []

    @property
    def fleet(self) -> Fleet:
        """The control planes."""
        assert self._fleet is not None, "the fleet step comes first"
        return self._fleet

    @fleet.setter
    def fleet(self, fleet: Fleet) -> None:
        self._fleet = fleet

    @property
    def checkout(self) -> Checkout:
        """The user's clone."""
        assert self._checkout is not None, "the fleet step comes first"
        return self._checkout

    @checkout.setter
    def checkout(self, checkout: Checkout) -> None:
        self._checkout = checkout

    @property
    def folder(self) -> Path:
        """Where the demo's own files are; the fleet removes its folder when it ends."""
        return self.asked_folder or self.fleet.running.folder / "demo"

    @property
    def state_dir(self) -> Path:
        """Trimtab's."""
        return self.folder / "state"

    @property
    def hub(self) -> KubernetesCluster:
        """The hub, as the demo itself sees it."""
        return self.watching.cluster(HUB)

    @property
    def lost(self) -> Place:
        """The cluster whose API server can be killed."""
        return self.places[-1]

    @property
    def image(self) -> str:
        """The image that Git says now."""
        return f"{IMAGE}:{self.history.tag}"

    @property
    def application_count(self) -> int:
        """How many Applications there should be: one per place, the flags, the app-of-apps."""
        return len(self.places) + 2

    @property
    def seen_applications(self) -> int:
        """How many Applications the hub's watch shows; 0 before there is one."""
        return len(self.applications()) if HUB in self.watching else 0

    def _broken(self) -> str:
        ended = [child for child in self.children if child.exit_code is not None]
        return "; ".join(
            f"{child.name} ended with {child.exit_code}, see {child.log}" for child in ended
        )

    async def trimtab(self, *arguments: str) -> Answer:
        """Run ``trimtab`` as a user would, against the hub."""
        kubeconfig = str(self.fleet.cluster(0).kubeconfig_path)
        options = ["--kubeconfig", kubeconfig, "--state-dir", str(self.state_dir)]
        return await run_command([trimtab_program(), *options, *arguments])

    def applications(self) -> dict[str, AppSight]:
        """Return every Application in the hub by name."""
        found = self.watching.objects(HUB, APPLICATION)
        return {live.key.name: see_application(live) for live in found}

    def web(self, place: Place) -> LiveObject | None:
        """Return a cluster's Deployment of the shop."""
        key = ObjectKey(DEPLOYMENT.group, DEPLOYMENT.kind, NAMESPACE, "web")
        return self.watching.cluster(place.name).live(key)

    def managed(self, place: Place) -> Iterator[LiveObject]:
        """Return a cluster's objects that belong to an Application, and the shop's namespace."""
        for kind in TARGET_KINDS:
            for live in self.watching.objects(place.name, kind):
                if is_managed(live) or live.key == ObjectKey("", "Namespace", "", NAMESPACE):
                    yield live

    async def settled(self, *, within: float, revision: str = "") -> None:
        """Wait until every Application is Synced and Healthy and every Deployment rolled out.

        Args:
            within: Seconds.
            revision: Every Application has been compared with this commit as well.

        Raises:
            StepFailed: It takes longer; the message names what is missing.
        """

        def unfinished() -> list[str]:
            found = self.applications()
            wrong = [
                f"{name} is {sight}"
                for name, sight in sorted(found.items())
                if not sight.is_good or (revision and sight.revision != revision)
            ]
            for place in self.places:
                web = self.web(place)
                if web is None or not is_rolled_out(web):
                    wrong.append(f"Deployment web on {place.name} is not rolled out")
            if len(found) < self.application_count:
                wrong.append(f"{len(found)} of {self.application_count} Applications exist")
            count = len(wrong)
            self.reporter.doing(
                f"waiting for {count} Applications and Deployments" if count else ""
            )
            return wrong

        await self.watching.until(
            lambda: not unfinished(), within=within, missing=lambda: first_few(unfinished())
        )


def first_few(lines: list[str], most: int = 5) -> str:
    """Return the first few of many complaints, and how many there are."""
    shown = "; ".join(lines[:most])
    return shown if len(lines) <= most else f"{shown}; and {len(lines) - most} more"


def require(condition: object, message: str) -> None:
    """Raise StepFailed with ``message`` unless ``condition`` is true."""
    if not condition:
        raise StepFailed(message)


__all__ = ["ARGOCD", "HUB", "Numbers", "World", "first_few", "require"]
