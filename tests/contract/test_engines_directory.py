"""The directory source: which files count, what a broken one means, what a list becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine_cases import SOON, write_tree
from trimtab.adapters.engines import EngineRenderer
from trimtab.core.render import DirectoryRequest, JsonnetVariable, TextFile
from trimtab.ports.renderer import EngineError, RenderOutput

pytest_plugins = ["engine_fixtures"]


def config_map(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"


def names(output: RenderOutput) -> list[str]:
    return [each["metadata"]["name"] for each in output.objects]  # type: ignore[call-overload,index]


FILES = {
    "app/b.yaml": config_map("b"),
    "app/a.yml": config_map("a1") + "---\n# nothing\n---\n" + config_map("a2"),
    "app/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    "app/notes.txt": "kind: nothing",
    "app/values.yaml": "replicas: 3",
    "app/skipped.yaml": "# +argocd:skip-file-rendering\napiVersion: [kind: metadata:",
    "app/sub/d.yaml": config_map("d"),
    "other.yaml": config_map("other"),
}


@pytest.fixture(params=["on disk", "inline"])
def render(request: pytest.FixtureRequest, tmp_path: Path, renderer: EngineRenderer):
    async def run(files: dict[str, str], **options: object) -> RenderOutput:
        given = {"path": "app", **options}
        if request.param == "inline":
            texts = tuple(TextFile(path, text) for path, text in files.items())
            asked = DirectoryRequest(**given, files=texts)  # type: ignore[arg-type]
            return await renderer.render(asked, root=None, timeout=SOON)
        root = write_tree(tmp_path, files)
        asked = DirectoryRequest(**given)  # type: ignore[arg-type]
        return await renderer.render(asked, root=root, timeout=SOON)

    return run


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a1", "a2", "b", "c"]),
        ({"recurse": True}, ["a1", "a2", "b", "c", "d"]),
        ({"recurse": True, "include": "*.yaml"}, ["b", "d"]),
        ({"recurse": True, "include": "{b.yaml,sub/*}"}, ["b", "d"]),
        ({"recurse": True, "include": "sub/**"}, ["d"]),
        ({"exclude": "*.y*ml"}, ["c"]),
        ({"include": "*.yaml", "exclude": "b*"}, []),
        ({"path": ".", "include": "other.yaml"}, ["other"]),
    ],
)
async def test_files_are_chosen_by_extension_and_globs(
    options: dict[str, object], expected: list[str], render
) -> None:
    output = await render(FILES, **options)
    assert names(output) == expected
    assert output.read == (("",) if options.get("path") == "." else ("app",))


async def test_a_folder_comes_before_a_file_that_begins_like_it(render) -> None:
    files = {"app/x.yaml": config_map("file"), "app/x/y.yaml": config_map("folder")}
    assert names(await render(files, recurse=True)) == ["folder", "file"]


async def test_lists_become_their_items_and_empty_ones_nothing(render) -> None:
    first, second = config_map("a").replace("\n", "\n  "), config_map("b").replace("\n", "\n  ")
    items = f"apiVersion: v1\nkind: List\nitems:\n- {first}\n- {second}\n"
    empty = "---\napiVersion: v1\nkind: ConfigMapList\nitems:\n"
    odd = "---\napiVersion: v1\nkind: Odd\nmetadata: {name: odd}\nitems:\nspec: {}\n"
    assert names(await render({"app/l.yaml": items + empty + odd})) == ["a", "b", "odd"]


async def test_jsonnet_gives_objects_with_variables_and_libraries(render) -> None:
    files = {
        "lib/map.libsonnet": "function(n) {kind: 'ConfigMap', metadata: {name: n}}",
        "app/one.libsonnet": "'one'",
        "app/main.jsonnet": (
            "local m = import 'map.libsonnet'; function(top)"
            " [m(import 'one.libsonnet'), m(std.extVar('two')), m('n' + std.extVar('n')), m(top)]"
        ),
    }
    output = await render(
        files,
        ext_vars=(JsonnetVariable("two", "two"), JsonnetVariable("n", "1 + 2", code=True)),
        tlas=(JsonnetVariable("top", "top"),),
        libs=("lib",),
    )
    assert names(output) == ["one", "two", "n3", "top"]


BROKEN = {
    "YAML that looks like a manifest": ("a.yaml", "apiVersion: v1\nkind: A\nmetadata: {", "render"),
    "a second document that does not parse": (
        "a.yaml",
        config_map("a") + "---\n a: b: c",
        "render",
    ),
    "an object without kind among manifests": ("a.yaml", config_map("a") + "---\na: 1", "render"),
    "the same key twice": ("a.yaml", config_map("a") + "  name: b\n", "render"),
    "the same key twice in JSON": ("a.json", '{"kind": "A", "a": 1, "a": 2}', "render"),
    "two objects in a JSON file": ("a.json", '{"kind": "A"} {"kind": "B"}', "render"),
    "JSON without kind": ("a.json", "{}", "render"),
    "too deep": ("a.yaml", config_map("a") + "x: " + "[" * 300 + "]" * 300, "too_large"),
    "a bomb of aliases": (
        "a.yaml",
        config_map("a")
        + "l0: &l0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        "render",
    ),
    "too large together": ("a.yaml", config_map("a") + "# " + "x" * 2000, "too_large"),
    "an import out of the repository": ("a.jsonnet", "import '../../etc/passwd'", "render"),
    "an absolute import": ("a.jsonnet", "importstr '/etc/passwd'", "render"),
    "endless recursion": ("a.jsonnet", "local f(x) = f(x) + 1; f(1)", "render"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_file_is_an_error_that_names_it(case: str, render) -> None:
    name, text, code = BROKEN[case]
    with pytest.raises(EngineError) as refused:
        await render({f"app/{name}": text}, max_combined_bytes=1500)
    assert refused.value.code == code
    assert name in refused.value.summary or case == "too large together"


async def test_a_file_of_50_mb_is_refused_without_being_parsed(
    tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path, {"app/a.yaml": config_map("a")})
    with (root / "app/a.yaml").open("ab") as file:
        file.truncate(50 << 20)
    with pytest.raises(EngineError) as refused:
        await renderer.render(DirectoryRequest(path="app"), root=root, timeout=SOON)
    assert refused.value.code == "too_large"


async def test_links_out_of_the_repository_are_errors_and_dangling_ones_nothing(
    tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path / "root", {"app/a.yaml": config_map("a"), "b": config_map("b")})
    (root / "app/dangling.yaml").symlink_to("nowhere.yaml")
    (root / "app/linked.yaml").symlink_to("../b")
    asked = DirectoryRequest(path="app")
    assert names(await renderer.render(asked, root=root, timeout=SOON)) == ["a", "b"]
    write_tree(tmp_path, {"secret.yaml": config_map("secret")})
    (root / "app/out.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(EngineError) as refused:
        await renderer.render(asked, root=root, timeout=SOON)
    assert refused.value.code == "forbidden"
    (root / "app/out.yaml").unlink()
    (root / "app/round.yaml").symlink_to("round.yaml")
    with pytest.raises(EngineError, match="too many links"):
        await renderer.render(asked, root=root, timeout=SOON)


@pytest.mark.parametrize("path", ["..", "/etc", "app/../../x", "gone"])
async def test_a_path_outside_or_absent_is_an_error(
    path: str, tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path, {"app/a.yaml": config_map("a")})
    with pytest.raises(EngineError) as refused:
        await renderer.render(DirectoryRequest(path=path), root=root, timeout=SOON)
    assert refused.value.code == ("not_found" if path == "gone" else "forbidden")


async def test_a_file_with_a_byte_order_mark_is_read(
    tmp_path: Path, renderer: EngineRenderer
) -> None:
    root = write_tree(tmp_path, {"app/x": ""})
    (root / "app/a.yaml").write_bytes(config_map("sixteen").encode("utf-16"))
    (root / "app/b.yaml").write_bytes(config_map("eight").encode("utf-8-sig"))
    output = await renderer.render(DirectoryRequest(path="app"), root=root, timeout=SOON)
    assert names(output) == ["sixteen", "eight"]
