"""``helm.template`` gives what the helm command gives, and refuses what would leave its sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine_cases import SOON, Oracle, write_tree
from trimtab.adapters.engines import EnginePool, EngineRenderer
from trimtab.core.render import HelmFileParameter, HelmParameter, HelmRequest
from trimtab.ports.renderer import EngineError

pytest_plugins = ["engine_fixtures"]


def request(**options: object) -> HelmRequest:
    return HelmRequest(
        **{"path": "chart", "release_name": "rel", "namespace": "port", **options}  # type: ignore[arg-type]
    )


CASES = {
    "the chart's own values": ({}, []),
    "a value file": (
        {"value_files": ("chart/values-prod.yaml",)},
        ["-f", "chart/values-prod.yaml"],
    ),
    "inline values over a value file": (
        {"value_files": ("chart/values-prod.yaml",), "values": "replicas: 7\nstore: {size: 1Gi}"},
        ["-f", "chart/values-prod.yaml", "--set", "replicas=7,store.size=1Gi"],
    ),
    "an object of values takes the place of the text": (
        {"values": "replicas: 1", "values_object": {"replicas": 4}},
        ["--set", "replicas=4"],
    ),
    "null removes a default": ({"values": "image: {tag: null}"}, ["--set", "image.tag=null"]),
    "parameters": (
        {
            "parameters": (
                HelmParameter("image.tag", "8.0", force_string=True),
                HelmParameter("labels.a\\.b/c", "x"),
                HelmParameter("ports", "{1,2}"),
                HelmParameter("note", "one,two"),
            )
        },
        ["--set-string", "image.tag=8.0", "--set", "labels.a\\.b/c=x,ports={1,2},note=one\\,two"],
    ),
    "a file parameter": (
        {"file_parameters": (HelmFileParameter("motd", "chart/motd.toml"),)},
        ["--set-file", "motd=chart/motd.toml"],
    ),
    "another cluster": (
        {"kube_version": "1.29.3", "api_versions": ("monitoring.coreos.com/v1",)},
        ["--kube-version", "1.29.3", "--api-versions", "monitoring.coreos.com/v1"],
    ),
    "without tests": ({"skip_tests": True}, ["--skip-tests"]),
    "a dependency switched off": (
        {"values": "store: {enabled: false}"},
        ["--set", "store.enabled=false"],
    ),
    "no schema validation": (
        {"values": "replicas: -1", "skip_schema_validation": True},
        ["--set", "replicas=-1", "--skip-schema-validation"],
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_objects_and_their_order_equal_helm_template(
    case: str, tree: Path, renderer: EngineRenderer, oracle: Oracle
) -> None:
    options, flags = CASES[case]
    ours = await renderer.render(request(**options), root=tree, timeout=SOON)
    base = ["helm", "template", "rel", "chart", "--namespace", "port", "--include-crds"]
    assert list(ours.objects) == list(await oracle.objects(*base, *flags, cwd=tree))


async def test_definitions_can_be_left_out(
    tree: Path, renderer: EngineRenderer, oracle: Oracle
) -> None:
    ours = await renderer.render(request(skip_crds=True), root=tree, timeout=SOON)
    theirs = await oracle.objects("helm", "template", "rel", "chart", "-n", "port", cwd=tree)
    assert list(ours.objects) == list(theirs)


async def test_the_read_set_is_the_chart_and_the_files_beside_it(
    tree: Path, renderer: EngineRenderer
) -> None:
    write_tree(tree, {"envs/eu.yaml": "replicas: 9"})
    files = ("envs/eu.yaml", "envs/none.yaml", "/chart/values-prod.yaml")
    asked = request(value_files=files, ignore_missing_value_files=True)
    output = await renderer.render(asked, root=tree, timeout=SOON)
    assert output.read == ("chart", "envs/eu.yaml", "envs/none.yaml")


async def test_a_key_given_twice_is_forgiven_with_a_warning(
    tree: Path, engines: EnginePool
) -> None:
    write_tree(
        tree,
        {"c/Chart.yaml": "name: c\nversion: 0.1.0", "c/templates/a.yaml": "kind: A\nx: 1\nx: 2\n"},
    )
    answer = await engines.call("helm.template", {"root": str(tree), "path": "c"}, timeout=SOON)
    assert isinstance(answer, dict)
    assert answer["objects"] == [{"kind": "A", "x": 2}]
    assert 'key "x" already set' in str(answer["warnings"])


CHART = {"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"}
REFUSED = {
    "a function that does not exist": (
        {"c/templates/a.yaml": "{{ nothing }}"},
        "render",
        "nothing",
    ),
    "a call of fail": ({"c/templates/a.yaml": '{{ fail "no berth" }}'}, "render", "no berth"),
    "an include that includes itself": (
        {"c/templates/a.yaml": '{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}'},
        "render",
        "nested reference",
    ),
    "a template that calls itself": (
        {"c/templates/a.yaml": '{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}'},
        "render",
        "depth",
    ),
    "values against the schema": (
        {
            "c/values.schema.json": '{"properties": {"count": {"type": "integer"}}}',
            "c/values.yaml": "count: many",
        },
        "render",
        "got string, want integer",
    ),
    "a schema that reads a file of the machine": (
        {"c/values.schema.json": '{"$ref": "file:///etc/passwd"}'},
        "render",
        "references outside",
    ),
    "broken YAML": ({"c/templates/a.yaml": "a: [1"}, "render", "c/templates/a.yaml"),
    "an object without kind": ({"c/templates/a.yaml": "a: 1"}, "render", "no kind"),
    "a dependency that is not there": (
        {"c/Chart.yaml": CHART["c/Chart.yaml"] + "dependencies: [{name: d, version: 1.x}]"},
        "dependencies",
        "missing in charts/ directory: d",
    ),
    "a library": ({"c/Chart.yaml": CHART["c/Chart.yaml"] + "type: library"}, "render", "library"),
    "a chart for newer clusters": (
        {"c/Chart.yaml": CHART["c/Chart.yaml"] + 'kubeVersion: ">=9.0"'},
        "render",
        "incompatible",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_chart_is_refused_with_its_reason(
    case: str, tmp_path: Path, renderer: EngineRenderer
) -> None:
    files, code, words = REFUSED[case]
    root = write_tree(tmp_path, {**CHART, **files})
    with pytest.raises(EngineError) as refused:
        await renderer.render(request(path="c"), root=root, timeout=SOON)
    assert refused.value.code == code
    assert words in refused.value.summary
    assert str(tmp_path) not in refused.value.summary


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"path": "../other"}, "forbidden"),
        ({"path": "nowhere"}, "not_found"),
        ({"path": "c", "value_files": ("../secret.yaml",)}, "forbidden"),
        ({"path": "c", "value_files": ("absent.yaml",)}, "not_found"),
        ({"path": "c", "value_files": ("link.yaml",)}, "forbidden"),
        ({"path": "c", "file_parameters": (HelmFileParameter("a", "link.yaml"),)}, "forbidden"),
        ({"path": "linked"}, "forbidden"),
        ({"path": "c", "kube_version": "new"}, "invalid"),
        ({"path": "c", "values": "a: [1"}, "invalid"),
    ],
)
async def test_no_path_leaves_the_root(
    options: dict[str, object], code: str, tmp_path: Path, renderer: EngineRenderer
) -> None:
    write_tree(tmp_path, {"secret.yaml": "a: 1", "other/Chart.yaml": CHART["c/Chart.yaml"]})
    root = write_tree(tmp_path / "root", CHART)
    (root / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "linked").symlink_to("../other")
    with pytest.raises(EngineError) as refused:
        await renderer.render(request(**options), root=root, timeout=SOON)
    assert refused.value.code == code


async def test_a_symlink_in_a_chart_must_stay_inside(
    tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path / "root", {**CHART, "shared/a.yaml": "kind: A"})
    (root / "c" / "templates").symlink_to("../shared")
    output = await renderer.render(request(path="c"), root=root, timeout=SOON)
    assert output.objects == ({"kind": "A"},)
    assert output.read == ("c", "shared")
    (root / "c" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(EngineError, match="leaves the repository"):
        await renderer.render(request(path="c"), root=root, timeout=SOON)


VOLATILE = """\
kind: A
fixed: {{ keys (dict "b" 1 "a" 2 "c" 3) | join "," }}{{ values (dict "b" 1 "a" 2) }}
{{ if .Values.loud }}
password: {{ randAlphaNum 12 }}
bytes: {{ randBytes 8 }}
day: {{ now | date "2006-01-02" }}
hash: {{ (htpasswd "me" "secret") | quote }}
ca: {{ (genCA "sea" 30).Cert | b64enc }}
{{ end }}
"""


async def test_functions_whose_result_is_another_each_time_are_named(
    tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path, {**CHART, "c/templates/a.yaml": VOLATILE})
    quiet = await renderer.render(request(path="c"), root=root, timeout=SOON)
    assert quiet.volatile == ()
    assert quiet.objects[0]["fixed"] == "a,b,c[2 1]"
    ask = {"path": "c", "values": "loud: true"}
    loud = await renderer.render(request(**ask), root=root, timeout=SOON)
    assert loud.volatile == ("genCA", "htpasswd", "now", "randAlphaNum", "randBytes")
    probe = await renderer.render(request(**ask, is_probe=True), root=root, timeout=SOON)
    assert {k for k, v in loud.objects[0].items() if probe.objects[0][k] != v} == {
        "password",
        "bytes",
        "day",
        "hash",
        "ca",
    }
