"""When an earlier render still holds."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.render import ReadSet, render_key

_IDS = st.dictionaries(st.text(max_size=4), st.text("0123456789abcdef", min_size=4, max_size=4))


def test_a_change_elsewhere_costs_no_render() -> None:
    read = ReadSet.of(["team"], {"team": "aa", "other": "bb"})
    assert read.holds({"team": "aa", "other": "cc"})


def test_a_change_of_what_was_read_does() -> None:
    assert not ReadSet.of(["team"], {"team": "aa"}).holds({"team": "cc"})


def test_a_file_that_vanishes_or_appears_is_seen() -> None:
    assert not ReadSet.of(["team"], {"team": "aa"}).holds({})
    assert ReadSet.of(["later"], {}).holds({})
    assert not ReadSet.of(["later"], {}).holds({"later": "aa"})


@given(st.lists(st.text(max_size=4)), _IDS)
def test_order_and_repetition_of_paths_do_not_matter(paths: list[str], ids: dict[str, str]) -> None:
    read = ReadSet.of(paths, ids)
    assert read == ReadSet.of([*reversed(paths), *paths], ids)
    assert read.paths == tuple(sorted(set(paths)))
    assert read.holds(ids)


def test_every_input_of_a_render_is_in_its_key() -> None:
    key = render_key(parameters=["a"], engine_version="1", capabilities=[])
    assert key == render_key(parameters=["a"], engine_version="1", capabilities=[])
    others = {
        render_key(parameters=["b"], engine_version="1", capabilities=[]),
        render_key(parameters=["a"], engine_version="2", capabilities=[]),
        render_key(parameters=["a"], engine_version="1", capabilities=["1.30"]),
    }
    assert len(others | {key}) == 4
