"""Reading kubeconfig files: the context that kubectl would use, as ConnectionSettings.

Source: client-go's clientcmd: ``$KUBECONFIG`` lists files, the first one to define an entry wins;
paths are relative to the file that names them; inline data wins over a file.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import yaml

from trimtab.adapters.kubernetes.config import (
    ConnectionInvalid,
    ConnectionSettings,
    ExecPlugin,
    decode_base64,
    normalised_server,
)
from trimtab.core import JsonObject, JsonValue

_SPOKEN = (
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
)


def load_kubeconfig(
    path: Path | str | None = None,
    context: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> ConnectionSettings:
    """Return the connection of a context.

    Args:
        path: A file; default: those of ``$KUBECONFIG``, else ``~/.kube/config``.
        context: Default: the current context.
        environment: Default: the process's.

    Raises:
        ConnectionInvalid: No file, no such context, or a malformed or unsupported entry.
    """
    environment = os.environ if environment is None else environment
    paths = [Path(path)] if path is not None else _default_paths(environment)
    merged = _Merged(paths)
    name = context or merged.current_context
    if not name:
        raise ConnectionInvalid(f"{merged.where}: no current-context; name a context")
    link = merged.entry("contexts", "context", name).value
    cluster = merged.entry("clusters", "cluster", _text(link, "cluster"))
    user_name = _text(link, "user")
    user = merged.entry("users", "user", user_name) if user_name else _Entry({}, Path())
    server = _text(cluster.value, "server")
    if not server:
        raise ConnectionInvalid(f"{merged.where}: the cluster of context {name} has no server")
    groups = user.value.get("as-groups") or ()
    return ConnectionSettings(
        name=name,
        server=normalised_server(server),
        ca=cluster.pem("certificate-authority"),
        insecure=cluster.value.get("insecure-skip-tls-verify") is True,
        server_name=_text(cluster.value, "tls-server-name"),
        proxy=_text(cluster.value, "proxy-url"),
        compression=cluster.value.get("disable-compression") is not True,
        certificate=user.pem("client-certificate"),
        key=user.pem("client-key"),
        # client-go prefers tokenFile over token.
        token="" if user.value.get("tokenFile") else _text(user.value, "token"),
        token_file=user.path("tokenFile"),
        username=_text(user.value, "username"),
        password=_text(user.value, "password"),
        plugin=_plugin(user, name),
        user=_text(user.value, "as"),
        groups=tuple(str(group) for group in cast("list[JsonValue]", groups)),
        namespace=_text(link, "namespace"),
    )


class _Entry:
    """One named entry, and the folder its relative paths start from."""

    def __init__(self, value: JsonObject, folder: Path) -> None:
        self.value = value
        self.folder = folder

    def path(self, field: str) -> str:
        text = _text(self.value, field)
        return str(self.folder / text) if text else ""

    def pem(self, field: str) -> bytes:
        inline = _text(self.value, f"{field}-data")
        if inline:
            return decode_base64(inline, f"kubeconfig: {field}-data")
        path = self.path(field)
        if not path:
            return b""
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise ConnectionInvalid(f"kubeconfig: {field}: {error}") from error


class _Merged:
    def __init__(self, paths: list[Path]) -> None:
        self.where = ", ".join(str(path) for path in paths)
        self.files = [(_read(path), path.parent) for path in paths if path.is_file()]
        if not self.files:
            raise ConnectionInvalid(f"no kubeconfig: {self.where} does not exist")

    @property
    def current_context(self) -> str:
        names = (_text(document, "current-context") for document, _ in self.files)
        return next((name for name in names if name), "")

    def entry(self, section: str, field: str, name: str) -> _Entry:
        for document, folder in self.files:
            for item in cast("list[JsonValue]", document.get(section) or ()):
                if isinstance(item, Mapping) and item.get("name") == name:
                    value = item.get(field)
                    return _Entry(value if isinstance(value, Mapping) else {}, folder)
        raise ConnectionInvalid(f"{self.where}: no {field} named {name!r}")


def _default_paths(environment: Mapping[str, str]) -> list[Path]:
    listed = environment.get("KUBECONFIG", "")
    if listed:
        return [Path(part) for part in listed.split(os.pathsep) if part]
    return [Path(environment.get("HOME", "~")).expanduser() / ".kube" / "config"]


def _read(path: Path) -> JsonObject:
    try:
        document = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ConnectionInvalid(f"cannot read kubeconfig {path}: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConnectionInvalid(f"kubeconfig {path} is not a mapping")
    return cast("JsonObject", document)


def _plugin(user: _Entry, context: str) -> ExecPlugin | None:
    if user.value.get("auth-provider"):
        raise ConnectionInvalid(f"context {context}: auth-provider was removed; use an exec plugin")
    plugin = user.value.get("exec")
    if not isinstance(plugin, Mapping):
        return None
    version, command = _text(plugin, "apiVersion"), _text(plugin, "command")
    if version not in _SPOKEN:
        raise ConnectionInvalid(
            f"context {context}: exec apiVersion {version!r}; supported: {', '.join(_SPOKEN)}"
        )
    if _text(plugin, "interactiveMode") == "Always":
        raise ConnectionInvalid(f"context {context}: an exec plugin that needs a terminal")
    if "/" in command:
        command = str(user.folder / command)
    pairs = cast("list[Mapping[str, str]]", plugin.get("env") or ())
    arguments = cast("list[JsonValue]", plugin.get("args") or ())
    return ExecPlugin(
        command,
        tuple(str(argument) for argument in arguments),
        tuple((str(pair["name"]), str(pair["value"])) for pair in pairs),
        version,
        _text(plugin, "installHint"),
        plugin.get("provideClusterInfo") is True,
    )


def _text(value: JsonObject, field: str) -> str:
    found = value.get(field)
    return found if isinstance(found, str) else ""
