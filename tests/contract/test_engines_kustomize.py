"""``kustomize.build`` gives what `kustomize edit` and `build` give, and writes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine_cases import SOON, Oracle, write_tree
from trimtab.adapters.engines import EngineRenderer
from trimtab.core.render import KustomizeOptions, KustomizePatch, KustomizeRequest
from trimtab.ports.renderer import EngineError

pytest_plugins = ["engine_fixtures"]

SERVICE_PATCH = "{apiVersion: v1, kind: Service, metadata: {name: crane, annotations: {a: b}}}"

CASES: dict[str, tuple[KustomizeOptions, list[list[str]]]] = {
    "as it is": (KustomizeOptions(), []),
    "prefix and suffix": (
        KustomizeOptions(name_prefix="eu-", name_suffix="-1"),
        [["set", "nameprefix", "eu-"], ["set", "namesuffix", "--", "-1"]],
    ),
    "images by tag, digest and new name": (
        KustomizeOptions(
            images=("registry.example/crane:2.0", f"fluent=mirror.example/fluent@sha256:{'a' * 64}")
        ),
        [
            [
                "set",
                "image",
                "registry.example/crane:2.0",
                f"fluent=mirror.example/fluent@sha256:{'a' * 64}",
            ]
        ],
    ),
    "an image with its new name only": (
        KustomizeOptions(images=("fluent=mirror.example/fluent",)),
        [["set", "image", "fluent=mirror.example/fluent"]],
    ),
    "replicas": (KustomizeOptions(replicas=(("crane", 8),)), [["set", "replicas", "crane=8"]]),
    "labels with selectors": (
        KustomizeOptions(common_labels={"team": "sea", "tier": "a"}),
        [["add", "label", "team:sea", "tier:a"]],
    ),
    "labels without selectors, in templates": (
        KustomizeOptions(
            common_labels={"team": "sea"}, label_without_selector=True, label_include_templates=True
        ),
        [["add", "label", "--without-selector", "--include-templates", "team:sea"]],
    ),
    "annotations": (
        KustomizeOptions(common_annotations={"note": "a:b"}),
        [["add", "annotation", "note:a:b"]],
    ),
    "namespace": (KustomizeOptions(namespace="dock"), [["set", "namespace", "dock"]]),
    "components": (
        KustomizeOptions(components=("../component",)),
        [["add", "component", "../component"]],
    ),
    "components of which one is missing": (
        KustomizeOptions(components=("../component", "../gone"), ignore_missing_components=True),
        [["add", "component", "../component"]],
    ),
    "a patch by target": (
        KustomizeOptions(
            patches=(
                KustomizePatch(
                    patch='[{"op": "replace", "path": "/spec/replicas", "value": 9}]',
                    target={"kind": "Deployment"},
                ),
            )
        ),
        [
            [
                "add",
                "patch",
                "--kind",
                "Deployment",
                "--patch",
                '[{"op": "replace", "path": "/spec/replicas", "value": 9}]',
            ]
        ],
    ),
    "a patch of its own": (
        KustomizeOptions(patches=(KustomizePatch(patch=SERVICE_PATCH),)),
        [
            [
                "add",
                "patch",
                "--patch",
                SERVICE_PATCH,
            ]
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_objects_and_their_order_equal_kustomize(
    case: str, tree: Path, renderer: EngineRenderer, oracle: Oracle
) -> None:
    options, edits = CASES[case]
    theirs = tree.with_name("theirs")
    shutil.copytree(tree, theirs)
    for edit in edits:
        await oracle.run("kustomize", "edit", *edit, cwd=theirs / "kustomize" / "overlay")
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    ours = await renderer.render(
        KustomizeRequest(path="kustomize/overlay", options=options), root=tree, timeout=SOON
    )
    expected = await oracle.objects("kustomize", "build", "kustomize/overlay", cwd=theirs)
    assert list(ours.objects) == list(expected)
    assert before == {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}


async def test_the_read_set_names_bases_and_patches(tree: Path, renderer: EngineRenderer) -> None:
    asked = KustomizeRequest(path="kustomize/overlay")
    output = await renderer.render(asked, root=tree, timeout=SOON)
    assert output.read == (
        "kustomize/base/deploy.yaml",
        "kustomize/base/kustomization.yaml",
        "kustomize/base/service.yaml",
        "kustomize/overlay/kustomization.yaml",
        "kustomize/overlay/replicas.yaml",
    )


async def test_variables_are_expanded_in_labels_and_on_demand_in_annotations(
    tree: Path, renderer: EngineRenderer
) -> None:
    for expand, expected in ((True, "crane-app"), (False, "${APP}")):
        options = KustomizeOptions(
            common_labels={"app.example/of": "${APP}"},
            common_annotations={"of": "${APP}"},
            common_annotations_envsubst=expand,
        )
        asked = KustomizeRequest("kustomize/overlay", options, env={"APP": "crane-app"})
        output = await renderer.render(asked, root=tree, timeout=SOON)
        for each in output.objects:
            metadata = each["metadata"]
            assert isinstance(metadata, dict)
            assert metadata["labels"]["app.example/of"] == "crane-app"
            assert metadata["annotations"]["of"] == expected


def of(text: str) -> dict[str, str]:
    return {"k/kustomization.yaml": text}


REFUSED = {
    "no kustomization": ({"k/a.yaml": "kind: A"}, "render", "kustomization"),
    "broken YAML": (of("resources: [a"), "render", "kustomization in k"),
    "a missing resource": (of("resources: [gone.yaml]"), "render", "gone.yaml"),
    "a base outside of the repository": (of("resources: [../../elsewhere]"), "forbidden", "leaves"),
    "a file outside of the kustomization": (of("resources: [../a.yaml]"), "render", "security"),
    "a remote file": (of("resources: [http://127.0.0.1:9/a.yaml]"), "render", "127.0.0.1"),
    "a remote base": (
        of("resources:\n- https://example.invalid/org/repo?ref=main"),
        "render",
        "example.invalid",
    ),
    "charts in a kustomization": (
        of("helmCharts: [{name: a, repo: https://x.invalid}]"),
        "render",
        "enable-helm",
    ),
    "a plugin": (
        {
            **of("generators: [g.yaml]"),
            "k/g.yaml": "apiVersion: x/v1\nkind: G\nmetadata: {name: g}",
        },
        "render",
        "plugin",
    ),
    "a base that includes itself": (of("resources: [../k]"), "render", "cycle"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_kustomization_is_refused_with_its_reason(
    case: str, tmp_path: Path, renderer: EngineRenderer
) -> None:
    files, code, words = REFUSED[case]
    write_tree(tmp_path, {"elsewhere/kustomization.yaml": "resources: []"})
    root = write_tree(tmp_path / "root", {**files, "a.yaml": "kind: A"})
    with pytest.raises(EngineError) as refused:
        await renderer.render(KustomizeRequest(path="k"), root=root, timeout=SOON)
    assert words in refused.value.summary
    assert refused.value.code == code
    assert str(tmp_path) not in refused.value.summary


async def test_a_symlink_out_of_the_repository_is_refused(
    tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path / "root", of("resources: [a.yaml]"))
    write_tree(tmp_path, {"a.yaml": "kind: A"})
    (root / "k" / "a.yaml").symlink_to("../../a.yaml")
    for flags in ((), ("--load-restrictor", "LoadRestrictionsNone")):
        asked = KustomizeRequest(path="k", build_options=flags)
        with pytest.raises(EngineError, match="leaves the repository"):
            await renderer.render(asked, root=root, timeout=SOON)


async def test_build_options_are_known_or_refused(tmp_path: Path, renderer: EngineRenderer) -> None:
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}"
    root = write_tree(tmp_path, {**of("resources: [../a.yaml]"), "a.yaml": config_map})
    free = KustomizeRequest(path="k", build_options=("--load-restrictor=LoadRestrictionsNone",))
    assert len((await renderer.render(free, root=root, timeout=SOON)).objects) == 1
    charts = KustomizeRequest(path="k", build_options=("--enable-helm",))
    with pytest.raises(EngineError, match="--enable-helm"):
        await renderer.render(charts, root=root, timeout=SOON)


async def test_a_schema_of_one_build_does_not_leak_into_the_next(
    tree: Path, renderer: EngineRenderer
) -> None:
    plain = KustomizeRequest(path="kustomize/overlay")
    before = await renderer.render(plain, root=tree, timeout=SOON)
    schema = '{"definitions": {"v1.Deployment": {"properties": {}}}}'
    write_tree(tree, {"s/kustomization.yaml": "openapi: {path: s.json}", "s/s.json": schema})
    for _ in range(4):  # whichever worker it meets
        await renderer.render(KustomizeRequest(path="s"), root=tree, timeout=SOON)
        assert await renderer.render(plain, root=tree, timeout=SOON) == before
