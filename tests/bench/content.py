"""Repositories and resources of the bench."""

import base64
import random
from pathlib import Path

from trimtab.adapters.localfleet import LocalCluster
from trimtab.core import JsonObject, JsonValue
from trimtab.ports.cluster import ClusterSettings
from trimtab.services.registry import cluster_secret

ARGOCD = "argocd"
PROJECT = "bench"
NAMESPACE = "bench"
IMAGE = "registry.example/bench/web"
MARK = "mark"
_API_VERSION = "argoproj.io/v1alpha1"
_FILLING_BYTES = 2000

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/bench/web:0
          ports: [{name: http, containerPort: 8080}]
          env: [{name: LOG_LEVEL, value: info}]
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
"""
_SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello, colour: teal}
"""


def write_overlays(folder: Path, count: int) -> None:
    """Write one Kustomize base and an overlay for each cluster."""
    base = folder / "base"
    base.mkdir(parents=True)
    (base / "deployment.yaml").write_text(_DEPLOYMENT)
    (base / "service.yaml").write_text(_SERVICE)
    (base / "settings.yaml").write_text(_SETTINGS)
    set_tag(folder, "0")
    for index in range(1, count + 1):
        overlay = folder / overlay_path(index)
        overlay.mkdir(parents=True)
        (overlay / "kustomization.yaml").write_text(
            "resources: [../../base]\n"
            f"commonAnnotations: {{example.com/cluster: {cluster_name(index)}}}\n"
        )


def set_tag(folder: Path, tag: str) -> None:
    """Change the image of the whole fleet."""
    (folder / "base" / "kustomization.yaml").write_text(
        "resources: [deployment.yaml, service.yaml, settings.yaml]\n"
        f'images: [{{name: {IMAGE}, newTag: "{tag}"}}]\n'
    )


def write_config_maps(folder: Path, names: list[str], mark: str) -> None:
    """Write a directory for each name with one ConfigMap of 2 KB, its content that name's own."""
    for name in names:
        place = folder / "apps" / name
        place.mkdir(parents=True, exist_ok=True)
        filling = random.Random(name).randbytes(_FILLING_BYTES * 3 // 4)
        text = base64.b64encode(filling).decode()
        (place / "config.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\n"
            f"metadata: {{name: {name}}}\n"
            f'data:\n  {MARK}: "{mark}"\n  filling: {text}\n'
        )


def overlay_path(index: int) -> str:
    """Return the folder of a cluster's overlay."""
    return f"overlays/{cluster_name(index)}"


def cluster_name(index: int) -> str:
    """Return the name of a target cluster."""
    return f"c{index:02d}"


def project() -> JsonObject:
    """Return the AppProject of all Applications here."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "AppProject",
        "metadata": {"name": PROJECT, "namespace": ARGOCD},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": NAMESPACE}],
        },
    }


def register_cluster(cluster: LocalCluster) -> JsonObject:
    """Return the cluster Secret of a target."""
    config: dict[str, JsonValue] = {
        "bearerToken": cluster.token,
        "tlsClientConfig": {"caData": base64.b64encode(cluster.ca_pem.encode()).decode()},
    }
    settings = ClusterSettings(cluster_name(cluster.index), cluster.server, config)
    return cluster_secret(settings, ARGOCD)


def webhook_secret(secret: str) -> JsonObject:
    """Return Argo CD's Secret with the key of signed webhooks."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "argocd-secret", "namespace": ARGOCD},
        "stringData": {"webhook.github.secret": secret},
    }


def namespace(name: str) -> JsonObject:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def application(name: str, repository: str, path: str, server: str) -> JsonObject:
    """Return an Application that syncs, prunes and heals by itself."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "Application",
        "metadata": {"name": name, "namespace": ARGOCD},
        "spec": {
            "project": PROJECT,
            "source": {"repoURL": repository, "targetRevision": "main", "path": path},
            "destination": {"server": server, "namespace": NAMESPACE},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }
