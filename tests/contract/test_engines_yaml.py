"""YAML as sigs.k8s.io/yaml reads it: the scalars that other libraries read in another way."""

from __future__ import annotations

import pytest

from engine_cases import SOON
from trimtab.adapters.engines import EnginePool, EngineRenderer
from trimtab.ports.renderer import EngineError

pytest_plugins = ["engine_fixtures"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("'yes'", "yes"),
        ("0644", 420),
        ("0o644", 420),
        ("y", True),
        ("1_000", 1000),
        ("10:30", "10:30"),
        ("2001-02-03", "2001-02-03"),
        ("1e3", 1000),
        ("1.10", 1.1),
        ("~", None),
        ("0x1F", 31),
        ("18446744073709551615", 18446744073709551615),
        ('"a\\u00e9"', "aé"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("!!str 12", "12"),
        ("{1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}),
        ("&x [1]", [1]),
    ],
)
async def test_scalars_are_resolved_as_kubernetes_does(
    text: str, value: object, renderer: EngineRenderer
) -> None:
    assert await renderer.parse(f"v: {text}", timeout=SOON) == ({"v": value},)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("# only words\n", []),
        ("---\n---\n", []),
        ("a: 1\n---\na: 2", [{"a": 1}, {"a": 2}]),
        ("--- # note\na: 1\n---\n", [{"a": 1}]),
        ("a: |\n  x\n  ---\n  y\n", [{"a": "x\n---\ny\n"}]),
        ('{"a": 1}\n{"a": 2}', [{"a": 1}, {"a": 2}]),
        ('{"a": 1}\n---\na: 2\n', [{"a": 1}, {"a": 2}]),
        ("p: &p {a: 1}\nq: {<<: *p, b: 2}", [{"p": {"a": 1}, "q": {"a": 1, "b": 2}}]),
        ("n: 1\non: 2", [{"false": 1, "true": 2}]),
        ("a: " + "x" * 4093, [{"a": "x" * 4093}]),
    ],
)
async def test_documents_are_split_as_kubernetes_does(
    text: str, values: list[object], renderer: EngineRenderer
) -> None:
    assert list(await renderer.parse(text, timeout=SOON)) == values


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("a: 1\na: 2", "invalid", 'key "a" already set'),
        ("x: {b: 1, b: 2}", "invalid", "already set"),
        ('{"a": {"b": 1, "b": 2}}', "invalid", "duplicate field"),
        ("a: b: c", "invalid", "document 1"),
        ("a: 1\n---\n\t- x", "invalid", "document 2"),
        (BOMB, "invalid", "aliasing"),
        ("a: " + "[" * 5000 + "]" * 5000, "too_large", "nested"),
        ("a: " + "[" * 20000, "invalid", "document 1"),
        ("a: " + "x" * (17 << 20), "too_large", "limit"),
        ("a: *nowhere", "invalid", "nowhere"),
    ],
)
async def test_a_bad_text_is_refused(
    text: str, code: str, words: str, renderer: EngineRenderer
) -> None:
    with pytest.raises(EngineError) as refused:
        await renderer.parse(text, timeout=SOON)
    assert (refused.value.code, words in refused.value.summary) == (code, True), refused.value


async def test_a_batch_reports_each_text_on_its_own(engines: EnginePool) -> None:
    docs = [{"name": "good", "text": "a: 1\n---\nb: 2"}, {"name": "bad", "text": "a: ["}]
    answer = await engines.call("yaml.batch", {"docs": docs}, timeout=SOON)
    assert isinstance(answer, dict)
    good, bad = answer["items"]
    assert good == {"name": "good", "objects": [{"a": 1}, {"b": 2}]}
    assert bad["objects"] == []
    assert bad["error"]["code"] == "invalid"


async def test_json_becomes_yaml_that_reads_back_as_the_same(
    engines: EnginePool, renderer: EngineRenderer
) -> None:
    objects = [{"a": "yes", "b": [1, 2.5, None, "0644"]}, {"c": {"d": "line\nline"}}]
    answer = await engines.call("yaml.from_json", {"objects": objects}, timeout=SOON)
    assert isinstance(answer, dict)
    assert list(await renderer.parse(answer["text"], timeout=SOON)) == objects
