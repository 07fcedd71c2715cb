"""What ``.gitmodules`` says: where submodules are, and which repositories they come from. Pure.

Source:
    gitmodules(5); git-submodule(1) on relative URLs.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GITMODULES: Final = ".gitmodules"
_SECTION: Final = re.compile(r'^\[\s*submodule\s+"((?:[^"\\]|\\.)*)"\s*\]')
_ENTRY: Final = re.compile(r"^([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*)$")
_COMMENT: Final = re.compile(r"\s[#;].*$")


@dataclass(frozen=True, slots=True)
class Submodule:
    """One entry.

    Args:
        path: Of the submodule in its parent.
        url: As stated; may be relative to the parent's.
    """

    path: str
    url: str


def parse_gitmodules(text: str) -> tuple[Submodule, ...]:
    """Return the submodules that are to be had, sorted by path.

    Left out are entries without a path or a URL, with a path out of the repository, or with
    ``update = none``.
    """
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        stripped = line.strip()
        section = _SECTION.match(stripped)
        entry = _ENTRY.match(stripped)
        if section is not None:
            current = sections.setdefault(section[1], {})
        elif stripped.startswith("["):
            current = {}
        elif entry is not None:
            current[entry[1].lower()] = _value(entry[2])
    found = [
        Submodule(posixpath.normpath(said["path"]), said["url"])
        for said in sections.values()
        if said.get("path") and said.get("url") and said.get("update") != "none"
    ]
    return tuple(sorted((one for one in found if _is_inside(one.path)), key=lambda one: one.path))


def submodule_url(parent: str, url: str) -> str:
    """Return a submodule's URL; ``./`` and ``../`` start at the parent's own URL."""
    base, rest = parent.rstrip("/"), url
    if not rest.startswith(("./", "../")):
        return url
    while rest.startswith(("./", "../")):
        step, _, rest = rest.partition("/")
        if step == "..":
            base = _without_last(base)
    return f"{base}{rest}" if base.endswith(":") else f"{base}/{rest}"


def _without_last(url: str) -> str:
    scheme, separator, place = url.rpartition("://")
    host, slash, path = place.partition("/")
    if separator:
        above = posixpath.dirname(path)
        return f"{scheme}://{host}{slash if above else ''}{above}"
    head, colon, tail = url.rpartition(":")
    return f"{head}{colon}{posixpath.dirname(tail)}"


def _value(text: str) -> str:
    if text.startswith('"'):
        return text[1:].partition('"')[0]
    return _COMMENT.sub("", f" {text}").strip()


def _is_inside(path: str) -> bool:
    parts: Mapping[str, None] = dict.fromkeys(path.split("/"))
    return not path.startswith("/") and not parts.keys() & {"..", ".git"} and path != "."
