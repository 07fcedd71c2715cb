"""``--resource GROUP:KIND:NAME``: some objects of an application."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from trimtab.core.manifest import ObjectKey
from trimtab.services.operations import Selected

C = TypeVar("C", bound=Callable[..., Any])


class _Resource(click.ParamType[Selected]):
    name = "group:kind:name"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Selected:
        if isinstance(value, Selected):
            return value
        parts = str(value).split(":")
        if len(parts) != 3 or not parts[1] or not parts[2]:
            self.fail(f"expected GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME, found {value!r}")
        namespace, _, name = parts[2].rpartition("/")
        return Selected(parts[0], parts[1], name, namespace)


def resource_option(help_text: str) -> Callable[[C], C]:
    """Add ``--resource`` to a command, passed as ``resources``."""
    return click.option(
        "--resource",
        "resources",
        multiple=True,
        type=_Resource(),
        metavar="GROUP:KIND:NAME",
        help=help_text,
    )


def selects(resources: Sequence[Selected], key: ObjectKey) -> bool:
    """Return whether an object is selected; no selection means every object."""
    return not resources or any(
        (item.group, item.kind, item.name) == (key.group, key.kind, key.name)
        and item.namespace in {"", key.namespace}
        for item in resources
    )
