"""What a fleet consists of, and the files that the supervisor expects before it starts."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trimtab.adapters.localfleet.pki import Authority, new_signing_key

# More would not fit: each needs about 160 MB.
_MOST_CLUSTERS = 100


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What to start.

    Attributes:
        clusters: How many, 1 or more; cluster 0 is the hub by convention.
        separate: Clusters whose API server gets a process of its own, so that it can be killed.
        without_controllers: Clusters that get no controller manager.
        folder: Where everything of the run lives; None for a private temporary folder.
        ephemeral: Whether the supervisor removes the folder when the fleet ends.
    """

    clusters: int
    separate: frozenset[int] = frozenset()
    without_controllers: frozenset[int] = frozenset()
    folder: Path | None = None
    ephemeral: bool = True

    def __post_init__(self) -> None:
        """Refuse a plan that cannot be started."""
        if not 1 <= self.clusters <= _MOST_CLUSTERS:
            raise ValueError(f"a fleet has 1 to {_MOST_CLUSTERS} clusters, not {self.clusters}")
        unknown = sorted((self.separate | self.without_controllers) - set(range(self.clusters)))
        if unknown:
            raise ValueError(f"there is no cluster {unknown[0]} among 0 to {self.clusters - 1}")


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run folder with everything in it that the supervisor reads."""

    folder: Path
    config: Path
    control_token: str


def prepare_run(plan: FleetPlan) -> PreparedRun:
    """Make the run folder, readable by this user only: keys, tokens and the configuration."""
    folder = plan.folder.absolute() if plan.folder else _temporary_folder()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "logs").mkdir(exist_ok=True)
    control_token = secrets.token_hex(16)
    clusters = [
        {
            "index": index,
            "separate": index in plan.separate,
            "controllers": index not in plan.without_controllers,
            "token": _write_cluster(cluster_folder(folder, index), index),
        }
        for index in range(plan.clusters)
    ]
    config = folder / "config.json"
    document = {
        "dir": str(folder),
        "controlToken": control_token,
        "ephemeral": plan.ephemeral,
        "clusters": clusters,
    }
    _write_private(config, json.dumps(document, indent=1))
    return PreparedRun(folder=folder, config=config, control_token=control_token)


def cluster_folder(folder: Path, index: int) -> Path:
    """Return where one cluster's keys and kubeconfigs are."""
    return folder / "clusters" / str(index)


def _temporary_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = runtime if runtime and os.access(runtime, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="trimtab-fleet-", dir=base))


def _write_cluster(folder: Path, index: int) -> str:
    folder.mkdir(parents=True)
    authority = Authority.create(f"localfleet-{index}")
    server = authority.issue_server()
    admin = authority.issue_client("admin", ["system:masters"])
    controllers = authority.issue_client("system:kube-controller-manager", ["system:masters"])
    signing_key, signing_public = new_signing_key()
    token = secrets.token_hex(16)
    files = {
        "ca.crt": authority.cert_pem,
        "ca.key": authority.key_pem,
        "server.crt": server.cert_pem,
        "server.key": server.key_pem,
        "admin.crt": admin.cert_pem,
        "admin.key": admin.key_pem,
        "kcm.crt": controllers.cert_pem,
        "kcm.key": controllers.key_pem,
        "sa.key": signing_key,
        "sa.pub": signing_public,
        "tokens.csv": f'{token},admin,admin,"system:masters"\n',
        "admin.token": token,
    }
    for name, text in files.items():
        _write_private(folder / name, text)
    return token


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
