"""Measures how a commit reaches the clusters: when each one turns, and when it is Healthy."""

import time
from collections.abc import Sequence
from statistics import median

from trimtab.bootstrap.demo.places import NAMESPACE, Place
from trimtab.bootstrap.demo.sights import DEPLOYMENT, image_of, is_rolled_out
from trimtab.bootstrap.demo.world import World, first_few
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import WatchEvent

_WEB = ObjectKey(DEPLOYMENT.group, DEPLOYMENT.kind, NAMESPACE, "web")


class Turning:
    """When each cluster's Deployment first showed an image.

    Args:
        image: The new image.
        places: The clusters that are waited for.

    Attributes:
        turned: Seconds from ``start`` until a watch showed the image in the spec, by cluster.
        healthy: The same until the Deployment's status said that it is rolled out.
        refusal: What the server's hook complained about, if its webhook was refused.
    """

    def __init__(self, image: str, places: Sequence[Place]) -> None:
        self.turned: dict[str, float] = {}
        self.healthy: dict[str, float] = {}
        self.refusal = ""
        self._image = image
        self._names = [place.name for place in places]
        self._started = 0.0

    def start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_event(self, name: str, event: WatchEvent) -> None:
        """Take in what a watch shows."""
        if event.live.key != _WEB or name in self.healthy or image_of(event.live) != self._image:
            return
        elapsed = time.monotonic() - self._started
        self.turned.setdefault(name, elapsed)
        if is_rolled_out(event.live):
            self.healthy[name] = elapsed

    @property
    def missing(self) -> list[str]:
        """Clusters that are not there yet."""
        turned = [f"{name} has not turned" for name in self._names if name not in self.turned]
        behind = [
            f"{name} is not Healthy"
            for name in self._names
            if name in self.turned and name not in self.healthy
        ]
        return turned + behind


async def push_image(world: World, places: Sequence[Place], *, within: float) -> Turning:
    """Push what is committed and wait until every given cluster runs the image that Git says.

    Raises:
        StepFailed: Some cluster does not.
    """
    turning = Turning(world.image, places)
    stop = world.watching.subscribe(turning.on_event)
    try:
        turning.start()
        turning.refusal = (await world.checkout.push()).strip()
        await world.watching.until(
            lambda: not turning.missing,
            within=within,
            missing=lambda: first_few(turning.missing),
        )
    finally:
        stop()
    return turning


def spread(seconds: Sequence[float]) -> str:
    """Return first, median and last as text."""
    if not seconds:
        return "nothing measured"
    ordered = sorted(seconds)
    return f"first {ordered[0]:.2f} s, median {median(ordered):.2f} s, last {ordered[-1]:.2f} s"
