"""A web server on loopback that is a Helm repository and an OCI registry."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from trimtab.ports.renderer import ChartRepository

LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


TEMPLATE = "kind: A\nversion: {{ .Chart.Version }}\n"


def archive(name: str, version: str, template: str) -> bytes:
    files = {
        f"{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        f"{name}/templates/a.yaml": template,
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Shelf:
    """A web server that is a Helm repository under /charts and a registry under /v2."""

    url: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    spoiled: bool = False
    template: str = TEMPLATE

    @property
    def http(self) -> ChartRepository:
        return ChartRepository(self.url + "/charts", username="me", password="secret")

    @property
    def oci(self) -> ChartRepository:
        return ChartRepository(self.url + "/reg", username="me", password="secret", is_oci=True)

    def put(self, version: str) -> None:
        content = archive("buoy", version, self.template)
        config = json.dumps({"name": "buoy", "version": version, "apiVersion": "v2"}).encode()
        self.blobs |= {digest(content): content, digest(config): config}
        self.blobs[f"buoy-{version}.tgz"] = content
        layer = {"mediaType": LAYER, "digest": digest(content), "size": len(content)}
        about = {"mediaType": CONFIG, "digest": digest(config), "size": len(config)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": about, "layers": [layer]}
        self.manifests[version] = json.dumps(manifest).encode()

    async def serve(self, request: web.Request) -> web.Response:
        expected = "Basic " + base64.b64encode(b"me:secret").decode()
        if request.headers.get("Authorization") != expected:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="shelf"'})
        *_, kind, name = request.path.split("/")
        if name == "index.yaml":
            return web.Response(text=self._index())
        if kind == "tags":
            return web.json_response({"name": "reg/buoy", "tags": list(self.manifests)})
        if kind == "manifests":
            content = self.manifests.get(name) or next(
                (each for each in self.manifests.values() if digest(each) == name), None
            )
        else:
            content = self.blobs.get(name)
        if content is None:
            return web.Response(status=404)
        headers = {"Docker-Content-Digest": digest(content)}
        if kind == "manifests":
            headers["Content-Type"] = MANIFEST
        return web.Response(body=content, headers=headers)

    def _index(self) -> str:
        entries = [
            {
                "name": "buoy",
                "version": version,
                "digest": "0" * 64
                if self.spoiled
                else digest(self.blobs[f"buoy-{version}.tgz"])[7:],
                "urls": [f"buoy-{version}.tgz"],
            }
            for version in self.manifests
        ]
        return json.dumps({"apiVersion": "v1", "entries": {"buoy": entries}})


@asynccontextmanager
async def serve_shelf(*versions: str, template: str = TEMPLATE) -> AsyncIterator[Shelf]:
    """Serve versions of chart ``buoy``, which has one template."""
    shelf = Shelf(template=template)
    for version in versions:
        shelf.put(version)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shelf.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        shelf.url = f"http://{host}:{port}"
        yield shelf
    finally:
        await runner.cleanup()
