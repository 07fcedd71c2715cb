"""Each field of an Application's status, as the tools of Argo CD read it, on real API servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from e2e.installation import AppView, Case
from e2e.objects import OPTIONS, config, deployment, job, text

MANUAL = {"syncPolicy": {"automated": {"enabled": False}}}
STUCK = {"localfleet.trimtab.dev/ready": "false"}
LINK = "link.argocd.argoproj.io/docs"


def paths_of(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the leaves, as the support table names them."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from paths_of(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from paths_of(item, f"{path}[]")
    else:
        yield path


def ended(app: AppView, phase: str) -> bool:
    """Whether what was asked has been taken up and has ended so."""
    return "operation" not in app.body and app.phase == phase


def entry(app: AppView, name: str) -> dict[str, Any]:
    """Return the entry of status.resources of that name."""
    return next(one for one in app.status["resources"] if one["name"] == name)


async def test_what_was_asked_is_recorded_and_history_names_who_asked(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one"), "app/two.yaml": config("two")})
    app = await case.apply_app(**MANUAL)
    await app.until(lambda a: a.sync == "OutOfSync" and a.revision == sha)
    asked = {
        "initiatedBy": {"username": "dana"},
        "info": [{"name": "Reason", "value": "a test"}],
        "retry": {"limit": 2, "backoff": {"duration": "1s", "factor": 3, "maxDuration": "9s"}},
        "sync": {
            "prune": True,
            "revision": sha,
            "syncOptions": ["PruneLast=true"],
            "syncStrategy": {"hook": {"force": False}},
        },
    }
    await app.patch({"operation": asked})
    view = await app.until(lambda a: ended(a, "Succeeded"))
    assert (
        dict(paths_and_values(asked)).items()
        <= dict(paths_and_values(view.operation["operation"])).items()
    )
    assert view.message == "successfully synced (all tasks run)"
    assert view.status["history"][-1]["initiatedBy"] == {"username": "dana"}


def paths_and_values(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its path; what is empty or false may be left out of a status."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_and_values(item, f"{path}.{key}")
    elif value not in (False, None, "", []):
        yield path, json.dumps(value)


async def test_the_message_of_a_failed_operation_says_what_failed(case: Case) -> None:
    bad = text("ConfigMap", "bad", data={"a": "1"}, metadata={"labels": {"x": "not valid!"}})
    await case.commit({"app/bad.yaml": bad})
    app = await case.apply_app(**MANUAL)
    await app.until(lambda a: a.sync == "OutOfSync")
    await app.start()
    view = await app.until(lambda a: ended(a, "Failed"))
    assert "ConfigMap" in view.message
    assert "bad" in view.message
    result = view.results["ConfigMap/bad"]
    assert result["status"] == "SyncFailed"
    assert "not valid!" in result["message"]


async def test_revisions_of_several_sources(case: Case) -> None:
    first = await case.commit({"one/c.yaml": config("one")})
    second = await case.commit({"two/c.yaml": config("two")})
    url = case.repo.url
    sources = [
        {"repoURL": url, "targetRevision": first, "path": "one"},
        {"repoURL": url, "targetRevision": second, "path": "two"},
    ]
    app = await case.apply_app(source=None, sources=sources)
    view = await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded")
    result, history = view.operation["syncResult"], view.status["history"][-1]
    for recorded in (result, history):
        assert recorded["revisions"] == [first, second]
        assert recorded["sources"] == sources
        assert not recorded.get("revision")
        assert "source" not in recorded
    assert view.status["sync"]["revisions"] == [first, second]
    assert view.status["sync"]["comparedTo"]["sources"] == sources


async def test_results_name_their_images_and_live_hooks_are_listed(case: Case) -> None:
    files = {
        "app/web.yaml": deployment("web", image="registry.example.com/web:2"),
        "app/one.yaml": config("one"),
        "app/after.yaml": job("after", hook="PostSync", policy="BeforeHookCreation"),
    }
    sha = await case.commit(files)
    app = await case.apply_app()
    await app.delivered(sha)
    view = await app.until(lambda a: any(r.get("hook") for r in a.status["resources"]))
    images = {name: result.get("images") for name, result in view.results.items()}
    assert images == {
        "Deployment/web": ["registry.example.com/web:2"],
        "ConfigMap/one": None,
        "Job/after": ["job:1"],
    }
    hook = entry(view, "after")
    assert hook["hook"] is True
    assert "status" not in hook
    assert hook["health"]["status"] == "Healthy"
    assert "requiresPruning" not in hook
    assert [one["name"] for one in view.status["resources"] if one.get("hook")] == ["after"]
    # A hook is neither drift nor a reason to be unhealthy, and pruning leaves it.
    again = await case.commit({"app/one.yaml": config("one", "2")})
    view = await app.delivered(again)
    assert entry(view, "after")["hook"] is True


async def test_a_resource_says_why_it_is_not_healthy_and_what_needs_confirmation(
    case: Case,
) -> None:
    web = json.loads(deployment("web"))
    web["spec"]["template"]["metadata"]["annotations"] = STUCK
    files = {
        "app/web.yaml": json.dumps(web),
        "app/careful.yaml": config("careful", options="Delete=confirm"),
        "app/pruned.yaml": config("pruned", options="Prune=confirm"),
        "app/plain.yaml": config("plain"),
    }
    await case.commit(files)
    app = await case.apply_app()
    waits = "Waiting for rollout to finish: 0 of 1 updated replicas are available..."
    health = {"status": "Progressing", "message": waits}
    view = await app.until(lambda a: a.sync == "Synced" and entry(a, "web")["health"] == health)
    asks = {r["name"] for r in view.status["resources"] if r.get("requiresDeletionConfirmation")}
    assert asks == {"careful", "pruned"}


async def test_the_summary_tells_where_the_application_is_reached(case: Case) -> None:
    ingress = text(
        "Ingress",
        "web",
        "networking.k8s.io/v1",
        metadata={"annotations": {LINK: "https://docs.example.com"}},
        spec={
            "tls": [{"hosts": ["web.example.com"], "secretName": "cert"}],
            "rules": [
                {
                    "host": "web.example.com",
                    "http": {
                        "paths": [
                            {
                                "path": "/shop",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "web", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        },
    )
    sha = await case.commit({"app/web.yaml": ingress})
    app = await case.apply_app(**MANUAL)
    await app.until(lambda a: a.revision == sha)
    assert "externalURLs" not in app.view.status["summary"]
    await app.start()
    view = await app.until(lambda a: a.status["summary"].get("externalURLs"))
    assert view.status["summary"]["externalURLs"] == [
        "https://docs.example.com",
        "https://web.example.com/shop",
    ]


NOT_WRITTEN = {
    ".health.message",
    ".observedAt",
    ".resourceHealthSource",
    ".resources[].health.lastTransitionTime",
}
"""Deprecated upstream, or, as resourceHealthSource, only said when health is not in the status."""


async def test_what_upstream_writes_no_more_is_not_written(case: Case) -> None:
    sha = await case.commit({"app/web.yaml": deployment("web"), "app/one.yaml": config("one")})
    app = await case.apply_app()
    view = await app.delivered(sha)
    written = set(paths_of(view.status))
    assert {".health.status", ".resources[].health.status", ".reconciledAt"} <= written
    assert written & NOT_WRITTEN == set()
    assert not [path for path in written if path.startswith(".sourceHydrator")]


async def test_an_extraneous_object_may_be_left_out_of_the_comparison(case: Case) -> None:
    options = {
        "metadata": {"annotations": {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}}
    }
    sha = await case.commit(
        {
            "app/kept.yaml": text("ConfigMap", "kept", data={"a": "1"}, **options),
            "app/one.yaml": config("one"),
        }
    )
    app = await case.apply_app(syncPolicy={"automated": {"prune": False, "selfHeal": True}})
    await app.delivered(sha)
    sha = await case.commit({"app/kept.yaml": None})
    view = await app.until(lambda a: a.revision == sha and a.sync == "Synced")
    assert entry(view, "kept")["requiresPruning"] is True
    assert entry(view, "kept")["status"] == "OutOfSync"
    # Without the option the same absence is a difference.
    sha = await case.commit({"app/one.yaml": None, "app/two.yaml": config("two")})
    view = await app.until(lambda a: a.revision == sha and a.sync == "OutOfSync")
    assert await case.target.get("ConfigMap", "kept", case.namespace) is not None


async def test_server_side_compare_options_are_accepted(case: Case) -> None:
    """Every comparison is the server's here: asking for it, or against it, changes nothing."""
    notes = {
        "argocd.argoproj.io/compare-options": "ServerSideDiff=false,IncludeMutationWebhook=true"
    }
    options = {OPTIONS: "Prune=false"}
    one = text("ConfigMap", "one", data={"a": "1"}, metadata={"annotations": {**notes, **options}})
    sha = await case.commit({"app/one.yaml": one})
    app = await case.apply_app()
    view = await app.delivered(sha)
    assert view.conditions == {}
