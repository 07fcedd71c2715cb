"""The server itself: threads, one ``git http-backend`` process per request.

Threads and not asyncio: the work is done by git's processes, and a test can run it beside any loop.
"""

import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from trimtab.adapters.gitserver.handler import GitHandler
from trimtab.adapters.gitserver.hook import Webhook, install_hook


@dataclass(frozen=True, slots=True)
class Tls:
    """Serve HTTPS.

    Args:
        certificate: PEM file, chain included.
        key: PEM file.
        client_ca: PEM file; when given, a client certificate signed by it is required.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


class GitServer:
    """Bare repositories below ``root``, served on a loopback port.

    Args:
        root: Folder of the repositories; created when missing.
        port: 0 takes a free one.
        users: Name to password; with ``tokens``, who may come in. Both empty: everybody.
        tokens: Accepted bearer tokens.
        delay: Waited before each answer; may be changed while running.
        tls: Serve HTTPS.

    Attributes:
        counts: Requests by kind: ``info/refs``, ``ls-refs``, ``fetch``, ``receive-pack``.
        outage: While not None, this HTTP status answers every request.
        speaks_v2: While False, protocol v2 is not offered, as by servers before 2018.
    """

    def __init__(
        self,
        root: Path,
        *,
        port: int = 0,
        users: Mapping[str, str] | None = None,
        tokens: Collection[str] = (),
        delay: timedelta = timedelta(),
        tls: Tls | None = None,
    ) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.users = dict(users or {})
        self.tokens = frozenset(tokens)
        self.delay = delay
        self.outage: int | None = None
        self.speaks_v2 = True
        self.counts: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._scheme = "https" if tls else "http"
        self._listener = _Listener(("127.0.0.1", port), GitHandler, self, _tls_context(tls))
        self._thread = threading.Thread(target=self._listener.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port`` without a trailing slash."""
        return f"{self._scheme}://127.0.0.1:{self._listener.server_address[1]}"

    def repository_url(self, name: str) -> str:
        """Return the clone URL of a repository."""
        return f"{self.url}/{quote(name)}.git"

    def repository_path(self, name: str) -> Path:
        """Return the folder of a repository."""
        return self.root / f"{name}.git"

    def create(self, name: str, *, branch: str = "main", webhook: Webhook | None = None) -> str:
        """Create a bare repository that accepts pushes, and return its clone URL.

        Args:
            name: May have folders: ``team/app``.
            branch: What HEAD names.
            webhook: Told about every push.
        """
        path = self.repository_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        run = ["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}"]
        subprocess.run([*run, str(path)], check=True)
        settings = {"http.receivepack": "true", "gc.auto": "0", "receive.autogc": "false"}
        for key, value in settings.items():
            subprocess.run(["git", "-C", str(path), "config", key, value], check=True)
        if webhook is not None:
            self.install_webhook(name, webhook)
        return self.repository_url(name)

    def install_webhook(self, name: str, webhook: Webhook) -> None:
        """Have every later push of a repository reported."""
        install_hook(self.repository_path(name), webhook, self.repository_url(name))

    def count(self, kind: str) -> None:
        """Count one request; called by the handler threads."""
        with self._lock:
            self.counts[kind] += 1

    def pause(self) -> None:
        """Wait for ``delay``, or until the server closes."""
        self._stopping.wait(self.delay.total_seconds())

    def start(self) -> Self:
        """Answer requests from now on."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening; requests being answered are cut off."""
        self._stopping.set()
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        self._listener.drop_connections()
        self._listener.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Listener(ThreadingHTTPServer):
    """Listens with a deep queue, speaks TLS if asked, and knows its open connections."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[GitHandler],
        git: GitServer,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.git = git
        self._tls = tls
        self._open: set[Any] = set()
        self._guard = threading.Lock()
        super().__init__(address, handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake happens at the first read, in the connection's own thread.
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients hang up as they like, and tests make them."""

    def drop_connections(self) -> None:
        """Hang up on everybody, and wait for no thread."""
        with self._guard:
            connections, self._open = self._open, set()
        for connection in connections:
            super().shutdown_request(connection)

    block_on_close = False


def _tls_context(tls: Tls | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
