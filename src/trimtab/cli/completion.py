"""``trimtab completion``."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: source <(trimtab completion bash)
    """
    from trimtab.cli.root import root

    make = get_completion_class(shell)
    assert make is not None
    click.echo(make(root, {}, "trimtab", "_TRIMTAB_COMPLETE").source())
