"""A user's clone of a repository on the test's own Git server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "NO_PROXY": "*",
    "no_proxy": "*",
}
_WHO = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Dana Reyes"), ("EMAIL", "dana@example.com"))
}


@dataclass(frozen=True)
class Link:
    """A symbolic link as the content of a file."""

    to: str


Content = str | bytes | Link | None


class Repo:
    """Commits and pushes to branch ``main``.

    Args:
        url: What Applications name; without credentials.
        folder: The clone.
        push_url: Where to push, credentials included; by default ``url``.
    """

    def __init__(self, url: str, folder: Path, *, push_url: str = "") -> None:
        self.url = url
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", "--template=")
        self.git("remote", "add", "origin", push_url or url)

    def commit(
        self, files: Mapping[str, Content], message: str = "Change", *, when: str = ""
    ) -> str:
        """Write files (None removes a file or folder), commit, push, and return the SHA.

        Args:
            files: Path to content.
            message: Of the commit.
            when: Date of the commit, as git reads it; by default now.
        """
        for path, content in files.items():
            self._write(self.folder / path, content)
        self.git("add", "--all")
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
        self.git("commit", "--quiet", "--allow-empty", "--message", message, env=dates)
        self.git("push", "--quiet", "--force", "origin", "main")
        return self.git("rev-parse", "HEAD").strip()

    def _write(self, path: Path, content: Content) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if content is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case Link(to):
                path.symlink_to(to)
            case bytes():
                path.write_bytes(content)
            case str():
                path.write_text(content)

    def pin(self, path: str, url: str, commit: str) -> None:
        """Have a submodule at a path, at a commit; the next ``commit`` commits it."""
        if not (self.folder / path).exists():
            self.git("submodule", "--quiet", "add", url, path)
        self.git("-C", path, "fetch", "--quiet", "origin")
        self.git("-C", path, "checkout", "--quiet", commit)

    def git(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run git in the clone, and return what it prints."""
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env={**os.environ, **_ENVIRONMENT, **_WHO, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
        return done.stdout
