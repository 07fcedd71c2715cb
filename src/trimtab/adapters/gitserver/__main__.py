"""``python -m trimtab.adapters.gitserver``: the server as a process that dies with its parent.

The first line on stdout is JSON: ``{"url": ..., "repositories": {name: clone URL}}``. The process
ends when its stdin is closed, which a dead parent cannot avoid doing.
"""

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

from trimtab.adapters.gitserver import GitServer, Webhook


def main(arguments: list[str]) -> int:
    """Serve until stdin closes or Ctrl-C, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trimtab.adapters.gitserver")
    parser.add_argument("--root", type=Path, required=True, help="folder of the repositories")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--create", action="append", default=[], metavar="NAME")
    parser.add_argument("--webhook", default="", metavar="URL", help="told about every push")
    parser.add_argument("--kind", choices=["github", "gitlab"], default="github")
    chosen = parser.parse_args(arguments)
    # Secrets come by environment: a command line is readable by everybody on the machine.
    secret = os.environ.get("TRIMTAB_WEBHOOK_SECRET", "")
    webhook = Webhook(chosen.webhook, secret, chosen.kind) if chosen.webhook else None
    with GitServer(chosen.root, port=chosen.port) as server:
        urls = {name: server.create(name, webhook=webhook) for name in chosen.create}
        sys.stdout.write(json.dumps({"url": server.url, "repositories": urls}) + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while os.read(sys.stdin.fileno(), 4096):
                pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
