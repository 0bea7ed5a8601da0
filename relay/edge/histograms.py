"""The series that are distributions: observed as things happen, none of them per frame but for a sample.

Rule: the buckets stand round the promises: milliseconds for what the relay adds, seconds for what it waits for.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import Metric

LATENCY: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
DURATION: Final = (1.0, 10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0)
DIRECTIONS: Final = ("up", "down")
"""Indexed by `Side`, the side a message comes from: what the client says goes up."""


class Histograms:
    """Every histogram of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._all: list[Histogram] = []

        def histogram(
            name: str, about: str, labels: tuple[str, ...] = (), buckets: tuple[float, ...] = LATENCY
        ) -> Histogram:
            made = Histogram(name, about, labels, buckets=buckets, registry=registry)
            self._all.append(made)
            return made

        self.session = histogram(
            "relay_session_duration_seconds", "Life of a session, from 101 to end.", buckets=DURATION
        )
        self.handshake = histogram(
            "relay_handshake_seconds", "From request head to answer, the upstream's time included."
        )
        added = histogram(
            "relay_added_latency_seconds",
            "Time of a message in the relay, one in 64 sampled.",
            ("direction",),
            (0.00005, 0.0001, 0.00025, 0.0005, *LATENCY),
        )
        self.added_latency = tuple(added.labels(direction) for direction in DIRECTIONS)
        self.first_token = histogram(
            "relay_first_token_seconds",
            "From asking for a response to its first text or audio.",
            ("region", "model"),
        )
        self.first_audio = histogram(
            "relay_first_audio_seconds",
            "From asking for a response to its first audio.",
            ("region", "model"),
        )
        self.connect = histogram(
            "relay_upstream_connect_seconds",
            "From dialing an upstream to its first event.",
            ("upstream",),
        )
        self.store = histogram("relay_store_seconds", "What the store took to answer.", ("op",))
        self.loop_lag = histogram(
            "relay_event_loop_lag_seconds", "How late the event loop woke a timer, sampled twice a second."
        )

    def families(self) -> Iterator[Metric]:
        """Return each as it stands."""
        for histogram in self._all:
            yield from histogram.collect()
