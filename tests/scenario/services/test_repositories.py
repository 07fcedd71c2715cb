"""Which credentials open which repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.bootstrap.settings import ServeSettings
from trimtab.core.manifest import canonical_json, parse_live
from trimtab.services.giturls import (
    canonical_url,
    display_url,
    is_same_repository,
    parse_git_url,
    web_url_matches,
)
from trimtab.services.registry import PARAMETERS, book_of
from trimtab.services.repositories import (
    Registration,
    RegistrationKind,
    RepositoryBook,
    parse_registration,
)

REPOSITORY, TEMPLATE = RegistrationKind.REPOSITORY, RegistrationKind.TEMPLATE


def repo(url: str, **data: str) -> Registration:
    return parse_registration(REPOSITORY, {"url": url, **data})


def template(url: str, **data: str) -> Registration:
    return parse_registration(TEMPLATE, {"url": url, **data})


def test_every_field_of_a_secret_is_read() -> None:
    found = repo(
        "https://git.example.com/a",
        type="helm",
        name="charts",
        project="blue",
        username="jo",
        password="pw",
        bearerToken="bt",
        sshPrivateKey="key",
        tlsClientCertData="cert",
        tlsClientCertKey="ckey",
        insecure="true",
        proxy="http://proxy:1",
        enableOCI="true",
        forceHttpBasicAuth="true",
        githubAppID="1",
        enableLfs="true",
        depth="1",
        insecureOCIForceHttp="false",
    )
    given = found.repository.credentials
    assert (found.repository.kind, found.name, found.project) == ("helm", "charts", "blue")
    assert (given.username, given.password, given.bearer_token) == ("jo", "pw", "bt")
    assert (given.ssh_private_key, given.client_cert_pem, given.client_key_pem) == (
        "key",
        "cert",
        "ckey",
    )
    assert (given.insecure, given.proxy, found.is_oci) == (True, "http://proxy:1", True)
    assert found.unsupported == ("depth", "enableLfs", "githubAppID")
    assert "pw" not in repr(found)


def test_the_exact_repository_wins_over_templates() -> None:
    book = RepositoryBook(
        [
            template("https://git.example.com", username="template"),
            repo("https://git.example.com/team/app.git", username="exact"),
        ]
    )
    assert book.find("https://GIT.example.com/team/app").credentials.username == "exact"
    assert book.find("https://git.example.com/team/other").credentials.username == "template"
    assert book.find("https://git.example.com/team/app").url == "https://git.example.com/team/app"


def test_the_longest_prefix_wins() -> None:
    book = RepositoryBook(
        [
            template("https://git.example.com/", username="host"),
            template("https://git.example.com/team", username="team"),
        ]
    )
    assert book.find("https://git.example.com/team/app").credentials.username == "team"
    assert book.find("https://git.example.com/x").credentials.username == "host"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com.evil.org/a",
        "http://git.example.com/a",
        "https://git.example.com:1/a",
    ],
)
def test_a_prefix_ends_at_its_host_scheme_and_port(url: str) -> None:
    book = RepositoryBook([template("https://git.example.com", password="pw")])
    assert book.find(url).credentials.password == ""


def test_a_repository_without_credentials_takes_a_templates() -> None:
    book = RepositoryBook(
        [
            repo("https://git.example.com/a", insecure="true", proxy="http://p:1"),
            template("https://git.example.com", username="jo"),
        ]
    )
    found = book.find("https://git.example.com/a").credentials
    assert (found.username, found.insecure, found.proxy) == ("jo", True, "http://p:1")


def test_a_projects_own_registration_comes_first_and_is_nobody_elses() -> None:
    url = "https://git.example.com/a"
    book = RepositoryBook(
        [repo(url, username="common"), repo(url, username="blue", project="blue")]
    )
    assert book.find(url, project="blue").credentials.username == "blue"
    assert book.find(url, project="red").credentials.username == "common"
    only = RepositoryBook([repo(url, username="blue", project="blue")])
    assert only.find(url, project="red").credentials.username == ""


def test_what_a_secret_asks_for_in_vain_comes_with_the_repository() -> None:
    book = RepositoryBook(
        [
            template("https://git.example.com/", username="jo", githubAppID="1"),
            repo("https://git.example.com/a", depth="1"),
            repo("https://git.example.com/b", username="me", enableLfs="true"),
        ]
    )
    assert book.find("https://git.example.com/a").unsupported == ("depth", "githubAppID")
    assert book.find("https://git.example.com/b").unsupported == ("enableLfs",)
    assert book.find("https://git.example.com/c").unsupported == ("githubAppID",)
    assert book.find("https://other.example.com/c").unsupported == ()


@pytest.mark.parametrize(
    ("host", "no_proxy", "exempt"),
    [
        ("git.example.com", "*", True),
        ("git.example.com", "a.example, example.com", True),
        ("git.example.com", ".example.com", True),
        ("git.example.com", "*.example.com", True),
        ("git.example.com", "git.example.com:443", True),
        ("example.com", ".example.com", False),
        ("notexample.com", "example.com", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8,::1", False),
        ("git.example.com", "", False),
        ("git.example.com", " , ", False),
    ],
)
def test_a_proxy_is_left_out_for_its_exceptions(host: str, no_proxy: str, *, exempt: bool) -> None:
    book = RepositoryBook([repo(f"https://{host}/a", proxy="http://proxy:1", noProxy=no_proxy)])
    assert book.find(f"https://{host}/a").credentials.proxy == ("" if exempt else "http://proxy:1")


@pytest.mark.parametrize("url", ["ghcr.example/org/charts", "oci://ghcr.example/org/charts"])
@pytest.mark.parametrize("prefix", ["ghcr.example/org", "oci://ghcr.example", "ghcr.example"])
def test_a_registry_is_found_with_and_without_its_scheme(url: str, prefix: str) -> None:
    book = RepositoryBook(
        [template(prefix, type="helm", enableOCI="true", username="jo")],
        authorities={"ghcr.example": "PEM"},
    )
    found = book.find(url).credentials
    assert (found.username, found.ca_pem) == ("jo", "PEM")
    assert book.find("ghcr.example.evil/org/charts").credentials.username == ""


def test_a_registry_with_a_port_is_no_ssh_host() -> None:
    book = RepositoryBook([repo("ghcr.example:5000/org", type="helm", enableOCI="true")])
    assert book.find("ghcr.example:5000/org").credentials.ssh_known_hosts == ""
    book = RepositoryBook(
        [repo("ghcr.example:5000/org", type="oci", username="jo")], known_hosts="hosts"
    )
    found = book.find("oci://ghcr.example:5000/org").credentials
    assert (found.username, found.ssh_known_hosts) == ("jo", "")


def test_authorities_and_known_hosts_come_by_host() -> None:
    book = RepositoryBook(
        [template("git@git.example.com:", sshPrivateKey="key")],
        authorities={"git.example.com": "PEM"},
        known_hosts="git.example.com ssh-ed25519 AAAA",
    )
    assert book.find("https://git.example.com:8443/a").credentials.ca_pem == "PEM"
    assert book.find("https://other.example.com/a").credentials.ca_pem == ""
    over_ssh = book.find("git@git.example.com:team/app.git").credentials
    assert over_ssh.ssh_private_key == "key"
    assert over_ssh.ssh_known_hosts.startswith("git.example.com")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/a.git", "https://jo:pw@H:443/A/", True),
        ("git@h:team/app.git", "ssh://git@h:22/team/app", True),
        ("https://h/a", "http://h/a", False),
        ("https://h/a", "https://h/b", False),
        ("https://h:8443/a", "https://h/a", False),
    ],
)
def test_spellings_of_one_repository(one: str, other: str, *, same: bool) -> None:
    assert is_same_repository(one, other) is same


@pytest.mark.parametrize(
    ("url", "page", "matches"),
    [
        ("https://h/team/app.git", "https://h/team/app", True),
        ("git@h:team/app", "https://h/Team/App", True),
        ("ssh://git@ssh.h:443/team/app.git", "https://h/team/app", True),
        ("http://h:8080/team/app", "https://h/team/app", True),
        ("https://h/team/app2", "https://h/team/app", False),
        ("https://h.evil/team/app", "https://h/team/app", False),
        ("https://h/x/team/app", "https://h/team/app", False),
        ("", "", False),
    ],
)
def test_a_page_and_a_clone_url_belong_together(url: str, page: str, *, matches: bool) -> None:
    assert web_url_matches(url, page) is matches


def test_mirrors_keep_letter_case_apart() -> None:
    assert canonical_url("https://H/App") == "https://h/App" != canonical_url("https://h/app")
    assert canonical_url("git@h:/team/app.git") == "ssh://h/team/app"


@pytest.mark.parametrize("url", ["ext::sh -c id", "/etc", "C:\\x", "file:///etc", "x"])
def test_what_is_no_remote_url_is_a_file(url: str) -> None:
    assert parse_git_url(url).scheme == "file"


def test_a_shown_url_has_no_password() -> None:
    assert display_url("https://jo:p@h/a?x=1") == "https://h/a"
    assert display_url("git@h:a") == "git@h:a"


def test_submodules_are_followed_unless_somebody_says_otherwise() -> None:
    for has_submodules in (True, False):
        book = RepositoryBook([], has_submodules=has_submodules)
        assert book.find("https://git.example/a").submodules is has_submodules


@pytest.mark.parametrize(("said", "follows"), [("false", False), ("true", True), ("", True)])
def test_argo_cd_s_switches_of_submodules_count(
    said: str, *, follows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOCD_GIT_MODULES_ENABLED", said)
    settings = ServeSettings(None, None, "argocd", Path("state"))
    assert settings.has_submodules is follows
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": PARAMETERS},
        "data": {"reposerver.enable.git.submodule": said},
    }
    live = {PARAMETERS: parse_live(canonical_json(body))}
    assert book_of([], live.get).find("https://git.example/a").submodules is follows
