"""The CustomResourceDefinitions of Argo CD's Application and AppProject.

They are installed only where nobody else has: a fleet that runs Argo CD keeps Argo CD's own.
Neither has a status subresource, as upstream; unknown fields survive in spec, operation and status.
"""

from typing import Final

from trimtab.core import JsonObject
from trimtab.crds.argoproj_v1alpha1 import GROUP, VERSION, project
from trimtab.crds.argoproj_v1alpha1 import application as app
from trimtab.crds.argoproj_v1alpha1 import source as src
from trimtab.crds.schema import (
    Fields,
    Required,
    Resource,
    custom_resource_definition,
    struct_schema,
)

_NAMED: Final = ("name", "value")

_APPLICATION_REQUIRED: Final[Required] = {
    app.ApplicationSpec: ("destination", "project"),
    app.IgnoreDifference: ("kind",),
    app.SyncResource: ("kind", "name"),
    app.OperationState: ("operation", "phase", "startedAt"),
    app.ApplicationCondition: ("message", "type"),
    app.SyncStatus: ("status",),
    src.ApplicationSource: ("repoURL",),
    src.DrySource: ("path", "repoURL", "targetRevision"),
    src.HydrateTo: ("targetBranch",),
    src.SyncSource: ("path", "targetBranch"),
    src.SourceHydrator: ("drySource", "syncSource"),
    src.NameValue: _NAMED,
    src.JsonnetVar: _NAMED,
    src.KustomizeReplica: ("count", "name"),
}

# Parts of the status that repeat types of the spec, once for each sync: only controllers write
# them, and checking them field by field was most of what a status write costs (ADR 0013).
_COPIES: Final = (
    "status.history",
    "status.sync.comparedTo",
    "status.operationState.operation",
    "status.operationState.syncResult",
)

_PROJECT_REQUIRED: Final[Required] = {
    project.GroupKindPattern: ("group", "kind"),
    project.DestinationServiceAccount: ("defaultServiceAccount", "server"),
    project.ProjectRole: ("name",),
    project.JwtToken: ("iat",),
    project.SignatureKey: ("keyID",),
    project.SourceIntegrity: ("git",),
    project.GitIntegrity: ("policies",),
    project.GitIntegrityPolicy: ("gpg", "repos"),
    project.GpgPolicy: ("keys", "mode"),
    project.GitRepoPattern: ("url",),
}

_APPLICATION: Final = Resource(
    group=GROUP,
    version=VERSION,
    kind="Application",
    plural="applications",
    short_names=("app", "apps"),
    columns=(
        ("Sync Status", ".status.sync.status", 0),
        ("Health Status", ".status.health.status", 0),
        ("Revision", ".status.sync.revision", 10),
        ("Project", ".spec.project", 10),
    ),
    subresources={},
)

_PROJECT: Final = Resource(
    group=GROUP,
    version=VERSION,
    kind="AppProject",
    plural="appprojects",
    short_names=("appproj", "appprojs"),
)


def application_crd() -> JsonObject:
    """Return the CustomResourceDefinition of Application."""
    fields = Fields(
        app.Application,
        required=_APPLICATION_REQUIRED,
        preserve=("spec", "operation", "status"),
        also={"status": {"sourceHydrator": _hydrator_status()}},
        opaque=_COPIES,
        atomic=("status",),
    )
    return custom_resource_definition(_APPLICATION, fields)


def project_crd() -> JsonObject:
    """Return the CustomResourceDefinition of AppProject."""
    tokens: JsonObject = {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "items": struct_schema(project.JwtToken, _PROJECT_REQUIRED),
                }
            },
        },
    }
    fields = Fields(
        project.AppProject,
        required=_PROJECT_REQUIRED,
        preserve=("spec", "status"),
        also={"status": {"jwtTokensByRole": tokens}},
    )
    return custom_resource_definition(_PROJECT, fields)


def definitions() -> tuple[JsonObject, ...]:
    """Return all CustomResourceDefinitions of the Argo CD dialect, sorted by name."""
    return (application_crd(), project_crd())


def _hydrator_status() -> JsonObject:
    """Return the schema of what Argo CD's hydrator reports; no model of ours reads it."""
    text: JsonObject = {"type": "string"}
    time: JsonObject = {"type": "string", "format": "date-time"}
    shared = {
        "drySHA": text,
        "hydratedSHA": text,
        "sourceHydrator": struct_schema(src.SourceHydrator, _APPLICATION_REQUIRED),
    }
    phases: JsonObject = {"type": "string", "enum": ["Failed", "Hydrated", "Hydrating"]}
    current = {
        **shared,
        "finishedAt": time,
        "message": text,
        "phase": phases,
        "startedAt": time,
    }
    return {
        "type": "object",
        "properties": {
            "currentOperation": {
                "type": "object",
                "properties": current,
                "required": ["message", "phase"],
            },
            "lastComparedDryRevision": text,
            "lastSuccessfulOperation": {"type": "object", "properties": shared},
        },
    }
