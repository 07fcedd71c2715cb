"""``trimtab app``: Applications in the hub."""

import click

from trimtab.cli.lazy import Lazy, LazyGroup

_COMMANDS = {
    "create": Lazy("trimtab.cli.app.write:create", "Create or update an application."),
    "delete": Lazy("trimtab.cli.app.write:delete", "Delete an application and its resources."),
    "diff": Lazy("trimtab.cli.app.desired:diff", "Compare live objects with the desired ones."),
    "events": Lazy("trimtab.cli.app.events:events", "Events about an application."),
    "explain": Lazy("trimtab.cli.app.explain:explain", "Say why it is not synced or healthy."),
    "get": Lazy("trimtab.cli.app.look:get", "Show an application and its resource tree."),
    "history": Lazy("trimtab.cli.app.look:history", "Show what was deployed when."),
    "list": Lazy("trimtab.cli.app.listing:list_", "List applications."),
    "logs": Lazy("trimtab.cli.app.logs:logs", "Print logs of an application's pods."),
    "manifests": Lazy("trimtab.cli.app.desired:manifests", "Print the desired or live objects."),
    "refresh": Lazy("trimtab.cli.app.write:refresh", "Compare again now."),
    "resources": Lazy("trimtab.cli.app.look:resources", "List an application's resources."),
    "rollback": Lazy("trimtab.cli.app.sync:rollback", "Sync to an entry of the history."),
    "sync": Lazy("trimtab.cli.app.sync:sync", "Make the cluster match Git."),
    "terminate": Lazy("trimtab.cli.app.write:terminate", "End the running operation."),
    "wait": Lazy("trimtab.cli.app.wait:wait", "Wait until it is synced, healthy, done."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def app() -> None:
    """Applications in the hub, in Argo CD's format."""
