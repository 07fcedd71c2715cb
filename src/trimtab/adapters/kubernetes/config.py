"""What it takes to connect to a cluster, from an Argo CD cluster Secret or from inside a pod.

Rules: settings are values, read once; what may change later (token files, exec plugins) is named
here and read by ``credentials``. A setting that is not supported is an error that says so.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.core import JsonObject, JsonValue
from trimtab.core.errors import Stalled
from trimtab.core.manifest import digest_of
from trimtab.ports.cluster import ClusterSettings

IN_CLUSTER_SERVER = "https://kubernetes.default.svc"
"""The server URL by which Applications name the cluster that holds them."""

IN_CLUSTER_NAME = "in-cluster"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConnectionInvalid(Stalled):
    """The description of a connection is wrong or asks for something unsupported."""

    def __init__(self, message: str) -> None:
        super().__init__("ConnectionInvalid", message)


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that prints an ExecCredential.

    Args:
        command: Program; a relative path has been resolved already.
        args: Its arguments.
        env: Added to the environment.
        api_version: client.authentication.k8s.io version spoken with it.
        install_hint: Shown when the program is missing.
        provide_cluster_info: Tell the program which cluster it is for.
    """

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    provide_cluster_info: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How to reach one API server and who to be there.

    Args:
        name: Context or cluster name.
        server: Base URL.
        ca: PEM bundle; empty means the system's roots.
        insecure: Do not verify the server.
        server_name: Name expected in the server's certificate.
        proxy: Proxy URL.
        compression: Ask for compressed answers.
        certificate: Client certificate chain, PEM.
        key: Its private key, PEM.
        token: Bearer token.
        token_file: File with a bearer token, read again when it changes.
        username: Basic auth.
        password: Basic auth.
        plugin: Exec plugin.
        user: Impersonated user of every request.
        groups: Impersonated groups.
        namespace: The context's namespace.
    """

    name: str
    server: str
    ca: bytes = b""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""
    compression: bool = True
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    plugin: ExecPlugin | None = None
    user: str = ""
    groups: tuple[str, ...] = ()
    namespace: str = ""


def connection_of(settings: ClusterSettings) -> ConnectionSettings:
    """Return the connection that an Argo CD cluster Secret describes.

    Raises:
        ConnectionInvalid: A field is malformed or not supported.

    Source:
        Argo CD, declarative set-up: cluster Secrets.
    """
    config, where = settings.config, f"cluster {settings.name}"
    if config.get("awsAuthConfig"):
        raise ConnectionInvalid(
            f"{where}: awsAuthConfig is not supported; use execProviderConfig with "
            "aws-iam-authenticator or `aws eks get-token`"
        )
    tls = _mapping(config, "tlsClientConfig", where)
    plugin = _mapping(config, "execProviderConfig", where)
    certificate, key = _pem(tls, "certData", where), _pem(tls, "keyData", where)
    if bool(certificate) != bool(key):
        raise ConnectionInvalid(f"{where}: certData and keyData must be given together")
    return ConnectionSettings(
        name=settings.name,
        server=normalised_server(settings.server),
        ca=_pem(tls, "caData", where),
        insecure=tls.get("insecure") is True,
        server_name=_text(tls, "serverName"),
        proxy=_text(config, "proxyUrl"),
        compression=config.get("disableCompression") is not True,
        certificate=certificate,
        key=key,
        token=_text(config, "bearerToken"),
        username=_text(config, "username"),
        password=_text(config, "password"),
        plugin=_exec_provider(plugin, where) if plugin else None,
    )


def cluster_config(connection: ConnectionSettings) -> dict[str, JsonValue]:
    """Return the ``config`` JSON of an Argo CD cluster Secret for a connection.

    Raises:
        ConnectionInvalid: The connection depends on a file of this machine.
    """
    if connection.token_file:
        raise ConnectionInvalid(
            f"{connection.name}: a token file cannot be stored in a Secret; use a token"
        )
    tls: dict[str, JsonValue] = {
        "insecure": connection.insecure,
        "serverName": connection.server_name,
        "caData": base64.b64encode(connection.ca).decode(),
        "certData": base64.b64encode(connection.certificate).decode(),
        "keyData": base64.b64encode(connection.key).decode(),
    }
    config: dict[str, JsonValue] = {
        "bearerToken": connection.token,
        "username": connection.username,
        "password": connection.password,
        "proxyUrl": connection.proxy,
        "disableCompression": not connection.compression,
        "tlsClientConfig": {name: value for name, value in tls.items() if value},
    }
    if (plugin := connection.plugin) is not None:
        config["execProviderConfig"] = {
            "command": plugin.command,
            "args": list(plugin.args),
            "env": dict(plugin.env),
            "apiVersion": plugin.api_version,
            "installHint": plugin.install_hint,
        }
    return {name: value for name, value in config.items() if value}


def in_cluster_connection(
    environment: Mapping[str, str] | None = None, folder: Path = _SERVICE_ACCOUNT
) -> ConnectionSettings:
    """Return the connection of the pod's own service account.

    Args:
        environment: Default: the process's.
        folder: Where the service account's files are mounted.

    Raises:
        ConnectionInvalid: This process does not run inside a cluster.
    """
    environment = os.environ if environment is None else environment
    host, port = (
        environment.get("KUBERNETES_SERVICE_HOST"),
        environment.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    token = folder / "token"
    if not host or not token.is_file():
        raise ConnectionInvalid(
            "not inside a cluster: KUBERNETES_SERVICE_HOST or the service account is missing"
        )
    authority = folder / "ca.crt"
    namespace = folder / "namespace"
    return ConnectionSettings(
        name=IN_CLUSTER_NAME,
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca=authority.read_bytes() if authority.is_file() else b"",
        token_file=str(token),
        namespace=namespace.read_text().strip() if namespace.is_file() else "",
    )


def normalised_server(server: str) -> str:
    """Return a server URL in the form in which URLs are compared."""
    return server.strip().rstrip("/")


def settings_digest(settings: ClusterSettings) -> str:
    """Return a digest over everything that the connection and its watches depend on."""
    return digest_of(
        [
            settings.name,
            normalised_server(settings.server),
            settings.config,
            settings.namespaces,
            settings.cluster_resources,
        ]
    )


def _exec_provider(plugin: JsonObject, where: str) -> ExecPlugin:
    command, args, env = plugin.get("command"), plugin.get("args") or (), plugin.get("env") or {}
    if not isinstance(command, str) or not command:
        raise ConnectionInvalid(f"{where}: execProviderConfig has no command")
    if isinstance(args, str) or not isinstance(args, list | tuple):
        raise ConnectionInvalid(f"{where}: execProviderConfig.args is not a list")
    if not isinstance(env, Mapping):
        raise ConnectionInvalid(f"{where}: execProviderConfig.env is not a mapping")
    return ExecPlugin(
        command,
        tuple(str(argument) for argument in args),
        tuple((name, str(value)) for name, value in env.items()),
        _text(plugin, "apiVersion") or ExecPlugin.__dataclass_fields__["api_version"].default,
        _text(plugin, "installHint"),
    )


def _mapping(parent: JsonObject, name: str, where: str) -> JsonObject:
    value = parent.get(name) or {}
    if not isinstance(value, Mapping):
        raise ConnectionInvalid(f"{where}: {name} is not a mapping")
    return value


def _text(parent: JsonObject, name: str) -> str:
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def _pem(parent: JsonObject, name: str, where: str) -> bytes:
    return decode_base64(_text(parent, name), f"{where}: {name}")


def decode_base64(text: str, where: str) -> bytes:
    """Decode a base64 field.

    Raises:
        ConnectionInvalid: ``where`` is not base64.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConnectionInvalid(f"{where} is not base64: {error}") from error
