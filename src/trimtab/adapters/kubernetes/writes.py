"""Writes to one cluster: apply, create, replace, patch and delete."""

from urllib.parse import quote

import msgspec

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.kubernetes.errors import error_of, warnings_of
from trimtab.adapters.kubernetes.paths import collection_path, object_path
from trimtab.adapters.kubernetes.reads import unknown_kind
from trimtab.adapters.kubernetes.transport import Answer, Headers
from trimtab.core import JsonValue
from trimtab.core.manifest import GroupKind, ObjectKey, parse_live
from trimtab.ports.cluster import (
    NotFound,
    PatchType,
    Propagation,
    ResourceType,
    Write,
    Written,
)

_ACCEPT = ("accept", "application/json")
_JSON: Headers = (_ACCEPT, ("content-type", "application/json"))
_APPLY: Headers = (_ACCEPT, ("content-type", "application/apply-patch+yaml"))
_PATCHES: dict[PatchType, Headers] = {
    "json": (_ACCEPT, ("content-type", "application/json-patch+json")),
    "merge": (_ACCEPT, ("content-type", "application/merge-patch+json")),
    "strategic": (_ACCEPT, ("content-type", "application/strategic-merge-patch+json")),
}


class Writes:
    """ClusterWriter over the API.

    Args:
        client: The API server.
        discovery: Its kinds.
        acting: Impersonation headers.
    """

    def __init__(self, client: ApiClient, discovery: Discovery, acting: Headers = ()) -> None:
        self._client = client
        self._discovery = discovery
        self._acting = tuple(acting)

    async def apply(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """Server-side apply."""
        resource = await self._resource(key.group_kind, version)
        path = object_path(resource, key, version=version)
        query = _options(write) + ("&force=true" if write.force else "")
        return await self._written("PATCH", path + query, _APPLY, body)

    async def create(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """POST."""
        resource = await self._resource(key.group_kind, version)
        path = collection_path(resource, version=version, namespace=key.namespace)
        return await self._written("POST", path + _options(write), _JSON, body)

    async def replace(self, key: ObjectKey, version: str, body: bytes, write: Write) -> Written:
        """PUT."""
        resource = await self._resource(key.group_kind, version)
        path = object_path(resource, key, version=version)
        return await self._written("PUT", path + _options(write), _JSON, body)

    async def patch(
        self,
        key: ObjectKey,
        patch_type: PatchType,
        body: bytes,
        write: Write,
        *,
        subresource: str = "",
        version: str | None = None,
    ) -> Written:
        """JSON, merge or strategic merge patch."""
        resource = await self._resource(key.group_kind, version)
        path = object_path(resource, key, version=version or "", subresource=subresource)
        return await self._written("PATCH", path + _options(write), _PATCHES[patch_type], body)

    async def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        propagation: Propagation = Propagation.FOREGROUND,
        dry_run: bool = False,
    ) -> bool:
        """Delete only the object with this uid. False when it is gone already."""
        if not uid:
            raise ValueError(f"{key}: a delete needs the uid of the object that was seen")
        resource = await self._discovery.resource_type(key.group_kind)
        if resource is None:
            return False
        options: dict[str, JsonValue] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": propagation.value,
        }
        if dry_run:
            options["dryRun"] = ["All"]
        path = object_path(resource, key)
        answer = await self._send("DELETE", path, _JSON, msgspec.json.encode(options))
        if answer.status == 404:
            return False
        if answer.status >= 400:
            raise error_of(answer, f"DELETE {path}")
        return True

    async def _written(self, method: str, target: str, headers: Headers, body: bytes) -> Written:
        answer = await self._send(method, target, headers, body)
        if answer.status >= 400:
            raise error_of(answer, f"{method} {target}")
        return Written(parse_live(answer.body.rstrip()), warnings_of(answer))

    async def _send(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        if self._acting:
            headers = (*headers, *self._acting)
        return await self._client.request(method, target, headers=headers, body=body)

    async def _resource(self, group_kind: GroupKind, version: str | None) -> ResourceType:
        resource = await self._discovery.resource_type(group_kind)
        if resource is None:
            raise unknown_kind(group_kind)
        if version and version not in resource.versions:
            raise NotFound(
                404,
                "VersionNotServed",
                f"the cluster serves {group_kind} as {', '.join(resource.versions)}, not {version}",
            )
        return resource


def _options(write: Write) -> str:
    manager = quote(write.manager, safe="")
    dry_run = "&dryRun=All" if write.dry_run else ""
    return f"?fieldManager={manager}&fieldValidation={write.validation.value}{dry_run}"
