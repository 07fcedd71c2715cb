"""Reading, writing and watching one Kubernetes cluster, and the directory of all of them.

Rules: bodies go in and come out as JSON bytes, so that nothing is lost on the way; every call has
a deadline of the adapter's; every error is one of those below; a write says which field manager.
"""

from trimtab.core.plan import Propagation
from trimtab.ports.cluster.directory import Cluster, ClusterDirectory, ClusterSettings
from trimtab.ports.cluster.errors import (
    AlreadyExists,
    ApiError,
    ClusterUnknown,
    ClusterUnreachable,
    Conflict,
    CredentialsRefused,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    StatusCause,
    TooManyRequests,
)
from trimtab.ports.cluster.logs import LogOptions, PodLogs
from trimtab.ports.cluster.read import ClusterReader, ResourceType
from trimtab.ports.cluster.watch import Change, ClusterWatcher, Listener, WatchEvent
from trimtab.ports.cluster.write import ClusterWriter, FieldValidation, PatchType, Write, Written

__all__ = [
    "AlreadyExists",
    "ApiError",
    "Change",
    "Cluster",
    "ClusterDirectory",
    "ClusterReader",
    "ClusterSettings",
    "ClusterUnknown",
    "ClusterUnreachable",
    "ClusterWatcher",
    "ClusterWriter",
    "Conflict",
    "CredentialsRefused",
    "FieldValidation",
    "Forbidden",
    "Invalid",
    "Listener",
    "LogOptions",
    "NotFound",
    "PatchType",
    "PodLogs",
    "Propagation",
    "ResourceType",
    "ServerError",
    "StatusCause",
    "TooManyRequests",
    "WatchEvent",
    "Write",
    "Written",
]
