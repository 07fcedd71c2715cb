"""The command line: one file per group of commands, imported only when one of them runs.

Data goes to stdout, progress and errors to stderr; the exit code says how it went (``errors``).
"""

from collections.abc import Sequence

from trimtab.cli.errors import ExitCode

__all__ = ["ExitCode", "main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run ``trimtab`` and return its exit code.

    Args:
        args: Command line without the program's name; None means ``sys.argv``.
    """
    from trimtab.cli.errors import run_reporting
    from trimtab.cli.root import root

    return run_reporting(root, args)
