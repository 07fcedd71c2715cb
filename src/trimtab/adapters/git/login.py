"""Credentials as HTTP headers and TLS contexts. Nothing of them reaches a command line."""

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from trimtab.ports.source import Repository, RepositoryCredentials, RepositoryDenied
from trimtab.services.giturls import url_credentials


def http_headers(repository: Repository) -> Mapping[str, str]:
    """Return the Authorization header of a repository, or nothing.

    A bearer token wins over a password; a user in the URL is used when no other is given. A
    password without a user is a token: servers take any name beside it.
    """
    given = repository.credentials
    if given.bearer_token:
        return {"Authorization": f"Bearer {given.bearer_token}"}
    url_user, url_password = url_credentials(repository.url)
    user, password = given.username or url_user, given.password or url_password
    if not user and not password:
        return {}
    pair = base64.b64encode(f"{user or 'x-access-token'}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@lru_cache(maxsize=256)
def tls_context(credentials: RepositoryCredentials) -> ssl.SSLContext:
    """Return how to check a server, and who we are to it.

    Raises:
        RepositoryDenied: A certificate or key cannot be read.
    """
    context = ssl.create_default_context()
    # Python 3.13 would refuse private authorities without key identifiers, which git takes.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if credentials.ca_pem:
            context.load_verify_locations(cadata=credentials.ca_pem)
        if credentials.client_cert_pem:
            _load_client_certificate(context, credentials)
    except (ssl.SSLError, ValueError) as error:
        raise RepositoryDenied(
            "CertificateInvalid",
            "expected PEM certificates in the repository's Secret and argocd-tls-certs-cm, "
            f"found: {error}",
        ) from error
    if credentials.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_client_certificate(context: ssl.SSLContext, credentials: RepositoryCredentials) -> None:
    # The ssl module reads keys from files only; this one lives for microseconds, for us alone.
    descriptor, name = tempfile.mkstemp(prefix="trimtab-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{credentials.client_cert_pem}\n{credentials.client_key_pem}\n")
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
