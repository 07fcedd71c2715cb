"""Renders that would differ each time, made the same for as long as a revision is delivered.

Only a render that called a volatile function is looked at closer, by a second render at another
time: what differs between the two is unstable. Everything else is rendered once.
"""

from collections.abc import Awaitable, Callable

from trimtab.core import JsonObject
from trimtab.core.render import Unstable, differing_objects, names_of, with_kept
from trimtab.ports.renderer import EngineError, RenderOutput
from trimtab.services.render_pins import PinOwner, Pins


class Steadier:
    """Gives a volatile render the objects that it had before.

    Args:
        pins: Keeps them; None keeps nothing: what is unstable is only named.
    """

    def __init__(self, pins: Pins | None) -> None:
        self._pins = pins

    async def steady(
        self,
        output: RenderOutput,
        probe: Callable[[], Awaitable[RenderOutput]],
        *,
        owner: PinOwner | None,
        source: str,
        entry: str,
        fresh: bool,
    ) -> tuple[tuple[JsonObject, ...], Unstable | None]:
        """Return the objects to deliver, and what of them is unstable.

        Args:
            output: A render that called volatile functions.
            probe: Renders the same at another time.
            owner: Whose render; None keeps nothing.
            source: Digest that tells the owner's sources apart.
            entry: Digest over all that the render depends on.
            fresh: Take this render and keep it in place of an earlier one.
        """
        pins = self._pins if owner is not None else None
        if pins is not None and owner is not None and not fresh:
            kept = await pins.load(owner, source, entry)
            steadied = None if kept is None else with_kept(output.objects, kept)
            if kept is not None and steadied is not None:
                return steadied, Unstable(names_of(kept), output.volatile, is_kept=True)
        kept = differing_objects(output.objects, await _probed(probe))
        if not any(one is not None for one in kept):
            return output.objects, None
        is_kept = False
        if pins is not None and owner is not None:
            is_kept = await pins.save(owner, source, entry, kept)
        return output.objects, Unstable(names_of(kept), output.volatile, is_kept=is_kept)


async def _probed(probe: Callable[[], Awaitable[RenderOutput]]) -> tuple[JsonObject, ...]:
    try:
        return (await probe()).objects
    except EngineError:
        # A chart that fails at another time: of what it renders, anything may differ.
        return ()
