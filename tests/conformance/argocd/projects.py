"""Runner for ``argocd/projects``: what an AppProject permits, and whether one is valid."""

from collections.abc import Callable, Mapping
from typing import Any

from conformance.cases import Case
from conformance.framework import Answer, Unsupported, compare_keys
from trimtab.core.manifest import GroupKind
from trimtab.core.policy import (
    destination_permitted,
    glob_matches,
    is_group_name,
    is_policy_action,
    is_policy_object,
    kind_permitted,
    matches,
    parse_destination,
    parse_project,
    policy_problems,
    source_namespace_permitted,
    source_permitted,
    validate_project,
)


def _project(spec: dict[str, Any]) -> Any:
    return parse_project({"metadata": {"name": "project"}, "spec": spec})


def _source(given: dict[str, Any]) -> Answer:
    project = _project({"sourceRepos": given["sourceRepos"]})
    return {"permitted": source_permitted(project, given["repoURL"])}


def _destination(given: dict[str, Any]) -> Answer:
    scoped = given.get("permitOnlyProjectScopedClusters", False)
    project = _project(
        {"destinations": given["destinations"], "permitOnlyProjectScopedClusters": scoped}
    )
    permitted = destination_permitted(
        project,
        parse_destination(given["destination"]),
        project_clusters=[parse_destination(item) for item in given.get("projectClusters") or ()],
    )
    return {"permitted": permitted}


def _group_kind(given: dict[str, Any]) -> Answer:
    kind = GroupKind(given["group"], given["kind"])
    permitted = kind_permitted(
        _project(given["spec"]), kind, namespaced=given["namespaced"], name=given["name"]
    )
    return {"permitted": permitted}


def _glob(given: dict[str, Any]) -> Answer:
    match = matches if given["allowNegation"] else glob_matches
    return {"match": match(given["pattern"], given["value"])}


def _validate(given: dict[str, Any]) -> Answer:
    problems = validate_project(parse_project(given["project"]))
    return {"valid": not problems, "errorContains": "; ".join(problems)}


def _policy_rule(given: dict[str, Any]) -> Answer:
    problems = policy_problems(given["project"], given["role"], given["policy"])
    return {"valid": not problems, "errorContains": "; ".join(problems)}


def _source_namespace(given: dict[str, Any]) -> Answer:
    project = _project({"sourceNamespaces": given["sourceNamespaces"]})
    permitted = source_namespace_permitted(
        project, given["appNamespace"], controller=given["controllerNamespace"]
    )
    return {"permitted": permitted}


_RUNNERS: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "source": _source,
    "destination": _destination,
    "group-kind": _group_kind,
    "glob": _glob,
    "validate": _validate,
    "group-name": lambda given: {"valid": is_group_name(given["group"])},
    "policy-object": lambda given: {"valid": is_policy_object(given["project"], given["object"])},
    "policy-action": lambda given: {"valid": is_policy_action(given["action"])},
    "policy-rule": _policy_rule,
    "source-namespace": _source_namespace,
}


def run(case: Case) -> Answer:
    """Return what the product says about one case."""
    kind = case.input["type"]
    if kind not in _RUNNERS:
        raise Unsupported(kind)
    return _RUNNERS[kind](case.input)


def compare(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Compare verdicts exactly and error texts by what they contain."""
    exact = {key: value for key, value in expected.items() if key != "errorContains"}
    mismatches = compare_keys(answer, exact)
    wanted = expected.get("errorContains")
    if wanted is not None and wanted not in answer["errorContains"]:
        mismatches.append(f"error: expected {wanted!r} in {answer['errorContains']!r}")
    return mismatches
