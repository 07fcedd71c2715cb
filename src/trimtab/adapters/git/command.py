"""Running ``git``: nobody's configuration, no prompts, no secret in its arguments."""

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_PASSED_ON: Final = ("PATH", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")
_MOST_OUTPUT: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class GitResult:
    """How a command ended."""

    code: int
    output: str
    errors: str


def base_environment() -> dict[str, str]:
    """Return the environment of every git process; user and system configuration are not read."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed,
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }


def config_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return variables that give git configuration which must not be seen in a process list."""
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for index, (key, value) in enumerate(settings.items()):
        variables[f"GIT_CONFIG_KEY_{index}"] = key
        variables[f"GIT_CONFIG_VALUE_{index}"] = value
    return variables


async def run_git(
    arguments: Sequence[str],
    *,
    cwd: str,
    environment: Mapping[str, str],
    timeout: timedelta,
) -> GitResult:
    """Run git to its end in a process group of its own.

    Raises:
        TimeoutError: The deadline passed; the process and its children are killed.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=cwd,
        env={**base_environment(), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        limit=_MOST_OUTPUT,
    )
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            # ssh and index-pack are its children: the group goes, not only git.
            os.killpg(process.pid, 9)
            await asyncio.shield(process.wait())
    return GitResult(
        process.returncode or 0,
        output.decode(errors="surrogateescape"),
        errors.decode(errors="replace").strip(),
    )
