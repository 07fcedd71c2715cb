"""Real Kubernetes control planes on this machine, for tests, the demo and benchmarks.

One supervisor process (``localfleet up``, written in Go) is the parent of etcd, of the API servers,
of the controller managers and of a stand-in for the kubelets. Python talks to that one process: it
dies when its stdin closes, and all others die with it, so that nothing outlives whoever started the
fleet.
"""

from trimtab.adapters.localfleet.binary import build_binary, source_dir
from trimtab.adapters.localfleet.cluster import LocalCluster
from trimtab.adapters.localfleet.detached import DetachedFleets, FleetUpError
from trimtab.adapters.localfleet.fleet import Fleet
from trimtab.adapters.localfleet.pki import Authority, ClientCertificate
from trimtab.adapters.localfleet.plan import FleetPlan
from trimtab.adapters.localfleet.process import FleetProcess
from trimtab.adapters.localfleet.running import (
    ClusterState,
    FleetError,
    FleetRefusedError,
    FleetStatus,
    RunningFleet,
)

__all__ = [
    "Authority",
    "ClientCertificate",
    "ClusterState",
    "DetachedFleets",
    "Fleet",
    "FleetError",
    "FleetPlan",
    "FleetProcess",
    "FleetRefusedError",
    "FleetStatus",
    "FleetUpError",
    "LocalCluster",
    "RunningFleet",
    "build_binary",
    "source_dir",
]
