"""A certificate authority per cluster: server, client and service account keys, all on P-256.

Keys are elliptic because a fleet of twenty needs a hundred of them before it can start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=3650)
# Clocks of a machine and of a container on it may differ by a little; a day costs nothing.
_BACKDATED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate and its private key, both PEM."""

    cert_pem: str
    key_pem: str


@dataclass(frozen=True, slots=True)
class Authority:
    """A cluster's certificate authority."""

    cert_pem: str
    key_pem: str

    @classmethod
    def create(cls, common_name: str) -> Authority:
        """Make a new self-signed authority."""
        key = _new_key()
        name = _name(common_name, ())
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(name, key, now - _BACKDATED, now + _LIFETIME)
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return cls(cert_pem=_pem(certificate), key_pem=private_pem(key))

    def issue_server(self) -> ClientCertificate:
        """Issue the certificate of a kube-apiserver on loopback."""
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.DNSName("kubernetes.default.svc"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("10.96.0.1")),
            ]
        )
        now = datetime.now(UTC)
        return self._issue(
            _name("kube-apiserver", ()),
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            not_before=now - _BACKDATED,
            not_after=now + _LIFETIME,
            names=names,
        )

    def issue_client(
        self,
        common_name: str,
        organisations: Sequence[str] = (),
        *,
        not_after: datetime | None = None,
    ) -> ClientCertificate:
        """Issue a client certificate.

        Args:
            common_name: The Kubernetes user name.
            organisations: The Kubernetes groups; ``system:masters`` may do everything.
            not_after: When it expires, with a time zone; a time in the past makes an expired
                certificate. By default in ten years.

        Returns:
            The certificate, valid since a day before now or before ``not_after``, and its key.
        """
        now = datetime.now(UTC)
        end = not_after or now + _LIFETIME
        return self._issue(
            _name(common_name, organisations),
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            not_before=min(now, end) - _BACKDATED,
            not_after=end,
        )

    def _issue(
        self,
        subject: x509.Name,
        *,
        usage: x509.ObjectIdentifier,
        not_before: datetime,
        not_after: datetime,
        names: x509.SubjectAlternativeName | None = None,
    ) -> ClientCertificate:
        issuer = x509.load_pem_x509_certificate(self.cert_pem.encode())
        issuer_key = serialization.load_pem_private_key(self.key_pem.encode(), password=None)
        assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
        key = _new_key()
        builder = (
            _builder(subject, key, not_before, not_after)
            .issuer_name(issuer.subject)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                # Python 3.13 verifies with VERIFY_X509_STRICT, which wants it.
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                critical=False,
            )
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(issuer_key, hashes.SHA256())
        return ClientCertificate(cert_pem=_pem(certificate), key_pem=private_pem(key))


def new_signing_key() -> tuple[str, str]:
    """Return a service account signing key and its public half, both PEM."""
    key = _new_key()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private_pem(key), public.decode()


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a private key in PKCS #8 form."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str, organisations: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    return x509.Name(attributes)


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
