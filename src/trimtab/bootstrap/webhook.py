"""The push webhook with the secrets that the hub holds: Secret ``argocd-secret``, as in Argo CD."""

import os
from collections.abc import Awaitable, Callable

from aiohttp import web

from trimtab.api.webhook import PushEvent, WebhookSecrets, webhook_routes
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import ApiError, Cluster, ClusterUnreachable
from trimtab.services.registry import secret_data

_ENVIRONMENT = {
    "webhook.github.secret": "TRIMTAB_WEBHOOK_GITHUB_SECRET",
    "webhook.gitlab.secret": "TRIMTAB_WEBHOOK_GITLAB_SECRET",
}


class HubSecrets:
    """Reads the webhook secrets; again only when the watched metadata says that they changed."""

    def __init__(self, hub: Cluster, namespace: str) -> None:
        self._hub = hub
        self._key = ObjectKey("", "Secret", namespace, "argocd-secret")
        self._version = ""
        self._secrets = WebhookSecrets.of(_from_environment())

    async def read(self) -> WebhookSecrets:
        """Return the secrets of this moment; the last ones while the hub does not answer."""
        seen = self._hub.live(self._key)
        version = seen.meta.resource_version if seen is not None else ""
        if version == self._version:
            return self._secrets
        try:
            full = await self._hub.get(self._key, version="v1")
        except (ApiError, ClusterUnreachable):
            return self._secrets
        data = secret_data(full) if full is not None else {}
        self._secrets = WebhookSecrets.of({**_from_environment(), **data})
        self._version = version
        return self._secrets


def _from_environment() -> dict[str, str]:
    return {key: os.environ.get(name, "") for key, name in _ENVIRONMENT.items()}


def push_routes(
    hub: Cluster, namespace: str, pushed: Callable[[str], Awaitable[None]]
) -> list[web.RouteDef]:
    """Return the webhook's routes.

    Args:
        hub: Holds the secrets.
        namespace: Of the installation.
        pushed: Told each URL by which a push names its repository.
    """

    async def on_push(event: PushEvent) -> None:
        for url in event.urls:
            await pushed(url)

    return webhook_routes(on_push, HubSecrets(hub, namespace).read)
