"""Desired and live objects from files, paired: what ``diff`` and ``plan`` look at."""

from collections.abc import Sequence

import click

from trimtab.cli.errors import CommandError, ExitCode
from trimtab.core import JsonObject
from trimtab.core.diff import DIFFERS, compare_desired
from trimtab.core.manifest import (
    GroupKind,
    Manifest,
    ObjectKey,
    annotations_of,
    canonical_json,
    is_hook,
    is_skipped,
    normalise_manifests,
    parse_live,
)
from trimtab.core.plan import Candidate

MANAGER = "trimtab"

# Offline nobody can be asked for the scope of a kind: these built-in ones have no namespace.
_CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "VolumeAttachment"),
    }
)


def is_namespaced(kind: GroupKind) -> bool:
    """Return the scope of a built-in kind; unknown kinds count as namespaced."""
    return (kind.group, kind.kind) not in _CLUSTER_SCOPED


def normalised(bodies: Sequence[JsonObject], namespace: str) -> tuple[Manifest, ...]:
    """Return manifests; warnings go to stderr.

    Raises:
        CommandError: An object is not one.
    """
    found = normalise_manifests(bodies, default_namespace=namespace, is_namespaced=is_namespaced)
    for problem in found.problems:
        click.echo(f"{'warning' if problem.is_warning else 'error'}: {problem.message}", err=True)
    if found.errors:
        raise CommandError(
            ExitCode.ERROR,
            f"expected whole objects, found {len(found.errors)} that are not",
            hint="" if namespace else "--dest-namespace is for objects that name no namespace",
        )
    return found.manifests


def pair(desired: Sequence[Manifest], live: Sequence[Manifest]) -> list[Candidate]:
    """Return what each object is wanted to be and is; hooks are left out."""
    held = {manifest.key: manifest for manifest in live}
    wanted: dict[ObjectKey, Manifest] = {}
    for manifest in desired:
        if not is_hook(manifest.body) and not is_skipped(annotations_of(manifest.body)):
            wanted[manifest.key] = manifest
    pairs = [_candidate(manifest, held.get(key)) for key, manifest in sorted(wanted.items())]
    extra = [
        Candidate(None, parse_live(canonical_json(manifest.body)))
        for key, manifest in sorted(held.items())
        if key not in wanted
    ]
    return pairs + extra


def _candidate(manifest: Manifest, held: Manifest | None) -> Candidate:
    if held is None:
        return Candidate(manifest, None)
    live = parse_live(canonical_json(held.body))
    comparison = compare_desired(manifest.body, live, manager=MANAGER)
    # Without an API server, what only a dry run could tell counts as equal.
    is_different = comparison.state is DIFFERS
    changes = comparison.changes if is_different else ()
    return Candidate(manifest, live, differs=is_different, field_changes=changes)
