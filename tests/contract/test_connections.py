"""Every form of a connection, from the file or Secret that states it to a real API server."""

from __future__ import annotations

import base64
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from contract.cluster_cases import CONFIG_MAP, config_map_key
from contract.connect_proxy import connect_proxy
from trimtab.adapters.kubernetes import (
    ConnectionSettings,
    KubernetesCluster,
    KubernetesDirectory,
    in_cluster_connection,
    load_kubeconfig,
)
from trimtab.adapters.localfleet import LocalCluster
from trimtab.ports.cluster import Cluster, ClusterSettings, ClusterUnreachable, CredentialsRefused

pytestmark = pytest.mark.fleet
SOON = timedelta(seconds=15)
ROOT_CA = config_map_key("default", "kube-root-ca.crt")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(
    folder: Path, target: LocalCluster, user: dict[str, Any], **cluster: str
) -> ConnectionSettings:
    """Write a kubeconfig for a cluster and read it as Trimtab does."""
    about = {"server": target.server, "certificate-authority-data": b64(target.ca_pem), **cluster}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": about}],
        "users": [{"name": "it", "user": user}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(document))
    return load_kubeconfig(path)


def certificate(target: LocalCluster) -> dict[str, str]:
    """Return the user of a kubeconfig who shows a client certificate."""
    return {
        "client-certificate-data": b64(target.client_cert_pem),
        "client-key-data": b64(target.client_key_pem),
    }


async def read_and_watch(connection: ConnectionSettings) -> None:
    """See that requests and watches are both let in."""
    async with KubernetesCluster(connection) as cluster:
        await reads_and_watches(cluster)


async def reads_and_watches(cluster: Cluster) -> None:
    assert await cluster.get(ROOT_CA) is not None
    await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
    assert cluster.live(ROOT_CA) is not None


async def test_a_kubeconfig_with_a_client_certificate(tmp_path: Path, target: LocalCluster) -> None:
    await read_and_watch(kubeconfig(tmp_path, target, certificate(target)))


async def test_a_kubeconfig_with_a_token(tmp_path: Path, target: LocalCluster) -> None:
    await read_and_watch(kubeconfig(tmp_path, target, {"token": target.token}))


async def test_a_kubeconfig_with_a_token_file_that_is_renewed(
    tmp_path: Path, target: LocalCluster
) -> None:
    token = tmp_path / "token"
    token.write_text("expired")
    connection = kubeconfig(tmp_path, target, {"tokenFile": "token"})
    async with KubernetesCluster(connection) as cluster:
        with pytest.raises(CredentialsRefused):
            await cluster.get(ROOT_CA)
        token.write_text(f"{target.token}\n")
        await reads_and_watches(cluster)


async def test_a_kubeconfig_with_an_exec_plugin(tmp_path: Path, target: LocalCluster) -> None:
    version = "client.authentication.k8s.io/v1"
    program = (
        "import json, os; print(json.dumps({'kind': 'ExecCredential', "
        f"'apiVersion': '{version}', 'status': {{'token': os.environ['WHO']}}}}))"
    )
    plugin = {
        "apiVersion": version,
        "command": sys.executable,
        "args": ["-c", program],
        "env": [{"name": "WHO", "value": target.token}],
        "interactiveMode": "Never",
    }
    await read_and_watch(kubeconfig(tmp_path, target, {"exec": plugin}))


async def test_a_kubeconfig_with_a_proxy(tmp_path: Path, target: LocalCluster) -> None:
    async with connect_proxy() as proxy:
        url = {"proxy-url": proxy.url}
        await read_and_watch(kubeconfig(tmp_path, target, certificate(target), **url))
        assert set(proxy.asked) == {urlsplit(target.server).netloc}


async def test_a_kubeconfig_with_another_server_name(tmp_path: Path, target: LocalCluster) -> None:
    name = {"tls-server-name": "localhost"}
    await read_and_watch(kubeconfig(tmp_path, target, certificate(target), **name))
    wrong = {"tls-server-name": "other.test"}
    connection = kubeconfig(tmp_path, target, certificate(target), **wrong)
    async with KubernetesCluster(connection) as cluster:
        with pytest.raises(ClusterUnreachable, match=r"(?i)certificate"):
            await cluster.get(ROOT_CA)


async def test_a_kubeconfig_with_a_proxy_and_another_server_name(
    tmp_path: Path, target: LocalCluster
) -> None:
    async with connect_proxy() as proxy:
        both = {"proxy-url": proxy.url, "tls-server-name": "localhost"}
        await read_and_watch(kubeconfig(tmp_path, target, certificate(target), **both))
        assert proxy.asked


async def test_a_pod_uses_its_service_account(tmp_path: Path, target: LocalCluster) -> None:
    (tmp_path / "token").write_text(target.token)
    (tmp_path / "ca.crt").write_text(target.ca_pem)
    (tmp_path / "namespace").write_text("default")
    at = urlsplit(target.server)
    environment = {
        "KUBERNETES_SERVICE_HOST": str(at.hostname),
        "KUBERNETES_SERVICE_PORT": str(at.port),
    }
    connection = in_cluster_connection(environment, tmp_path)
    assert connection.namespace == "default"
    await read_and_watch(connection)


async def test_a_cluster_secret_with_a_proxy(hub: LocalCluster, target: LocalCluster) -> None:
    directory = KubernetesDirectory(load_kubeconfig(hub.kubeconfig_path))
    async with connect_proxy() as proxy:
        config = {
            "bearerToken": target.token,
            "tlsClientConfig": {"caData": b64(target.ca_pem)},
            "proxyUrl": proxy.url,
        }
        await directory.put(ClusterSettings("far", target.server, config))
        cluster = directory.find(name="far")
        assert isinstance(cluster, KubernetesCluster)
        async with cluster:
            await reads_and_watches(cluster)
        assert set(proxy.asked) == {urlsplit(target.server).netloc}
        await directory.hub.get(ROOT_CA)
        assert set(proxy.asked) == {urlsplit(target.server).netloc}
        await directory.aclose()
