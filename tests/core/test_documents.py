"""What the documents say is there: links, targets of make, commands and their options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from trimtab.cli.root import root

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
KINDS = ("tutorial", "howto", "reference", "explanation")
DOCUMENTS = [ROOT / name for name in TOP] + sorted((ROOT / "docs").rglob("*.md"))
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_BLOCK = re.compile(r"^ *```(?:sh|console|bash)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:trimtab|make) [^`]+)`")
_PLACEHOLDER = re.compile(r"^[A-Z<\[{(…\"']|^\.\.\.|^…|[|=…]")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    links = [link for link in _LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_documents_that_a_project_has_are_there() -> None:
    for name in TOP:
        assert len((ROOT / name).read_text().split()) > 40, name


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_document_is_there_and_the_overview_leads_to_it(kind: str) -> None:
    pages = sorted((ROOT / "docs" / kind).glob("*.md"))
    assert pages
    assert f"{kind}/" in (ROOT / "docs" / "README.md").read_text()


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert records
    listed = _LINK.findall((folder / "README.md").read_text())
    assert sorted(link for link in listed if link[0].isdigit()) == records
    for name in records:
        text = (folder / name).read_text().lower()
        assert all(part in text for part in ("context", "decision", "consequences")), name


def commands_of(text: str) -> Iterator[str]:
    """Yield the command lines of a document, those that go on in the next line joined."""
    blocks = "\n".join(_BLOCK.findall(text)).replace("\\\n", " ")
    for line in blocks.splitlines():
        found = line.strip().removeprefix("$ ")
        if found.startswith(("trimtab ", "make ")):
            yield found.split(" #")[0]
    yield from _INLINE.findall(text)


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and what is left of them."""
    command, context = root, click.Context(root)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return command, words
        command, words = found, words[1:]
    return command, words


def unknown(line: str) -> list[str]:
    """Return the words of a ``trimtab`` command line that name nothing there is."""
    words = shlex.split(line)[1:]
    command, rest = resolve(words)
    if isinstance(command, click.Group):
        named_command = [word for word in rest[:1] if not word.startswith("-")]
        if named_command and not _PLACEHOLDER.search(named_command[0]):
            return named_command
    known = {name for each in (root, command) for p in each.params for name in p.opts}
    known |= {name for each in (root, command) for p in each.params for name in p.secondary_opts}
    known |= {"--help", "-h", "--version"}
    options = [word.split("=")[0] for word in rest if word.startswith("-") and len(word) > 1]
    return [option for option in options if option not in known]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_and_their_options_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong: list[tuple[str, list[str]]] = []
    for line in commands_of(document.read_text()):
        if line.startswith("make "):
            words = [w for w in shlex.split(line)[1:] if "=" not in w and w.isalpha()]
            missing = [word for word in words[:1] if word not in targets]
        else:
            missing = unknown(line)
        if missing:
            wrong.append((line, missing))
    assert wrong == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert unknown("trimtab app sinc shop") == ["sinc"]
    assert unknown("trimtab app sync shop --confirn x") == ["--confirn"]
    assert unknown("trimtab app sync shop --confirm x") == []
