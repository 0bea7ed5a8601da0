"""What one process counts, as values that can be sent and added up.

Rule: taking a snapshot never holds the event loop for longer than a few sessions or one family take: a frame
must not wait for a count.
"""

import asyncio
from typing import Final, TypeAlias

import msgspec
from prometheus_client.core import Metric

from relay.edge.metrics import Metrics

SESSIONS_AT_ONCE: Final = 25
"""Added up between two turns of the loop: about a quarter of a millisecond."""

Labels: TypeAlias = tuple[tuple[str, str], ...]


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One line of an exposition."""

    name: str
    labels: Labels
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One series of the contract: `relay_events`, with all its labels."""

    name: str
    about: str
    kind: str
    """As Prometheus has it: `counter`, `gauge`, `histogram`."""
    samples: tuple[Sample, ...]


async def take(metrics: Metrics) -> tuple[Family, ...]:
    """Return all that *metrics* would show.

    A session that ends meanwhile is counted once, with what it has by the time it is added; nothing that was
    in an earlier snapshot is missing from a later one.
    """
    sums, live = metrics.counted()
    for number, session in enumerate(live, 1):
        sums.add(session)
        if number % SESSIONS_AT_ONCE == 0:
            await asyncio.sleep(0)
    families = []
    for metric in metrics.families(sums, live):
        families.append(family_of(metric))
        await asyncio.sleep(0)
    for metric in metrics.histograms.families():
        families.append(family_of(metric))
        await asyncio.sleep(0)
    return tuple(families)


def family_of(metric: Metric) -> Family:
    """Return *metric* as a value."""
    samples = tuple(
        Sample(sample.name, tuple(sample.labels.items()), float(sample.value)) for sample in metric.samples
    )
    return Family(metric.name, metric.documentation, metric.type, samples)
