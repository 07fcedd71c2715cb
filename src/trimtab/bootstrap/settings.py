"""Settings of ``trimtab serve``, read once."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What ``trimtab serve`` is told.

    Args:
        kubeconfig: The hub's; None for the usual search, or the pod's own account.
        context: In the kubeconfig.
        namespace: Of Applications and settings in the hub.
        state_dir: Ledger and caches.
        listen: ``host:port`` of webhook, health and metrics; port 0 picks a free one.
        poll_interval: How often repositories are asked for new commits.
        workers: Applications looked at at once.
        engine_workers: Processes of the engines.
        engine_memory_bytes: Limit of each.
        observe_only: Write nothing.
        take_over: Write although another controller of Applications is alive in the hub.
        install_crds: Install missing CustomResourceDefinitions.
        has_submodules: Whether submodules of Git repositories are followed.
    """

    kubeconfig: Path | None
    context: str | None
    namespace: str
    state_dir: Path
    listen: str = "127.0.0.1:8480"
    poll_interval: timedelta = timedelta(seconds=15)
    workers: int = 64
    engine_workers: int = 2
    engine_memory_bytes: int = 1 << 30
    observe_only: bool = False
    take_over: bool = False
    install_crds: bool = True
    has_submodules: bool = field(default_factory=lambda: _is_not_off("ARGOCD_GIT_MODULES_ENABLED"))

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.state_dir / "ledger.db"

    @property
    def cache_dir(self) -> Path:
        """Mirrors and exports; may be deleted at any time."""
        return self.state_dir / "cache"


def _is_not_off(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("false", "0", "f")
