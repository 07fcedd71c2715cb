"""One control plane of a fleet: its address and credentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trimtab.adapters.localfleet.pki import Authority, ClientCertificate
from trimtab.adapters.localfleet.plan import cluster_folder


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """How to reach one cluster as its administrator, by certificate or by token.

    Attributes:
        index: 0 is the hub by convention.
        server: URL of the kube-apiserver, on loopback; it stays the same for the run.
        ca_pem: Certificate authority of this cluster only.
        client_cert_pem: Certificate of a member of ``system:masters``.
        client_key_pem: Its key.
        token: Bearer token of a member of ``system:masters``.
        kubeconfig_path: A self-contained kubeconfig for the client certificate.
    """

    index: int
    server: str
    ca_pem: str
    client_cert_pem: str
    client_key_pem: str
    token: str
    kubeconfig_path: Path

    def user_cert(
        self,
        common_name: str,
        organisations: Sequence[str] = (),
        *,
        not_after: datetime | None = None,
    ) -> ClientCertificate:
        """Issue a certificate that this cluster takes for the given user and groups.

        Args:
            common_name: User name. Without role bindings it may do next to nothing.
            organisations: Groups.
            not_after: Expiry; a time in the past makes an expired certificate.
        """
        ca_key = self.kubeconfig_path.with_name("ca.key").read_text()
        authority = Authority(cert_pem=self.ca_pem, key_pem=ca_key)
        return authority.issue_client(common_name, organisations, not_after=not_after)


def load_cluster(folder: Path, index: int, server: str) -> LocalCluster:
    """Read one cluster's credentials from a run folder."""
    files = cluster_folder(folder, index)
    return LocalCluster(
        index=index,
        server=server,
        ca_pem=(files / "ca.crt").read_text(),
        client_cert_pem=(files / "admin.crt").read_text(),
        client_key_pem=(files / "admin.key").read_text(),
        token=(files / "admin.token").read_text(),
        kubeconfig_path=files / "admin.kubeconfig",
    )
