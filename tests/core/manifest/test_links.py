"""Where people reach what was delivered."""

from __future__ import annotations

from typing import Any

import pytest

from core.builders import body
from trimtab.core.manifest import canonical_json, external_urls, parse_live

LINK = "link.argocd.argoproj.io/"


def ingress(
    *hosts: str, path: str = "/", notes: dict[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    rules = [{"host": host, "http": {"paths": [{"path": path}]}} for host in hosts]
    spec = {"rules": rules, **more.pop("spec", {})}
    return body("Ingress", api="networking.k8s.io/v1", notes=notes or {}, spec=spec, **more)


AT_AN_ADDRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(body(), (), id="most objects have none"),
        pytest.param(ingress("a.test"), ("http://a.test/",), id="a host"),
        pytest.param(ingress("a.test", path="/x/*"), ("http://a.test/x/",), id="a path"),
        pytest.param(
            ingress("b.test", "a.test"), ("http://a.test/", "http://b.test/"), id="several, sorted"
        ),
        pytest.param(
            ingress("a.test", "b.test", spec={"tls": [{"hosts": ["b.test"]}]}),
            ("http://a.test/", "https://b.test/"),
            id="tls is of its hosts",
        ),
        pytest.param(
            ingress("a.test", spec={"tls": [{"secretName": "cert"}]}),
            ("https://a.test/",),
            id="a certificate is of all hosts",
        ),
        pytest.param(ingress(""), (), id="no host and no address"),
        pytest.param(
            ingress("", status=AT_AN_ADDRESS), ("http://192.0.2.7/",), id="by its address"
        ),
        pytest.param(
            body(notes={f"{LINK}docs": "https://docs.test", f"{LINK}x": "X|https://x.test"}),
            ("X|https://x.test", "https://docs.test"),
            id="annotations",
        ),
        pytest.param(
            ingress(
                "a.test", notes={f"{LINK}ignore-default-links": "true", f"{LINK}y": "https://y"}
            ),
            ("https://y",),
            id="annotations alone",
        ),
        pytest.param(
            body("Ingress", api="example.test/v1", spec={"rules": [{"host": "a.test"}]}),
            (),
            id="another group's kind of that name",
        ),
        pytest.param(
            body("Ingress", api="networking.k8s.io/v1", spec={"rules": None, "tls": "x"}),
            (),
            id="nonsense",
        ),
    ],
)
def test_external_urls(given: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert external_urls(parse_live(canonical_json(given))) == expected
