"""Finding Applications and who is asking."""

import getpass

from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import text
from trimtab.cli.session import Hub
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.ports.cluster import ApiError, Write
from trimtab.services.requests import APPLICATION, MANAGER, Refusal, RequestRefused

_REVIEW = ObjectKey("authentication.k8s.io", "SelfSubjectReview", "", "")
_REVIEW_BODY = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'


def application_key(hub: Hub, name: str) -> ObjectKey:
    """Return the key of ``NAME`` or ``NAMESPACE/NAME``."""
    namespace, slash, rest = name.rpartition("/")
    return ObjectKey(
        APPLICATION.group, APPLICATION.kind, namespace if slash else hub.namespace, rest
    )


async def application(hub: Hub, name: str) -> LiveObject:
    """Return an Application that must exist.

    Raises:
        CommandError: It does not, or the hub has no Applications at all.
    """
    key = application_key(hub, name)
    live = await hub.cluster.get(key)
    if live is None:
        await require_kind(hub, APPLICATION)
        raise CommandError(
            ExitCode.NOT_FOUND,
            f"expected application {key.name} in namespace {key.namespace}, found none",
            hint="`trimtab app list` shows those there are; --namespace names another namespace",
        )
    return live


async def require_kind(hub: Hub, kind: GroupKind) -> None:
    """Stop unless the hub serves a kind.

    Raises:
        CommandError: It does not.
    """
    if await hub.cluster.resource_type(kind) is None:
        raise CommandError(
            ExitCode.NOT_FOUND,
            f"expected the hub to serve {kind}, found that it does not",
            hint="`trimtab crds install` installs the definitions; `trimtab doctor` looks further",
        )


async def user_name(hub: Hub) -> str:
    """Return who we are to the hub; the operating system's user where the hub does not say."""
    try:
        answer = await hub.cluster.create(_REVIEW, "v1", _REVIEW_BODY, Write(manager=MANAGER))
    except ApiError:
        return getpass.getuser()
    return text(answer.live.body(), "status", "userInfo", "username") or getpass.getuser()


def refused(error: RequestRefused) -> CommandError:
    """Return how a refused request ends a command."""
    is_missing = error.refusal is Refusal.HISTORY_UNKNOWN
    code = ExitCode.NOT_FOUND if is_missing else ExitCode.CONFLICT
    return CommandError(code, f"{error.message} ({error.reason})")


def application_name(item: JsonObject) -> str:
    """Return what ``-o name`` prints."""
    return f"application.argoproj.io/{text(item, 'metadata', 'name')}"
