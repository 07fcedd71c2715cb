"""The demo's resources in Argo CD's own format: project, cluster Secrets, Applications."""

import base64
from collections.abc import Sequence

from trimtab.adapters.localfleet import LocalCluster
from trimtab.bootstrap.demo.places import NAMESPACE, Place, SourceKind
from trimtab.core import JsonObject, JsonValue
from trimtab.ports.cluster import ClusterSettings
from trimtab.services.registry import IN_CLUSTER_SERVER, cluster_secret

ARGOCD = "argocd"
"""Namespace of Applications and settings in the hub."""

PROJECT = "fleet"
PARENT_APP = "fleet"
"""The app-of-apps: it creates all other Applications."""

FLAGS_APP = "flags"
FLAGS_NAMESPACE = "flags"
_API_VERSION = "argoproj.io/v1alpha1"


def project(repository: str) -> JsonObject:
    """Return the AppProject: this repository, these namespaces, no other cluster-wide kinds."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "AppProject",
        "metadata": {"name": PROJECT, "namespace": ARGOCD},
        "spec": {
            "description": "The shop and what belongs to it, on every cluster",
            "sourceRepos": [repository],
            "destinations": [
                {"server": "*", "namespace": NAMESPACE},
                {"server": "*", "namespace": FLAGS_NAMESPACE},
                {"server": IN_CLUSTER_SERVER, "namespace": ARGOCD},
            ],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        },
    }


def register_cluster(place: Place, cluster: LocalCluster) -> JsonObject:
    """Return the cluster Secret of a target."""
    config: dict[str, JsonValue] = {
        "bearerToken": cluster.token,
        "tlsClientConfig": {"caData": base64.b64encode(cluster.ca_pem.encode()).decode()},
    }
    labels = {"environment": place.environment}
    settings = ClusterSettings(place.name, cluster.server, config, labels=labels)
    return cluster_secret(settings, ARGOCD)


def webhook_secret(secret: str) -> JsonObject:
    """Return Argo CD's own Secret with the key that GitHub-shaped webhooks are signed with."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "argocd-secret", "namespace": ARGOCD},
        "stringData": {"webhook.github.secret": secret},
    }


def parent_application(repository: str) -> JsonObject:
    """Return the app-of-apps."""
    destination = {"server": IN_CLUSTER_SERVER, "namespace": ARGOCD}
    return _application(PARENT_APP, repository, {"path": "apps"}, destination)


def child_applications(repository: str, places: Sequence[Place]) -> list[JsonObject]:
    """Return what the app-of-apps creates: the shop for each place, and the flags for the first."""
    children = [
        _application(
            place.app, repository, _source(place), {"name": place.name, "namespace": NAMESPACE}
        )
        for place in places
    ]
    destination = {"name": places[0].name, "namespace": FLAGS_NAMESPACE}
    return [*children, _application(FLAGS_APP, repository, {"path": "flags"}, destination)]


def _source(place: Place) -> JsonObject:
    match place.kind:
        case SourceKind.KUSTOMIZE:
            return {"path": f"overlays/{place.environment}"}
        case SourceKind.HELM:
            values = [f"values-{place.environment}.yaml"]
            return {"path": "chart", "helm": {"releaseName": "shop", "valueFiles": values}}
        case SourceKind.DIRECTORY:
            return {"path": "plain"}


def _application(
    name: str, repository: str, source: JsonObject, destination: JsonObject
) -> JsonObject:
    return {
        "apiVersion": _API_VERSION,
        "kind": "Application",
        "metadata": {"name": name, "namespace": ARGOCD},
        "spec": {
            "project": PROJECT,
            "source": {"repoURL": repository, "targetRevision": "main", **source},
            "destination": destination,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true"],
            },
        },
    }
