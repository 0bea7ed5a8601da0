"""A snapshot is all that a scrape would show, and does not hold the loop up."""

import asyncio
import time

from prometheus_client.core import Metric

from relay.core.refusals import Reason
from relay.edge.metrics import Metrics
from relay.supervisor import snapshot
from relay.supervisor.snapshot import Family, family_of
from tests.unit.supervisor.counting import Busy, moved


def shown(metrics: Metrics) -> dict[str, Family]:
    return {family.name: family for family in map(family_of, metrics.registry.collect())}


async def test_a_snapshot_is_what_the_registry_shows() -> None:
    metrics = moved(sessions=60)
    taken = {family.name: family for family in await snapshot.take(metrics)}
    assert taken == shown(metrics)


async def test_sessions_are_added_up_in_passing() -> None:
    metrics = Metrics(lambda: [Busy() for _ in range(2000)], ())
    turns = 0
    longest = 0.0

    async def others() -> None:
        nonlocal turns, longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)
            turns += 1

    running = asyncio.create_task(others())
    await asyncio.sleep(0)
    started = time.perf_counter()
    await snapshot.take(metrics)
    took = time.perf_counter() - started
    running.cancel()
    assert turns >= 2000 / snapshot.SESSIONS_AT_ONCE
    assert longest < took / 2


async def test_a_session_that_ends_meanwhile_is_counted_once() -> None:
    live = [Busy() for _ in range(snapshot.SESSIONS_AT_ONCE * 2)]
    metrics = Metrics(lambda: live, ())
    taking = asyncio.create_task(snapshot.take(metrics))
    await asyncio.sleep(0)
    gone = live.pop()
    metrics.ended(gone, Reason.CLIENT_LEFT, None, 1.0)
    families = {family.name: family for family in await taking}
    in_bytes = [sample.value for sample in families["relay_bytes"].samples]
    assert in_bytes == [snapshot.SESSIONS_AT_ONCE * 2] * 2


def test_a_family_keeps_its_type_and_its_meaning() -> None:
    metric = Metric("relay_events", "Messages that came in.", "counter")
    metric.add_sample("relay_events_total", {"direction": "up"}, 3)
    family = family_of(metric)
    assert (family.name, family.about, family.kind) == ("relay_events", "Messages that came in.", "counter")
    assert family.samples == (snapshot.Sample("relay_events_total", (("direction", "up"),), 3.0),)
