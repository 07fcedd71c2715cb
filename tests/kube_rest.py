"""A bare REST client for tests that must not depend on the product's own Kubernetes client."""

from __future__ import annotations

import http.client
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from trimtab.adapters.localfleet import ClientCertificate, LocalCluster

Json = dict[str, Any]


class KubeStatusError(OSError):
    """The API server answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class KubeRest:
    """One connection per request; slow, simple and independent."""

    def __init__(self, server: str, context: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        self._host = urlsplit(server).netloc
        self._context = context
        self._headers = dict(headers)

    def get(self, path: str) -> Json:
        return self.send("GET", path)

    def post(self, path: str, body: Json) -> Json:
        return self.send("POST", path, body)

    def put(self, path: str, body: Json) -> Json:
        return self.send("PUT", path, body)

    def patch(self, path: str, body: Json) -> Json:
        return self.send("PATCH", path, body, content_type="application/merge-patch+json")

    def delete(self, path: str) -> Json:
        return self.send("DELETE", path)

    def send(
        self, method: str, path: str, body: Json | None = None, *, content_type: str | None = None
    ) -> Json:
        connection = http.client.HTTPSConnection(self._host, timeout=30, context=self._context)
        headers = self._headers | {"Content-Type": content_type or "application/json"}
        try:
            connection.request(
                method, path, json.dumps(body) if body is not None else None, headers
            )
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise KubeStatusError(response.status, answer.get("message", ""))
        return answer

    def wait(self, path: str, until: Callable[[Json], bool], *, timeout: float = 60) -> Json:
        """Read ``path`` until it is as expected; a missing object is not there yet."""
        deadline = time.monotonic() + timeout
        seen: object = None
        while time.monotonic() < deadline:
            try:
                seen = found = self.get(path)
                if until(found):
                    return found
            except KubeStatusError as error:
                if error.code != http.client.NOT_FOUND:
                    raise
            threading.Event().wait(0.05)
        raise AssertionError(f"{path} did not become as expected in {timeout} s: {seen}")


def connect(cluster: LocalCluster, certificate: ClientCertificate | None = None) -> KubeRest:
    """Connect by client certificate, the administrator's by default."""
    context = ssl.create_default_context(cadata=cluster.ca_pem)
    cert = certificate.cert_pem if certificate else cluster.client_cert_pem
    key = certificate.key_pem if certificate else cluster.client_key_pem
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(cert + key)
        file.flush()
        context.load_cert_chain(file.name)
    return KubeRest(cluster.server, context, {})


def connect_by_token(cluster: LocalCluster, token: str) -> KubeRest:
    """Connect by bearer token."""
    context = ssl.create_default_context(cadata=cluster.ca_pem)
    return KubeRest(cluster.server, context, {"Authorization": f"Bearer {token}"})
