"""What was used, by tenant, model and day; and what of it a ledger elsewhere has not counted yet.

Rule: an entry has an id and is counted once. Entries only add up, so what waits too long is merged, not lost;
but never one that was sent and not answered: whether it was counted is not known, and only its id can tell.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from relay.core.usage import NO_USAGE, Usage
from relay.core.words import SECONDS_PER_DAY, MicroUsd, TenantId, UnixSeconds

KEPT_DAYS: Final = 400
"""A year, and a month in which to ask about it."""
WAITING: Final = 10_000
"""Entries that wait one by one, some 5 MB; past it the oldest become one for each tenant, model and hour."""
BATCH: Final = 64
"""Entries sent in one go: well under a millisecond of the store's time."""
_HOUR: Final = 3600


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of *responses* responses or transcriptions, under one id."""

    id: str
    tenant: TenantId
    model: str
    at: UnixSeconds
    responses: int
    usage: Usage
    micro_usd: MicroUsd

    @property
    def day(self) -> int:
        """Since 1970, UTC."""
        return day_of(self.at)


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant used of one model on one day."""

    model: str
    day: int
    """Since 1970, UTC."""
    responses: int = 0
    usage: Usage = NO_USAGE
    micro_usd: MicroUsd = 0


def day_of(at: UnixSeconds) -> int:
    """Return the day that *at* is on, since 1970, UTC."""
    return int(at // SECONDS_PER_DAY)


class Book:
    """Rows by tenant, each id once, over the last `KEPT_DAYS`."""

    def __init__(self) -> None:
        self._rows: dict[TenantId, dict[tuple[int, str], UsageRow]] = {}
        self._totals: dict[TenantId, tuple[Usage, MicroUsd]] = {}
        self._seen: dict[tuple[TenantId, str], None] = {}

    def add(self, entry: Entry) -> bool:
        """Count *entry*. Return whether it was new: one of the last `WAITING` is known again."""
        name = entry.tenant, entry.id
        if name in self._seen:
            return False
        self._seen[name] = None
        if len(self._seen) > WAITING:
            del self._seen[next(iter(self._seen))]
        used, spent = self._totals.get(entry.tenant, (NO_USAGE, 0))
        self._totals[entry.tenant] = used + entry.usage, spent + entry.micro_usd
        rows = self._rows.setdefault(entry.tenant, {})
        place = entry.day, entry.model
        if place not in rows:
            for old in [old for old in rows if old[0] <= entry.day - KEPT_DAYS]:
                del rows[old]
        row = rows.get(place) or UsageRow(model=entry.model, day=entry.day)
        rows[place] = UsageRow(
            model=row.model,
            day=row.day,
            responses=row.responses + entry.responses,
            usage=row.usage + entry.usage,
            micro_usd=row.micro_usd + entry.micro_usd,
        )
        return True

    def total(self, tenant: TenantId) -> tuple[Usage, MicroUsd]:
        """Return all that *tenant* used."""
        return self._totals.get(tenant, (NO_USAGE, 0))

    def rows(self, tenant: TenantId, since: UnixSeconds) -> tuple[UsageRow, ...]:
        """Return what *tenant* used from the day of *since* on, by day and model."""
        rows = self._rows.get(tenant, {})
        return tuple(rows[place] for place in sorted(rows) if place[0] >= day_of(since))


class Backlog:
    """Entries that a ledger elsewhere has not confirmed. *worker* makes the ids of what is merged its own."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._number = 0
        self._waiting: dict[tuple[TenantId, str], Entry] = {}
        self._merged: dict[tuple[TenantId, str, int], Entry] = {}
        self._flying: dict[tuple[TenantId, str], Entry] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._merged) + len(self._flying)

    def add(self, entry: Entry) -> None:
        """Keep *entry* until it is confirmed. One that waits already changes nothing."""
        name = entry.tenant, entry.id
        if name in self._waiting or name in self._flying:
            return
        self._waiting[name] = entry
        if len(self._waiting) > WAITING:
            self._merge(self._waiting.pop(next(iter(self._waiting))))

    def batch(self) -> tuple[Entry, ...]:
        """Return what to send: what was not confirmed before, or else the oldest that wait."""
        if not self._flying:
            for entry in (*_first(self._merged.values()), *_first(self._waiting.values()))[:BATCH]:
                self._flying[entry.tenant, entry.id] = entry
            for entry in self._flying.values():
                self._waiting.pop((entry.tenant, entry.id), None)
                hour = _hour_of(entry)
                merged = self._merged.get((entry.tenant, entry.model, hour))
                if merged is entry:
                    del self._merged[entry.tenant, entry.model, hour]
        return tuple(self._flying.values())

    def confirmed(self) -> None:
        """All of the batch was counted, now or before."""
        self._flying.clear()

    def _merge(self, entry: Entry) -> None:
        place = entry.tenant, entry.model, _hour_of(entry)
        merged = self._merged.get(place)
        if merged is None:
            self._number += 1
            merged = msgspec.structs.replace(
                entry, id=f"merged:{self._worker}:{self._number}", responses=0, usage=NO_USAGE, micro_usd=0
            )
        self._merged[place] = msgspec.structs.replace(
            merged,
            responses=merged.responses + entry.responses,
            usage=merged.usage + entry.usage,
            micro_usd=merged.micro_usd + entry.micro_usd,
        )


def _first(entries: Iterable[Entry]) -> Iterable[Entry]:
    return (entry for _, entry in zip(range(BATCH), entries, strict=False))


def _hour_of(entry: Entry) -> int:
    return int(entry.at // _HOUR)
