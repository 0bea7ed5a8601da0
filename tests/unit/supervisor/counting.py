"""Metrics that have moved, and what is read of them."""

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from relay.core.events import Kind, Outcome
from relay.core.flow import Hold
from relay.core.refusals import Refusal
from relay.core.usage import KINDS, Usage
from relay.core.words import Side, TenantId
from relay.edge.metrics import Metrics


class Busy:
    """A session of which everything has been counted once."""

    def __init__(self, tenant: str = "acme") -> None:
        self.tenant_label = tenant
        self.region = "eu"

    def counts(self, side: Side) -> list[int]:
        return [1] * (len(Kind) * len(Outcome))

    def bytes(self, side: Side) -> int:
        return 1

    def audio_seconds(self, side: Side) -> float:
        return 0.1

    def paused(self, side: Side, cause: Hold) -> float:
        return 0.1

    def buffered(self, side: Side) -> int:
        return 1

    def refusals(self) -> Iterable[tuple[Refusal, int]]:
        return [(refusal, 1) for refusal in Refusal]


def moved(sessions: int = 1, tenant: str = "acme", *, healthy: bool = True) -> Metrics:
    """Return metrics of which every series has moved."""
    metrics = Metrics(lambda: [Busy(tenant) for _ in range(sessions)], ["gpt-realtime"])
    metrics.upstreams = lambda: [("eu-1", healthy)]
    metrics.tenant_label(TenantId(tenant))
    metrics.chose("eu-1", "accepted", 0.1)
    metrics.spent(tenant, "gpt-realtime", Usage(**dict.fromkeys(KINDS, 1)), 1)
    metrics.histograms.first_token.labels("eu", "gpt-realtime").observe(0.1)
    metrics.histograms.first_audio.labels("eu", "gpt-realtime").observe(0.1)
    return metrics


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Return every sample: name and label values, by label, to its value."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
