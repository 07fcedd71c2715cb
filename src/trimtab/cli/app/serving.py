"""Telling people that what they ask for waits, because nobody is at work."""

from trimtab.bootstrap.client import serving_now
from trimtab.cli.output import say
from trimtab.cli.session import Hub
from trimtab.ports.cluster import ApiError
from trimtab.services.installation import find_other_controller


async def tell_if_unserved(hub: Hub) -> None:
    """Say so on stderr when no controller of Applications is alive in the hub."""
    try:
        holder = await serving_now(hub.cluster, hub.namespace, hub.session.now())
        if holder or await find_other_controller(hub.cluster, hub.namespace):
            return
    except ApiError:
        # Who may not read the lease cannot be told; what was asked for stands all the same.
        return
    say(f"warning: nobody serves namespace {hub.namespace}: it waits for `trimtab serve`")
