"""Connections from kubeconfig files, cluster Secrets, exec plugins and pods."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.stub_server import client_of, json_answer, serve, status_answer
from trimtab.adapters.kubernetes import (
    ConnectionInvalid,
    ConnectionSettings,
    ExecPlugin,
    choose_transport,
    cluster_config,
    connection_of,
    in_cluster_connection,
    load_kubeconfig,
)
from trimtab.ports.cluster import ClusterSettings, CredentialsRefused

V1 = "client.authentication.k8s.io/v1"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write_kubeconfig(path: Path, user: dict[str, Any], **cluster: Any) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": path.stem,
        "contexts": [
            {"name": path.stem, "context": {"cluster": "c", "user": "u", "namespace": "team"}}
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.test:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_inline_certificates_and_cluster_fields(tmp_path: Path) -> None:
    path = write_kubeconfig(
        tmp_path / "one",
        {"client-certificate-data": b64("CERT"), "client-key-data": b64("KEY")},
        **{
            "certificate-authority-data": b64("CA"),
            "tls-server-name": "api.internal",
            "proxy-url": "http://proxy.test:3128",
            "insecure-skip-tls-verify": True,
            "disable-compression": True,
        },
    )
    assert load_kubeconfig(path) == ConnectionSettings(
        name="one",
        server="https://api.test:6443",
        ca=b"CA",
        insecure=True,
        server_name="api.internal",
        proxy="http://proxy.test:3128",
        compression=False,
        certificate=b"CERT",
        key=b"KEY",
        namespace="team",
    )


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    for name in ("ca.crt", "me.crt", "me.key"):
        (tmp_path / name).write_text(name)
    path = write_kubeconfig(
        tmp_path / "one",
        {"client-certificate": "me.crt", "client-key": "me.key", "tokenFile": "token"},
        **{"certificate-authority": "ca.crt"},
    )
    found = load_kubeconfig(path)
    assert (found.ca, found.certificate, found.key) == (b"ca.crt", b"me.crt", b"me.key")
    assert found.token_file == str(tmp_path / "token")


def test_token_basic_and_impersonation(tmp_path: Path) -> None:
    user = {"token": "t", "username": "u", "password": "p", "as": "jane", "as-groups": ["devs"]}
    found = load_kubeconfig(write_kubeconfig(tmp_path / "one", user))
    assert (found.token, found.username, found.password) == ("t", "u", "p")
    assert (found.user, found.groups) == ("jane", ("devs",))


def test_kubeconfig_variable_lists_files_and_the_first_wins(tmp_path: Path) -> None:
    one = write_kubeconfig(tmp_path / "one", {"token": "first"})
    two = write_kubeconfig(tmp_path / "two", {"token": "second"})
    environment = {"KUBECONFIG": f"{tmp_path / 'missing'}:{one}:{two}"}
    assert load_kubeconfig(environment=environment).name == "one"
    found = load_kubeconfig(context="two", environment=environment)
    assert (found.name, found.token) == ("two", "first")


def test_home_is_the_last_resort(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube" / "config", {"token": "home"})
    assert load_kubeconfig(environment={"HOME": str(tmp_path)}).token == "home"


@pytest.mark.parametrize(
    ("user", "context", "message"),
    [
        ({}, "nope", "no context named 'nope'"),
        ({"client-certificate-data": "!"}, None, "not base64"),
        ({"client-certificate": "missing.crt"}, None, r"missing\.crt"),
        ({"auth-provider": {"name": "gcp"}}, None, "auth-provider"),
        ({"exec": {"apiVersion": "v9", "command": "x"}}, None, "exec apiVersion 'v9'"),
        ({"exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Always"}}, None, "termin"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, user: dict[str, Any], context: str | None, message: str
) -> None:
    path = write_kubeconfig(tmp_path / "one", user)
    with pytest.raises(ConnectionInvalid, match=message):
        load_kubeconfig(path, context)


def test_missing_and_broken_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConnectionInvalid, match="does not exist"):
        load_kubeconfig(tmp_path / "missing")
    (tmp_path / "broken").write_text("{")
    with pytest.raises(ConnectionInvalid, match="cannot read"):
        load_kubeconfig(tmp_path / "broken")


def test_cluster_secret_becomes_a_connection() -> None:
    config = {
        "bearerToken": "t",
        "proxyUrl": "http://proxy.test",
        "disableCompression": True,
        "tlsClientConfig": {
            "insecure": False,
            "serverName": "api.internal",
            "caData": b64("CA"),
            "certData": b64("CERT"),
            "keyData": b64("KEY"),
        },
    }
    found = connection_of(ClusterSettings("prod", "https://api.test/", config))
    assert found == ConnectionSettings(
        name="prod",
        server="https://api.test",
        ca=b"CA",
        server_name="api.internal",
        proxy="http://proxy.test",
        compression=False,
        certificate=b"CERT",
        key=b"KEY",
        token="t",
    )
    again = connection_of(ClusterSettings("prod", found.server, cluster_config(found)))
    assert again == found


def test_exec_provider_of_a_cluster_secret() -> None:
    provider = {
        "command": "aws",
        "args": ["eks", "get-token"],
        "env": {"AWS_REGION": "x"},
        "apiVersion": "client.authentication.k8s.io/v1beta1",
    }
    found = connection_of(
        ClusterSettings("c", "https://api.test", {"execProviderConfig": provider})
    )
    assert found.plugin == ExecPlugin(
        "aws",
        ("eks", "get-token"),
        (("AWS_REGION", "x"),),
        "client.authentication.k8s.io/v1beta1",
    )
    assert connection_of(ClusterSettings("c", found.server, cluster_config(found))) == found


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"awsAuthConfig": {"clusterName": "x"}}, "awsAuthConfig is not supported"),
        ({"tlsClientConfig": {"certData": b64("x")}}, "together"),
        ({"tlsClientConfig": {"caData": "%"}}, "caData is not base64"),
        ({"tlsClientConfig": []}, None),
        ({"tlsClientConfig": ["x"]}, "not a mapping"),
        ({"execProviderConfig": {"args": ["x"]}}, "no command"),
    ],
)
def test_malformed_cluster_secret_is_said(config: dict[str, Any], message: str | None) -> None:
    settings = ClusterSettings("c", "https://api.test", config)
    if message is None:
        assert connection_of(settings).ca == b""
        return
    with pytest.raises(ConnectionInvalid, match=message):
        connection_of(settings)


def test_secrets_do_not_show_in_representations() -> None:
    shown = repr(
        ConnectionSettings("c", "https://x", token="hunter2", password="hunter3", key=b"k4")
    )
    assert "hunter" not in shown
    assert "k4" not in shown


def test_pod_uses_its_service_account(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(ConnectionInvalid, match="not inside a cluster"):
        in_cluster_connection(environment, tmp_path)
    for name, text in (("token", "t"), ("ca.crt", "CA"), ("namespace", "trimtab\n")):
        (tmp_path / name).write_text(text)
    found = in_cluster_connection(environment, tmp_path)
    assert (found.server, found.ca, found.namespace) == ("https://[fd00::1]:443", b"CA", "trimtab")
    assert found.token_file == str(tmp_path / "token")


def exec_plugin(folder: Path, body: str) -> ExecPlugin:
    script = folder / "plugin.py"
    script.write_text(body)
    return ExecPlugin(sys.executable, (str(script),), (("WHO", "jane"),))


CREDENTIAL = """
import json, os, pathlib
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
count = pathlib.Path(__file__).with_name("count")
runs = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(runs))
token = f"{os.environ['WHO']}-{runs}"
status = {"token": token, "expirationTimestamp": EXPIRES}
print(json.dumps({"apiVersion": info["apiVersion"], "kind": info["kind"], "status": status}))
"""


@pytest.mark.parametrize(
    ("expires", "runs"), [('"2126-01-01T00:00:00Z"', 1), ('"2020-01-01T00:00:00Z"', 1), ("None", 1)]
)
async def test_exec_plugin_gives_a_token_that_is_kept(
    tmp_path: Path, expires: str, runs: int
) -> None:
    seen: list[str] = []

    async def handler(request: Any) -> Any:
        seen.append(request.headers["Authorization"])
        return json_answer({})

    plugin = exec_plugin(tmp_path, CREDENTIAL.replace("EXPIRES", expires))
    async with serve(handler) as url, client_of(url, choose_transport, plugin=plugin) as client:
        for _ in range(3):
            await client.request("GET", "/")
    assert seen == ["Bearer jane-1"] * 3
    assert (tmp_path / "count").read_text() == str(runs)


async def test_exec_plugin_runs_again_when_its_token_is_refused(tmp_path: Path) -> None:
    async def handler(request: Any) -> Any:
        if request.headers["Authorization"] == "Bearer jane-2":
            return json_answer({})
        return status_answer(401, "Unauthorized")

    plugin = exec_plugin(tmp_path, CREDENTIAL.replace("EXPIRES", "None"))
    async with serve(handler) as url, client_of(url, choose_transport, plugin=plugin) as client:
        assert (await client.request("GET", "/")).status == 200


EMPTY_CREDENTIAL = json.dumps({"kind": "ExecCredential", "apiVersion": V1, "status": {}})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import sys; sys.exit('no login')", "exited with 1: no login"),
        ("print('hello')", "printed no ExecCredential"),
        ("print('{}')", "printed no ExecCredential"),
        (
            f"print({EMPTY_CREDENTIAL!r})",
            "neither a token nor a certificate",
        ),
    ],
)
async def test_exec_plugin_that_fails_is_said(tmp_path: Path, body: str, message: str) -> None:
    plugin = exec_plugin(tmp_path, body)
    async with client_of("http://127.0.0.1:1", choose_transport, plugin=plugin) as client:
        with pytest.raises(CredentialsRefused, match=message):
            await client.request("GET", "/")


async def test_missing_exec_plugin_shows_its_hint(tmp_path: Path) -> None:
    plugin = ExecPlugin(str(tmp_path / "nope"), install_hint="install it from example.test")
    async with client_of("http://127.0.0.1:1", choose_transport, plugin=plugin) as client:
        with pytest.raises(CredentialsRefused, match=r"install it from example\.test"):
            await client.request("GET", "/")
