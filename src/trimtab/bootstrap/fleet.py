"""What the ``fleet`` commands and the demo need of the local fleet."""

from trimtab.adapters.localfleet import (
    DetachedFleets,
    Fleet,
    FleetError,
    FleetPlan,
    FleetRefusedError,
    FleetStatus,
    FleetUpError,
    LocalCluster,
    RunningFleet,
    build_binary,
)
from trimtab_build import BuildError, GoMissingError

__all__ = [
    "BuildError",
    "DetachedFleets",
    "Fleet",
    "FleetError",
    "FleetPlan",
    "FleetRefusedError",
    "FleetStatus",
    "FleetUpError",
    "GoMissingError",
    "LocalCluster",
    "RunningFleet",
    "build_binary",
]
