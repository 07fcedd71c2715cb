"""The post-receive hook: tells a webhook about a push, signed, in GitHub's or GitLab's shape.

The hook is a program of its own that Git starts after each push. Its start-up is part of every
push-to-cluster time, so it imports little and talks HTTP/1.1 over a plain socket.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a repository reports its pushes.

    Args:
        url: ``http://host:port/path``.
        secret: Key of GitHub's HMAC, or GitLab's token; empty sends neither.
        kind: Whose headers and fields to imitate.
    """

    url: str
    secret: str = ""
    kind: Literal["github", "gitlab"] = "github"


def install_hook(repository: Path, webhook: Webhook, clone_url: str) -> None:
    """Write ``hooks/post-receive`` of a bare repository, readable by its owner only.

    Args:
        repository: The bare repository.
        webhook: Whom to tell.
        clone_url: The URL that the payload names as the repository's.
    """
    settings = {
        "webhook": webhook.url,
        "secret": webhook.secret,
        "kind": webhook.kind,
        "clone_url": clone_url,
    }
    code = Path(__file__).with_name("post_receive.py").read_text()
    hook = repository / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    _replace(hook.with_name("post-receive.json"), json.dumps(settings))
    _replace(hook, f"#!{sys.executable} -IS\n{code}")


def _replace(path: Path, text: str) -> None:
    # By rename: a push may be running the old one.
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o700)
    draft.write_text(text)
    draft.replace(path)
