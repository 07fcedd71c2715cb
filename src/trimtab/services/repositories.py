"""Which credentials open a repository: Argo CD's repository and repo-creds Secrets. Pure.

Rules: a Secret for exactly this repository comes first, one of the asking project before one of all
projects; a repository without credentials of its own takes those of the repo-creds Secret with the
longest matching URL prefix; authorities and known hosts come by host from two ConfigMaps. A prefix
ends at its host: credentials for ``https://git.example.com`` never go to ``git.example.com.evil``.

Source:
    Argo CD, declarative setup, repositories and repository credentials.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from trimtab.core.policy import Project, source_permitted
from trimtab.ports.source import Repository, RepositoryCredentials, RepositoryDenied
from trimtab.services.giturls import GitUrl, is_same_repository, parse_git_url
from trimtab.services.noproxy import is_exempt

_UNDERSTOOD: Final = frozenset(
    {
        "url",
        "name",
        "type",
        "project",
        "username",
        "password",
        "bearerToken",
        "sshPrivateKey",
        "insecure",
        "insecureIgnoreHostKey",
        "enableOCI",
        "tlsClientCertData",
        "tlsClientCertKey",
        "proxy",
        "noProxy",
        "forceHttpBasicAuth",
    }
)
# What these say where they ask for nothing.
_NOTHING: Final = ("", "0", "false", "f")


class RegistrationKind(StrEnum):
    """What a Secret's ``argocd.argoproj.io/secret-type`` says."""

    REPOSITORY = "repository"
    TEMPLATE = "repo-creds"


@dataclass(frozen=True, slots=True)
class Registration:
    """One Secret.

    Args:
        kind: One repository, or a template for all below a prefix.
        repository: URL, or URL prefix, and credentials.
        name: Given name, may be empty.
        project: The only project that may use it; empty means all.
        is_oci: Charts are in an OCI registry.
        unsupported: Fields that say something this version does not do, sorted.
    """

    kind: RegistrationKind
    repository: Repository
    name: str = ""
    project: str = ""
    is_oci: bool = False
    unsupported: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The URL, or the prefix."""
        return self.repository.url


def parse_registration(kind: RegistrationKind, data: Mapping[str, str]) -> Registration:
    """Read a Secret's decoded data.

    Args:
        kind: From its label.
        data: Field to text.
    """
    url = data.get("url", "").strip()
    kind_of_source = data.get("type") or "git"
    host = _parts(url, kind_of_source).host
    goes_direct = is_exempt(host, data.get("noProxy", ""))
    credentials = RepositoryCredentials(
        username=data.get("username", ""),
        password=data.get("password", ""),
        bearer_token=data.get("bearerToken", ""),
        ssh_private_key=data.get("sshPrivateKey", ""),
        client_cert_pem=data.get("tlsClientCertData", ""),
        client_key_pem=data.get("tlsClientCertKey", ""),
        insecure=_flag(data, "insecure") or _flag(data, "insecureIgnoreHostKey"),
        proxy="" if goes_direct else data.get("proxy", ""),
    )
    unsupported = tuple(
        sorted(
            key
            for key, value in data.items()
            if key not in _UNDERSTOOD and value.strip().lower() not in _NOTHING
        )
    )
    return Registration(
        kind=kind,
        repository=Repository(url, credentials, kind=kind_of_source, unsupported=unsupported),
        name=data.get("name", ""),
        project=data.get("project", ""),
        is_oci=_flag(data, "enableOCI") or kind_of_source == "oci",
        unsupported=unsupported,
    )


class RepositoryBook:
    """All registrations, and the answer to "how is this repository opened?".

    Args:
        registrations: In any order; their order decides nothing.
        authorities: ConfigMap ``argocd-tls-certs-cm``: host -> PEM.
        known_hosts: ConfigMap ``argocd-ssh-known-hosts-cm``: the text of ``ssh_known_hosts``.
        has_submodules: Whether submodules are followed.
    """

    def __init__(
        self,
        registrations: Iterable[Registration] = (),
        *,
        authorities: Mapping[str, str] | None = None,
        known_hosts: str = "",
        has_submodules: bool = True,
    ) -> None:
        # Sorted: of two Secrets for one URL, the same one must win after every restart.
        ordered = sorted(registrations, key=lambda r: (r.repository.url, r.project, r.name))
        self._repositories = [r for r in ordered if r.kind is RegistrationKind.REPOSITORY]
        self._templates = [r for r in ordered if r.kind is RegistrationKind.TEMPLATE]
        self._authorities = {host.lower(): pem for host, pem in (authorities or {}).items()}
        self._known_hosts = known_hosts
        self._has_submodules = has_submodules

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """All repositories, then all templates, each sorted by URL."""
        return (*self._repositories, *self._templates)

    def find(self, url: str, *, project: str = "", kind: str = "git") -> Repository:
        """Return the repository with the credentials that open it.

        Args:
            url: As an Application names it.
            project: The Application's project.
            kind: What it is when no Secret says so.

        Returns:
            Always a repository: one that nobody registered is tried without credentials.
        """
        exact = self._exact(url, project)
        found = exact.repository if exact else Repository(url, kind=kind)
        credentials, unsupported = found.credentials, found.unsupported
        template = None if any(_login(credentials)) else self._template(url, project)
        if template is not None:
            credentials = _filled(credentials, template.repository.credentials)
            unsupported = tuple(sorted({*unsupported, *template.unsupported}))
        registered = exact or template
        parts = _parts(url, registered.repository.kind if registered else kind)
        return replace(
            found,
            url=url,
            credentials=self._trusting(parts, credentials),
            unsupported=unsupported,
            submodules=self._has_submodules,
            project=project,
        )

    def _exact(self, url: str, project: str) -> Registration | None:
        matching = [
            registration
            for registration in self._repositories
            if registration.project in ("", project) and _is_same(registration.repository, url)
        ]
        # A project's own registration before the common one.
        return max(matching, key=lambda r: bool(r.project), default=None)

    def _template(self, url: str, project: str) -> Registration | None:
        matching = [
            registration
            for registration in self._templates
            if registration.project in ("", project) and _is_prefix(registration.repository, url)
        ]
        return max(
            matching,
            key=lambda r: (len(parse_git_url(r.repository.url).path), bool(r.project)),
            default=None,
        )

    def _trusting(self, parts: GitUrl, credentials: RepositoryCredentials) -> RepositoryCredentials:
        if parts.scheme == "ssh":
            return replace(credentials, ssh_known_hosts=self._known_hosts)
        with_port = f"{parts.host}:{parts.port}"
        pem = self._authorities.get(parts.host) or self._authorities.get(with_port, "")
        return replace(credentials, ca_pem=pem) if pem else credentials


def permitted_submodule(
    found: Repository, parent: Repository, project: Project | None
) -> Repository:
    """Return a submodule's repository if it may be opened for the parent.

    Args:
        found: With the credentials that are registered for it.
        parent: Whose submodule it is.
        project: Of the parent.

    Raises:
        RepositoryDenied: Other credentials than the parent's would open what the project does not
            permit: whoever may commit to the parent could read any registered repository.
    """
    login = _login(found.credentials)
    is_own = not any(login) or login == _login(parent.credentials)
    if is_own or (project is not None and source_permitted(project, found.url)):
        return found
    raise RepositoryDenied(
        "RepositoryDenied",
        "it is registered with credentials of its own and not permitted in project "
        f"'{project.name if project is not None else found.project}': add it to the project's "
        "sourceRepos",
    )


def _flag(data: Mapping[str, str], key: str) -> bool:
    return data.get(key, "").strip().lower() in ("true", "1", "t")


def _login(credentials: RepositoryCredentials) -> tuple[str, ...]:
    """Return what opens something."""
    return (
        credentials.username,
        credentials.password,
        credentials.bearer_token,
        credentials.ssh_private_key,
        credentials.client_cert_pem,
    )


def _filled(own: RepositoryCredentials, template: RepositoryCredentials) -> RepositoryCredentials:
    """Return a template's credentials with what the repository itself says about its connection."""
    return replace(
        template,
        insecure=own.insecure or template.insecure,
        proxy=own.proxy or template.proxy,
    )


def _with_scheme(url: str, kind: str) -> str:
    """Return a URL with its scheme: that of a registry of charts may be left out."""
    return url if kind == "git" or "://" in url or url.startswith("git@") else f"oci://{url}"


def _parts(url: str, kind: str) -> GitUrl:
    return parse_git_url(_with_scheme(url, kind))


def _is_same(registered: Repository, url: str) -> bool:
    kind = registered.kind
    return is_same_repository(_with_scheme(registered.url, kind), _with_scheme(url, kind))


def _is_prefix(template: Repository, url: str) -> bool:
    wanted, found = _parts(template.url, template.kind), _parts(url, template.kind)
    if wanted[:3] != found[:3] or not wanted.host:
        return False
    return found.path.lower().startswith(wanted.path.lower())
