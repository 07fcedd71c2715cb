"""Users' programs are bounded in time and reach: jq, Lua, version ranges."""

from __future__ import annotations

import pytest

from trimtab.adapters.engines import EngineNormaliser, EnginePool, EngineScripts
from trimtab.ports.renderer import EngineError

pytest_plugins = ["engine_fixtures"]


@pytest.fixture
def scripts(engines: EnginePool) -> EngineScripts:
    return EngineScripts(engines)


@pytest.mark.parametrize(
    ("expressions", "before", "after"),
    [
        ([".a.b"], {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        ([".a", ".b"], {"a": 1, "b": 2, "c": 3}, {"c": 3}),
        (
            ['.l[] | select(.name == "x")'],
            {"l": [{"name": "x"}, {"name": "z"}]},
            {"l": [{"name": "z"}]},
        ),
        ([".gone.deeper"], {"a": 1}, {"a": 1}),
        ([".a[].b"], {"a": "no list"}, {"a": "no list"}),
        ([".a"], {"a": 1, "big": 9007199254740993}, {"big": 9007199254740993}),
    ],
)
async def test_jq_paths_are_deleted_and_missing_ones_are_silent(
    expressions: list[str], before: dict[str, object], after: dict[str, object], engines: EnginePool
) -> None:
    normaliser = EngineNormaliser(engines)
    assert list(await normaliser.delete_jq_paths([before, {}], expressions)) == [after, {}]  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("expression", "code"),
    [(".a[", "invalid"), ("nothing(.)", "invalid"), ("last(repeat(.))", "timeout")],
)
async def test_a_bad_jq_path_is_an_error(expression: str, code: str, engines: EnginePool) -> None:
    with pytest.raises(EngineError) as refused:
        await EngineNormaliser(engines).delete_jq_paths([{"a": 1}], [expression])
    assert refused.value.code == code
    assert expression in refused.value.summary


async def test_jq_yields_every_value_and_sees_no_environment(scripts: EngineScripts) -> None:
    assert await scripts.evaluate_jq(".[] | . + 1", [1, 2.5]) == [2, 3.5]
    assert await scripts.evaluate_jq("env, $ENV", None) == [{}, {}]
    with pytest.raises(EngineError, match="expected an object"):
        await scripts.evaluate_jq(".a", 1)


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("return obj.metadata.name", "x"),
        (
            "return {status = 'Healthy', message = obj.none == nil}",
            {"status": "Healthy", "message": True},
        ),
        ("local n = 0 for _, v in ipairs(obj.list) do n = n + v end return n", 6),
        ("return {}", []),
        ("return {1, {a = 2.5}}", [1, {"a": 2.5}]),
        ("", None),
        (
            "goto done ::done:: return os.time{year=1970,month=1,day=2,hour=0}",
            86400,
        ),
        ("return os.date('!%Y-%m-%dT%H:%M:%SZ', 0)", "1970-01-01T00:00:00Z"),
        ("return require('os').date('%Y', 0)", "1970"),
        ("return io == nil and os.execute == nil and dofile == nil and loadfile == nil", True),
    ],
)
async def test_lua_sees_the_object_and_nothing_else(
    script: str, result: object, scripts: EngineScripts
) -> None:
    obj = {"metadata": {"name": "x"}, "list": [1, 2, 3], "none": None}
    assert await scripts.run_lua(script, obj) == result


async def test_lua_has_strings_and_maths_on_demand(scripts: EngineScripts) -> None:
    script = "return string.format('%02d', math.max(1, 7))"
    assert await scripts.run_lua(script, {}, open_libraries=True) == "07"
    with pytest.raises(EngineError):
        await scripts.run_lua(script, {})


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("while true do end", "timeout"),
        ("return (", "render"),
        ("error('no')", "render"),
        ("local t = {} t.t = t return t", "too_large"),
        ("local function f() return 1 + f() end return f()", "render"),
        ("return require('/etc/passwd')", "render"),
        ("package.path = '/etc/?' return require('hostname')", "render"),
    ],
)
async def test_a_bad_lua_script_is_an_error(script: str, code: str, scripts: EngineScripts) -> None:
    with pytest.raises(EngineError) as refused:
        await scripts.run_lua(script, {})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("constraint", "best"),
    [
        (">=1.2 <2", "v1.9.0"),
        ("^1.2.0", "v1.9.0"),
        ("~1.2", "1.2.7"),
        ("1.2.x", "1.2.7"),
        ("*", "2.0.0"),
        (">=2.0.0-0", "2.1.0-rc.1"),
        (">=3", ""),
    ],
)
async def test_the_newest_allowed_version_is_found(
    constraint: str, best: str, scripts: EngineScripts
) -> None:
    tags = ["1.2.3", "1.2.7", "v1.9.0", "2.0.0", "2.1.0-rc.1", "main", "not.a.version"]
    assert await scripts.newest_version(constraint, tags) == best


async def test_a_constraint_that_is_none_is_an_error(scripts: EngineScripts) -> None:
    with pytest.raises(EngineError, match="constraint"):
        await scripts.newest_version("newest", ["1.0.0"])
