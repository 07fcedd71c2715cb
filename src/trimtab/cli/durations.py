"""Options that are durations, as in Go: ``90s``, ``5m``, ``1h30m``."""

from datetime import timedelta

import click

from trimtab.core.manifest.durations import parse_duration


class Duration(click.ParamType[timedelta]):
    """A duration of at least a second."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the duration."""
        found = value if isinstance(value, timedelta) else parse_duration(str(value))
        if found is None or found < timedelta(seconds=1):
            self.fail(f"expected a duration like 90s, 5m or 1h30m, found {value!r}", param, ctx)
        return found
