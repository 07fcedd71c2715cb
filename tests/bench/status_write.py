"""``python -m bench.status_write``: what one status write costs the API server, by schema.

The same Application with the status of a delivery that has a full history is patched over and over,
in several definitions that differ in what they say about the status. All are served by one API
server; rounds of all of them alternate, so that a busy machine slows them alike.
"""

import asyncio
import copy
import statistics
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import uvloop

from bench.procfs import cpu_seconds
from trimtab.adapters.kubernetes import ClusterOptions, KubernetesCluster, load_kubeconfig
from trimtab.adapters.localfleet import Fleet
from trimtab.core.manifest import GroupKind, ObjectKey, canonical_json
from trimtab.crds.argoproj_v1alpha1.application import ApplicationStatus
from trimtab.crds.argoproj_v1alpha1.crd import application_crd
from trimtab.crds.schema import struct_schema
from trimtab.ports.cluster import FieldValidation, Write

Schema = dict[str, Any]
_ROUNDS: Final = 6
_WRITES: Final = 60
_AT_ONCE: Final = 8
_HISTORY: Final = 10
_ATOMIC: Final = "x-kubernetes-map-type"


def _typed(status: Schema) -> None:
    status |= struct_schema(ApplicationStatus)
    status.pop(_ATOMIC)


def _typed_and_atomic(status: Schema) -> None:
    status |= struct_schema(ApplicationStatus)


def _open_copies(status: Schema) -> None:
    status.pop(_ATOMIC)


def _as_it_is(_: Schema) -> None:
    """What Trimtab installs: copies of the spec are left open, and the status is atomic."""


def _without_types(status: Schema) -> None:
    status.pop(_ATOMIC)
    status.pop("properties")


_VARIANTS: Final[Mapping[str, tuple[Callable[[Schema], None], FieldValidation]]] = {
    "typed, strict validation": (_typed, FieldValidation.STRICT),
    "typed": (_typed, FieldValidation.IGNORE),
    "typed and atomic": (_typed_and_atomic, FieldValidation.IGNORE),
    "copies left open": (_open_copies, FieldValidation.IGNORE),
    "copies left open and atomic": (_as_it_is, FieldValidation.IGNORE),
    "without types": (_without_types, FieldValidation.IGNORE),
}


def main() -> None:
    """Measure, and print CPU milliseconds of the API server a write, by variant."""
    costs = uvloop.run(_measure())
    width = max(map(len, costs))
    for name, found in costs.items():
        print(f"{name:{width}}  {statistics.median(found):5.2f} ms  {sorted(found)}", flush=True)


async def _measure() -> dict[str, list[float]]:
    async with AsyncExitStack() as stack:
        fleet = await Fleet.start(1, controllers=False)
        await stack.enter_async_context(fleet)
        cluster = KubernetesCluster(
            load_kubeconfig(fleet.cluster(0).kubeconfig_path), ClusterOptions()
        )
        await stack.enter_async_context(cluster)
        processes = (await fleet.status()).processes
        servers = [pid for name, pid in processes.items() if "apiserver" in name]
        keys = [await _prepare(cluster, index) for index in range(len(_VARIANTS))]
        costs: dict[str, list[float]] = {name: [] for name in _VARIANTS}
        for turn in range(_ROUNDS):
            for (name, (_, validation)), key in zip(_VARIANTS.items(), keys, strict=True):
                before = sum(map(cpu_seconds, servers))
                await _write(cluster, key, validation, turn)
                spent = sum(map(cpu_seconds, servers)) - before
                if turn:  # The first round warms up.
                    costs[name].append(round(1000 * spent / _WRITES, 2))
        return costs


async def _prepare(cluster: KubernetesCluster, index: int) -> list[ObjectKey]:
    """Define one variant and create the objects to be patched."""
    change, _ = list(_VARIANTS.values())[index]
    group = f"v{index}.bench.example"
    definition: Schema = copy.deepcopy(dict(application_crd()))
    definition["metadata"] = {"name": f"applications.{group}"}
    definition["spec"]["group"] = group
    schema: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    change(schema["properties"]["status"])
    crds = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
    key = ObjectKey(crds.group, crds.kind, "", f"applications.{group}")
    await cluster.apply(key, "v1", canonical_json(definition), Write("bench"))
    kind = GroupKind(group, "Application")
    async with asyncio.timeout(60):
        while await cluster.resource_type(kind) is None:
            await asyncio.sleep(0.1)
    keys = [ObjectKey(group, kind.kind, "default", f"app-{n}") for n in range(_AT_ONCE)]
    for one in keys:
        body = {
            "apiVersion": f"{group}/v1alpha1",
            "kind": kind.kind,
            "metadata": {"name": one.name, "namespace": one.namespace},
            "spec": {"project": "default", "source": _SOURCE, "destination": _DESTINATION},
        }
        await cluster.apply(one, "v1alpha1", canonical_json(body), Write("bench"))
    return keys


async def _write(
    cluster: KubernetesCluster, keys: list[ObjectKey], validation: FieldValidation, turn: int
) -> None:
    write = Write("bench-status", validation=validation)

    async def work(key: ObjectKey) -> None:
        for count in range(_WRITES // _AT_ONCE):
            patch = [{"op": "add", "path": "/status", "value": _status(turn * 1000 + count)}]
            await cluster.patch(key, "json", canonical_json(patch), write, version="v1alpha1")

    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            tasks.create_task(work(key))


_SOURCE: Final[Schema] = {
    "repoURL": "https://git.example/platform/bench.git",
    "path": "apps/some-team/some-service",
    "targetRevision": "main",
}
_DESTINATION: Final[Schema] = {"server": "https://10.0.0.1:6443", "namespace": "bench"}
_NOW: Final = "2026-01-01T00:00:00Z"


def _status(count: int) -> Schema:
    """Return the status of a delivery with one object and a full history."""
    revision = f"{count:040x}"
    config_map = {"version": "v1", "kind": "ConfigMap", "namespace": "bench", "name": "settings"}
    result = {"group": "", "status": "Synced", "message": "configmap/settings configured"}
    sync = {"revision": revision, "prune": True, "syncOptions": ["CreateNamespace=true"]}
    history = [
        {
            "id": count + index,
            "deployedAt": _NOW,
            "deployStartedAt": _NOW,
            "revision": f"{count + index:040x}",
            "source": _SOURCE,
            "initiatedBy": {"automated": True},
        }
        for index in range(_HISTORY)
    ]
    return {
        "resources": [config_map | {"status": "Synced"}],
        "sync": {
            "status": "Synced",
            "comparedTo": {"source": _SOURCE, "destination": _DESTINATION},
            "revision": revision,
        },
        "health": {"status": "Healthy", "lastTransitionTime": _NOW},
        "history": history,
        "reconciledAt": _NOW,
        "operationState": {
            "operation": {"sync": sync, "initiatedBy": {"automated": True}, "retry": {}},
            "phase": "Succeeded",
            "startedAt": _NOW,
            "finishedAt": _NOW,
            "message": "successfully synced (all tasks run)",
            "syncResult": {
                "resources": [config_map | result | {"hookPhase": "Succeeded"}],
                "revision": revision,
                "source": _SOURCE,
            },
        },
        "sourceType": "Directory",
        "summary": {},
        "controllerNamespace": "argocd",
    }


if __name__ == "__main__":
    main()
