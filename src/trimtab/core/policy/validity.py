"""Whether an AppProject can be used at all: names, patterns, roles and their policy lines.

Source:
    Argo CD, AppProject.ValidateProject and the validation of project policies.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trimtab.core.policy.project import Destination, Project, ProjectRole
from trimtab.core.policy.windows import window_problems

_ROLE_NAME = re.compile(r"[A-Za-z0-9]([-_A-Za-z0-9]*[A-Za-z0-9])?")
_GROUP = re.compile(r"[^,\r\n\s\"]([^,\r\n\"]*[^,\r\n\s\"])?")
_OBJECT = r"[-*/+?:.\w]+"
_PLAIN_ACTIONS = frozenset({"get", "create", "update", "delete", "sync", "override", "*"})
_PATH_ACTIONS = re.compile(r"(action|update|delete)/.+|action/?\*")
_RESOURCES = ("applications", "applicationsets", "repositories", "clusters", "exec", "logs")


def validate_project(project: Project) -> tuple[str, ...]:
    """Return what is wrong with a project, in the order of its fields; empty when nothing is."""
    return (
        *_source_problems(project.source_repos),
        *_repeated(project.source_namespaces, "source namespace"),
        *_destination_problems(project.destinations),
        *_account_problems(project),
        *_role_problems(project),
        *_window_problems(project),
        *project.budget_problems,
    )


def _source_problems(patterns: Iterable[str]) -> Iterator[str]:
    patterns = tuple(patterns)
    if "!*" in patterns:
        yield "source repository has an invalid format, '!*'"
    yield from _repeated(patterns, "source repository")


def _destination_problems(destinations: Iterable[Destination]) -> Iterator[str]:
    seen: set[Destination] = set()
    for entry in destinations:
        for field, value in (
            ("server", entry.server),
            ("namespace", entry.namespace),
            ("name", entry.name),
        ):
            if value == "!*":
                yield f"destination {field} has an invalid format, '!*'"
        if entry in seen:
            yield f"destination '{entry.server or entry.name}/{entry.namespace}' already exists"
        seen.add(entry)


def _account_problems(project: Project) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for entry in project.service_accounts:
        if "!" in entry.server or "!" in entry.namespace:
            yield "destination service account has an invalid format, patterns must not deny"
        if not entry.account.strip() or entry.account.count(":") > 1:
            yield f"default service account '{entry.account}' is not NAME or NAMESPACE:NAME"
        place = (entry.server, entry.namespace)
        if place in seen:
            yield f"destination service account for '{'/'.join(place)}' already exists"
        seen.add(place)


def _role_problems(project: Project) -> Iterator[str]:
    yield from _repeated([role.name for role in project.roles], "role")
    for role in project.roles:
        if not is_role_name(role.name):
            yield (
                f"invalid role name '{role.name}': must consist of alphanumeric characters, '-' "
                "or '_', and must start and end with an alphanumeric character"
            )
        yield from _repeated(role.policies, f"policy for role '{role.name}'")
        for policy in role.policies:
            yield from policy_problems(project.name, role.name, policy)
        yield from _repeated(role.groups, f"group for role '{role.name}'")
        yield from _group_problems(role)


def _group_problems(role: ProjectRole) -> Iterator[str]:
    for group in role.groups:
        if not is_group_name(group):
            yield (
                f"group '{group}' of role '{role.name}' must not contain commas, line breaks or "
                "quotes, or start or end with white space; quote a name that has commas"
            )


def _window_problems(project: Project) -> Iterator[str]:
    seen: set[tuple[str, str, str]] = set()
    for window in project.sync_windows:
        if window is None:
            continue
        yield from window_problems(window)
        identity = (window.kind, window.schedule, window.duration)
        if identity in seen:
            yield f"window '{':'.join(identity)}' already exists, update or edit"
        seen.add(identity)


def _repeated(values: Iterable[str], what: str) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield f"{what} '{value}' already exists"
        seen.add(value)


def is_role_name(name: str) -> bool:
    """Return whether a name can be a role's."""
    return _ROLE_NAME.fullmatch(name) is not None


def is_group_name(name: str) -> bool:
    """Return whether a name can be a group's; in double quotes it may hold commas and spaces."""
    if len(name) > 2 and name.startswith('"') and name.endswith('"'):
        inner = name[1:-1]
        return bool(inner.strip()) and '"' not in inner and not set("\r\n") & set(inner)
    return _GROUP.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class _Line:
    """A policy line's fields, in its own order."""

    subject: str
    resource: str
    action: str
    object: str
    effect: str


def policy_problems(project: str, role: str, policy: str) -> tuple[str, ...]:
    """Return what is wrong with one policy line of a project's role; the first problem only.

    Args:
        project: The project's name.
        role: The role's name.
        policy: ``p, proj:PROJECT:ROLE, RESOURCE, ACTION, PROJECT/OBJECT, allow|deny``.
    """
    fields = [part.strip() for part in policy.split(",")]
    prefix = f"invalid policy rule '{policy}': "
    if len(fields) != 6 or fields[0] != "p":
        return (f"{prefix}must be of the form: 'p, sub, res, act, obj, eft'",)
    line = _Line(*fields[1:])
    subject = f"proj:{project}:{role}"
    if line.subject != subject:
        return (f"{prefix}policy subject must be: '{subject}', not '{line.subject}'",)
    if line.resource not in _RESOURCES:
        expected = ", ".join(f"'{name}'" for name in _RESOURCES[:-1])
        return (f"{prefix}project resource must be: {expected} or '{_RESOURCES[-1]}'",)
    if not is_policy_action(line.action):
        return (f"{prefix}invalid action '{line.action}'",)
    if not is_policy_object(project, line.object):
        form = f"'{project}/*', '{project}/<APPNAME>' or '{project}/<APPNS>/<APPNAME>'"
        return (f"{prefix}object must be of form {form}, not '{line.object}'",)
    if line.effect not in ("allow", "deny"):
        return (f"{prefix}effect must be: 'allow' or 'deny'",)
    return ()


def is_policy_action(action: str) -> bool:
    """Return whether a project's policy may name an action, with a path below some of them."""
    return action in _PLAIN_ACTIONS or _PATH_ACTIONS.fullmatch(action) is not None


def is_policy_object(project: str, text: str) -> bool:
    """Return whether a policy's object lies in its project and holds only names and globs."""
    return re.fullmatch(f"{re.escape(project)}/{_OBJECT}", text) is not None
