"""A fleet that is up: its clusters, and what can be done to them through the supervisor.

It can be used by any process that may read the run folder, not only by the one that started it.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from trimtab.adapters.localfleet.cluster import LocalCluster, load_cluster
from trimtab.core import JsonValue

_REQUEST_SECONDS = 120


class FleetError(RuntimeError):
    """The fleet could not be started, or its supervisor refused or did not answer."""


class FleetRefusedError(FleetError):
    """The supervisor refused a request.

    Attributes:
        unknown_cluster: Whether it named a cluster that the fleet does not have.
    """

    def __init__(self, message: str, *, unknown_cluster: bool) -> None:
        """Carry the supervisor's own message."""
        super().__init__(message)
        self.unknown_cluster = unknown_cluster


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What the supervisor says about one cluster.

    Attributes:
        phase: ``starting``, ``ready`` or ``down``.
        separate: Whether its API server has a process of its own and can be killed.
        controllers: Whether it has a controller manager.
    """

    index: int
    server: str
    phase: str
    separate: bool
    controllers: bool


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """What the supervisor says about the fleet; ``processes`` maps names to process ids."""

    pid: int
    ready: bool
    clusters: tuple[ClusterState, ...]
    processes: dict[str, int]


@dataclass(frozen=True, slots=True)
class RunningFleet:
    """Clusters and control of a fleet that is up.

    Attributes:
        folder: The run folder.
        control: Host and port of the supervisor's control endpoint.
        control_token: Its bearer token.
        servers: URL of each cluster's API server, by index.
    """

    folder: Path
    control: str
    control_token: str
    servers: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of clusters, the hub included."""
        return len(self.servers)

    def cluster(self, index: int) -> LocalCluster:
        """Return one cluster's address and credentials; 0 is the hub by convention."""
        return load_cluster(self.folder, index, self.servers[index])

    @property
    def clusters(self) -> tuple[LocalCluster, ...]:
        """All clusters, by index."""
        return tuple(self.cluster(index) for index in range(len(self)))

    def kill(self, index: int) -> None:
        """Kill a separate cluster's API server and controllers; its objects stay in etcd.

        Raises:
            FleetRefusedError: There is no such cluster, or it shares its API server's process.
        """
        self._request("POST", f"/clusters/{index}/kill")

    def start_cluster(self, index: int) -> None:
        """Start a killed cluster at its old address, and return when it is ready.

        Raises:
            FleetRefusedError: There is no such cluster, it is not down, or does not become ready.
        """
        self._request("POST", f"/clusters/{index}/start")

    def request_stop(self) -> None:
        """Ask the supervisor to end everything; it answers before it does."""
        self._request("POST", "/stop")

    def status(self) -> FleetStatus:
        """Ask the supervisor how the clusters are.

        Raises:
            FleetError: It does not answer: the fleet is not running.
        """
        answer = self._request("GET", "/status")
        clusters = cast("list[dict[str, JsonValue]]", answer["clusters"])
        return FleetStatus(
            pid=cast("int", answer["pid"]),
            ready=bool(answer["ready"]),
            clusters=tuple(
                ClusterState(
                    index=cast("int", each["index"]),
                    server=str(each["server"]),
                    phase=str(each["phase"]),
                    separate=bool(each["separate"]),
                    controllers=bool(each["controllers"]),
                )
                for each in clusters
            ),
            processes=cast("dict[str, int]", answer["processes"]),
        )

    def to_json(self) -> str:
        """Return what ``from_json`` needs to use this fleet from another process; it is secret."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> RunningFleet:
        """Return the fleet that another process described by ``to_json``."""
        document = json.loads(text)
        return cls(
            folder=Path(document["folder"]),
            control=document["control"],
            control_token=document["control_token"],
            servers=tuple(document["servers"]),
        )

    def _request(self, method: str, path: str) -> dict[str, JsonValue]:
        connection = http.client.HTTPConnection(self.control, timeout=_REQUEST_SECONDS)
        try:
            authorization = f"Bearer {self.control_token}"
            connection.request(method, path, headers={"Authorization": authorization})
            response = connection.getresponse()
            body = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FleetError(
                f"the fleet's supervisor at {self.control} is gone: {error}"
            ) from error
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            message = body.get("error", f"the supervisor answered {response.status}")
            unknown = response.status == http.client.NOT_FOUND
            raise FleetRefusedError(message, unknown_cluster=unknown)
        return body
