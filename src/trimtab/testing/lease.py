"""A lease in memory whose requests a test may slow down or let fail."""

import asyncio
from dataclasses import dataclass, field, replace

from trimtab.core.errors import TrimtabError
from trimtab.runtime import LeaseLost, LeaseRecord


@dataclass(slots=True)
class FakeLease:
    """The stored lease that several processes share."""

    record: LeaseRecord = field(default_factory=LeaseRecord)
    holders: list[str] = field(default_factory=list[str])


class FakeLeaseStore:
    """Implements ``runtime.LeaseStore``: one process's way to a lease.

    Args:
        lease: What is stored; other stores may share it.

    Attributes:
        way_there: Seconds until a request is carried out.
        way_back: Seconds until its answer is here.
        error: What requests fail with, unseen by the lease; None for no failure.
    """

    def __init__(self, lease: FakeLease | None = None) -> None:
        self.lease = lease or FakeLease()
        self.way_there = 0.0
        self.way_back = 0.0
        self.error: TrimtabError | None = None

    async def read(self) -> LeaseRecord:
        """Return the lease; one without a version when it does not exist."""
        await self._travel(self.way_there)
        record = self.lease.record
        await self._travel(self.way_back)
        return record

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store a lease whose version is still the stored one.

        Raises:
            LeaseLost: It was changed meanwhile.
        """
        await self._travel(self.way_there)
        stored = self.lease.record
        if record.version != stored.version:
            raise LeaseLost("LeaseLost", f"version {record.version!r} is not {stored.version!r}")
        written = replace(record, version=str(int(stored.version or "0") + 1))
        self.lease.record = written
        if written.holder != stored.holder:
            self.lease.holders.append(written.holder)
        await self._travel(self.way_back)
        return written

    async def _travel(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.error is not None:
            raise self.error
