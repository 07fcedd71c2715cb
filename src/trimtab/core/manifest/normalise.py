"""From what an engine rendered to manifests that can be compared, planned and applied.

What cannot be applied becomes a problem that names it; nothing is dropped in silence. Fields that
only an API server sets are taken out: rendered charts carry them by accident.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest.desired import Manifest
from trimtab.core.manifest.identity import GroupKind, ObjectKey, key_of
from trimtab.core.manifest.listkeys import without_repeated_items
from trimtab.core.manifest.metadata import (
    as_object,
    defined_kind,
    manifest_of,
    text_at,
    with_metadata,
)

IsNamespaced = Callable[[GroupKind], bool | None]
"""Whether a kind's objects live in namespaces; None when the kind is not served."""

_SERVER_FIELDS = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


class ProblemKind(StrEnum):
    """What is wrong with a rendered object."""

    NOT_AN_OBJECT = "NotAnObject"
    MISSING_KIND = "MissingKind"
    MISSING_NAME = "MissingName"
    MISSING_NAMESPACE = "MissingNamespace"
    REPEATED = "Repeated"
    REPEATED_LIST_KEY = "RepeatedListKey"


_WARNINGS = {ProblemKind.REPEATED, ProblemKind.REPEATED_LIST_KEY}


@dataclass(frozen=True, slots=True)
class ManifestProblem:
    """One thing that is wrong with one rendered object.

    Args:
        kind: What.
        message: Names the object and what to do.
        key: The object, as far as it can be told.
    """

    kind: ProblemKind
    message: str
    key: ObjectKey

    @property
    def is_warning(self) -> bool:
        """True when the delivery can go on; a problem that is no warning must stop it."""
        return self.kind in _WARNINGS


@dataclass(frozen=True, slots=True)
class Normalised:
    """The outcome for one render.

    Args:
        manifests: What is desired, hooks included, in the order rendered; each key once. Objects
            with generateName have an empty name and may be several.
        problems: In the order found.
        unknown: Objects of kinds that are neither served nor defined by a manifest here.
    """

    manifests: tuple[Manifest, ...]
    problems: tuple[ManifestProblem, ...] = ()
    unknown: tuple[ObjectKey, ...] = ()

    @property
    def errors(self) -> tuple[ManifestProblem, ...]:
        """The problems that must stop the delivery."""
        return tuple(problem for problem in self.problems if not problem.is_warning)


def normalise_manifests(
    objects: Sequence[JsonObject], *, default_namespace: str, is_namespaced: IsNamespaced
) -> Normalised:
    """Return the manifests of rendered objects.

    Args:
        objects: In rendered order; Lists are expanded already.
        default_namespace: The destination's; empty for none.
        is_namespaced: Asked once an object.

    Returns:
        Manifests with the namespace filled in for namespaced kinds and taken out of others; of
        two objects with one key, the last. An unserved kind keeps the namespace it states.
    """
    scopes = _defined_scopes(objects)
    problems: list[ManifestProblem] = []
    unknown: list[ObjectKey] = []
    placed: list[tuple[int, Manifest]] = []
    for index, body in enumerate(objects):
        flaw = _flaw(index, body)
        if flaw is not None:
            problems.append(flaw)
            continue
        group_kind = key_of(body).group_kind
        namespaced = is_namespaced(group_kind)
        namespaced = scopes.get(group_kind) if namespaced is None else namespaced
        tidy, repeated = without_repeated_items(_placed(body, namespaced, default_namespace))
        manifest = manifest_of(_cleaned(tidy))
        key = manifest.key
        if namespaced is None:
            unknown.append(key)
        if namespaced and not key.namespace:
            problems.append(_without_namespace(key))
            continue
        problems += [_repeated_item(key, where) for where in repeated]
        placed.append((index, manifest))
    kept, repeats = _last_of_each(placed)
    return Normalised(kept, (*problems, *repeats), tuple(dict.fromkeys(unknown)))


def _defined_scopes(objects: Sequence[JsonObject]) -> Mapping[GroupKind, bool]:
    """Return the scope of the kinds that are defined among the objects themselves."""
    defined = ((defined_kind(as_object(body)), body) for body in objects)
    return {kind: text_at(body, "spec", "scope") != "Cluster" for kind, body in defined if kind}


def _flaw(index: int, body: JsonObject) -> ManifestProblem | None:
    key = key_of(as_object(body))
    which = f"object {index + 1} of the render"
    if not isinstance(body, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] -- unparsed
        return ManifestProblem(ProblemKind.NOT_AN_OBJECT, f"{which} is not an object", key)
    if not key.kind or not body.get("apiVersion"):
        name = f" ({key.name})" if key.name else ""
        message = f"{which}{name} has no apiVersion or no kind: set both"
        return ManifestProblem(ProblemKind.MISSING_KIND, message, key)
    if not key.name and not text_at(body, "metadata", "generateName"):
        message = f"{which} ({key.kind}) has no metadata.name: set it"
        return ManifestProblem(ProblemKind.MISSING_NAME, message, key)
    return None


def _placed(body: JsonObject, namespaced: bool | None, default_namespace: str) -> JsonObject:
    stated = text_at(body, "metadata", "namespace")
    if namespaced is None:
        return body
    if not namespaced:
        return with_metadata(body, {"namespace": None}) if stated else body
    if stated or not default_namespace:
        return body
    return with_metadata(body, {"namespace": default_namespace})


def _cleaned(body: JsonObject) -> JsonObject:
    """Return a copy without status and the fields that only a server sets."""
    cleaned = {name: value for name, value in body.items() if name != "status"}
    cleaned = with_metadata(cleaned, dict.fromkeys(_SERVER_FIELDS))
    spec = as_object(cleaned.get("spec"))
    template = as_object(spec.get("template"))
    meta = as_object(template.get("metadata"))
    if "creationTimestamp" in meta and meta["creationTimestamp"] is None:
        template = with_metadata(template, {"creationTimestamp": None})
        cleaned = {**cleaned, "spec": {**spec, "template": template}}
    return fold_string_data(cleaned) if cleaned.get("kind") == "Secret" else cleaned


def fold_string_data(body: JsonObject) -> JsonObject:
    """Return a Secret with stringData folded into data, as the API server would store it.

    Server-side apply would own ``stringData`` and so never remove a key from ``data``. Values
    that are no strings stay where they are, for the API server to refuse.
    """
    if body.get("apiVersion") != "v1" or "stringData" not in body:
        return body
    plain = as_object(body.get("stringData"))
    if not all(isinstance(value, str) for value in plain.values()):
        return body
    folded = {key: _encoded(value) for key, value in plain.items()}
    rest = {name: value for name, value in body.items() if name != "stringData"}
    data = {**as_object(body.get("data")), **folded}
    return {**rest, "data": data} if data else rest


def _encoded(value: JsonValue) -> str:
    return base64.b64encode(str(value).encode()).decode()


def _without_namespace(key: ObjectKey) -> ManifestProblem:
    message = (
        f"{key} lives in a namespace but states none, and the destination has none: "
        "set metadata.namespace or the destination's namespace"
    )
    return ManifestProblem(ProblemKind.MISSING_NAMESPACE, message, key)


def _repeated_item(key: ObjectKey, where: str) -> ManifestProblem:
    message = f"{key}: {where} is stated more than once; the last one is used"
    return ManifestProblem(ProblemKind.REPEATED_LIST_KEY, message, key)


def _last_of_each(
    placed: Sequence[tuple[int, Manifest]],
) -> tuple[tuple[Manifest, ...], tuple[ManifestProblem, ...]]:
    positions: dict[ObjectKey, list[int]] = {}
    for index, manifest in placed:
        positions.setdefault(manifest.key, []).append(index)
    kept = tuple(
        manifest
        for index, manifest in placed
        if not manifest.key.name or positions[manifest.key][-1] == index
    )
    return kept, tuple(_repeats(positions))


def _repeats(positions: Mapping[ObjectKey, Sequence[int]]) -> Iterator[ManifestProblem]:
    for key, indexes in positions.items():
        if not key.name or len(indexes) == 1:
            continue
        where = " and ".join(str(index + 1) for index in indexes)
        message = (
            f"{key} appears {len(indexes)} times among the rendered objects "
            f"(objects {where}); the last one is used"
        )
        yield ManifestProblem(ProblemKind.REPEATED, message, key)
