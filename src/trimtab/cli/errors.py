"""Exit codes, and how an error is told: what was expected, what was found, what to do next."""

import os
import sys
import traceback
from collections.abc import Sequence
from enum import IntEnum

import click


class ExitCode(IntEnum):
    """What a script can branch on."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    ERROR = 3
    DENIED = 4
    NOT_FOUND = 5
    TIMEOUT = 6
    CONFLICT = 7
    INTERRUPTED = 130


_HINTS = {
    "ClusterUnknown": "`trimtab cluster list` shows those there are",
    "ClusterUnreachable": "is it running? `trimtab doctor` looks at the hub,"
    " `trimtab cluster list --check` at every cluster",
    "ConnectionInvalid": "--kubeconfig or KUBECONFIG names the file, --context the context;"
    " `trimtab doctor` looks further",
    "CredentialsRefused": "log in again, or name another --kubeconfig or --context",
    "Forbidden": "ask for that right (`kubectl auth can-i --list` shows yours), or name another"
    " --context",
    "HistoryUnknown": "`trimtab app history` shows those there are",
    "RepositoryDenied": "`trimtab repo list` shows what is registered, `trimtab repo check URL`"
    " tries it",
}
"""What to do next, by the reason of an error that a command did not expect."""


class CommandError(Exception):
    """A command ends here, with a message on stderr.

    Args:
        code: The exit code.
        message: Names the object, what was expected, what was found.
        hint: What to do next; empty when there is nothing to add.
    """

    def __init__(self, code: ExitCode, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def run_reporting(
    command: click.Command, args: Sequence[str] | None, *, session: object = None
) -> int:
    """Run a command, tell its errors on stderr and return the exit code.

    Args:
        command: The root.
        args: Command line; None means ``sys.argv``.
        session: The session to start from; None means the real one.
    """
    try:
        result = command.main(
            args=None if args is None else list(args),
            prog_name="trimtab",
            standalone_mode=False,
            obj=session,
        )
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our stdout left (`| head`): the interpreter's last flush must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except BaseException as error:
        return _tell(error)
    return result if isinstance(result, int) else ExitCode.OK


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code of an error that a command did not expect."""
    from trimtab.ports import cluster, source

    kinds: tuple[tuple[ExitCode, tuple[type[BaseException], ...]], ...] = (
        (ExitCode.INTERRUPTED, (KeyboardInterrupt, click.Abort)),
        (ExitCode.USAGE, (click.UsageError,)),
        (ExitCode.DENIED, (cluster.CredentialsRefused, cluster.Forbidden, source.RepositoryDenied)),
        (
            ExitCode.NOT_FOUND,
            (cluster.NotFound, cluster.ClusterUnknown, source.RevisionUnknown, source.PathUnknown),
        ),
        (ExitCode.TIMEOUT, (TimeoutError,)),
        (ExitCode.CONFLICT, (cluster.AlreadyExists, cluster.Conflict)),
    )
    return next((code for code, types in kinds if isinstance(error, types)), ExitCode.ERROR)


def _tell(error: BaseException) -> int:
    from trimtab.core.errors import TrimtabError

    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else ExitCode.ERROR
        case CommandError():
            _print_error(error.message, error.hint)
            return error.code
        case BaseExceptionGroup() if len(error.exceptions) == 1:
            return _tell(error.exceptions[0])
        case click.ClickException():
            error.show(sys.stderr)
            return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.ERROR
        case KeyboardInterrupt() | click.Abort():
            _print_error("interrupted", "")
        case TrimtabError():
            _print_error(f"{error.message} ({error.reason})", _HINTS.get(error.reason, ""))
        case OSError() | TimeoutError():
            _print_error(str(error) or type(error).__name__, "")
        case _:
            _print_bug(error)
    return exit_code_of(error)


def _print_error(message: str, hint: str) -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"next: {hint}", err=True)


def _print_bug(error: BaseException) -> None:
    if os.environ.get("TRIMTAB_DEBUG"):
        traceback.print_exception(error)
    _print_error(
        f"unexpected {type(error).__name__}: {error}",
        "this is a defect in Trimtab; run again with TRIMTAB_DEBUG=1 and report what it prints",
    )
