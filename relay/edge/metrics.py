"""Every series that the relay exports.

Rules: a counter that moves with frames is a plain integer on the session, and is added up when someone scrapes;
a label has a closed set of values, or a bound: tenants beyond the first `TENANTS` are `other`, as are models
that no price list, alias or upstream names. Series of closed sets exist from the start, at zero.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relay import __version__
from relay.core.events import Kind, Outcome
from relay.core.flow import Hold
from relay.core.refusals import Reason, Refusal, Refused
from relay.core.usage import KINDS, Usage
from relay.core.words import MicroUsd, Seconds, Side, TenantId, usd
from relay.edge.counting import counter
from relay.edge.histograms import DIRECTIONS, Histograms
from relay.edge.store_series import StoreSeries
from relay.edge.sums import Counted, Sums

TENANTS: Final = 100
"""Tenants that get series of their own: the first to hold a session; once in, never out."""
OTHER: Final = "other"
SIDES: Final = ("client", "upstream")
RESULTS: Final = ("accepted", "refused", "abandoned")
CHOICES: Final = ("accepted", "next_key", "next_upstream", "tell_client", "paced")
_LIMITS: Final = {
    Refusal.TOO_MANY_SESSIONS: "sessions",
    Refusal.CHUNK_TOO_LARGE: "chunk_bytes",
    Refusal.TOO_MANY_EVENTS: "events_per_second",
    Refusal.TOO_MANY_RESPONSES: "responses_per_minute",
    Refusal.TOKENS_SPENT: "tokens_per_minute",
    Refusal.BUDGET_SPENT: "day_budget",
    Refusal.IMPATIENT: "patience",
}
"""Which limit a refusal means."""
_LIMITS_OF_ENDS: Final = {
    Reason.MESSAGE_TOO_BIG: "message_bytes",
    Reason.TOO_OLD: "session_seconds",
    Reason.IDLE: "idle_seconds",
    Reason.BUDGET_SPENT: "day_budget",
}
"""Which limit the end of a session means."""


class Metrics(Collector):
    """The registry of one process."""

    def __init__(self, live: Callable[[], Iterable[Counted]], known_models: Iterable[str]) -> None:
        self._live = live
        self._models = set(known_models)
        self._tenants: set[str] = set()
        self._sums = Sums()
        self._ended: Counter[tuple[Reason, str]] = Counter()
        self._handshakes: Counter[str] = Counter()
        self._pings: Counter[tuple[Side, bool]] = Counter()
        self._stalls: Counter[Side] = Counter()
        self._choices: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str, str]] = Counter()
        self._cost: Counter[tuple[str, str]] = Counter()
        self.upstreams: Callable[[], Iterable[tuple[str, bool]]] = tuple
        """Asked at each scrape: every upstream, and whether it is healthy."""
        self.draining = False
        self.registry = CollectorRegistry()
        self.histograms = Histograms(self.registry)
        self.store = StoreSeries(self.histograms)
        self.registry.register(self)

    # --- what is told -----------------------------------------------------------------------------

    def tenant_label(self, tenant: TenantId) -> str:
        """Return the label of *tenant*, giving it one if there is room."""
        if tenant in self._tenants:
            return tenant
        if len(self._tenants) >= TENANTS:
            return OTHER
        self._tenants.add(tenant)
        return tenant

    def model_label(self, model: str) -> str:
        """Return the label of *model*."""
        return model if model in self._models else OTHER

    def know_models(self, models: Iterable[str]) -> None:
        """Let these models have labels."""
        self._models.update(models)

    def handshake(self, result: str, seconds: Seconds) -> None:
        """An upgrade request was answered, or its client left."""
        self._handshakes[result] += 1
        self.histograms.handshake.observe(seconds)

    def refused(self, refused: Refused, tenant: str = OTHER) -> None:
        """A request was refused at the door. The label is the tenant's, where it is known."""
        self._sums.refusals[refused.refusal, tenant] += 1

    def chose(self, upstream: str, why: str, seconds: Seconds | None) -> None:
        """An upstream was tried."""
        self._choices[upstream, why] += 1
        if seconds is not None:
            self.histograms.connect.labels(upstream).observe(seconds)

    def pinged(self, side: Side, answered: bool) -> None:
        """A ping came."""
        self._pings[side, answered] += 1

    def stalled(self, side: Side) -> None:
        """A write buffer is full."""
        self._stalls[side] += 1

    def spent(self, tenant: str, model: str, usage: Usage, micro_usd: MicroUsd) -> None:
        """The upstream reported usage."""
        label = self.model_label(model)
        for kind in KINDS:
            if (amount := getattr(usage, kind)) and kind != "seconds":
                self._tokens[kind, label, tenant] += amount
        self._cost[tenant, label] += micro_usd

    def ended(self, session: Counted, reason: Reason, first: Side | None, seconds: Seconds) -> None:
        """A session is over: its counts are kept, the session is not."""
        self._sums.add(session)
        self._ended[reason, "relay" if first is None else SIDES[first]] += 1
        self.histograms.session.observe(seconds)

    # --- what is shown ----------------------------------------------------------------------------

    def exposition(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self.registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: the names are ours alone."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Add up, and show."""
        sums, live = self.counted()
        for session in live:
            sums.add(session)
        return self.families(sums, live)

    def counted(self) -> tuple[Sums, list[Counted]]:
        """Return what ended sessions left, and the live ones, each of which is still to be added."""
        return self._sums.copy(), list(self._live())

    def families(self, sums: Sums, live: list[Counted]) -> Iterator[Metric]:
        """Show *sums*, to which all *live* ones were added."""
        yield from self._sessions(live)
        yield from self._traffic(sums, live)
        yield from self._refusals(sums)
        yield from self._upstreams()
        yield from self._usage()
        yield from self.store.families()
        build = GaugeMetricFamily("relay_build_info", "What is running.", labels=("version",))
        build.add_metric((__version__,), 1)
        yield build
        yield GaugeMetricFamily(
            "relay_draining", "1 while no new sessions are taken.", value=float(self.draining)
        )

    def _sessions(self, live: list[Counted]) -> Iterator[Metric]:
        open_now = GaugeMetricFamily("relay_sessions_open", "Sessions open now.", labels=("tenant", "region"))
        held = Counter((session.tenant_label, session.region) for session in live)
        for labels, count in (held or {(OTHER, OTHER): 0}).items():
            open_now.add_metric(labels, count)
        yield open_now
        yield counter(
            "relay_sessions_ended",
            "Sessions ended, by reason and by who went first.",
            ("reason", "first"),
            (
                ((reason.label, first), self._ended[reason, first])
                for reason in Reason
                for first in (*SIDES, "relay")
            ),
        )
        yield counter(
            "relay_handshakes",
            "Upgrade requests answered.",
            ("result",),
            (((result,), self._handshakes[result]) for result in RESULTS),
        )

    def _traffic(self, sums: Sums, live: list[Counted]) -> Iterator[Metric]:
        yield counter(
            "relay_events",
            "Messages that came in, and what became of them.",
            ("direction", "kind", "outcome"),
            (
                (
                    (DIRECTIONS[side], kind.label, outcome.label),
                    sums.events[side][kind * len(Outcome) + outcome],
                )
                for side in Side
                for kind in Kind
                for outcome in Outcome
            ),
        )
        yield counter(
            "relay_bytes",
            "Bytes of messages that came in.",
            ("direction",),
            (((DIRECTIONS[side],), sums.bytes[side]) for side in Side),
        )
        tenants = sorted({OTHER, *(tenant for _, tenant in sums.audio)})
        yield counter(
            "relay_audio_seconds",
            "Seconds of speech relayed.",
            ("direction", "tenant"),
            (((DIRECTIONS[side], tenant), sums.audio[side, tenant]) for side in Side for tenant in tenants),
        )
        yield counter(
            "relay_paused_seconds",
            "Seconds in which a side was not read.",
            ("side", "cause"),
            (((SIDES[side], cause.label), sums.paused[side, cause]) for side in Side for cause in Hold),
        )
        buffered = GaugeMetricFamily("relay_write_buffer_bytes", "Waiting to be written.", labels=("side",))
        for side in Side:
            buffered.add_metric((SIDES[side],), sum(session.buffered(side) for session in live))
        yield buffered
        yield counter(
            "relay_stalls",
            "Times that a write buffer was full.",
            ("side",),
            (((SIDES[side],), self._stalls[side]) for side in Side),
        )
        yield counter(
            "relay_pings",
            "Pings that came in.",
            ("leg", "result"),
            (
                ((SIDES[side], "answered" if answered else "dropped"), self._pings[side, answered])
                for side in Side
                for answered in (True, False)
            ),
        )

    def _refusals(self, sums: Sums) -> Iterator[Metric]:
        seen = {*sums.refusals, *((refusal, OTHER) for refusal in Refusal)}
        yield counter(
            "relay_refusals",
            "Refusals, at the door and in sessions.",
            ("refusal", "tenant"),
            sorted(((refusal.label, tenant), sums.refusals[refusal, tenant]) for refusal, tenant in seen),
        )
        limits: Counter[str] = Counter(dict.fromkeys((*_LIMITS.values(), *_LIMITS_OF_ENDS.values()), 0))
        for (refusal, _), count in sums.refusals.items():
            if refusal in _LIMITS:
                limits[_LIMITS[refusal]] += count
        for (reason, _), count in self._ended.items():
            if reason in _LIMITS_OF_ENDS:
                limits[_LIMITS_OF_ENDS[reason]] += count
        yield counter(
            "relay_limit_decisions",
            "What limits decided against a client.",
            ("limit", "decision"),
            (((limit, "refused"), count) for limit, count in limits.items()),
        )

    def _upstreams(self) -> Iterator[Metric]:
        about = "1 while an upstream is dialed first."
        healthy = GaugeMetricFamily("relay_upstream_healthy", about, labels=("upstream",))
        seen = set(self._choices)
        for name, is_healthy in self.upstreams():
            seen.update((name, why) for why in CHOICES)
            healthy.add_metric((name,), float(is_healthy))
        yield healthy
        yield counter(
            "relay_upstream_choices",
            "Tries of an upstream, by how they ended.",
            ("upstream", "why"),
            ((key, self._choices[key]) for key in sorted(seen)),
        )

    def _usage(self) -> Iterator[Metric]:
        yield counter(
            "relay_tokens",
            "Tokens that upstreams reported.",
            ("kind", "model", "tenant"),
            self._tokens.items(),
        )
        yield counter(
            "relay_cost_usd",
            "What they cost, by the price list.",
            ("tenant", "model"),
            ((key, usd(micro)) for key, micro in self._cost.items()),
        )
