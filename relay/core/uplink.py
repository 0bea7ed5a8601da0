"""What a client's message is allowed to do: checked, measured, charged, and answered where it is refused.

Rule: a message goes upstream as the bytes that were checked, or not at all, or rebuilt from what was checked.
The flood, audio appends, costs one decode; the answer to it is the constant `FORWARD`.
"""

from typing import Final, Protocol

import msgspec

from relay.core import events, habits, intake, latency, policy
from relay.core.actions import FORWARD, Actions, Send
from relay.core.allowance import Allowance
from relay.core.audio import AudioFormat, decoded_bytes, padding_of
from relay.core.dialects.dialect import GA, ClientDialect, UpstreamDialect
from relay.core.events import APPENDS, CLIENT_KINDS, Kind, Outcome, decode_append
from relay.core.pacing import Pacer
from relay.core.refusals import Reason, Refusal, Refused
from relay.core.strict import Event
from relay.core.tenants import AUDIO_BURST, BYTES_BURST, EVENTS_BURST_SECONDS, Plan
from relay.core.turns import Turns
from relay.core.unstarted import failed_response
from relay.core.words import Latency, Seconds, SessionId, Side, UnixSeconds

SLACK: Final = 1024
"""An append longer than its audio by more than this has room for a second `audio`: it is read whole."""
UNHEARD: Final = -1
"""The slack before the first append, which is always read whole: a file's header hides there."""
UPDATES: Final = frozenset({"session.update", "transcription_session.update"})
_OUTCOMES: Final = len(Outcome)
_AUDIO_FORWARDED: Final = Kind.AUDIO * _OUTCOMES + Outcome.FORWARDED


class Gate(Protocol):
    """What a session wants of whoever judges one direction's messages."""

    counts: list[int]
    """Messages by kind and outcome, at `kind * len(Outcome) + outcome`."""
    bytes: int
    audio_seconds: float
    wait: Seconds
    """How long the client must not be read, as of the last message."""
    over: Reason | None
    """Why the session must end now, if it must."""

    def judge(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        """Say what becomes of *message*. *text* is false for a binary one. The view lives for the call only."""


class Uplink:
    """The gate from client to upstream."""

    def __init__(  # the facts of one session, each used
        self,
        *,
        plan: Plan,
        rules: policy.Rules,
        allowance: Allowance,
        turns: Turns,
        session: SessionId,
        epoch: UnixSeconds,
        client: ClientDialect = GA,
        upstream: UpstreamDialect = GA,
    ) -> None:
        self.counts = [0] * (len(Kind) * _OUTCOMES)
        self.bytes = 0
        self.audio_seconds = 0.0
        self.wait: Seconds = 0.0
        self.over: Reason | None = None
        self.refusals: dict[Refusal, int] = {}
        self.latency: Latency | None = None
        """What the client's last update hinted; None while none did."""
        self._client = client
        self._upstream = upstream
        self._bytes_per_second = AudioFormat.PCM.bytes_per_second
        self._rules = rules
        self._allowance = allowance
        self._turns = turns
        self._session = session
        self._epoch = epoch
        self._made = 0
        self._chunk_bytes = plan.chunk_bytes
        self._slack: float = UNHEARD if upstream.hears_raw else min(SLACK, plan.chunk_bytes)
        self._encoded: habits.Header | None = None
        """The compressed file that the client is sending, until it clears the buffer."""
        self._slack_heard = min(SLACK, plan.chunk_bytes)
        self._audio = Pacer(plan.audio_seconds_per_second, AUDIO_BURST)
        self._pace = Pacer(plan.bytes_per_second, BYTES_BURST)
        self._events = Pacer(plan.events_per_second, max(1.0, plan.events_per_second * EVENTS_BURST_SECONDS))
        self._patience = Pacer(plan.patience / 60, plan.patience)

    def judge(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        """Say what becomes of *message*: this is the hot path."""
        size = len(message)
        self.bytes += size
        self.wait = self._pace.spend(size, now)
        data = bytes(message)
        # Base64 is ASCII, so an append that is not needs the slow way anyhow; nor is UTF-8 in doubt.
        if text and data.isascii():
            try:
                append = decode_append(data)
            except events.UNREADABLE:
                return self._judge_whole(data, text, now)
            audio = memoryview(append.audio)
            if audio[0] != _QUOTE:
                return self._judge_whole(data, text, now)
            length = len(audio) - 2
            padding = 0
            if audio[-2] == _EQUALS:
                padding = 2 if audio[-3] == _EQUALS else 1
            held = (length - padding) * 3 // 4  # `decoded_bytes` and `padding_of`, without the calls
            if (
                size - length <= self._slack
                and held <= self._chunk_bytes
                and data.find(b"\\") < 0  # half the price of `in`
            ):
                seconds = held / self._bytes_per_second
                self.audio_seconds += seconds
                wait = self._audio.spend(seconds, now)
                if wait > self.wait:  # noqa: PLR1730 - max() is thrice the price
                    self.wait = wait
                self.counts[_AUDIO_FORWARDED] += 1
                return FORWARD
        return self._judge_whole(data, text, now)

    def set_format(self, audio: AudioFormat) -> None:
        """The session's input audio is *audio* from now on."""
        self._bytes_per_second = audio.bytes_per_second

    def event_id(self) -> str:
        """Name an event of the relay's making; no two of a session's are the same."""
        self._made += 1
        return f"event_{self._session}_{self._made}"

    def _judge_whole(self, data: bytes, text: bool, now: Seconds) -> Actions:
        event = intake.read(data, text)
        if event is None:
            self.over = Reason.INVALID_TEXT
            return self._count(Kind.OTHER, Outcome.REFUSED)
        if isinstance(event, Refused):
            return self._refuse(Kind.OTHER, event, now)
        hint: Latency | None = None
        bare = latency.take(event) if event["type"] in UPDATES else None
        said: Event | Refused
        if isinstance(bare, Refused):
            said = bare
        elif bare is not None:
            said, hint = self._client.read(self._update_of(bare[0])), bare[1]
        else:
            said = self._client.read(event)
        if isinstance(said, Refused):
            return self._refuse(CLIENT_KINDS.get(event["type"], Kind.OTHER), intake.about(said, event), now)
        actions = self._judge_event(event, said, now)
        if hint is not None and not any(isinstance(it, Send) and it.side is Side.CLIENT for it in actions):
            self.latency = hint
        return actions

    def _update_of(self, bare: Event) -> Event:
        """Return an update that a hint was taken out of: one that said nothing else still wants its answer."""
        if events.table(bare, "session") or self._rules.asked is None:
            return bare
        return {**bare, "session": {"type": "realtime"}}

    def _judge_event(self, event: Event, said: Event, now: Seconds) -> Actions:
        """Judge *event*, which is *said* in GA terms."""
        name: str = said["type"]
        kind = CLIENT_KINDS.get(name, Kind.OTHER)
        verdict = self._check(said, name, now) or policy.check(said, self._rules)
        if isinstance(verdict, Refused):
            return self._refuse(kind, intake.about(self._in_its_words(verdict), event), now)
        if name == "response.create":
            refused = self._allowance.take_response(now, now + self._epoch)
            if refused is not None:
                return self._no_response(refused, said)
            self._turns.asked(now)
        if name == "input_audio_buffer.clear":
            self._encoded = None
        sent = self._upstream.write(said if verdict is None else verdict)
        if sent is event:
            self._count(kind, Outcome.FORWARDED)
            return FORWARD
        self._count(kind, Outcome.REPLACED)
        return (Send(Side.UPSTREAM, events.encode(sent)),)

    def _check(self, event: Event, name: str, now: Seconds) -> Refused | None:
        """Put *event* to the plan's limits, and to what the upstream can hear."""
        refused = self._check_audio(event, name, now)
        if refused is not None or name in APPENDS:
            return refused
        if name not in CLIENT_KINDS and self._rules.policy.unknown_events == "refuse":
            return Refused(
                Refusal.NOT_ALLOWED,
                "An event of this type is not allowed for this tenant.",
                param="type",
            )
        return self._check_rate(now) or (habits.format_fault(event) if self._upstream.hears_raw else None)

    def _check_rate(self, now: Seconds) -> Refused | None:
        wait = self._events.take(1, now)
        if wait == 0.0:
            return None
        return Refused(
            Refusal.TOO_MANY_EVENTS,
            "Too many events: slow down and send this one again.",
            retry_after=wait,
        )

    def _check_audio(self, event: Event, name: str, now: Seconds) -> Refused | None:
        """Measure the audio inside *event*: an append's, or that of items' content."""
        held = intake.audio_of(event)
        if not held:
            return None
        if name in APPENDS and self._slack == UNHEARD:
            refused = self._check_header(held[0][1])
            if refused is not None:
                return refused
        seconds = 0.0
        for param, audio in held:
            if not isinstance(audio, str):
                continue  # the upstream names what is wrong with it better than we would
            size = decoded_bytes(len(audio), padding_of(audio[-2:].encode()))
            if size > self._chunk_bytes:
                return Refused(
                    Refusal.CHUNK_TOO_LARGE,
                    f"The audio holds {size} bytes; at most {self._chunk_bytes:.0f} are allowed. "
                    "Send it in smaller pieces.",
                    param=param,
                )
            seconds += size / self._bytes_per_second
        self.audio_seconds += seconds
        self.wait = max(self.wait, self._audio.spend(seconds, now))
        return None

    def _check_header(self, audio: object) -> Refused | None:
        """Look at the first samples: a file's header is refused, and so is what follows a compressed one's."""
        self._encoded = self._encoded or habits.header_of(audio)
        if self._encoded is not None:
            header = self._encoded
            self._encoded = header if header.compressed else None
            return habits.header_fault(header)
        if audio:
            self._slack = self._slack_heard
        return None

    def _in_its_words(self, refused: Refused) -> Refused:
        """Name the field at fault as the client knows it."""
        if refused.param is None:
            return refused
        return msgspec.structs.replace(refused, param=self._client.param(refused.param))

    def _refuse(self, kind: Kind, refused: Refused, now: Seconds) -> Actions:
        self._count(kind, Outcome.REFUSED)
        self._tally(refused.refusal)
        if self._patience.take(1, now) > 0.0:
            self._tally(Refusal.IMPATIENT)
            self.over = Reason.IMPATIENT
        return (Send(Side.CLIENT, refused.event(self.event_id())),)

    def _no_response(self, refused: Refused, event: Event) -> Actions:
        """Refuse a response in the upstream's own form."""
        self._count(Kind.RESPONSE, Outcome.REFUSED)
        if refused.refusal is Refusal.BUDGET_SPENT:
            self.over = Reason.BUDGET_SPENT  # counted as the end that it is
            return ()
        self._tally(refused.refusal)
        told = failed_response(refused, event, f"resp_{self._session}_{self._made + 1}")
        said = (self._client.write({**body, "event_id": self.event_id()}) for body in told)
        return tuple(Send(Side.CLIENT, events.encode(body)) for body in said if body is not None)

    def _count(self, kind: Kind, outcome: Outcome) -> Actions:
        self.counts[kind * _OUTCOMES + outcome] += 1
        return ()

    def _tally(self, refusal: Refusal) -> None:
        self.refusals[refusal] = self.refusals.get(refusal, 0) + 1


_QUOTE: Final = ord('"')
_EQUALS: Final = ord("=")
