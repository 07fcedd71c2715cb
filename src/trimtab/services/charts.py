"""Charts that a render needs and Git does not hold: chart sources, and dependencies of charts."""

import asyncio
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from trimtab.core import JsonObject
from trimtab.core.manifest import as_list, as_object
from trimtab.ports.renderer import ChartRepository, Charts, Renderer
from trimtab.ports.source import Repository

CHART_TIMEOUT = timedelta(seconds=60)
RESOLVED_FOR_SECONDS = 180.0


def chart_repository(repository: Repository) -> ChartRepository:
    """Return a registered repository as the engine's network methods want it."""
    given = repository.credentials
    is_oci = repository.kind == "oci" or repository.url.startswith("oci://")
    # Argo CD states OCI registries without a scheme: a URL with none is one.
    is_oci = is_oci or "://" not in repository.url
    return ChartRepository(
        url=repository.url,
        username=given.username,
        password=given.password,
        ca_pem=given.ca_pem,
        client_cert_pem=given.client_cert_pem,
        client_key_pem=given.client_key_pem,
        insecure=given.insecure,
        is_oci=is_oci,
    )


@dataclass(slots=True)
class _Pulled:
    """One unpacked chart; whoever comes while it is being pulled waits for the lock."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    folder: Path | None = None
    name: str = ""
    users: int = 0


class ChartStore:
    """Versions and unpacked charts of Helm repositories and OCI registries.

    Args:
        charts: The engines' network methods.
        folder: Private folder for unpacked charts.
        monotonic: Seconds on a clock that never goes back.
        keep: Charts that stay unpacked.
    """

    def __init__(
        self, charts: Charts, folder: Path, monotonic: Callable[[], float], *, keep: int = 32
    ) -> None:
        self._charts = charts
        self._folder = folder
        self._monotonic = monotonic
        self._keep = keep
        self._resolved: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._pulled: OrderedDict[tuple[str, str, str], _Pulled] = OrderedDict()

    async def resolve(
        self, repository: Repository, chart: str, constraint: str, *, fresh: bool = False
    ) -> str:
        """Return the newest version that a constraint allows, asked anew every few minutes.

        Raises:
            EngineError: No such chart or version, or the repository does not answer.
        """
        key = (repository.url, chart, constraint)
        known = self._resolved.get(key)
        now = self._monotonic()
        if known is not None and not fresh and now - known[0] < RESOLVED_FOR_SECONDS:
            return known[1]
        version = await self._charts.resolve(
            chart_repository(repository), chart, constraint, timeout=CHART_TIMEOUT
        )
        self._resolved[key] = (now, version)
        return version

    @asynccontextmanager
    async def unpacked(
        self, repository: Repository, chart: str, version: str
    ) -> AsyncGenerator[tuple[Path, str]]:
        """Lend the folder that holds an unpacked chart, and the chart's folder in it.

        Raises:
            EngineError
        """
        entry = self._pulled.setdefault((repository.url, chart, version), _Pulled())
        self._pulled.move_to_end((repository.url, chart, version))
        entry.users += 1
        try:
            async with entry.lock:
                if entry.folder is None or not entry.folder.exists():
                    await self._pull(entry, repository, chart, version)
            assert entry.folder is not None
            yield entry.folder, entry.name
        finally:
            entry.users -= 1
            await self._trim()

    async def _pull(self, entry: _Pulled, repository: Repository, chart: str, version: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix="chart-", dir=self._folder))
        try:
            entry.name = await self._charts.pull(
                chart_repository(repository), chart, version, folder, timeout=CHART_TIMEOUT
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        entry.folder = folder

    async def _trim(self) -> None:
        idle = [key for key, entry in self._pulled.items() if entry.users == 0]
        for key in idle[: max(0, len(self._pulled) - self._keep)]:
            entry = self._pulled.pop(key)
            if entry.folder is not None:
                await asyncio.to_thread(shutil.rmtree, entry.folder, ignore_errors=True)


class Dependencies:
    """Fetches the dependencies that a chart in Git states and does not carry.

    Args:
        renderer: Engines.
        find: Returns a repository with its registered credentials, by URL.
    """

    def __init__(self, renderer: Renderer, find: Callable[[str], Repository]) -> None:
        self._renderer = renderer
        self._find = find
        # Weak: a lock lives as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    @property
    def busy(self) -> int:
        """How many charts are being completed."""
        return len(self._locks)

    async def complete(self, root: Path, path: str) -> None:
        """Put the dependencies that a chart lacks into its charts/ folder.

        Args:
            root: An exported tree.
            path: The chart's folder in it.

        Raises:
            EngineError: A dependency cannot be had.
        """
        chart = root / path
        lock = self._locks.setdefault(chart, asyncio.Lock())
        async with lock:
            stated = await self._stated(chart)
            urls = sorted({str(dependency.get("repository") or "") for dependency in stated})
            repositories = [chart_repository(self._find(url)) for url in urls if "://" in url]
            await self._renderer.build_dependencies(
                root=root, path=path, repositories=repositories, timeout=CHART_TIMEOUT
            )

    async def _stated(self, chart: Path) -> Sequence[JsonObject]:
        file = chart / "Chart.yaml"
        text = await asyncio.to_thread(_read, file)
        documents = await self._renderer.parse(text, timeout=CHART_TIMEOUT)
        listed = as_list(documents[0].get("dependencies")) if documents else ()
        return tuple(as_object(item) for item in listed)


def _read(file: Path) -> str:
    return file.read_text() if file.is_file() else ""
