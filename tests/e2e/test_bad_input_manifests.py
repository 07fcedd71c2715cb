"""Commits whose files cannot be made into objects, or into objects that may be applied."""

from __future__ import annotations

from e2e.bad_input import GOOD, deliver, manifest, refused_at_first, tells
from e2e.installation import PROJECT, Case, config_map
from e2e.seen import Json

MANY = 12
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n"


async def test_broken_yaml_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/broken.yaml": f"{HEAD}data: [1, 2\nb: }}\n"})
    await delivered.refuses("broken.yaml", sha)


async def test_a_yaml_bomb_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    laughs = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, MANY)]
    bomb = [f"{HEAD}data:", "  a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    text = "\n  ".join([*bomb, *laughs])
    sha = await case.commit({"app/bomb.yaml": text})
    await delivered.refuses("bomb.yaml", sha)


async def test_deeply_nested_yaml_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/deep.yaml": f"{HEAD}data: " + "[" * 100_000 + "]" * 100_000})
    await delivered.refuses("deep.yaml", sha)


async def test_a_file_of_50_mb_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    big = config_map("big", {"big": "x" * 50_000_000})
    sha = await case.commit({"app/big.yaml": big})
    await delivered.refuses("bytes", sha)


async def test_a_file_that_is_not_text_is_refused(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/latin.yaml": b"kind: \xff\xfe\x00\n"})
    await delivered.refuses("latin.yaml", sha)


async def test_a_folder_named_kustomization_is_no_kustomization(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/kustomization.yaml/inner.yaml": config_map("inner", {})})
    view = await delivered.app.delivered(sha)
    assert view.status["sourceType"] == "Directory"
    assert await case.versions() == delivered.before


async def test_of_two_documents_with_the_same_key_the_user_is_told(case: Case) -> None:
    delivered = await deliver(case)
    twice = f"{config_map('one', {'a': 'x'})}\n---\n{config_map('one', {'a': 'x'})}\n"
    await case.commit({"app/one.yaml": config_map("one", {"a": "1"}), "app/twice.yaml": twice})
    view = await delivered.app.until(lambda a: a.has("RepeatedResourceWarning", "one"))
    assert "3 times" in view.said
    await case.installation.witness_moves()
    await tells(delivered.app, "RepeatedResourceWarning", "the last one is used")


async def test_an_object_without_kind_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    # The file's first document makes it one of manifests, which is what Argo CD goes by as well.
    text = f"{HEAD}---\napiVersion: v1\nmetadata: {{name: nameless-kind}}\n"
    sha = await case.commit({"app/new.yaml": text})
    await delivered.refuses("kind", sha)


async def test_an_object_without_name_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    sha = await case.commit({"app/new.yaml": "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n"})
    await delivered.refuses("metadata.name", sha)


async def test_an_unknown_kind_changes_nothing(case: Case) -> None:
    delivered = await deliver(case)
    widget = manifest("Widget", "w", f"{case.name}.example.com/v1")
    await case.commit({"app/a.yaml": config_map("new", {}), "app/widget.yaml": widget})
    await delivered.refuses("Widget", "CRD")
    assert delivered.app.view.phase in ("Failed", "Error")


async def test_an_unknown_kind_that_skips_the_dry_run_is_reported_by_object(case: Case) -> None:
    """Preflight was told not to ask: what else is in the commit is delivered, and this fails."""
    delivered = await deliver(case)
    skips = {"argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true"}
    api = f"{case.name}.example.com/v1"
    widget = manifest("Widget", "w", api, metadata={"annotations": skips})
    await case.commit({"app/a.yaml": config_map("new", {}), "app/widget.yaml": widget})
    view = await delivered.app.until(
        lambda a: a.results.get("Widget/w", {}).get("status") == "SyncFailed"
    )
    assert view.results["ConfigMap/new"]["status"] == "Synced"
    after = await case.versions()
    assert delivered.before.items() <= after.items()
    await case.installation.witness_moves()
    assert "Widget" in await delivered.app.told()


async def test_a_kind_that_becomes_known_is_delivered(case: Case) -> None:
    group = f"{case.name}.example.com"
    await case.commit({"app/widget.yaml": manifest("Widget", "w", f"{group}/v1")})
    app = await case.apply_app()
    await refused_at_first(case, app, "Widget")
    await case.target.create(_definition(group))
    try:
        await app.until(lambda a: a.sync == "Synced", seconds=60)
    finally:
        await case.target.delete(
            "apiextensions.k8s.io/CustomResourceDefinition", f"widgets.{group}"
        )


async def test_a_namespaced_object_without_a_namespace_is_refused(case: Case) -> None:
    await case.commit(GOOD)
    app = await case.apply_app(destination={"namespace": None})
    await refused_at_first(case, app, "metadata.namespace", "one")


async def test_a_forbidden_kind_changes_nothing(case: Case) -> None:
    await _project(case, namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}])
    delivered = await deliver(case, project=case.name)
    await case.commit(
        {"app/a.yaml": config_map("new", {}), "app/s.yaml": manifest("Secret", "hidden")}
    )
    await delivered.refuses("Secret", case.name)


async def test_a_forbidden_destination_changes_nothing(case: Case) -> None:
    await _project(case)
    delivered = await deliver(case, project=case.name)
    await case.apply_app(project=case.name, destination={"namespace": "kube-system"})
    await delivered.refuses("kube-system", case.name)
    # An object that names a namespace of its own is held to the same rule.
    await case.apply_app(project=case.name)
    await case.commit({"app/far.yaml": config_map("far", {}, namespace="kube-system")})
    await delivered.refuses("kube-system", case.name)


async def test_a_project_that_does_not_exist_is_named(case: Case) -> None:
    await case.commit(GOOD)
    app = await case.apply_app(project="nobody")
    await refused_at_first(case, app, "nobody")


async def _project(case: Case, **spec: object) -> None:
    destinations = [{"name": "target", "server": case.target.server, "namespace": case.namespace}]
    body: Json = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": case.name, "namespace": case.installation.namespace},
        "spec": {"sourceRepos": ["*"], "destinations": destinations, **spec},
    }
    await case.hub.apply(body)
    assert await case.hub.get(PROJECT, case.name, case.installation.namespace)


def _definition(group: str) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
