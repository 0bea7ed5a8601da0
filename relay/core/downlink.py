"""What an upstream's message tells the relay: counted, timed, billed, and nearly always forwarded untouched.

Rule: one event in is one event out. An event is changed only where it would name what is the relay's own
affair: the upstream's name for an aliased model, a key, or the cancelling of a response that the plan forbade.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from relay.core import events
from relay.core.actions import FORWARD, Actions, Moment, Observe, Send, Spend
from relay.core.allowance import Allowance
from relay.core.audio import AudioFormat, format_named
from relay.core.events import KIND_OF, Kind, Outcome, Told, table
from relay.core.refusals import Reason, Refusal
from relay.core.strict import Event
from relay.core.turns import Turns
from relay.core.uplink import failure
from relay.core.usage import (
    NO_USAGE,
    PriceTable,
    Usage,
    read_response_usage,
    read_transcription_usage,
)
from relay.core.words import MicroUsd, Seconds, Side, UnixSeconds

_OUTCOMES: Final = len(Outcome)
_AUDIO_FORWARDED: Final = Kind.AUDIO * _OUTCOMES + Outcome.FORWARDED
_TEXT_FORWARDED: Final = Kind.TEXT * _OUTCOMES + Outcome.FORWARDED
_WINDOW: Final = 512
"""An audio delta's `delta` starts, and ends, within so many bytes of the message's."""
_MEASURED_ONE_IN: Final = 31
"""What stands round the audio of a delta is as long as round the one before, give or take a digit of an index:
so it is measured once in a while, and not for every frame."""


class _Delta(msgspec.Struct):
    delta: str = ""


_decode_delta: Final = msgspec.json.Decoder(_Delta).decode
_NO_AUTHOR: Final = frozenset({"conversation_already_has_active_response", "rate_limit_exceeded"})
"""Errors of a `response.create` that came to nothing, whether or not it was named."""


class Downlink:
    """The gate from upstream to client."""

    def __init__(  # the facts of one session, each used
        self,
        *,
        asked: str | None,
        served: str | None,
        allowance: Allowance,
        turns: Turns,
        prices: PriceTable,
        price_factor: float,
        redact: Callable[[str], str],
        set_input_format: Callable[[AudioFormat], None],
        epoch: UnixSeconds,
    ) -> None:
        self.counts = [0] * (len(Kind) * _OUTCOMES)
        self.bytes = 0
        self.audio_seconds = 0.0
        self.wait: Seconds = 0.0
        self.over: Reason | None = None
        self.usage: Usage = NO_USAGE
        self.micro_usd: MicroUsd = 0
        self.refusals: dict[Refusal, int] = {}
        self.session_id: str | None = None
        """The upstream's own id of the session, for its support desk."""
        self._asked = asked
        self._served = served
        self._allowance = allowance
        self._turns = turns
        self._prices = prices
        self._price_factor = price_factor
        self._redact = redact
        self._set_input_format = set_input_format
        self._epoch = epoch
        self._seconds_per_character = _seconds_per_character(AudioFormat.PCM)
        self._unmeasured = 0
        self._around = 0
        self._transcriber: str | None = None

    def judge(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        """Say what becomes of *message*: this is the hot path."""
        self.bytes += len(message)
        told = events.told_by(message) if text else None
        if told is Told.AUDIO_DELTA:
            self.counts[_AUDIO_FORWARDED] += 1
            if self._unmeasured:
                self._unmeasured -= 1
            else:
                self._around = len(message) - _length_of_delta(message)
                self._unmeasured = _MEASURED_ONE_IN
            length = len(message) - self._around
            if (
                length > 0
            ):  # or else its surroundings are not those that were measured: a figure never goes down
                self.audio_seconds += length * self._seconds_per_character
            return self._timed(Moment.FIRST_AUDIO, now) if self._turns.timing else FORWARD
        if told is Told.TEXT_DELTA:
            self.counts[_TEXT_FORWARDED] += 1
            return self._timed(Moment.FIRST_TOKEN, now) if self._turns.timing else FORWARD
        if told is None:
            # No event, or binary: not for the relay to judge what an upstream says to its client.
            return self._count(Kind.OTHER, Outcome.FORWARDED)
        return self._control(told, message, now)

    def _control(self, told: Told, message: memoryview, now: Seconds) -> Actions:
        handle = {
            Told.SESSION: self._session,
            Told.RESPONSE_CREATED: self._response_created,
            Told.RESPONSE_DONE: self._response_done,
            Told.TRANSCRIBED: self._transcribed,
            Told.ERROR: self._error,
        }.get(told)
        event = events.read_trusted(message) if handle is not None else None
        actions = handle(event, now) if handle is not None and event is not None else FORWARD
        replaced = any(isinstance(action, Send) and action.side is Side.CLIENT for action in actions)
        self._count(KIND_OF[told], Outcome.REPLACED if replaced else Outcome.FORWARDED)
        return actions

    def _session(self, event: Event, now: Seconds) -> Actions:
        del now
        session = table(event, "session")
        if isinstance(session.get("id"), str):
            self.session_id = session["id"]
        heard = format_named(table(session, "audio", "input").get("format"))
        if heard is not None:
            self._set_input_format(heard)
        spoken = format_named(table(session, "audio", "output").get("format"))
        if spoken is not None:
            self._seconds_per_character = _seconds_per_character(spoken)
        transcriber = table(session, "audio", "input", "transcription").get("model")
        self._transcriber = transcriber if isinstance(transcriber, str) else None
        if self._asked == self._served or "model" not in session:
            return FORWARD
        return _instead({**event, "session": {**session, "model": self._asked}})

    def _response_created(self, event: Event, now: Seconds) -> Actions:
        response_id = table(event, "response").get("id")
        if not isinstance(response_id, str):
            return FORWARD
        if self._turns.created(response_id, now):
            return FORWARD
        refused = self._allowance.take_response(now, now + self._epoch)
        if refused is None:
            return FORWARD
        self.refusals[refused.refusal] = self.refusals.get(refused.refusal, 0) + 1
        self._turns.refuse(response_id, failure(refused))
        return (*FORWARD, Send(Side.UPSTREAM, events.response_cancel(response_id)))

    def _response_done(self, event: Event, now: Seconds) -> Actions:
        response = table(event, "response")
        response_id = response.get("id")
        refused = self._turns.done(response_id) if isinstance(response_id, str) else None
        spent = self._spend(self._served, read_response_usage(response.get("usage")), now)
        if refused is None or response.get("status") == "completed":
            return (*FORWARD, *spent)
        ended = {**response, "status": "failed", "status_details": refused}
        return (*_instead({**event, "response": ended}), *spent)

    def _transcribed(self, event: Event, now: Seconds) -> Actions:
        usage = read_transcription_usage(event.get("usage"))
        return (*FORWARD, *self._spend(self._transcriber or self._served, usage, now))

    def _error(self, event: Event, now: Seconds) -> Actions:
        del now
        if table(event, "error").get("code") in _NO_AUTHOR:
            self._turns.unasked()
        clean = {field: _cleaned(value, self._redact) for field, value in event.items()}
        return FORWARD if clean == event else _instead(clean)

    def _spend(self, model: str | None, usage: Usage, now: Seconds) -> Actions:
        wall = now + self._epoch
        spent: Actions = ()
        if usage != NO_USAGE:
            cost = self._prices.cost(model or "", usage, self._price_factor)
            self.usage += usage
            self.micro_usd += cost
            self._allowance.debit(usage.tokens, cost, now, wall)
            spent = (Spend(model or "unknown", usage, cost),)
        # Whoever spent it: another of the tenant's sessions may have.
        if self._allowance.day_refusal(wall) is not None:
            self.over = Reason.BUDGET_SPENT
        return spent

    def _timed(self, moment: Moment, now: Seconds) -> Actions:
        seen = self._turns.delta(moment, now)
        if not seen:
            return FORWARD
        return (*FORWARD, *(Observe(moment, seconds) for moment, seconds in seen))

    def _count(self, kind: Kind, outcome: Outcome) -> Actions:
        self.counts[kind * _OUTCOMES + outcome] += 1
        return FORWARD


def _seconds_per_character(audio: AudioFormat) -> float:
    return 3 / 4 / audio.bytes_per_second  # four characters of base64 hold three bytes


def _instead(event: Event) -> Actions:
    return (Send(Side.CLIENT, events.encode(event)),)


def _cleaned(value: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - whatever an upstream sent
    """Return *value* without secrets. Text by text: a mask laid over JSON could cover a quote of its own."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {name: _cleaned(inner, redact) for name, inner in value.items()}
        case list():
            return [_cleaned(inner, redact) for inner in value]
        case _:
            return value


def _length_of_delta(message: memoryview) -> int:
    """Return how many characters of base64 an audio delta holds, without reading them."""
    head = bytes(message[:_WINDOW])
    start = head.find(_DELTA)
    if start >= 0:
        start += len(_DELTA)
        first = max(start, len(message) - _WINDOW)
        end = bytes(message[first:]).find(b'"')
        if end >= 0 and (first == start or end > 0):
            return first + end - start
    try:
        return len(_decode_delta(message).delta)
    except events.UNREADABLE:
        return 0


_DELTA: Final = b'"delta":"'
