"""Where people reach what was delivered: the URLs of Ingresses, and links that annotations give.

Source: Argo CD, ``status.summary.externalURLs``. Annotations ``link.argocd.argoproj.io/<any>`` hold
a URL, with ``title|`` before it at will; ``ignore-default-links`` leaves the Ingress' own URLs out.
"""

from collections.abc import Iterable, Mapping

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest.live import LiveObject
from trimtab.core.manifest.metadata import as_list, as_object, field_at, text_at

_PREFIX = "link.argocd.argoproj.io/"
_IGNORE = f"{_PREFIX}ignore-default-links"
_INGRESS_GROUPS = ("networking.k8s.io", "extensions")


def external_urls(live: LiveObject) -> tuple[str, ...]:
    """Return the URLs by which an object is reached, sorted; most objects have none."""
    found = {text for name, text in live.annotations.items() if _is_link(name)}
    is_ingress = live.key.kind == "Ingress" and live.key.group in _INGRESS_GROUPS
    if is_ingress and live.annotations.get(_IGNORE) != "true":
        found |= set(_ingress_urls(live.body()))
    return tuple(sorted(found))


def _is_link(name: str) -> bool:
    return name.startswith(_PREFIX) and name != _IGNORE


def _ingress_urls(body: JsonObject) -> Iterable[str]:
    spec = as_object(body.get("spec"))
    address = _address(body)
    for rule in map(as_object, as_list(spec.get("rules"))):
        host = text_at(rule, "host") or address
        scheme = "https" if _has_tls(spec, host) else "http"
        for path in map(as_object, as_list(field_at(rule, "http", "paths"))):
            if host:
                yield f"{scheme}://{host}{text_at(path, 'path').removesuffix('*')}"


def _address(body: JsonObject) -> str:
    """Return the first name or address of the load balancer, or the empty string."""
    for entry in map(as_object, as_list(field_at(body, "status", "loadBalancer", "ingress"))):
        if found := text_at(entry, "hostname") or text_at(entry, "ip"):
            return found
    return ""


def _has_tls(spec: Mapping[str, JsonValue], host: str) -> bool:
    """Return whether a host is served with TLS; a secret without hosts is for all of them."""
    for entry in map(as_object, as_list(spec.get("tls"))):
        if text_at(entry, "secretName") or host in as_list(entry.get("hosts")):
            return True
    return False
