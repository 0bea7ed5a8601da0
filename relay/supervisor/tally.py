"""The workers added up: what `/metrics` shows of a relay that is several processes.

Rule: a counter never goes down. What a worker counted stays in the sum when the worker is gone, to the last
snapshot that it sent.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final, TypeAlias, assert_never

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from relay.edge.metrics import OTHER, TENANTS
from relay.supervisor.snapshot import Family, Labels, Sample


class Rule(Enum):
    """How one series is made of several."""

    SUM = auto()
    LEAST = auto()
    MOST = auto()
    OWN = auto()
    """The supervisor's alone: what workers say of it is about themselves."""


GAUGES: Final = {
    "relay_sessions_open": Rule.SUM,
    "relay_write_buffer_bytes": Rule.SUM,
    # One worker's trouble with an upstream is the operator's: the others may not have dialed it since.
    "relay_upstream_healthy": Rule.LEAST,
    # A worker that is replaced drains, and the relay goes on taking sessions.
    "relay_draining": Rule.OWN,
    "relay_store_degraded": Rule.MOST,
    "relay_build_info": Rule.MOST,
}
"""Every gauge of `edge.metrics`. One that is not here, of a worker of the next version, is added up."""

Families: TypeAlias = Sequence[Family]
_Key: TypeAlias = tuple[str, Labels]


class Tally:
    """All that the workers of one supervisor ever counted."""

    def __init__(self) -> None:
        self._kept: Families = ()
        """Counts of workers that are gone."""
        self._shown: dict[_Key, float] = {}
        self._tenants: set[str] = set()

    def keep(self, families: Families) -> None:
        """Keep the counts of a worker that is gone; its gauges are gone with it."""
        counts = [family for family in families if family.kind != "gauge"]
        self._kept = tuple(self._merged((self._kept, counts)))

    def text(self, own: Families, workers: Iterable[Families]) -> bytes:
        """Return everything in the Prometheus text format: the supervisor's *own* families, and the *workers'*.

        *own* are at zero but for what is the supervisor's to say: they hold every series of a closed set open,
        whether or not there is a worker.
        """
        theirs = [
            [family for family in families if _rule(family, family.name) is not Rule.OWN]
            for families in workers
        ]
        registry = CollectorRegistry()
        registry.register(_Shown([self._metric(family) for family in self._merged((own, self._kept, *theirs))]))
        return generate_latest(registry)

    def _merged(self, parts: Iterable[Families]) -> Iterator[Family]:
        heads: dict[str, Family] = {}
        values: dict[str, dict[_Key, float]] = {}
        for families in parts:
            for family in families:
                heads.setdefault(family.name, family)
                merged = values.setdefault(family.name, {})
                for sample in family.samples:
                    key = self._key(sample)
                    before = merged.get(key)
                    value = sample.value
                    merged[key] = (
                        value if before is None else _joined(_rule(family, sample.name), before, value)
                    )
        for name, head in heads.items():
            samples = tuple(Sample(*key, value) for key, value in values[name].items())
            yield Family(name, head.about, head.kind, samples)

    def _metric(self, family: Family) -> Metric:
        metric = Metric(family.name, family.about, family.kind)
        for sample in family.samples:
            metric.add_sample(sample.name, dict(sample.labels), self._never_less(family, sample))
        return metric

    def _never_less(self, family: Family, sample: Sample) -> float:
        """Hold a count to what was shown of it.

        Fractions of seconds come out a last digit smaller when they are added in another order, as happens when
        a worker goes; Prometheus takes any step down for a restart, and all that was counted for news.
        """
        if _rule(family, sample.name) is not Rule.SUM or family.kind == "gauge":
            return sample.value
        key = (sample.name, sample.labels)
        self._shown[key] = shown = max(sample.value, self._shown.get(key, 0.0))
        return shown

    def _key(self, sample: Sample) -> _Key:
        """Return what samples of one series have in common. The bound on tenants holds over all workers."""
        labels = sample.labels
        if any(name == "tenant" for name, _ in labels):
            labels = tuple((name, self._tenant(value) if name == "tenant" else value) for name, value in labels)
        return sample.name, labels

    def _tenant(self, tenant: str) -> str:
        if tenant in self._tenants or tenant == OTHER:
            return tenant
        if len(self._tenants) >= TENANTS:
            return OTHER
        self._tenants.add(tenant)
        return tenant


class _Shown(Collector):
    """Families that are done, as a registry wants them."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


def _rule(family: Family, sample: str) -> Rule:
    if family.kind == "gauge":
        return GAUGES.get(family.name, Rule.SUM)
    return Rule.LEAST if sample.endswith("_created") else Rule.SUM


def _joined(rule: Rule, one: float, other: float) -> float:
    match rule:
        case Rule.SUM:
            return one + other
        case Rule.LEAST:
            return min(one, other)
        case Rule.MOST | Rule.OWN:
            return max(one, other)
        case _:
            assert_never(rule)
