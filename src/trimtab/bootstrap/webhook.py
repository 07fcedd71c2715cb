"""The push webhook with the secrets that the hub holds: Secret ``argocd-secret``, as in Argo CD."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from trimtab.ports.cluster import Cluster


def push_routes(
    hub: Cluster, namespace: str, pushed: Callable[[str], Awaitable[None]]
) -> list[web.RouteDef]:
    """Placeholder until the webhook room lands."""
    del hub, namespace, pushed
    return []
