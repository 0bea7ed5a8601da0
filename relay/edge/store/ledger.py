"""`Ledger` in the store: a stream of what each response used, and its sums by tenant, model and day.

    record --> Backlog --batches--> ledger.lua --> {ledger} · {ledger}:day:… · {ledger}:total:…

Rule: recording never waits. What is not confirmed is kept and sent again, and an id is counted once; so nothing
is lost but what a process that is killed had recorded in its last half second.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Protocol, Self

from relay.core.billing import BATCH, KEPT_DAYS, Backlog, Entry, UsageRow, day_of
from relay.core.usage import KINDS, NO_USAGE, Usage
from relay.core.words import SECONDS_PER_DAY, MicroUsd, Seconds, TenantId, UnixSeconds
from relay.edge.clock import wall
from relay.edge.store.beat import steadily
from relay.edge.store.client import Word
from relay.edge.store.connection import Unavailable
from relay.edge.store.scripts import Script, key
from relay.ports import Bill

PUSH_EVERY: Final[Seconds] = 0.5
"""What was recorded is sent so often: as much is lost with a process that is killed."""
STREAM: Final = 100_000
"""Entries that the stream keeps for whoever reads along; the sums have them all."""
SEEN: Final[Seconds] = 86_400
"""An id is known for a day: what is sent again comes within seconds of the store's return."""

COUNT: Final = Script.packaged("ledger")
SUMS: Final = Script.packaged("sums")

_MICRO: Final = 1_000_000
"""Seconds are kept as whole microseconds: whole numbers add up whatever their order."""
_FIELDS: Final = (*KINDS, "micro_usd", "responses")


class Asks(Protocol):
    """Of the store, what is needed here."""

    def on_return(self, call: Callable[[], None]) -> None:
        """See `Store.on_return`."""

    async def run(
        self, op: str, script: Script, keys: Sequence[str], args: Sequence[Word] = ()
    ) -> object | Unavailable:
        """See `Store.run`."""


class StoreLedger:
    """`Ledger` for many processes."""

    def __init__(self, store: Asks) -> None:
        self._store = store
        self._worker = secrets.token_hex(8)
        self._backlog = Backlog(self._worker)
        self._unnamed = 0
        self._sending = asyncio.Lock()
        self._wake = asyncio.Event()
        store.on_return(self._wake.set)

    def record(self, bill: Bill) -> None:
        """See `Ledger.record`."""
        name = bill.response
        if not name:
            self._unnamed += 1
            name = f"{self._worker}:{self._unnamed}"
        self._backlog.add(
            Entry(
                id=name,
                tenant=bill.tenant,
                model=bill.model,
                at=bill.at,
                responses=1,
                usage=bill.usage,
                micro_usd=bill.micro_usd,
            )
        )
        if len(self._backlog) == BATCH:
            self._wake.set()

    async def total(self, tenant: TenantId) -> tuple[Usage, MicroUsd] | None:
        """See `Ledger.total`."""
        await self.push()
        answer = await self._store.run("usage", SUMS, [_total_key(tenant)])
        if isinstance(answer, Unavailable):
            return None
        (sums,) = _hashes(answer)
        return _usage(sums), sums.get("micro_usd", 0)

    async def usage(self, tenant: TenantId, since: UnixSeconds) -> tuple[UsageRow, ...] | None:
        """See `Ledger.usage`."""
        await self.push()
        today = day_of(wall())
        days = range(max(day_of(since), today - KEPT_DAYS), today + 2)  # a clock ahead of ours counts too
        if not days:
            return ()
        answer = await self._store.run("usage", SUMS, [_day_key(tenant, day) for day in days])
        if isinstance(answer, Unavailable):
            return None
        found = zip(days, _hashes(answer), strict=True)
        return tuple(row for day, sums in found for row in _rows(day, sums))

    async def push(self) -> bool:
        """Send all that waits. Return whether all of it was confirmed."""
        async with self._sending:
            while batch := self._backlog.batch():
                keys, args = [key("ledger")], list[Word]([STREAM, int(SEEN), " ".join(_FIELDS)])
                for entry in batch:
                    tenant = entry.tenant
                    keys += (
                        key("ledger", "seen", tenant, entry.id),
                        _day_key(tenant, entry.day),
                        _total_key(tenant),
                    )
                    args += ((entry.day + KEPT_DAYS) * SECONDS_PER_DAY, entry.id, tenant, entry.model)
                    args += (entry.at, *_amounts(entry))
                answer = await self._store.run("ledger", COUNT, keys, args)
                if isinstance(answer, Unavailable):
                    return False
                self._backlog.confirmed()
        return True

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Send what is recorded until the block is left; then send the rest, if the store is there."""
        task = asyncio.create_task(steadily("ledger", self._pushes), name="ledger")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.push()

    async def _pushes(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PUSH_EVERY):
                    await self._wake.wait()
            self._wake.clear()
            await self.push()


def _total_key(tenant: TenantId) -> str:
    return key("ledger", "total", tenant)


def _day_key(tenant: TenantId, day: int) -> str:
    return key("ledger", "day", tenant, str(day))


def _amounts(entry: Entry) -> tuple[int, ...]:
    used = [getattr(entry.usage, kind) for kind in KINDS]
    used[KINDS.index("seconds")] = round(entry.usage.seconds * _MICRO)
    return *used, entry.micro_usd, entry.responses


def _hashes(answer: object) -> list[dict[str, int]]:
    assert isinstance(answer, list)
    return [
        {name.decode(): int(amount) for name, amount in zip(flat[::2], flat[1::2], strict=True)}
        for flat in answer
    ]


def _usage(sums: dict[str, int]) -> Usage:
    if not sums:
        return NO_USAGE
    used = {kind: sums.get(kind, 0) for kind in KINDS if kind != "seconds"}
    return Usage(**used, seconds=sums.get("seconds", 0) / _MICRO)


def _rows(day: int, sums: dict[str, int]) -> list[UsageRow]:
    by_model: dict[str, dict[str, int]] = {}
    for name, amount in sums.items():
        field, _, model = name.partition(":")
        by_model.setdefault(model, {})[field] = amount
    return [
        UsageRow(
            model=model,
            day=day,
            responses=of_model.get("responses", 0),
            usage=_usage(of_model),
            micro_usd=of_model.get("micro_usd", 0),
        )
        for model, of_model in sorted(by_model.items())
    ]
