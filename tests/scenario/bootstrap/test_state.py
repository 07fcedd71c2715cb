"""The state folder: one process at a time, known by one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.bootstrap.state import (
    StateInUse,
    StateUnusable,
    own_identity,
    prepare,
    sole_use_of,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "deep" / "state"
    prepare(made)
    return made


def test_the_folder_is_made_for_its_user_alone_and_may_be_there_already(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    prepare(folder)


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnusable, match=r"file/state: .*--state-dir"):
        prepare(tmp_path / "file" / "state")


def test_a_second_process_is_turned_away_until_the_first_has_ended(folder: Path) -> None:
    with (
        sole_use_of(folder),
        pytest.raises(StateInUse, match=r"another trimtab serve.*--state-dir"),
        sole_use_of(folder),
    ):
        pass
    with sole_use_of(folder):
        pass


def test_a_process_that_failed_lets_go(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), sole_use_of(folder):
        raise ZeroDivisionError
    with sole_use_of(folder):
        pass


def test_the_name_outlives_the_process_and_differs_between_folders(
    folder: Path, tmp_path: Path
) -> None:
    name = own_identity(folder)
    assert own_identity(folder) == name
    prepare(tmp_path / "other")
    assert own_identity(tmp_path / "other") != name
