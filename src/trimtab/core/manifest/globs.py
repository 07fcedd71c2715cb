"""Globs as Argo CD matches them, with or without a separator.

``*`` stays between separators, ``**`` crosses them, ``?`` is one character, ``[a-c]`` and
``[!a-c]`` are classes, ``{a,b}`` alternatives, and a backslash takes the next character as
it is. Without a separator ``*`` matches everything. A pattern that cannot be read matches nothing.

Source:
    Argo CD, util/glob, which uses gobwas/glob.
"""

import re
from functools import lru_cache


class _MalformedError(ValueError):
    pass


def glob_matches(pattern: str, text: str, *, separator: str = "") -> bool:
    """Return whether a glob matches a whole text.

    Args:
        pattern: The glob.
        text: What to match.
        separator: The character that ``*`` does not cross; empty for none.
    """
    if pattern in ("*", text) and not separator:
        return True
    compiled = _compiled(pattern, separator)
    return compiled is not None and compiled.fullmatch(text) is not None


def is_glob(pattern: str) -> bool:
    """Return whether a pattern can be read."""
    return _compiled(pattern, "") is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, separator: str) -> re.Pattern[str] | None:
    single = f"[^{re.escape(separator)}]" if separator else "."
    try:
        expression, end = _translate(pattern, 0, single, depth=0)
        if end != len(pattern):
            return None
        return re.compile(expression, re.DOTALL)
    except (_MalformedError, re.error):
        return None


def _translate(pattern: str, at: int, single: str, *, depth: int) -> tuple[str, int]:
    """Return the expression from ``at`` on, and where it ended: at the end or a closing brace."""
    parts: list[str] = []
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            if at + 1 >= len(pattern):
                raise _MalformedError
            parts.append(re.escape(pattern[at + 1]))
            at += 2
        elif char == "*":
            stars = len(pattern) - at - len(pattern[at:].lstrip("*"))
            parts.append(".*" if stars > 1 else f"{single}*")
            at += stars
        elif char == "[":
            expression, at = _character_class(pattern, at)
            parts.append(expression)
        elif char == "{":
            expression, at = _translate(pattern, at + 1, single, depth=depth + 1)
            if at >= len(pattern):
                raise _MalformedError
            parts.append(f"(?:{expression})")
            at += 1
        elif depth and char == "}":
            break
        else:
            special = {"?": single, ",": "|"} if depth else {"?": single}
            parts.append(special.get(char) or re.escape(char))
            at += 1
    return "".join(parts), at


def _character_class(pattern: str, at: int) -> tuple[str, int]:
    end = pattern.find("]", at + 1)
    content = pattern[at + 1 : end]
    if end < 0 or content in ("", "!"):
        raise _MalformedError
    negated = content.startswith("!")
    content = content[1:] if negated else content
    escaped = content.replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[")
    return f"[{'^' if negated else ''}{escaped}]", end + 1
