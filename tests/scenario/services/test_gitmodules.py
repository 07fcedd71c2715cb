"""What .gitmodules says, and where relative URLs lead."""

from __future__ import annotations

import pytest

from trimtab.services.gitmodules import Submodule, parse_gitmodules, submodule_url

TEXT = """\
# libraries
[core]
\tpath = not/a/submodule
\turl = https://git.example/not
[submodule "b"]
\tpath = vendor/b/
\turl = "../b.git"   ; quoted
\tbranch = main
[submodule "a"]
    Path = a
    URL = https://git.example/a.git # a comment
[submodule "skipped"]
\tpath = skipped
\turl = ../skipped.git
\tupdate = none
[submodule "outside"]
\tpath = ../outside
\turl = ../outside.git
[submodule "inside-git"]
\tpath = x/.git/hooks
\turl = ../hooks.git
[submodule "no-url"]
\tpath = nowhere
"""


def test_entries_are_read_and_those_out_of_the_repository_are_not() -> None:
    assert parse_gitmodules(TEXT) == (
        Submodule("a", "https://git.example/a.git"),
        Submodule("vendor/b", "../b.git"),
    )


@pytest.mark.parametrize(
    ("parent", "url", "found"),
    [
        ("https://git.example/t/app.git", "../lib.git", "https://git.example/t/lib.git"),
        ("https://git.example/t/app.git/", "../../o/lib", "https://git.example/o/lib"),
        ("https://git.example/t/app.git", "./lib.git", "https://git.example/t/app.git/lib.git"),
        ("https://git.example/app", "../../../../lib", "https://git.example/lib"),
        ("https://git.example:8443/t/app", "../lib", "https://git.example:8443/t/lib"),
        ("git@git.example:t/app.git", "../lib.git", "git@git.example:t/lib.git"),
        ("git@git.example:app.git", "../lib.git", "git@git.example:lib.git"),
        ("ssh://git@git.example/t/app", "../lib", "ssh://git@git.example/t/lib"),
        ("https://git.example/t/app.git", "https://o.example/x", "https://o.example/x"),
        ("https://git.example/t/app.git", "git@o.example:x", "git@o.example:x"),
    ],
)
def test_a_relative_url_starts_at_the_parent_s(parent: str, url: str, found: str) -> None:
    assert submodule_url(parent, url) == found
