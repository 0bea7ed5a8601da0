"""The sessions that are open, and what each holds and must give back.

Rule: whatever a session took (permit, place at its upstream, place of its address) is given back in `finished`,
which is called once, whichever way the session ended.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from relay.core.actions import Finish, Moment, Observe, Spend
from relay.core.dialects.dialect import ClientSpeech
from relay.core.downlink import Downlink
from relay.core.flow import Hold
from relay.core.refusals import Reason, Refusal
from relay.core.session import Session
from relay.core.tenants import Tenant
from relay.core.uplink import Uplink
from relay.core.words import Latency, Seconds, SessionId, Side, TenantId, UnixSeconds
from relay.edge import journal
from relay.edge.clock import monotonic
from relay.edge.endpoint import Endpoint
from relay.edge.metrics import Metrics
from relay.edge.pipe import Pipe
from relay.ports import Bill, Ledger, Permit, Permits


class Terms:
    """Under what a session was let in. One a session, so slots."""

    __slots__ = ("address", "endpoint", "key_id", "latency", "model", "permit", "region", "speech", "tenant")

    def __init__(
        self,
        *,
        tenant: Tenant,
        key_id: str,
        model: str | None,
        region: str,
        address: str,
        endpoint: Endpoint,
        permit: Permit,
        latency: Latency,
        speech: ClientSpeech,
    ) -> None:
        self.tenant = tenant
        self.key_id = key_id
        self.model = model
        self.region = region
        self.address = address
        self.endpoint = endpoint
        self.permit = permit
        self.latency = latency
        self.speech = speech


class Live:
    """One open session: the witness of its pipe, and what the metrics count."""

    __slots__ = (
        "_downlink",
        "_house",
        "_uplink",
        "epoch",
        "pipe",
        "region",
        "session",
        "tenant_label",
        "terms",
    )

    def __init__(
        self,
        house: "Sessions",
        terms: Terms,
        session: Session,
        uplink: Uplink,
        downlink: Downlink,
        epoch: UnixSeconds,
    ) -> None:
        self._house = house
        self._uplink = uplink
        self._downlink = downlink
        self.terms = terms
        self.session = session
        self.epoch = epoch
        self.pipe: Pipe | None = None
        self.tenant_label = house.metrics.tenant_label(terms.tenant.id)
        self.region = terms.region

    @property
    def id(self) -> SessionId:
        """The session's id, as told in `X-Relay-Session-Id`."""
        return self.terms.permit.session

    @property
    def latency(self) -> Latency:
        """How patient its client says it is: in an event, or else when it came."""
        return self._uplink.latency or self.terms.latency

    # --- as a pipe's witness ----------------------------------------------------------------------

    def relayed(self, origin: Side, seconds: Seconds) -> None:
        """See `Witness`."""
        self._house.metrics.histograms.added_latency[origin].observe(seconds)

    def pinged(self, side: Side, answered: bool) -> None:
        """See `Witness`."""
        self._house.metrics.pinged(side, answered)

    def stalled(self, side: Side) -> None:
        """See `Witness`."""
        self._house.metrics.stalled(side)

    def observed(self, observe: Observe) -> None:
        """See `Witness`."""
        metrics = self._house.metrics
        timed = metrics.histograms
        series = timed.first_token if observe.moment is Moment.FIRST_TOKEN else timed.first_audio
        series.labels(self.region, metrics.model_label(self.terms.model or "")).observe(observe.seconds)

    def spent(self, spend: Spend) -> None:
        """See `Witness`."""
        self._house.metrics.spent(self.tenant_label, spend.model, spend.usage, spend.micro_usd)
        self._house.ledger.record(
            Bill(
                tenant=self.terms.tenant.id,
                session=self.id,
                model=spend.model,
                usage=spend.usage,
                micro_usd=spend.micro_usd,
                at=monotonic() + self.epoch,
                # With the session: an upstream of another maker may count its responses anew in each.
                response=f"{self.id}:{spend.response}" if spend.response else "",
            )
        )

    def finished(self, finish: Finish) -> None:
        """See `Witness`."""
        now = monotonic()
        self._house.metrics.ended(self, finish.reason, finish.first, now - self.session.started_at)
        journal.write(self, finish, now)
        self._house.leave(self)

    # --- as the metrics count it ------------------------------------------------------------------

    def counts(self, side: Side) -> list[int]:
        """Messages by kind and outcome."""
        return self._downlink.counts if side else self._uplink.counts

    def bytes(self, side: Side) -> int:
        """Bytes of messages from *side*."""
        return self._downlink.bytes if side else self._uplink.bytes

    def audio_seconds(self, side: Side) -> float:
        """Seconds of speech from *side*."""
        return self._downlink.audio_seconds if side else self._uplink.audio_seconds

    def paused(self, side: Side, cause: Hold) -> Seconds:
        """How long *side* was not read."""
        return self.session.flows[side].paused_so_far(cause, monotonic())

    def buffered(self, side: Side) -> int:
        """Bytes waiting to be written to *side*."""
        return self.pipe.buffered(side) if self.pipe is not None else 0

    def refusals(self) -> Iterable[tuple[Refusal, int]]:
        """Refusals so far."""
        yield from self._uplink.refusals.items()
        yield from self._downlink.refusals.items()

    @property
    def downlink(self) -> Downlink:
        """What the upstream said, added up."""
        return self._downlink


class Sessions:
    """Every open session of this process, and the one door through which each leaves."""

    def __init__(
        self, metrics: Metrics, permits: Permits, ledger: Ledger, leave_address: Callable[[str], None]
    ) -> None:
        self.metrics = metrics
        self.ledger = ledger
        self._leave_address = leave_address
        self._permits = permits
        self._live: dict[SessionId, Live] = {}
        self._expected = 0
        self._returns: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Live]:
        return iter(self._live.values())

    def find(self, session: SessionId) -> Live | None:
        """Return the session of that id, if it is here."""
        return self._live.get(session)

    def expect(self) -> None:
        """An upgrade is being answered: a session may come of it."""
        self._expected += 1
        self._emptied.clear()

    def expected(self) -> None:
        """It was answered, one way or the other."""
        self._expected -= 1
        self._settle()

    def _settle(self) -> None:
        if not self._live and not self._expected:
            self._emptied.set()

    def enter(self, live: Live) -> None:
        """A session is open."""
        self._live[live.id] = live
        self._emptied.clear()

    def leave(self, live: Live) -> None:
        """A session is over: give back what it held."""
        if self._live.pop(live.id, None) is None:
            return
        live.pipe = None
        live.terms.endpoint.open -= 1
        self._leave_address(live.terms.address)
        task = asyncio.get_running_loop().create_task(
            self._permits.give_back(live.terms.permit), name="give back"
        )
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)
        self._settle()

    def end_those(self, doomed: Callable[[TenantId, str], bool], reason: Reason) -> int:
        """End the sessions of which *doomed* (told tenant and key id) is true. Return how many."""
        ended = 0
        for live in list(self):
            if live.pipe is not None and doomed(live.terms.tenant.id, live.terms.key_id):
                live.pipe.end(reason)
                ended += 1
        return ended

    async def empty(self) -> None:
        """Wait until no session is open or about to be, and every permit is back."""
        await self._emptied.wait()
        while self._returns:
            await asyncio.wait(self._returns)
