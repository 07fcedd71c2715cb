# A post-receive hook; install_hook() puts an interpreter line before it and its settings beside it.
# It runs with -I -S and imports little: its start-up counts in every push-to-cluster time.
# A webhook that fails never fails the push: the poll will find the commit.
import hashlib
import hmac
import json
import socket
import sys

TIMEOUT_S = 5.0
with open(f"{__file__}.json", encoding="utf-8") as file:  # noqa: PTH123  # pathlib costs 5 ms
    SETTINGS: dict[str, str] = json.load(file)


def payload(before: str, after: str, ref: str) -> bytes:
    """Return the push event as JSON, with what both GitHub's and GitLab's receivers look for."""
    url = SETTINGS["clone_url"]
    web = url.removesuffix(".git")
    name = "/".join(web.split("/")[3:])
    event: dict[str, object] = {
        "object_kind": "push",
        "ref": ref,
        "before": before,
        "after": after,
        "created": not before.strip("0"),
        "deleted": not after.strip("0"),
        "commits": [],
        "repository": {"full_name": name, "clone_url": url, "html_url": web},
        "project": {"path_with_namespace": name, "git_http_url": url, "web_url": web},
    }
    return json.dumps(event).encode()


def headers(body: bytes) -> dict[str, str]:
    """Return the headers that name and authenticate the event."""
    secret = SETTINGS["secret"]
    if SETTINGS["kind"] == "gitlab":
        named = {"X-Gitlab-Event": "Push Hook"}
        return {**named, "X-Gitlab-Token": secret} if secret else named
    named = {"X-GitHub-Event": "push"}
    if not secret:
        return named
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {**named, "X-Hub-Signature-256": f"sha256={digest}"}


def post(body: bytes) -> str:
    """Send one event and return the status line of the answer."""
    _, _, rest = SETTINGS["webhook"].partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    lines = [f"POST /{path} HTTP/1.1", f"Host: {authority}", "Content-Type: application/json"]
    lines += [f"{key}: {value}" for key, value in headers(body).items()]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    with socket.create_connection((host, int(port or "80")), timeout=TIMEOUT_S) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        return connection.recv(4096).split(b"\r\n", 1)[0].decode(errors="replace")


for line in sys.stdin:
    try:
        answer = post(payload(*line.split()))
        if " 2" not in answer:
            sys.stderr.write(f"webhook: {answer}\n")
    except OSError as error:
        sys.stderr.write(f"webhook: {error}\n")
