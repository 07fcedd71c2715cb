"""One HTTP request of a Git client, carried to ``git http-backend`` (CGI) and back."""

import base64
import hmac
import io
import os
import subprocess
import tempfile
import zlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any, Protocol, cast

CHUNK_BYTES = 1 << 16
# Below the size of a pipe, so that writing it never waits for the process to read.
SMALL_BODY_BYTES = 1 << 15


class Served(Protocol):
    """What a handler asks of the server it works for."""

    root: Path
    users: dict[str, str]
    tokens: frozenset[str]
    outage: int | None
    speaks_v2: bool

    def count(self, kind: str) -> None:
        """Count one request."""
        ...

    def pause(self) -> None:
        """Wait as long as the server is told to be slow."""
        ...


class GitHandler(BaseHTTPRequestHandler):
    """Authenticates, counts, and runs the backend; answers stream as they come."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes; Nagle would add 40 ms to each answer.
    disable_nagle_algorithm = True
    wbufsize = CHUNK_BYTES

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: the counts say what was asked."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        git = cast("Served", self.server.git)  # type: ignore[attr-defined]
        with tempfile.SpooledTemporaryFile(max_size=SMALL_BODY_BYTES) as body:
            size = self._read_body(body)
            body.seek(0)
            head = body.read(SMALL_BODY_BYTES)
            body.seek(0)
            git.count(_kind(self.path, head))
            git.pause()
            if git.outage is not None:
                self._refuse(git.outage)
            elif not self._is_admitted(git):
                self._refuse(401)
            else:
                self._run_backend(git, body, size)

    def _read_body(self, into: IO[bytes]) -> int:
        size = 0
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            left = int(self.headers.get("Content-Length") or 0)
            while left > 0 and (data := self.rfile.read(min(left, CHUNK_BYTES))):
                into.write(data)
                size += len(data)
                left -= len(data)
            return size
        while length := int(self.rfile.readline().split(b";")[0], 16):
            into.write(self.rfile.read(length))
            self.rfile.readline()
            size += length
        self.rfile.readline()
        return size

    def _is_admitted(self, git: Served) -> bool:
        if not git.users and not git.tokens:
            return True
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return any(hmac.compare_digest(value, token) for token in git.tokens)
        if scheme.lower() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(value).decode().partition(":")
        except ValueError:
            return False
        return hmac.compare_digest(git.users.get(name, "\0").encode(), password.encode())

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _run_backend(self, git: Served, body: Any, size: int) -> None:
        inline = size < SMALL_BODY_BYTES
        stdin = subprocess.PIPE if inline else body
        process = subprocess.Popen(
            ["git", "http-backend"],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment(git, size),
        )
        with process:
            if process.stdin is not None:
                process.stdin.write(body.read())
                process.stdin.close()
            assert process.stdout is not None
            self._relay(cast("io.BufferedReader", process.stdout))

    def _environment(self, git: Served, size: int) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(git.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(size),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", "") if git.speaks_v2 else "",
        }

    def _relay(self, output: io.BufferedReader) -> None:
        status, headers = 200, list[tuple[str, str]]()
        while line := output.readline().rstrip(b"\r\n"):
            key, _, value = line.decode("latin-1").partition(": ")
            if key.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((key, value))
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := output.read1(CHUNK_BYTES):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def _kind(path: str, head: bytes) -> str:
    """Name a request: what the counts are kept by."""
    path = path.partition("?")[0]
    if path.endswith("/info/refs"):
        return "info/refs"
    if path.endswith("/git-receive-pack"):
        return "receive-pack"
    if head.startswith(b"\x1f\x8b"):
        head = zlib.decompressobj(wbits=31).decompress(head)
    return "ls-refs" if b"command=ls-refs" in head[:64] else "fetch"
