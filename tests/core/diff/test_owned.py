"""What an owner applied, read back from the live object by its field paths."""

from core.diff.simulation import deployment, live_of
from trimtab.core.diff.fieldset import parse_fields
from trimtab.core.diff.owned import owned_object


def test_only_named_values_are_kept_in_their_order() -> None:
    body = {
        **deployment(),
        "spec": {
            "finalizers": ["a", "b", "c"],
            "items": [{"name": "x", "value": 1}, {"name": "y", "value": 2}],
            "atomic": {"whole": [1, 2]},
            "empty": {},
            "default": True,
        },
    }
    fields = {
        "f:metadata": {"f:name": {}},
        "f:spec": {
            "f:finalizers": {".": {}, 'v:"c"': {}, 'v:"a"': {}},
            "f:items": {'k:{"name":"y"}': {".": {}, "f:value": {}}, 'k:{"name":"z"}': {}},
            "f:atomic": {},
            "f:empty": {".": {}},
            "f:missing": {},
        },
    }
    kept = owned_object(live_of(body), parse_fields(fields))  # type: ignore[arg-type]
    assert kept["spec"] == {
        "finalizers": ["a", "c"],
        "items": [{"value": 2}],
        "atomic": {"whole": [1, 2]},
        "empty": {},
    }
    assert kept["kind"] == "Deployment"
