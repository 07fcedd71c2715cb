"""What a server says about its refs, and the commit that a revision means among them. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from trimtab.adapters.git.semver import newest, parse_range
from trimtab.ports.source import Resolved

FULL_ID: Final = re.compile(r"^[0-9a-f]{40}$")
SHORT_ID: Final = re.compile(r"^[0-9a-f]{7,39}$")
HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Refs:
    """A server's refs at one moment.

    Args:
        commits: Full ref name to commit; annotated tags are peeled. ``HEAD`` is not in it.
        head: The ref that HEAD names, empty when it is detached or unknown.
        head_commit: What HEAD points at, empty when its branch does not exist yet.
    """

    commits: Mapping[str, str] = field(default_factory=dict[str, str])
    head: str = ""
    head_commit: str = ""

    def find(self, revision: str, tag_prefix: str = "") -> Resolved | None:
        """Return the commit of HEAD, a branch, a tag, a full ref name or a semver range.

        A name that both a tag and a branch have means the tag, as in Git itself. An exact name
        wins over a range: a branch ``1.2`` is not the range 1.2. For a range only tags with the
        prefix count.
        """
        if revision in ("", "HEAD"):
            return Resolved(self.head_commit, self.head) if self.head_commit else None
        for ref in (revision, f"refs/{revision}", TAGS + revision, HEADS + revision):
            commit = self.commits.get(ref)
            if commit is not None:
                return Resolved(commit, ref)
        return self._find_version(revision.removeprefix(TAGS), TAGS + tag_prefix)

    def _find_version(self, revision: str, prefix: str) -> Resolved | None:
        constraint = parse_range(revision)
        if constraint is None:
            return None
        versions = (ref.removeprefix(prefix) for ref in self.commits if ref.startswith(prefix))
        found = newest(versions, constraint)
        return Resolved(self.commits[prefix + found], prefix + found) if found else None

    def changes_since(self, before: "Refs") -> dict[str, tuple[str, str]]:
        """Return ref -> (old, new) for what differs; an id is empty where the ref did not exist."""
        names = self.commits.keys() | before.commits.keys()
        pairs = {n: (before.commits.get(n, ""), self.commits.get(n, "")) for n in sorted(names)}
        if self.head_commit != before.head_commit:
            pairs["HEAD"] = (before.head_commit, self.head_commit)
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def parse_ls_refs(lines: list[str]) -> Refs:
    """Read the lines of a protocol-v2 ``ls-refs`` answer.

    Returns:
        The refs; lines of another shape are passed over.
    """
    commits: dict[str, str] = {}
    head = head_commit = ""
    for line in lines:
        oid, _, rest = line.partition(" ")
        name, *attributes = rest.split(" ")
        values = split_pairs(attributes, ":")
        commit = values.get("peeled", oid)
        if name == "HEAD":
            head = values.get("symref-target", "")
            head_commit = "" if oid == "unborn" else commit
        elif FULL_ID.match(oid):
            commits[name] = commit
    return Refs(commits, head, head_commit)


def split_pairs(texts: Sequence[str], separator: str) -> dict[str, str]:
    """Return ``key<separator>value`` texts as a mapping; a missing value is empty."""
    return {key: value for key, _, value in (text.partition(separator) for text in texts)}


def parse_ls_remote(text: str) -> Refs:
    """Read the output of ``git ls-remote --symref``."""
    lines: dict[str, str] = {}
    head = ""
    for line in text.splitlines():
        left, _, name = line.partition("\t")
        if left.startswith("ref: "):
            head = left.removeprefix("ref: ") if name == "HEAD" else head
        elif name.endswith("^{}"):
            lines[name.removesuffix("^{}")] = left
        elif FULL_ID.match(left):
            lines[name] = left
    head_commit = lines.pop("HEAD", "")
    return Refs(lines, head, head_commit)
