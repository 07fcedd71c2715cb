"""``--watch``: the stream of changes, for people and for machines."""

import json

import pytest

from trimtab.cli.app.listing import COLUMNS
from trimtab.cli.app.stream import Stream
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject
from trimtab.ports.cluster import Change
from trimtab.testing.cluster import FakeCluster

from .conftest import application


def states(hub: FakeCluster) -> tuple[LiveObject, LiveObject, LiveObject]:
    """Return an Application before, after a write that shows nowhere, and after it drifted."""
    synced = hub.seed(application())
    same = hub.seed(application(status={"observedAt": "2026-03-02T10:00:00Z"}))
    drifted: JsonObject = {"sync": {"status": "OutOfSync", "revision": "b" * 40}}
    return synced, same, hub.seed(application(status=drifted))


def watch(hub: FakeCluster, output: str) -> None:
    first, same, drifted = states(hub)
    stream = Stream(output, COLUMNS)
    stream.begin([first])
    stream.tell(Change.ADDED, first)
    stream.tell(Change.MODIFIED, same)
    stream.tell(Change.MODIFIED, drifted)
    stream.tell(Change.DELETED, drifted)
    stream.tell(Change.DELETED, drifted)


def test_people_see_a_row_when_something_in_it_changed(
    hub: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(hub, "table")
    assert capsys.readouterr().out.splitlines() == [
        "NAME  SYNC       HEALTH       REVISION  DESTINATION  PROJECT",
        "web   Synced     Healthy      aaaaaaaa  prod-1/shop  default",
        "web   OutOfSync  Healthy      bbbbbbbb  prod-1/shop  default",
        "web   Deleted    Healthy      bbbbbbbb  prod-1/shop  default",
    ]


def test_machines_get_one_watch_event_a_line(
    hub: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(hub, "json")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert all("managedFields" not in event["object"]["metadata"] for event in events)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("name", "application.argoproj.io/web"),
        ("jsonpath={.metadata.name}", "web"),
    ],
)
def test_names_and_paths_come_once_a_change(
    output: str, line: str, hub: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(hub, output)
    assert capsys.readouterr().out.splitlines() == [line] * 4


def test_documents_are_separated(hub: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    watch(hub, "yaml")
    assert capsys.readouterr().out.count("---\ntype: MODIFIED\nobject:\n") == 2
