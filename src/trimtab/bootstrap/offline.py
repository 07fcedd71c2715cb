"""What commands on this machine alone need: the engines."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from trimtab.adapters.engines import EnginePool, EngineRenderer, find_binary
from trimtab.ports.renderer import Renderer
from trimtab_build import GoMissingError, find_go


@asynccontextmanager
async def open_renderer(
    *, progress: Callable[[str], None] = lambda _: None
) -> AsyncGenerator[Renderer]:
    """Open engines with one worker; the binary is built first where it is missing.

    Args:
        progress: Told now and then while it is being built.
    """

    def binary() -> Path:
        return find_binary(progress=progress)

    async with EnginePool(binary, workers=1) as pool:
        yield EngineRenderer(pool)


def go_version() -> str:
    """Return where the Go toolchain is, or what to do about its absence."""
    try:
        return str(find_go())
    except GoMissingError as error:
        return f"missing: {error}"
