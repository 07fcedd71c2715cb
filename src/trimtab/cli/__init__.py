"""The command line: one file per group of commands, imported only when one of them runs.

Data goes to stdout, progress and errors to stderr; the exit code says how it went (``errors``).
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from trimtab.cli.errors import ExitCode

__all__ = ["ExitCode", "main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run ``trimtab`` and return its exit code.

    Args:
        args: Command line without the program's name; None means that this is the program itself,
            with ``sys.argv``: then the process ends here.
    """
    from trimtab.cli.errors import run_reporting
    from trimtab.cli.root import root

    code = run_reporting(root, args)
    if args is None:
        _end(code)
    return code


def _end(code: int) -> NoReturn:
    """End the process without taking the interpreter apart.

    The HTTP/2 client's native threads may still call into Python then, which is fatal (SIGABRT)
    after the command has done its work. Everything that must be closed was closed by its owner.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)
