"""ignoreDifferences: which settings apply to an object, and what they leave out.

jq paths are evaluated outside (the engines' Normaliser): whoever compares hands in the results.

Source:
    Argo CD, diffing customisation: the overrides of ``argocd-cm`` first, then the application's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey, as_list, as_object
from trimtab.core.manifest.globs import glob_matches


@dataclass(frozen=True, slots=True)
class IgnoreSettings:
    """What to leave out of a comparison of one object; empty means nothing."""

    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.json_pointers or self.jq_path_expressions or self.managed_fields_managers)

    def __or__(self, other: "IgnoreSettings") -> "IgnoreSettings":
        return IgnoreSettings(
            _unique(self.json_pointers, other.json_pointers),
            _unique(self.jq_path_expressions, other.jq_path_expressions),
            _unique(self.managed_fields_managers, other.managed_fields_managers),
        )


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """One entry of ``spec.ignoreDifferences``.

    Args:
        group: API group, or a glob.
        kind: Kind, or a glob.
        name: Exact name; empty for all.
        namespace: Exact namespace; empty for all.
        settings: What to leave out.
    """

    group: str
    kind: str
    name: str = ""
    namespace: str = ""
    settings: IgnoreSettings = field(default_factory=IgnoreSettings)

    def matches(self, key: ObjectKey) -> bool:
        """Return whether the rule applies to an object."""
        return (
            glob_matches(self.group, key.group)
            and glob_matches(self.kind, key.kind)
            and (not self.name or self.name == key.name)
            and (not self.namespace or self.namespace == key.namespace)
        )


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Every rule that may apply to an application's objects.

    Args:
        application: ``spec.ignoreDifferences``, in order.
        overrides: The resource overrides of the installation, in order.
    """

    application: tuple[IgnoreRule, ...] = ()
    overrides: tuple[IgnoreRule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.application or self.overrides)

    def matching(self, key: ObjectKey) -> IgnoreSettings:
        """Return the settings for one object: overrides first, repetitions removed."""
        return _matching(self, key)


@lru_cache(maxsize=4096)
def _matching(rules: IgnoreRules, key: ObjectKey) -> IgnoreSettings:
    found = IgnoreSettings()
    for rule in (*rules.overrides, *rules.application):
        if rule.matches(key):
            found |= rule.settings
    return found


def override_rule(group_kind: str, settings: IgnoreSettings) -> IgnoreRule:
    """Return the rule of a resource override, whose key is ``group/Kind`` or a lone ``Kind``."""
    group, _, kind = group_kind.rpartition("/")
    return IgnoreRule(group, kind, settings=settings)


def parse_ignore_rules(
    differences: Iterable[JsonObject], overrides: Mapping[str, JsonObject] | None = None
) -> IgnoreRules:
    """Return the rules of ``spec.ignoreDifferences`` and of ``argocd-cm``'s overrides.

    Args:
        differences: The entries as they stand in the Application.
        overrides: ``group/Kind`` to the override, whose ``ignoreDifferences`` is read.
    """
    application = tuple(
        IgnoreRule(
            group=str(entry.get("group") or ""),
            kind=str(entry.get("kind") or ""),
            name=str(entry.get("name") or ""),
            namespace=str(entry.get("namespace") or ""),
            settings=_settings(entry),
        )
        for entry in differences
    )
    overriding = tuple(
        override_rule(group_kind, _settings(as_object(override.get("ignoreDifferences"))))
        for group_kind, override in (overrides or {}).items()
    )
    return IgnoreRules(application, overriding)


def _settings(entry: JsonObject) -> IgnoreSettings:
    def texts(name: str) -> tuple[str, ...]:
        return tuple(str(item) for item in as_list(entry.get(name)))

    return IgnoreSettings(
        texts("jsonPointers"), texts("jqPathExpressions"), texts("managedFieldsManagers")
    )


def _unique(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
