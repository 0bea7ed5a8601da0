"""What an upstream's message tells the relay: counted, timed, billed, and nearly always forwarded untouched.

Rule: one event in is one event out, or none where the client's dialect knows no such event. An event is
changed only where that dialect differs, or where it would name what is the relay's own affair: the upstream's
name for a model, a key, or the cancelling of a response that the plan forbade.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from relay.core import events
from relay.core.actions import FORWARD, Actions, Moment, Observe, Rehead, Send, Spend
from relay.core.allowance import Allowance
from relay.core.audio import AudioFormat, format_named
from relay.core.deltas import length_of_delta, seconds_per_character
from relay.core.dialects.dialect import GA, ClientDialect, UpstreamDialect
from relay.core.events import KIND_OF, Kind, Outcome, Told, table
from relay.core.refusals import Reason, Refusal
from relay.core.strict import Event
from relay.core.turns import Turns
from relay.core.unstarted import failure
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
_MEASURED_ONE_IN: Final = 31
"""What stands round the audio of a delta is as long as round the one before, give or take a digit of an index:
so it is measured once in a while, and not for every frame."""


_READ: Final = frozenset({
    Told.SESSION, Told.RESPONSE_CREATED, Told.RESPONSE_DONE, Told.TRANSCRIBED, Told.ERROR,
})  # fmt: skip
"""What the relay reads though neither leg needs a translation."""
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
        model: str | None = None,
        names: Mapping[str, str] = MappingProxyType({}),
        client: ClientDialect = GA,
        upstream: UpstreamDialect = GA,
        hides_instructions: bool = False,
    ) -> None:
        """Make the gate of one session.

        *asked* is the model's name to the client, *served* to the upstream, *model* in the price list; *names*
        leads from the upstream's names of models to those that clients know. With *hides_instructions* the
        client is not shown what the session was told to be.
        """
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
        self._model = model or served
        self._names = names
        self._client = client
        self._upstream = upstream
        self._renames = client.renames
        self._renamed_last: dict[Kind, tuple[bytes, Actions]] = {Kind.AUDIO: (b"", ()), Kind.TEXT: (b"", ())}
        """How the last delta of a kind began, and what was done with it."""
        self._hides_instructions = hides_instructions
        self._translated = client is not GA or upstream is not GA
        self._allowance = allowance
        self._turns = turns
        self._prices = prices
        self._price_factor = price_factor
        self._redact = redact
        self._set_input_format = set_input_format
        self._epoch = epoch
        self._seconds_per_character = seconds_per_character(AudioFormat.PCM)
        self._unmeasured = 0
        self._around = 0
        self._transcriber: str | None = None

    def judge(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        """Say what becomes of *message*: this is the hot path."""
        self.bytes += len(message)
        told = events.told_by(message) if text else None
        if told is Told.AUDIO_DELTA:
            if self._unmeasured:
                self._unmeasured -= 1
            else:
                self._around = len(message) - length_of_delta(message)
                self._unmeasured = _MEASURED_ONE_IN
            length = len(message) - self._around
            if length > 0:  # or else its surroundings are others than were measured: no figure goes down
                self.audio_seconds += length * self._seconds_per_character
            if self._renames:
                return self._renamed(Kind.AUDIO, Moment.FIRST_AUDIO, message, now)
            self.counts[_AUDIO_FORWARDED] += 1
            return self._timed(Moment.FIRST_AUDIO, now) if self._turns.timing else FORWARD
        if told is Told.TEXT_DELTA:
            if self._renames:
                return self._renamed(Kind.TEXT, Moment.FIRST_TOKEN, message, now)
            self.counts[_TEXT_FORWARDED] += 1
            return self._timed(Moment.FIRST_TOKEN, now) if self._turns.timing else FORWARD
        if told is None:
            # No event, or binary: not for the relay to judge what an upstream says to its client.
            return self._count(Kind.OTHER, Outcome.FORWARDED)
        return self._control(told, message, now)

    def _renamed(self, kind: Kind, moment: Moment, message: memoryview, now: Seconds) -> Actions:
        """Pass a delta on under the name that the client's dialect has for it; the rest is not looked at."""
        timed = self._timed(moment, now) if self._turns.timing else FORWARD
        seen, actions = self._renamed_last[kind]
        if not seen or message[: len(seen)] != seen:
            head = events.HEAD.match(message)
            if head is None:  # its type does not come first
                return (*self._say_whole(kind, message), *timed[1:])
            seen, actions = head[0], self._rename(head)
            self._renamed_last[kind] = seen, actions
        if actions is FORWARD:
            self._count(kind, Outcome.FORWARDED)
            return timed
        if not actions:
            self._count(kind, Outcome.DROPPED)
            return timed[1:]
        self.counts[kind * _OUTCOMES + Outcome.REPLACED] += 1
        return actions if timed is FORWARD else (*actions, *timed[1:])

    def _rename(self, head: re.Match[bytes]) -> Actions:
        """Return what to do with deltas that begin like *head*: those after it mostly do."""
        name = self._renames.get(head[1])
        if name is None:
            return () if self._client.write({"type": head[1].decode()}) is None else FORWARD
        before, after = head.start(1) - head.start(), head.end(1) - head.start()
        return (Rehead(head[0][:before] + name + head[0][after:], head.end()),)

    def _say_whole(self, kind: Kind, message: memoryview) -> Actions:
        event = events.read_trusted(message)
        return self._say(kind, event, event) if event is not None else self._count(kind, Outcome.FORWARDED)

    def _control(self, told: Told, message: memoryview, now: Seconds) -> Actions:
        if not self._translated and told not in _READ:
            return self._count(KIND_OF[told], Outcome.FORWARDED)
        given = events.read_trusted(message)
        if given is None:
            return self._count(KIND_OF[told], Outcome.FORWARDED)
        event = self._upstream.read(given)
        if event is not given:
            told = events.told_of(event)
        more: Actions = ()
        handle = {
            Told.SESSION: self._session,
            Told.RESPONSE_CREATED: self._response_created,
            Told.RESPONSE_DONE: self._response_done,
            Told.TRANSCRIBED: self._transcribed,
            Told.ERROR: self._error,
        }.get(told)
        if handle is not None:
            event, more = handle(event, now)
        actions = self._say(KIND_OF[told], given, event)
        return (*actions, *more) if more else actions

    def _say(self, kind: Kind, given: Event, event: Event) -> Actions:
        """Tell the client *event*, which came as *given*, in its own dialect."""
        said = self._client.write(event)
        if said is given:
            return self._count(kind, Outcome.FORWARDED)
        if said is None:
            self._count(kind, Outcome.DROPPED)
            return ()
        self._count(kind, Outcome.REPLACED)
        return (Send(Side.CLIENT, events.encode(said)),)

    def _session(self, event: Event, now: Seconds) -> tuple[Event, Actions]:
        del now
        session = table(event, "session")
        if isinstance(session.get("id"), str):
            self.session_id = session["id"]
        heard = format_named(table(session, "audio", "input").get("format"))
        if heard is not None:
            self._set_input_format(heard)
        spoken = format_named(table(session, "audio", "output").get("format"))
        if spoken is not None:
            self._seconds_per_character = seconds_per_character(spoken)
        transcriber = table(session, "audio", "input", "transcription").get("model")
        self._transcriber = self._name_of(transcriber) if isinstance(transcriber, str) else None
        shown = session
        if self._asked != self._served and "model" in session:
            shown = {**session, "model": self._asked}
        if self._hides_instructions and session.get("instructions"):
            shown = {**shown, "instructions": ""}
        if isinstance(transcriber, str) and self._transcriber != transcriber:
            audio, heard_as = session["audio"], session["audio"]["input"]
            named = {**heard_as, "transcription": {**heard_as["transcription"], "model": self._transcriber}}
            shown = {**shown, "audio": {**audio, "input": named}}
        return (event if shown is session else {**event, "session": shown}), ()

    def _name_of(self, model: str) -> str:
        return self._names.get(model, model)

    def _response_created(self, event: Event, now: Seconds) -> tuple[Event, Actions]:
        response_id = table(event, "response").get("id")
        if not isinstance(response_id, str) or self._turns.created(response_id, now):
            return event, ()
        refused = self._allowance.take_response(now, now + self._epoch)
        if refused is None:
            return event, ()
        self.refusals[refused.refusal] = self.refusals.get(refused.refusal, 0) + 1
        self._turns.refuse(response_id, failure(refused))
        cancel = self._upstream.write(events.response_cancel(response_id))
        return event, (Send(Side.UPSTREAM, events.encode(cancel)),)

    def _response_done(self, event: Event, now: Seconds) -> tuple[Event, Actions]:
        response = table(event, "response")
        response_id = response.get("id")
        refused = self._turns.done(response_id) if isinstance(response_id, str) else None
        usage = read_response_usage(response.get("usage"))
        spent = self._spend(self._model, usage, response_id if isinstance(response_id, str) else "", now)
        if refused is None or response.get("status") == "completed":
            return event, spent
        ended = {**response, "status": "failed", "status_details": refused}
        return {**event, "response": ended}, spent

    def _transcribed(self, event: Event, now: Seconds) -> tuple[Event, Actions]:
        usage = read_transcription_usage(event.get("usage"))
        item = f"{event.get('item_id')}:{event.get('content_index')}" if "item_id" in event else ""
        return event, self._spend(self._transcriber or self._model, usage, item, now)

    def _error(self, event: Event, now: Seconds) -> tuple[Event, Actions]:
        del now
        if table(event, "error").get("code") in _NO_AUTHOR:
            self._turns.unasked()
        clean = {field: _cleaned(value, self._redact) for field, value in event.items()}
        return (event if clean == event else clean), ()

    def _spend(self, model: str | None, usage: Usage, of: str, now: Seconds) -> Actions:
        wall = now + self._epoch
        spent: Actions = ()
        if usage != NO_USAGE:
            cost = self._prices.cost(model or "", usage, self._price_factor)
            self.usage += usage
            self.micro_usd += cost
            self._allowance.debit(usage.tokens, cost, now, wall)
            spent = (Spend(model or "unknown", usage, cost, of),)
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
