"""``--dry-run`` on every command that writes: the server is asked, and nothing is stored."""

import pytest

from trimtab.testing.cluster import FakeCluster

from .conftest import Run, application

_SOURCE = ["--repo", "https://git.example.com/shop.git", "--path", "new", "--dest-name", "prod-1"]
_REPOSITORY = "https://git.example.com/team/shop.git"


@pytest.mark.parametrize(
    "command",
    [
        "app create new",
        "app create web --upsert",
        "app delete web",
        "app delete web --no-cascade",
        "app refresh web --hard",
        "app terminate web",
        "cluster add prod --name new",
        "cluster add prod --name known --upsert",
        "cluster remove known",
        f"repo add {_REPOSITORY}",
    ],
)
def test_a_dry_run_says_so_and_stores_nothing(
    command: str, hub: FakeCluster, run: Run, kubeconfig: str
) -> None:
    running = {"operationState": {"phase": "Running", "operation": {}}}
    hub.seed(application(status=running))
    add = ["--from-kubeconfig", kubeconfig]
    if "known" in command:
        assert run("cluster", "add", "prod", "--name", "known", *add).code == 0
    extra = {"app create": _SOURCE, "cluster add": add}
    given = command.split()
    before = len(hub.requests)
    ran = run(*given, *extra.get(" ".join(given[:2]), []), "--dry-run")
    assert ran.code == 0, ran.err
    assert "(dry run)" in ran.out + ran.err
    writes = [r for r in hub.requests[before:] if r.verb not in {"get", "list"}]
    assert all(request.dry_run for request in writes)
    assert writes
