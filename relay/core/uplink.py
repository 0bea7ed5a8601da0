"""What a client's message is allowed to do: checked, measured, charged, and answered where it is refused.

Rule: a message goes upstream as the bytes that were checked, or not at all, or rebuilt from what was checked.
The flood, audio appends, costs one decode; the answer to it is the constant `FORWARD`.
"""

from typing import Any, Final, Protocol

import msgspec

from relay.core import events, policy
from relay.core.actions import FORWARD, Actions, Send
from relay.core.allowance import Allowance
from relay.core.audio import AudioFormat, decoded_bytes, padding_of
from relay.core.events import APPENDS, CLIENT_KINDS, Kind, Outcome, decode_append
from relay.core.pacing import Pacer
from relay.core.refusals import Reason, Refusal, Refused
from relay.core.strict import Event, LooseJsonError, read_strictly
from relay.core.tenants import AUDIO_BURST, BYTES_BURST, EVENTS_BURST_SECONDS, Plan
from relay.core.turns import Turns
from relay.core.words import Seconds, SessionId, Side, UnixSeconds

SLACK: Final = 1024
"""An append longer than its audio by more than this has room for a second `audio`: it is read whole."""
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
    ) -> None:
        self.counts = [0] * (len(Kind) * _OUTCOMES)
        self.bytes = 0
        self.audio_seconds = 0.0
        self.wait: Seconds = 0.0
        self.over: Reason | None = None
        self.refusals: dict[Refusal, int] = {}
        self._bytes_per_second = AudioFormat.PCM.bytes_per_second
        self._rules = rules
        self._allowance = allowance
        self._turns = turns
        self._session = session
        self._epoch = epoch
        self._made = 0
        self._chunk_bytes = plan.chunk_bytes
        self._slack = min(SLACK, plan.chunk_bytes)
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
        event = _read(data, text)
        if event is None:
            self.over = Reason.INVALID_TEXT
            return self._count(Kind.OTHER, Outcome.REFUSED)
        if isinstance(event, Refused):
            return self._refuse(Kind.OTHER, event, now)
        name: str = event["type"]
        kind = CLIENT_KINDS.get(name, Kind.OTHER)
        verdict = self._check(event, name, now) or policy.check(event, self._rules)
        if isinstance(verdict, Refused):
            return self._refuse(kind, _about(verdict, event), now)
        if name == "response.create":
            refused = self._allowance.take_response(now, now + self._epoch)
            if refused is not None:
                return self._no_response(_about(refused, event), event)
            self._turns.asked(now)
        if verdict is not None:
            self._count(kind, Outcome.REPLACED)
            return (Send(Side.UPSTREAM, events.encode(verdict)),)
        self._count(kind, Outcome.FORWARDED)
        return FORWARD

    def _check(self, event: Event, name: str, now: Seconds) -> Refused | None:
        """Put *event* to the plan's limits."""
        refused = self._check_audio(event, name, now)
        if refused is not None or name in APPENDS:
            return refused
        if name not in CLIENT_KINDS and self._rules.policy.unknown_events == "refuse":
            return Refused(
                Refusal.NOT_ALLOWED,
                "An event of this type is not allowed for this tenant.",
                param="type",
            )
        return self._check_rate(now)

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
        if name in APPENDS:
            held = [("audio", event.get("audio"))]
        elif name == "conversation.item.create":
            held = _audio_of_item(event.get("item"), "item")
        elif name == "response.create":
            items = events.table(event, "response").get("input")
            held = [
                found
                for index, item in enumerate(items if isinstance(items, list) else ())
                for found in _audio_of_item(item, f"response.input[{index}]")
            ]
        else:
            return None
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

    def _refuse(self, kind: Kind, refused: Refused, now: Seconds) -> Actions:
        self._count(kind, Outcome.REFUSED)
        self._tally(refused.refusal)
        if self._patience.take(1, now) > 0.0:
            self._tally(Refusal.IMPATIENT)
            self.over = Reason.IMPATIENT
        return (Send(Side.CLIENT, refused.event(self.event_id())),)

    def _no_response(self, refused: Refused, event: Event) -> Actions:
        """Refuse a response in the upstream's own form: frameworks take a stray `error` for the end."""
        self._count(Kind.RESPONSE, Outcome.REFUSED)
        if refused.refusal is Refusal.BUDGET_SPENT:
            self.over = Reason.BUDGET_SPENT  # counted as the end that it is
            return ()
        self._tally(refused.refusal)
        response: dict[str, Any] = {
            "object": "realtime.response",
            "id": f"resp_{self._session}_{self._made + 1}",
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "metadata": _metadata(event),
            "usage": None,
        }
        failed = {"status": "failed", "status_details": failure(refused)}
        return tuple(
            Send(Side.CLIENT, events.encode({"type": name, "event_id": self.event_id(), "response": body}))
            for name, body in (
                ("response.created", response),
                ("response.done", {**response, **failed}),
            )
        )

    def _count(self, kind: Kind, outcome: Outcome) -> Actions:
        self.counts[kind * _OUTCOMES + outcome] += 1
        return ()

    def _tally(self, refusal: Refusal) -> None:
        self.refusals[refusal] = self.refusals.get(refusal, 0) + 1


def _read(data: bytes, text: bool) -> Event | Refused | None:
    """Return the event that *data* is, why it is none, or None where its text is not UTF-8."""
    if not text:
        return Refused(
            Refusal.INVALID_EVENT,
            "Expected a text WebSocket message; binary frames are not supported.",
        )
    try:
        event = read_strictly(data.decode())
    except UnicodeDecodeError:
        return None
    except LooseJsonError as error:
        return Refused(Refusal.INVALID_JSON, f"The message was not strict JSON: {error}.")
    if not isinstance(event.get("type"), str):
        return Refused(Refusal.INVALID_EVENT, "An event names its type in a string.", param="type")
    return event


def _metadata(event: Event) -> Event | None:
    """Return the response's `metadata` to echo, if it is within the API's bounds: 16 keys, 64 and 512 long."""
    metadata = events.table(event, "response", "metadata")
    sane = len(metadata) <= _MOST_KEYS and all(
        isinstance(value, str) and len(key) <= _LONGEST_KEY and len(value) <= _LONGEST_VALUE
        for key, value in metadata.items()
    )
    return metadata if metadata and sane else None


_MOST_KEYS: Final = 16
_LONGEST_KEY: Final = 64
_LONGEST_VALUE: Final = 512


def failure(refused: Refused) -> Event:
    """Return the `status_details` of a response that the plan did not allow."""
    error = {"type": refused.refusal.kind, "code": refused.refusal.code, "message": refused.message}
    return {"type": "failed", "error": error}


def _audio_of_item(item: object, field: str) -> list[tuple[str, object]]:
    content = item.get("content") if isinstance(item, dict) else None
    return [
        (f"{field}.content[{index}].audio", part.get("audio"))
        for index, part in enumerate(content if isinstance(content, list) else ())
        if isinstance(part, dict)
    ]


def _about(refused: Refused, event: Event) -> Refused:
    """Name the client's event in *refused*, where it has a name that may be echoed."""
    event_id = event.get("event_id")
    if isinstance(event_id, str) and len(event_id) <= events.MAX_EVENT_ID:
        return msgspec.structs.replace(refused, event_id=event_id)
    return refused


_QUOTE: Final = ord('"')
_EQUALS: Final = ord("=")
