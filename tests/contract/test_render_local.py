"""``trimtab render`` of a folder: real engines, override files included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine_cases import write_tree
from trimtab.cli.offline.render import render

pytest_plugins = ["engine_fixtures"]

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {size: '1'}\n"
CHART = {
    "c/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "c/values.yaml": "size: 1\ncolour: red\n",
    "c/blue.yaml": "colour: blue\n",
    "c/templates/a.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n"
        "data: {size: '{{ .Values.size }}', colour: '{{ .Values.colour }}', "
        "where: '{{ .Release.Namespace }}', kube: '{{ .Capabilities.KubeVersion.Version }}'}\n"
    ),
}


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(render, [str(folder), "-o", "json", *options])


def rendered(folder: Path, *options: str) -> list[dict[str, dict[str, str]]]:
    result = run(folder, *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _engines(engines_binary: Path) -> None:
    """The engines are built."""


def test_a_chart_with_flags_and_override_files(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path,
        {
            **CHART,
            "c/.argocd-source.yaml": "helm: {parameters: [{name: size, value: '7'}]}",
            "c/.argocd-source-shop.yaml": "helm: {valueFiles: [blue.yaml]}",
        },
    )
    flags = ("--dest-namespace", "dock", "--kube-version", "1.31.0")
    (plain,) = rendered(root / "c", "--root", str(root), *flags)
    assert plain["metadata"] == {"name": "c"}
    assert plain["data"] == {"size": "7", "colour": "red", "where": "dock", "kube": "v1.31.0"}
    (named,) = rendered(root / "c", "--root", str(root), *flags, "--name", "shop")
    assert named["metadata"] == {"name": "shop"}
    assert named["data"]["colour"] == "blue"


def test_a_kustomization_with_override_files(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path,
        {
            "k/kustomization.yaml": "resources: [a.yaml]",
            "k/a.yaml": CONFIG,
            "k/.argocd-source.yaml": "kustomize: {namePrefix: eu-}",
        },
    )
    assert [body["metadata"]["name"] for body in rendered(root / "k")] == ["eu-one"]


def test_a_directory_goes_below_when_it_is_told_to(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a.yaml": CONFIG, "d/e/b.yaml": CONFIG.replace("one", "two")})
    assert len(rendered(root / "d")) == 1
    assert len(rendered(root / "d", "--recurse")) == 2
    (root / "d" / ".argocd-source.yaml").write_text("directory: {recurse: true}")
    assert len(rendered(root / "d")) == 2


def test_a_broken_override_file_is_named(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {**CHART, "c/.argocd-source.yaml": "helm: [1]"})
    result = run(root / "c", "--root", str(root))
    assert result.exit_code != 0
    assert "c/.argocd-source.yaml: helm: expected a map" in str(result.exception)
