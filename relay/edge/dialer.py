"""Reach an upstream: TLS, headers, keys, and the first event, which alone proves that it accepted.

Rule: every way in which a dial can end is turned into one `Answer` here, and told to the upstream's health.
Nothing of the client's is sent before the client has its 101, so a dial may always be tried elsewhere.
"""

import asyncio
import random
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
import structlog
from picows import WSError, WSHandshakeError, ws_connect
from python_socks import ProxyError  # how picows tells of a proxy's refusal

from relay.core import answers
from relay.core.answers import Answer, Verdict
from relay.core.deadlines import DIAL_WITHIN, FIRST_EVENT_WITHIN
from relay.core.dialects.spoken import by_upstream
from relay.core.guest import Guest
from relay.core.presetting import Presetting
from relay.core.redaction import Redactor
from relay.core.refusals import Refusal, Refused
from relay.core.routing import Route, order
from relay.core.strict import Event
from relay.core.tenants import Upstream
from relay.core.words import Seconds, Secret, Side
from relay.edge.clock import monotonic
from relay.edge.endpoint import Endpoint, trust
from relay.edge.leg import LARGEST_FRAME, PICOWS_LOG, READ_BUFFER, Leg
from relay.edge.pipe import Early
from relay.edge.threshold import Threshold

RECEIVE_BUFFER: Final = 256 * 1024
"""Of an upstream's socket: 64 KiB would hold a region 100 ms away to 640 kB/s."""
SEND_BUFFER: Final = 256 * 1024
LONGEST_REST: Final = 3600
"""Seconds that an upstream's `Retry-After` is believed for at most."""

log = structlog.get_logger("dialer")


class Dialed(msgspec.Struct, frozen=True):
    """An upstream that accepted the session, held still until there is a client to hear it.

    It counts among its endpoint's open sessions until the session that takes it over is done, or `let_go`.
    """

    leg: Leg
    early: Early
    route: Route
    endpoint: Endpoint

    def let_go(self) -> None:
        """There is no client to take it over."""
        self.leg.ear = None
        self.leg.disconnect(graceful=False)
        self.endpoint.open -= 1


Told = Callable[[Upstream, str, Seconds | None], None]
"""Hears of each try: the upstream, how it ended, and how long an accepted one took."""


class Dialer:
    """The upstreams, and how they are."""

    def __init__(self, redact: Redactor, told: Told) -> None:
        self._redact = redact
        self._told = told
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._dice = random.Random()  # noqa: S311 - spreads load, guards nothing

    def endpoint(self, upstream: Upstream) -> Endpoint:
        """Return what is known of *upstream*, by its name and URL."""
        known = self._endpoints.get((upstream.name, upstream.url))
        if known is None:
            known = Endpoint(upstream, trust(upstream))
            self._endpoints[upstream.name, upstream.url] = known
        return known

    def keep(self, upstreams: Iterable[Upstream], redact: Redactor) -> None:
        """Go by *upstreams*, and forget those that are configured no more and hold no session.

        Raises `OSError` where a `ca` cannot be read; then nothing has changed.
        """
        fresh = {(upstream.name, upstream.url): (upstream, trust(upstream)) for upstream in upstreams}
        self._redact = redact
        for key, endpoint in list(self._endpoints.items()):
            if key not in fresh and endpoint.open == 0:
                del self._endpoints[key]
        for key, (upstream, tls) in fresh.items():
            known = self._endpoints.get(key)
            if known is None:
                self._endpoints[key] = Endpoint(upstream, tls)
            elif known.upstream != upstream:
                known.configure(upstream, tls)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint that is known."""
        return tuple(self._endpoints.values())

    async def dial(self, guest: Guest) -> Dialed | Refused:
        """Try *guest*'s routes, best first, within `DIAL_WITHIN`. Return what accepted, or what to tell."""
        now = monotonic()
        tries = order(
            guest.routes,
            healthy=lambda upstream: self.endpoint(upstream).health.healthy(now),
            full=lambda upstream: self.endpoint(upstream).full(),
            draws=[self._dice.random() for _ in guest.routes],
        )
        best: Refused | None = None
        try:
            async with asyncio.timeout(DIAL_WITHIN):
                for route in tries:
                    preset = guest.preset(route)
                    if isinstance(preset, Refused):
                        return preset
                    outcome = await self._try(route, guest, preset)
                    if isinstance(outcome, Dialed):
                        return outcome
                    best = outcome.refused
                    if outcome.verdict is Verdict.TELL_CLIENT:
                        break
        except TimeoutError:
            best = best or answers.to_silence().refused
        return best or Refused(
            Refusal.UPSTREAM_BUSY,
            "Every upstream that may take this session is full.",
            retry_after=answers.RETRY_AFTER,
        )

    async def _try(self, route: Route, guest: Guest, preset: Event | None) -> Dialed | Answer:
        """Dial one upstream with one key after another, until one is taken or none is left."""
        endpoint = self.endpoint(route.upstream)
        keys = endpoint.keys  # a reload meanwhile makes others
        now = monotonic()
        wait = endpoint.starts.take(1, now)
        if wait > 0.0:
            self._told(route.upstream, "paced", None)
            return _full(wait)
        answer = _full(keys.resting(now))
        for _ in route.upstream.keys:
            picked = keys.pick(now)
            if picked is None:
                break
            number, key = picked
            outcome = await self._reach(route, guest, key, endpoint, preset)
            if isinstance(outcome, Dialed):
                endpoint.health.succeeded()
                return outcome
            answer = outcome
            self._told(route.upstream, answer.verdict.name.lower(), None)
            if answer.verdict is not Verdict.NEXT_KEY:
                break
            log.warning("upstream refused a key", upstream=route.upstream.name, key=number)
            keys.refused(number, now, answer.rest)
        if answer.verdict is Verdict.NEXT_UPSTREAM:
            endpoint.health.failed(monotonic(), self._dice.random())
        return answer

    async def _reach(
        self, route: Route, guest: Guest, key: Secret, endpoint: Endpoint, preset: Event | None
    ) -> Dialed | Answer:
        threshold = Threshold()
        leg = Leg(Side.UPSTREAM, guest.tenant.plan.message_bytes, threshold)
        threshold.leg = leg
        started = monotonic()
        endpoint.open += 1
        try:
            async with asyncio.timeout(FIRST_EVENT_WITHIN):
                await self._connect(leg, route, guest, key, endpoint)
                if guest.hello.call_id is None:
                    await threshold.answered
            answer = self._answer_of(threshold, route, guest)
            took = monotonic() - started
            if answer.verdict is Verdict.ACCEPTED and preset is not None:
                async with asyncio.timeout(FIRST_EVENT_WITHIN):
                    answer = await self._set(threshold, route, preset)
        except BaseException as error:
            endpoint.open -= 1
            leg.ear = None  # should its 101 still come, there is nobody to hear it
            leg.disconnect(graceful=False)
            if isinstance(error, TimeoutError | OSError | WSError | ProxyError | ValueError):
                return self._failure(route.upstream, error)
            raise
        if answer.verdict is not Verdict.ACCEPTED:
            endpoint.open -= 1
            leg.ear = None
            leg.disconnect(graceful=True)
            return answer
        self._told(route.upstream, "accepted", took)
        return Dialed(leg, Early(tuple(threshold.messages), threshold.close), route, endpoint)

    async def _connect(self, leg: Leg, route: Route, guest: Guest, key: Secret, endpoint: Endpoint) -> None:
        upstream = route.upstream
        await ws_connect(
            lambda: leg,
            guest.url(route),
            ssl_context=endpoint.tls,
            websocket_handshake_timeout=FIRST_EVENT_WITHIN,
            enable_auto_pong=False,
            max_frame_size=int(min(guest.tenant.plan.message_bytes, LARGEST_FRAME)),
            extra_headers=guest.headers(route, key),
            max_redirects=0,
            proxy=upstream.proxy.reveal() if upstream.proxy else None,
            read_buffer_init_size=READ_BUFFER,
            # aiofastnet's transports do not notice a reset under uvloop, whose poll handle stops on
            # one without a word; the session would hang until a ping goes unanswered.
            use_aiofastnet=False,
            logger_name=PICOWS_LOG,
        )
        _bound(leg)

    def _answer_of(self, threshold: Threshold, route: Route, guest: Guest) -> Answer:
        if threshold.messages:
            first = memoryview(threshold.messages[0])
            return answers.to_first_event(first, self._redact, by_upstream(route.upstream.dialect))
        if guest.hello.call_id is None:
            return answers.to_close(threshold.close[0] if threshold.close else None)
        return answers.ACCEPTED  # a sideband's first event is the answer to its own

    async def _set(self, threshold: Threshold, route: Route, preset: Event) -> Answer:
        """Set the session as it has to be, before there is a client to hear of it."""
        presetting = Presetting(preset, by_upstream(route.upstream.dialect), self._redact)
        await threshold.ask(presetting)
        threshold.messages[:] = map(presetting.shown, threshold.messages)
        answer = presetting.answer or answers.to_close(threshold.close[0] if threshold.close else None)
        if answer.verdict is Verdict.TELL_CLIENT:
            log.warning("upstream refused the preset", upstream=route.upstream.name, session=sorted(preset))
        return answer

    def _failure(self, upstream: Upstream, error: BaseException) -> Answer:
        if isinstance(error, WSHandshakeError) and error.response is not None:
            headers: Mapping[str, str] = error.response.headers
            body = error.raw_body or error.response.body or b""
            return answers.to_status(
                int(error.response.status), _seconds(headers.get("Retry-After")), body, self._redact
            )
        log.warning("upstream not reached", upstream=upstream.name, error=self._redact(repr(error)))
        if isinstance(error, TimeoutError):
            return answers.to_silence()
        if isinstance(error, ProxyError):
            return answers.to_failure("proxy")
        what = (
            "TLS"
            if isinstance(error, ssl.SSLError)
            else ("connect" if isinstance(error, OSError) else "handshake")
        )
        return answers.to_failure(what)


def _full(wait: Seconds) -> Answer:
    refused = Refused(Refusal.UPSTREAM_BUSY, "The upstream can take no further session now.", retry_after=wait)
    return Answer(Verdict.NEXT_KEY, refused)


def _seconds(value: str | None) -> Seconds | None:
    if value is None or not value.isascii() or not value.isdigit():
        return None
    return float(min(int(value[:9]), LONGEST_REST))


def _bound(leg: Leg) -> None:
    """Bound what the kernel takes on: a stalled session would hold megabytes of it."""
    if leg.transport is None:
        raise ConnectionResetError("the upstream closed before it answered the upgrade")
    handle = leg.transport.underlying_transport.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
