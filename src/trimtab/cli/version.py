"""``trimtab version``."""

import platform

import click

from trimtab import __version__
from trimtab.cli.output import output_option, print_value


@click.command()
@output_option
def version(output: str) -> None:
    """Print Trimtab's and Python's version."""
    found = {"trimtab": __version__, "python": platform.python_version()}
    if output in {"table", "wide", "name"}:
        click.echo(f"trimtab {found['trimtab']} (Python {found['python']})")
    else:
        print_value(found, output=output)
