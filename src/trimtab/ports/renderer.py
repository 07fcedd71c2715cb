"""Turning sources into manifests, by the field's official engines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from trimtab.core import JsonObject
from trimtab.core.errors import Stalled
from trimtab.core.render import RenderRequest


class EngineError(Stalled):
    """An engine refused its input, ran out of time or memory, or crashed on it.

    Args:
        code: ``invalid``, ``render``, ``not_found``, ``forbidden``, ``timeout``, ``too_large``,
            ``crashed``, ``dependencies`` (a chart lacks some), ``denied``, ``unreachable`` (both of
            network methods) or ``internal``.
        summary: The engine's own words, without paths of this machine.
    """

    def __init__(self, code: str, summary: str) -> None:
        super().__init__("RenderFailed", summary)
        self.code = code
        self.summary = summary


@dataclass(frozen=True, slots=True)
class RenderOutput:
    """The manifests of a render.

    Args:
        objects: In the engine's order; ``List`` kinds are expanded.
        read: Files that were read, relative to the root.
        volatile: Functions that were called and whose result is another at each call; sorted.
    """

    objects: tuple[JsonObject, ...]
    read: tuple[str, ...]
    volatile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChartRepository:
    """A chart repository or registry and how to get in."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_pem: str = ""
    client_cert_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    insecure: bool = False
    is_oci: bool = False


class Renderer(Protocol):
    """Renders. The same request over the same files gives byte-equal output, if not volatile."""

    async def render(
        self, request: RenderRequest, *, root: Path | None, timeout: timedelta
    ) -> RenderOutput:
        """Render manifests.

        Args:
            request: What to render.
            root: The tree on disk; None only for a DirectoryRequest that carries its files.
            timeout: Wall-clock limit of the call.

        Raises:
            EngineError
        """
        ...

    async def parse(self, text: str, *, timeout: timedelta) -> Sequence[JsonObject]:
        """Return the objects of a YAML stream, exactly as sigs.k8s.io/yaml reads them.

        Raises:
            EngineError
        """
        ...

    async def build_dependencies(
        self,
        *,
        root: Path,
        path: str,
        repositories: Sequence[ChartRepository],
        timeout: timedelta,
    ) -> None:
        """Fetch a chart's missing dependencies into its charts/ folder.

        Raises:
            EngineError
        """
        ...


class Charts(Protocol):
    """Charts of Helm repositories and OCI registries."""

    async def resolve(
        self, repository: ChartRepository, chart: str, constraint: str, *, timeout: timedelta
    ) -> str:
        """Return the newest version that a constraint allows.

        Raises:
            EngineError: No such chart or version, or the repository does not answer.
        """
        ...

    async def pull(
        self,
        repository: ChartRepository,
        chart: str,
        version: str,
        into: Path,
        *,
        timeout: timedelta,
    ) -> str:
        """Unpack a chart below ``into`` and return its folder's name.

        Raises:
            EngineError
        """
        ...
