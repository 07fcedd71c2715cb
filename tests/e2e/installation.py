"""One installation of Trimtab in a namespace of the hub, its Git server, and what tests do with it.

``Installation`` lives as long as a test worker. Each test works through a ``Case`` of its own: a
repository, a namespace on the target cluster, and Applications with unique names.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from e2e.repository import Repo
from e2e.seen import Json, SeenCluster
from e2e.serving import TRIMTAB, Serve, environment
from trimtab.adapters.gitserver import GitServer, Webhook
from trimtab.adapters.localfleet import ClientCertificate, LocalCluster

APPLICATION = "argoproj.io/Application"
PROJECT = "argoproj.io/AppProject"
REFRESH = "argocd.argoproj.io/refresh"
WEBHOOK_SECRET = "webhook.github.secret"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class AppView:
    """An Application as the hub holds it; absent parts are empty."""

    body: Json

    @property
    def status(self) -> Json:
        return self.body.get("status") or {}

    @property
    def sync(self) -> str:
        return self.status.get("sync", {}).get("status", "")

    @property
    def revision(self) -> str:
        return self.status.get("sync", {}).get("revision", "")

    @property
    def health(self) -> str:
        return self.status.get("health", {}).get("status", "")

    @property
    def operation(self) -> Json:
        return self.status.get("operationState") or {}

    @property
    def phase(self) -> str:
        return self.operation.get("phase", "")

    @property
    def message(self) -> str:
        return self.operation.get("message", "")

    @property
    def results(self) -> dict[str, Json]:
        """Results of the last operation by ``Kind/name``."""
        found = (self.operation.get("syncResult") or {}).get("resources") or []
        return {f"{r['kind']}/{r['name']}": r for r in found}

    @property
    def conditions(self) -> dict[str, str]:
        """Messages by type; several of one type are joined."""
        found: dict[str, str] = {}
        for each in self.status.get("conditions") or []:
            before = found.get(each["type"])
            found[each["type"]] = f"{before}\n{each['message']}" if before else each["message"]
        return found

    @property
    def said(self) -> str:
        """Everything that the object tells a person: conditions, operation and its results."""
        results = [result.get("message", "") for result in self.results.values()]
        return "\n".join([*self.conditions.values(), self.message, *results])

    def has(self, kind: str, *texts: str) -> bool:
        """Whether a condition says all the texts."""
        return kind in self.conditions and all(t in self.conditions[kind] for t in texts)


@dataclass(frozen=True)
class App:
    """An Application in the hub."""

    installation: Installation
    name: str

    @property
    def view(self) -> AppView:
        """What the watch holds now; empty when it does not exist."""
        found = self.installation.hub.now(APPLICATION, self.name, self.installation.namespace)
        return AppView(found or {})

    async def until(
        self, condition: Callable[[AppView], object], *, seconds: float = 30
    ) -> AppView:
        """Wait until the Application is as expected."""
        found = await self.installation.hub.until(
            APPLICATION,
            self.name,
            self.installation.namespace,
            lambda body: body is not None and condition(AppView(body)),
            seconds=seconds,
            context=self.installation.serve.last_log,
        )
        assert found is not None
        return AppView(found)

    async def delivered(self, revision: str, *, seconds: float = 30) -> AppView:
        """Wait until it is Synced and Healthy at a commit and no operation runs."""
        return await self.until(
            lambda app: (
                (app.sync, app.health, app.revision) == ("Synced", "Healthy", revision)
                and app.phase not in ("Running", "Terminating")
            ),
            seconds=seconds,
        )

    async def gone(self, *, seconds: float = 30) -> None:
        """Wait until it does not exist any more."""
        hub, namespace = self.installation.hub, self.installation.namespace
        context = self.installation.serve.last_log
        await hub.until(
            APPLICATION, self.name, namespace, lambda b: b is None, seconds=seconds, context=context
        )

    async def patch(self, body: Json) -> None:
        """Merge ``body`` into it."""
        await self.installation.hub.patch(APPLICATION, self.name, self.installation.namespace, body)

    async def refresh(self, how: str = "normal") -> None:
        """Ask for a comparison now."""
        await self.patch({"metadata": {"annotations": {REFRESH: how}}})

    async def start(self, **sync: Any) -> None:
        """Ask for a sync, as the fields of ``operation.sync`` say."""
        asked = {"initiatedBy": {"username": "dana"}, "sync": sync}
        await self.patch({"operation": asked})

    async def delete(self) -> None:
        """Ask for its deletion."""
        await self.installation.hub.delete(APPLICATION, self.name, self.installation.namespace)

    async def told(self) -> str:
        """Return what ``app get`` and ``app explain`` tell a user."""
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(self.installation.trimtab("app", command, self.name))
                for command in ("get", "explain")
            ]
        get, explain = (task.result() for task in asked)
        assert get.returncode in (0, 1), get.stderr
        assert explain.returncode in (0, 1), explain.stderr
        return f"{get.stdout}\n---\n{explain.stdout}"


class Installation:
    """Trimtab, its hub namespace, its Git server, and the clusters as the tests see them.

    Attributes:
        namespace: Of Applications in the hub.
        hub: Cluster 0.
        target: Cluster 1, registered as ``target``.
        git: Serves the repositories.
        serve: The process.
    """

    def __init__(self, hub: SeenCluster, target: SeenCluster, git: GitServer, folder: Path) -> None:
        self.namespace = f"trimtab-{os.getpid()}-{secrets.token_hex(3)}"
        self.hub, self.target, self.git, self.folder = hub, target, git, folder
        self.webhook_secret = secrets.token_hex(8)
        self.options = [
            *("--kubeconfig", str(hub.local.kubeconfig_path)),
            *("--namespace", self.namespace),
            *("--state-dir", str(folder / "state")),
        ]
        self.serve = Serve(self.options, folder / "serve.log")
        self._witness: tuple[App, Repo, str] | None = None

    async def begin(self, clusters: dict[str, LocalCluster]) -> None:
        """Make the namespace, register clusters and the webhook's secret, and start serving."""
        await self.hub.create(namespace(self.namespace))
        data = {WEBHOOK_SECRET: self.webhook_secret}
        await self.hub.create(secret("argocd-secret", self.namespace, data))
        for name, local in clusters.items():
            await self.register(name, local.server, tls_config(local))
        await asyncio.to_thread(self.serve.start)
        # It has installed the definitions of Application and AppProject.
        await self.hub.serves(APPLICATION, PROJECT)

    async def end(self) -> None:
        """Stop serving and take everything of this installation away."""
        await asyncio.to_thread(self.serve.stop)
        for body in await self.hub.list(APPLICATION, self.namespace):
            await self._remove(body["metadata"]["name"])
        await self.hub.delete("Namespace", self.namespace)
        if self._witness is not None:
            await self.target.delete("Namespace", self._witness[2])

    async def register(self, name: str, server: str, config: Json) -> None:
        """Register a cluster by a Secret as Argo CD has it."""
        data = {"name": name, "server": server, "config": json.dumps(config)}
        labels = {"argocd.argoproj.io/secret-type": "cluster"}
        await self.hub.apply(secret(f"cluster-{name}", self.namespace, data, labels))

    async def trimtab(self, *arguments: str, stdin: str | None = None) -> CompletedProcess[str]:
        """Run ``trimtab`` as a user would, to its end."""
        command = [TRIMTAB, *self.options, *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate(None if stdin is None else stdin.encode())
        code = process.returncode
        assert code is not None
        return CompletedProcess(command, code, out.decode(), err.decode())

    def repo(self, name: str, *, git: GitServer | None = None) -> Repo:
        """Make an empty repository whose pushes are reported to the webhook."""
        server = git or self.git
        url = server.create(name)
        if self.serve.url:
            hook = Webhook(f"{self.serve.url}/api/webhook", self.webhook_secret)
            server.install_webhook(name, hook)
        return Repo(url, self.folder / "clones" / name)

    async def apply_app(
        self, name: str, spec: Json, *, finalizers: Sequence[str] = (), **metadata: Any
    ) -> App:
        """Create or change an Application."""
        meta = {"name": name, "namespace": self.namespace, **metadata}
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {**meta, "finalizers": list(finalizers)} if finalizers else meta,
            "spec": spec,
        }
        await self.hub.apply(body)
        return App(self, name)

    async def witness_moves(self, *, seconds: float = 30) -> None:
        """See that another Application still follows its repository: nothing is blocked."""
        if self._witness is None:
            self._witness = await self._new_witness()
        app, repo, where = self._witness
        value = secrets.token_hex(4)
        text = config_map("witness", {"value": value})
        await asyncio.to_thread(repo.commit, {"app/witness.yaml": text})
        await self.target.until(
            "ConfigMap",
            "witness",
            where,
            lambda body: (body or {}).get("data") == {"value": value},
            seconds=seconds,
            context=lambda: f"{app.view.status}\n{self.serve.last_log()}",
        )

    async def _new_witness(self) -> tuple[App, Repo, str]:
        name = f"witness-{self.namespace}"
        repo = self.repo(name)
        await self.target.create(namespace(name))
        spec = app_spec(repo.url, cluster="target", namespace=name)
        await asyncio.to_thread(repo.commit, {"app/witness.yaml": config_map("witness", {})})
        return await self.apply_app(name, spec), repo, name

    async def _remove(self, name: str) -> None:
        # Without its finalizers: what a test left in a namespace goes with the namespace.
        with contextlib.suppress(OSError, Exception):
            await self.hub.patch(
                APPLICATION, name, self.namespace, {"metadata": {"finalizers": None}}
            )
        await self.hub.delete(APPLICATION, name, self.namespace)


class Case:
    """What one test works with.

    Attributes:
        name: Unique; the first Application's name.
        namespace: On the target cluster; exists already.
        repo: Empty at first.
    """

    def __init__(self, installation: Installation, name: str) -> None:
        self.installation = installation
        self.hub, self.target = installation.hub, installation.target
        self.name = self.namespace = name
        self.repo = installation.repo(name)
        self._apps: list[App] = []
        self._namespaces: list[tuple[SeenCluster, str]] = []

    async def begin(self) -> None:
        """Make the namespace."""
        await self.new_namespace(self.namespace)

    async def end(self) -> None:
        """Take away what the test made."""
        for app in self._apps:
            await self.installation._remove(app.name)
        for cluster, name in self._namespaces:
            await cluster.delete("Namespace", name)

    async def new_namespace(self, name: str, *, cluster: SeenCluster | None = None) -> str:
        """Make a namespace that is deleted at the end."""
        where = cluster or self.target
        self._namespaces.append((where, name))
        await where.create(namespace(name))
        return name

    def spec(self, **changes: Any) -> Json:
        """Return the usual spec with changes; a mapping is merged into what is there."""
        return merged(app_spec(self.repo.url, cluster="target", namespace=self.namespace), changes)

    async def apply_app(
        self, suffix: str = "", *, finalizers: Sequence[str] = (), **changes: Any
    ) -> App:
        """Create or change an Application ``<name><suffix>`` with the usual spec changed."""
        name = f"{self.name}{suffix}"
        spec = self.spec(**changes)
        app = await self.installation.apply_app(name, spec, finalizers=finalizers)
        if app not in self._apps:
            self._apps.append(app)
        return app

    async def commit(self, files: dict[str, Any], message: str = "Change", **how: Any) -> str:
        """Commit and push; see ``Repo.commit``."""
        return await asyncio.to_thread(self.repo.commit, files, message, **how)

    async def versions(self, *kinds: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Return uid and resourceVersion of the objects in the namespace; ConfigMaps by default."""
        return await self.target.versions(self.namespace, *kinds)


def new_name() -> str:
    """Return a name that no other test has."""
    return f"e2e-{os.getpid()}-{next(_numbers)}"


def merged(base: Json, changes: Json) -> Json:
    """Return ``base`` with ``changes`` merged in; None removes."""
    result = dict(base)
    for key, value in changes.items():
        before = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(before, dict):
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result


def app_spec(url: str, *, cluster: str, namespace: str) -> Json:
    """Return a spec that delivers folder ``app`` of ``main``, pruning and healing by itself."""
    return {
        "project": "default",
        "source": {"repoURL": url, "path": "app", "targetRevision": "main"},
        "destination": {"name": cluster, "namespace": namespace},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }


def config_map(name: str, data: dict[str, str], **metadata: Any) -> str:
    """Return a ConfigMap as text; JSON is YAML too."""
    meta = {"name": name, **metadata}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})


def namespace(name: str, **metadata: Any) -> Json:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def secret(
    name: str, namespace: str, data: dict[str, str], labels: dict[str, str] | None = None
) -> Json:
    """Return a Secret."""
    meta = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}


def tls_config(local: LocalCluster, certificate: ClientCertificate | None = None) -> Json:
    """Return a cluster Secret's ``config``: by client certificate, the administrator's if None."""
    cert = certificate.cert_pem if certificate else local.client_cert_pem
    key = certificate.key_pem if certificate else local.client_key_pem
    data = {"caData": local.ca_pem, "certData": cert, "keyData": key}
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    return {"tlsClientConfig": encoded}
