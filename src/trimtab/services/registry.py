"""Clusters and repositories as Argo CD registers them: labelled Secrets in the hub.

A Secret's label ``argocd.argoproj.io/secret-type`` says what it is: ``cluster``, ``repository``, or
``repo-creds`` (credentials for every repository below a URL prefix).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.errors import Stalled
from trimtab.core.manifest import GroupKind, LiveObject
from trimtab.ports.cluster import ClusterReader, ClusterSettings, ClusterUnknown
from trimtab.ports.source import Repository, RepositoryCredentials

SECRET_TYPE_LABEL: Final = "argocd.argoproj.io/secret-type"  # noqa: S105  a label, not a secret
IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"
IN_CLUSTER_NAME: Final = "in-cluster"

_SECRET = GroupKind("", "Secret")
_CONFIG = msgspec.json.Decoder(dict[str, object])
_HASH_CHARACTERS = 10


class RegistrationInvalid(Stalled):
    """A registered Secret cannot be understood."""


async def read_clusters(hub: ClusterReader, namespace: str) -> list[ClusterSettings]:
    """Return the registered clusters, sorted by name; the hub itself is always among them."""
    found = await hub.list(
        _SECRET, namespace=namespace, label_selector=f"{SECRET_TYPE_LABEL}=cluster"
    )
    clusters = [cluster_settings(secret) for secret in found]
    if all(cluster.server != IN_CLUSTER_SERVER for cluster in clusters):
        clusters.append(ClusterSettings(IN_CLUSTER_NAME, IN_CLUSTER_SERVER, {}))
    return sorted(clusters, key=lambda cluster: (cluster.name, cluster.server))


def find_cluster(
    clusters: Sequence[ClusterSettings], *, server: str = "", name: str = ""
) -> ClusterSettings:
    """Return the cluster with a server URL, or with a name.

    Raises:
        ClusterUnknown: None has it, or two share the name.
    """
    wanted = server.rstrip("/")
    found = [c for c in clusters if (c.server == wanted if wanted else c.name == name)]
    if len(found) != 1:
        named = f"server {server}" if server else f"name {name!r}"
        known = ", ".join(cluster.name for cluster in clusters)
        raise ClusterUnknown(
            "ClusterUnknown",
            f"expected one cluster with {named}, found {len(found)}; registered: {known}",
        )
    return found[0]


def cluster_settings(secret: LiveObject) -> ClusterSettings:
    """Return what a cluster Secret says.

    Raises:
        RegistrationInvalid: Its config is not a JSON object.
    """
    data = secret_data(secret)
    try:
        config = cast("dict[str, JsonValue]", _CONFIG.decode(data.get("config") or "{}"))
    except msgspec.MsgspecError as error:
        raise RegistrationInvalid(
            "ClusterSecretInvalid",
            f"{secret.key}: expected `config` to be a JSON object, found something else: {error}",
        ) from error
    server = data.get("server", "").rstrip("/")
    namespaces = tuple(n.strip() for n in data.get("namespaces", "").split(",") if n.strip())
    return ClusterSettings(
        name=data.get("name") or server,
        server=server,
        config=config,
        namespaces=namespaces,
        cluster_resources=not namespaces or data.get("clusterResources") == "true",
        project=data.get("project", ""),
        labels=secret.labels,
        annotations=secret.annotations,
    )


def cluster_secret(settings: ClusterSettings, namespace: str) -> JsonObject:
    """Return the Secret that registers a cluster. ``cluster_settings`` reads it back."""
    data = {
        "name": settings.name,
        "server": settings.server,
        "config": msgspec.json.encode(settings.config).decode(),
    }
    if settings.namespaces:
        data["namespaces"] = ",".join(settings.namespaces)
        data["clusterResources"] = "true" if settings.cluster_resources else "false"
    if settings.project:
        data["project"] = settings.project
    name = secret_name("cluster", settings.server)
    return _secret(name, namespace, "cluster", data, settings.labels or {})


def repository_secret(repository: Repository, namespace: str, *, project: str = "") -> JsonObject:
    """Return the Secret that registers a repository with its credentials."""
    given = repository.credentials
    data = {
        "url": repository.url,
        "type": repository.kind,
        "username": given.username,
        "password": given.password,
        "bearerToken": given.bearer_token,
        "sshPrivateKey": given.ssh_private_key,
        "tlsClientCertData": given.client_cert_pem,
        "tlsClientCertKey": given.client_key_pem,
        "insecure": "true" if given.insecure else "",
        "proxy": given.proxy,
        "project": project,
    }
    kept = {key: value for key, value in data.items() if value}
    return _secret(secret_name("repo", repository.url), namespace, "repository", kept, {})


def repository_of(secret: LiveObject) -> Repository:
    """Return the repository, or the prefix of many, that a Secret describes."""
    data = secret_data(secret)
    return Repository(
        url=data.get("url", ""),
        kind=data.get("type") or "git",
        credentials=RepositoryCredentials(
            username=data.get("username", ""),
            password=data.get("password", ""),
            bearer_token=data.get("bearerToken", ""),
            ssh_private_key=data.get("sshPrivateKey", ""),
            client_cert_pem=data.get("tlsClientCertData", ""),
            client_key_pem=data.get("tlsClientCertKey", ""),
            insecure=data.get("insecure") == "true",
            proxy=data.get("proxy", ""),
        ),
    )


async def read_repositories(hub: ClusterReader, namespace: str) -> list[LiveObject]:
    """Return the Secrets of repositories and credential templates, sorted by URL."""
    found: list[LiveObject] = []
    for kind in ("repository", "repo-creds"):
        selector = f"{SECRET_TYPE_LABEL}={kind}"
        found += await hub.list(_SECRET, namespace=namespace, label_selector=selector)
    return sorted(found, key=lambda secret: (secret_data(secret).get("url", ""), secret.key.name))


def secret_type(secret: LiveObject) -> str:
    """Return ``cluster``, ``repository``, ``repo-creds``, or nothing."""
    return secret.labels.get(SECRET_TYPE_LABEL, "")


def secret_name(prefix: str, url: str) -> str:
    """Return a stable, readable name for a Secret that registers a URL."""
    parts = urlsplit(url)
    host = (parts.hostname or url.partition(":")[0].rpartition("@")[2]).lower()
    readable = "".join(char if char.isalnum() or char == "-" else "-" for char in host)
    digest = hashlib.sha256(url.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{prefix}-{readable.strip('-') or 'x'}-{digest}"


def secret_data(secret: LiveObject) -> dict[str, str]:
    """Return a Secret's decoded data; bytes that are not text are left out."""
    data = secret.body().get("data")
    if not isinstance(data, Mapping):
        return {}
    decoded: dict[str, str] = {}
    for key, value in data.items():
        try:
            decoded[key] = base64.b64decode(str(value)).decode()
        except ValueError:
            continue
    return decoded


def _secret(
    name: str, namespace: str, kind: str, data: Mapping[str, str], labels: Mapping[str, str]
) -> JsonObject:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**labels, SECRET_TYPE_LABEL: kind},
            "annotations": {"managed-by": "argocd.argoproj.io"},
        },
        "type": "Opaque",
        "data": encoded,
    }


def match_repository(secrets: Sequence[LiveObject], url: str) -> Repository:
    """Return a repository with its credentials: its own Secret's, else the longest prefix's."""
    own = [s for s in secrets if secret_type(s) == "repository" and _url(s) == _comparable(url)]
    found = repository_of(own[0]) if own else Repository(url)
    if found.credentials != RepositoryCredentials():
        return Repository(url, found.credentials, found.kind)
    templates = [
        s
        for s in secrets
        if secret_type(s) == "repo-creds" and _comparable(url).startswith(_url(s))
    ]
    if not templates:
        return Repository(url, kind=found.kind)
    best = repository_of(max(templates, key=lambda secret: len(_url(secret))))
    return Repository(url, best.credentials, found.kind)


def _url(secret: LiveObject) -> str:
    return _comparable(secret_data(secret).get("url", ""))


def _comparable(url: str) -> str:
    return url.strip().removesuffix("/").removesuffix(".git").lower()
