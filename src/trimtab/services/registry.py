"""Clusters and repositories as Argo CD registers them: labelled Secrets in the hub.

A Secret's label ``argocd.argoproj.io/secret-type`` says what it is: ``cluster``, ``repository``, or
``repo-creds`` (credentials for every repository below a URL prefix).
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.errors import Stalled
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.ports.cluster import ClusterReader, ClusterSettings, ClusterUnknown
from trimtab.ports.source import Repository
from trimtab.services.repositories import (
    Registration,
    RegistrationKind,
    RepositoryBook,
    parse_registration,
)

SECRET_TYPE_LABEL: Final = "argocd.argoproj.io/secret-type"  # noqa: S105  a label, not a secret
IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"
AUTHORITIES: Final = "argocd-tls-certs-cm"
KNOWN_HOSTS: Final = "argocd-ssh-known-hosts-cm"
PARAMETERS: Final = "argocd-cmd-params-cm"
REPOSITORY_CONFIG_MAPS: Final = (AUTHORITIES, KNOWN_HOSTS, PARAMETERS)
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


async def read_repositories(hub: ClusterReader, namespace: str) -> list[LiveObject]:
    """Return the Secrets of repositories and credential templates, sorted by URL."""
    found: list[LiveObject] = []
    for kind in ("repository", "repo-creds"):
        selector = f"{SECRET_TYPE_LABEL}={kind}"
        found += await hub.list(_SECRET, namespace=namespace, label_selector=selector)
    return sorted(found, key=lambda secret: (secret_data(secret).get("url", ""), secret.key.name))


def registration_of(secret: LiveObject) -> Registration:
    """Return what the Secret of a repository or a credential template says."""
    return parse_registration(RegistrationKind(secret_type(secret)), secret_data(secret))


def book_of(
    secrets: Iterable[LiveObject],
    config_map: Callable[[str], LiveObject | None],
    *,
    has_submodules: bool = True,
) -> RepositoryBook:
    """Return how repositories are opened.

    Args:
        secrets: Labelled Secrets; those of other types are left out.
        config_map: Returns one of ``REPOSITORY_CONFIG_MAPS``, if there is such.
        has_submodules: Whether submodules are followed, if no ConfigMap says otherwise.
    """
    kinds = set(RegistrationKind)
    registrations = [registration_of(one) for one in secrets if secret_type(one) in kinds]
    said = _texts(config_map(PARAMETERS)).get("reposerver.enable.git.submodule", "")
    return RepositoryBook(
        registrations,
        authorities=_texts(config_map(AUTHORITIES)),
        known_hosts=_texts(config_map(KNOWN_HOSTS)).get("ssh_known_hosts", ""),
        has_submodules=has_submodules and said.strip().lower() != "false",
    )


async def read_book(hub: ClusterReader, namespace: str) -> RepositoryBook:
    """Return how repositories are opened, read from the hub now."""
    found = {
        name: await hub.get(ObjectKey("", "ConfigMap", namespace, name))
        for name in REPOSITORY_CONFIG_MAPS
    }
    return book_of(await read_repositories(hub, namespace), found.get)


def _texts(config_map: LiveObject | None) -> dict[str, str]:
    data = config_map.body().get("data") if config_map is not None else None
    return {k: str(v) for k, v in data.items()} if isinstance(data, Mapping) else {}


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
