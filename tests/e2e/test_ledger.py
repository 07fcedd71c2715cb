"""The ledger beside deliveries: it is complete, and it holds nobody up."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing

from e2e.installation import Case
from e2e.objects import config


async def subjects(case: Case, app: str) -> list[str]:
    """Return why each sync of an Application happened, newest first."""
    log = await case.installation.trimtab("log", "--app", app, "-o", "json")
    assert log.returncode == 0, log.stderr
    return [entry["reason"] for entry in json.loads(log.stdout)["items"]]


async def test_a_ledger_that_cannot_be_written_stops_no_delivery_and_loses_nothing(
    case: Case,
) -> None:
    sha = await case.commit({"app/one.yaml": config("one", "1")}, "First")
    app = await case.apply_app()
    await app.delivered(sha)
    file = case.installation.folder / "state" / "ledger.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        sha = await case.commit({"app/one.yaml": config("one", "2")}, "While it is locked")
        await app.delivered(sha)
        assert (await subjects(case, app.name))[0] == "First"
        blocker.execute("ROLLBACK")
    async with asyncio.timeout(30):
        while (await subjects(case, app.name))[0] != "While it is locked":
            pass
    assert (await case.installation.trimtab("log", "verify")).returncode == 0
