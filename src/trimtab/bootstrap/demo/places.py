"""The target clusters as the demo names them, with their environments and kinds of source."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle

FEWEST_CLUSTERS = 3
"""With fewer, one of the three environments or of the three kinds of source would be missing."""

NAMESPACE = "shop"
"""Where the shop lives in each cluster."""

_REGIONS = ("eu", "us", "ap")


class SourceKind(StrEnum):
    """How the shop's manifests are made for a cluster."""

    KUSTOMIZE = "Kustomize"
    HELM = "Helm"
    DIRECTORY = "directory"


_KINDS = (
    SourceKind.KUSTOMIZE,
    SourceKind.HELM,
    SourceKind.DIRECTORY,
    SourceKind.KUSTOMIZE,
    SourceKind.KUSTOMIZE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """One target cluster.

    Args:
        index: Its number in the local fleet; the hub has 0.
        name: Its name in the cluster Secret, for example ``prod-eu-1``.
        environment: dev, staging or prod.
        kind: What the shop is made from there.
    """

    index: int
    name: str
    environment: str
    kind: SourceKind

    @property
    def app(self) -> str:
        """Name of the Application that delivers the shop to this cluster."""
        return f"shop-{self.name}"


def name_places(count: int) -> tuple[Place, ...]:
    """Return ``count`` target clusters, dev first, about half of them prod.

    Raises:
        ValueError: Fewer than ``FEWEST_CLUSTERS``.
    """
    if count < FEWEST_CLUSTERS:
        raise ValueError(f"the demo needs {FEWEST_CLUSTERS} target clusters or more, not {count}")
    dev, staging = max(1, count // 5), max(1, count * 3 // 10)
    names = [f"dev-{number + 1}" for number in range(dev)]
    names += [f"staging-{number + 1}" for number in range(staging)]
    for number in range(count - dev - staging):
        region = _REGIONS[number % len(_REGIONS)]
        names.append(f"prod-{region}-{number // len(_REGIONS) + 1}")
    return tuple(
        Place(index, name, name.partition("-")[0], kind)
        for index, (name, kind) in enumerate(zip(names, cycle(_KINDS), strict=False), start=1)
    )
