"""Runner for ``argocd/diff``: every way to compare two versions of an object."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from conformance.argocd import jq
from conformance.cases import Case
from conformance.framework import Answer, Unsupported, compare_keys
from trimtab.core.diff import canonical, ignore, secrets, serverside, structured, threeway, trusted
from trimtab.core.diff.quantities import parse_quantity
from trimtab.core.diff.removal import pointer_tokens, remove_pointers
from trimtab.core.manifest import LiveObject, ObjectKey, annotations_of, key_of, parse_live

_LAST_APPLIED = secrets.LAST_APPLIED


def _rules(case: Case) -> ignore.IgnoreRules:
    return ignore.parse_ignore_rules(
        case.field("ignoreDifferences") or (), case.field("resourceOverrides")
    )


def _live(body: Any) -> LiveObject | None:
    return None if body is None else parse_live(json.dumps(body).encode())


def _pointers_out(case: Case, body: Any) -> Callable[[Any], Any]:
    settings = _rules(case).matching(key_of(body or {}))
    return lambda value: remove_pointers(value, settings.json_pointers)


def _result(result: threeway.DiffResult) -> Answer:
    return {
        "modified": result.modified,
        "docs": {
            "predictedLive": result.predicted_live,
            "normalizedLive": result.normalised_live,
        },
    }


def _diff(case: Case) -> Answer:
    desired, live = case.field("config"), case.field("live")
    aggregated = case.input.get("options", {}).get("ignoreAggregatedRoles", False)
    return _result(
        threeway.diff_three_way(
            desired,
            live,
            ignore=_pointers_out(case, live or desired),
            ignore_aggregated_roles=aggregated,
        )
    )


def _structured(case: Case) -> Answer:
    live = _live(case.field("live"))
    return _result(structured.diff_structured(case.field("config"), live, case.input["manager"]))


def _server_side(case: Case) -> Answer:
    body = case.field("live")
    live, predicted = _live(body), _live(case.field("predictedLive"))
    assert live is not None
    assert predicted is not None
    result = serverside.diff_server_side(
        live,
        predicted,
        manager=case.input["manager"],
        ignore=_pointers_out(case, body),
        ignore_webhooks=case.input["ignoreMutationWebhook"],
    )
    return _result(result)


def _owned_ancestors(case: Case) -> Answer:
    remaining = serverside.exclude_owned_ancestors(case.input["toRemove"], case.input["owned"])
    return {"remaining": [list(path) for path in remaining]}


def _hide(case: Case) -> Answer:
    target, live = secrets.hide_secret_data(
        case.field("target"),
        case.field("live"),
        hidden_annotations=case.input["hiddenAnnotations"],
    )
    answer: dict[str, Any] = {}
    for name, body in (("target", target), ("live", live)):
        if body is not None:
            answer[f"{name}Data"] = body.get("data")
            answer[f"{name}Annotations"] = annotations_of(body)
            applied = secrets.parse_last_applied(annotations_of(body).get(_LAST_APPLIED, ""))
            answer[f"{name}LastAppliedData"] = (applied or {}).get("data")
            answer[f"{name}LastAppliedAnnotations"] = annotations_of(applied or {})
    return answer


def _object(body: Any, **more: Any) -> Answer:
    return {"docs": {"object": body}, **more}


def _ignore_normalize(case: Case) -> Answer:
    body = case.field("object")
    settings = _rules(case).matching(key_of(body))
    left = remove_pointers(body, settings.json_pointers)
    left, error, timeout = jq.delete(left, settings.jq_path_expressions)
    return _object(left, unchanged=left == body, configError=error, timeout=timeout)


def _known_types(case: Case) -> Answer:
    body = case.field("object")
    key = key_of(body)
    override = case.input["resourceOverrides"].get(f"{key.group}/{key.kind}", {})
    fields = [(item["field"], item["type"]) for item in override.get("knownTypeFields", ())]
    return _object(canonical.canonicalise_known_types(body, fields))


def _pair(case: Case, live: Any, target: Any) -> Answer:
    unchanged = live == case.field("live") and target == case.field("target")
    return {"docs": {"live": live, "target": target}, "unchanged": unchanged, "noop": unchanged}


def _managed_fields(case: Case) -> Answer:
    live = _live(case.field("live"))
    assert live is not None
    managers = case.input["trustedManagers"]
    return _pair(case, *trusted.leave_out_trusted(live, case.field("target"), managers))


def _normalize_pair(case: Case) -> Answer:
    live = _live(case.field("live"))
    assert live is not None
    pair = trusted.leave_out_ignored_pair(live, case.field("target"), _rules(case))
    return _pair(case, *pair)


def _state(case: Case) -> Answer:
    live = _live(case.field("live"))
    assert live is not None
    aggregated = case.input["options"]["ignoreAggregatedRoles"]
    return _result(
        trusted.diff_state(
            live, case.field("config"), _rules(case), ignore_aggregated_roles=aggregated
        )
    )


def _ignore_match(case: Case) -> Answer:
    resource = case.input["resource"]
    key = ObjectKey(resource["group"], resource["kind"], resource["namespace"], resource["name"])
    settings = _rules(case).matching(key)
    return {
        "matched": bool(settings),
        "managedFieldsManagers": list(settings.managed_fields_managers),
        "jsonPointers": list(settings.json_pointers),
        "jqPathExpressions": list(settings.jq_path_expressions),
    }


_RUNNERS: dict[str, Callable[[Case], Answer]] = {
    "diff": _diff,
    "structured-merge-diff": _structured,
    "server-side-diff": _server_side,
    "exclude-owned-ancestors": _owned_ancestors,
    "hide-secret-data": _hide,
    "normalize-secret": lambda case: _object(secrets.normalise_secret(case.field("object"))),
    "canonicalize": lambda case: _object(canonical.canonicalise(case.field("object"))),
    "remove-namespace": lambda case: _object(threeway.remove_namespace(case.field("object"))),
    "ignore-normalize": _ignore_normalize,
    "known-types": _known_types,
    "managed-fields-normalize": _managed_fields,
    "normalize-pair": _normalize_pair,
    "state-diff": _state,
    "ignore-match": _ignore_match,
}


def run(case: Case) -> Answer:
    """Return what the product says about one case."""
    kind = case.input["type"]
    if kind not in _RUNNERS:
        raise Unsupported(kind)
    return _RUNNERS[kind](case)


_MISSING = object()
_LISTS = ("managedFieldsManagers", "jsonPointers", "jqPathExpressions")


def compare(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Compare keys exactly, checks by their operation, and lists in the stated order."""
    answer, wanted = dict(answer), dict(expected)
    checks = wanted.pop("checks", ())
    if not wanted.pop("ordered", True):
        for name in _LISTS:
            answer[name], wanted[name] = sorted(answer[name]), sorted(wanted.get(name, ()))
    mismatches = compare_keys(answer, wanted)
    for check in checks:
        found = _lookup(answer["docs"][check["doc"]], check["path"])
        if not _holds(check["op"], found, check.get("value")):
            shown = "(nothing)" if found is _MISSING else repr(found)[:200]
            mismatches.append(f"{check['doc']}{check['path']}: expected {check}, found {shown}")
    return mismatches


def _lookup(document: Any, path: str) -> Any:
    for token in pointer_tokens(path):
        if isinstance(document, list):
            document = _item(document, token)
        elif isinstance(document, Mapping) and token in document:
            document = document[token]
        else:
            return _MISSING
    return document


def _item(items: list[Any], token: str) -> Any:
    if token.startswith("["):
        name, _, value = token[1:-1].partition("=")
        return next((item for item in items if str(item.get(name)) == value), _MISSING)
    return items[int(token)] if int(token) < len(items) else _MISSING


def _holds(operation: str, found: Any, value: Any) -> bool:
    text = json.dumps(found) if found is not _MISSING else ""
    answers: dict[str, Callable[[], bool]] = {
        "equals": lambda: found == value,
        "absent": lambda: found is _MISSING,
        "present": lambda: found is not _MISSING,
        "length": lambda: found is not _MISSING and len(found) == value,
        "absentOrEmpty": lambda: found is _MISSING or not found,
        "nonEmpty": lambda: found is not _MISSING and bool(found),
        "textContains": lambda: value in text,
        "textNotContains": lambda: value not in text,
        "quantityEquals": lambda: _amount(found) == _amount(value),
    }
    return answers[operation]()


def _amount(value: Any) -> Any:
    return parse_quantity("0" if value is _MISSING else str(value))
