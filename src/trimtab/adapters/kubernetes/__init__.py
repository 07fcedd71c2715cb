"""Kubernetes API servers: own thin client, live view, and the directory of the fleet.

Entry points are :class:`KubernetesCluster` for one cluster and :class:`KubernetesDirectory` for
many; both take :class:`ConnectionSettings`, read from a kubeconfig, a cluster Secret or a pod.
"""

from trimtab.adapters.kubernetes.cluster import KubernetesCluster
from trimtab.adapters.kubernetes.config import (
    IN_CLUSTER_NAME,
    IN_CLUSTER_SERVER,
    ConnectionInvalid,
    ConnectionSettings,
    ExecPlugin,
    cluster_config,
    connection_of,
    in_cluster_connection,
)
from trimtab.adapters.kubernetes.directory import KubernetesDirectory
from trimtab.adapters.kubernetes.kubeconfig import load_kubeconfig
from trimtab.adapters.kubernetes.options import ClusterOptions, choose_transport
from trimtab.adapters.kubernetes.transport import Deadlines, Transport

__all__ = [
    "IN_CLUSTER_NAME",
    "IN_CLUSTER_SERVER",
    "ClusterOptions",
    "ConnectionInvalid",
    "ConnectionSettings",
    "Deadlines",
    "ExecPlugin",
    "KubernetesCluster",
    "KubernetesDirectory",
    "Transport",
    "choose_transport",
    "cluster_config",
    "connection_of",
    "in_cluster_connection",
    "load_kubeconfig",
]
