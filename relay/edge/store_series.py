"""The series about the store: what is asked of it, what fails, and whether it is away.

Rule: they are there without a store too, at zero: no alert is written against a series that may not exist.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from relay.core.words import Seconds
from relay.edge.counting import counter
from relay.edge.histograms import Histograms

OPS: Final = (
    "allowances", "ledger", "permit_give_back", "permit_holder", "permit_renew", "permit_take",
    "secret_find", "secret_keep", "secret_unuse", "secret_use", "usage", "workers",
)  # fmt: skip
"""What is asked of a store, by name."""


class StoreSeries:
    """The witness of a store."""

    def __init__(self, histograms: Histograms) -> None:
        self.degraded: Callable[[], bool] = lambda: False
        """Asked at each scrape: whether the store is away."""
        self._seconds = histograms.store
        self._errors: Counter[str] = Counter()
        for op in OPS:
            self._seconds.labels(op)

    def asked(self, op: str, seconds: Seconds, *, ok: bool) -> None:
        """See `Witness`. What the breaker refused took no time, and counts as an error alone."""
        if seconds > 0.0:
            self._seconds.labels(op).observe(seconds)
        if not ok:
            self._errors[op] += 1

    def families(self) -> Iterator[Metric]:
        """Show them."""
        ops = sorted({*OPS, *self._errors})
        yield counter(
            "relay_store_errors",
            "What was asked of the store and not answered, or not in time.",
            ("op",),
            (((op,), self._errors[op]) for op in ops),
        )
        yield GaugeMetricFamily(
            "relay_store_degraded", "1 while the store is away.", value=float(self.degraded())
        )
