"""URLs of Kubernetes resources."""

from urllib.parse import quote, urlencode

from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import Invalid, ResourceType


def collection_path(resource: ResourceType, *, version: str = "", namespace: str = "") -> str:
    """Return the path of a kind's collection, in one namespace or all."""
    version = version or resource.version
    base = f"/apis/{resource.group}/{version}" if resource.group else f"/api/{version}"
    if namespace and resource.namespaced:
        return f"{base}/namespaces/{quote(namespace, safe='')}/{resource.plural}"
    return f"{base}/{resource.plural}"


def object_path(
    resource: ResourceType, key: ObjectKey, *, version: str = "", subresource: str = ""
) -> str:
    """Return the path of an object, or of one of its subresources.

    Raises:
        Invalid: A namespaced object without a namespace.
    """
    if resource.namespaced and not key.namespace:
        raise Invalid(422, "NamespaceMissing", f"{key}: {resource.kind} needs a namespace")
    # Names of RBAC objects may hold colons and slashes are refused by the server: quote all.
    collection = collection_path(resource, version=version, namespace=key.namespace)
    path = f"{collection}/{quote(key.name, safe='')}"
    return f"{path}/{subresource}" if subresource else path


def with_query(path: str, **parameters: str | int | None) -> str:
    """Return a path with those query parameters that are set."""
    given = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
