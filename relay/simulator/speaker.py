"""The session's voice: which responses run, what they are given, and how they end.

The rule: at most one response writes to the conversation at a time; any other runs outside of it.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from relay.simulator.answers import Output, answer
from relay.simulator.audio import Encoding
from relay.simulator.config import VOICES, check_tool_choice
from relay.simulator.conversation import Item, made
from relay.simulator.errors import Json, Refused, unsupported
from relay.simulator.responses import Performance, Terms
from relay.simulator.stages import Scene, Step
from relay.simulator.state import Action, State
from relay.simulator.usage import Allowance, Tally, of_item, text_tokens

MAX_OUTSIDE: Final = 64
"""Responses outside the conversation at once; the real bound is not published."""
OVERRIDES: Final = frozenset({"instructions", "tools", "tool_choice", "parallel_tool_calls"})
"""Fields of a response that replace the session's own for once."""


class Speaker:
    """Runs the responses of one session."""

    def __init__(self, state: State, *, off_wire: bool) -> None:
        self._state = state
        self._off_wire = off_wire
        self._allowance = Allowance(state.settings.tokens_per_minute)
        self._seen = Tally()
        self._active: Performance | None = None
        self._outside: dict[str, Performance] = {}
        self._last_voiced: str | None = None
        self.quiet: Action = lambda _: None
        """Told when the conversation's response will have been heard to its end."""
        self.spoke = False
        """The model answered with audio: its voice is fixed from now on."""
        self.failure: Json | None = None
        """The error that every response is to fail with."""

    def create(self, request: Json, now: float) -> None:
        """Begin a response as `response.create` asks for it. Raises `Refused`."""
        state = self._state
        if state.session["type"] == "transcription":
            raise Refused("invalid_value", "Responses cannot be created in a transcription session.", "type")
        outside = request.get("conversation") == "none"
        if not outside and self._active is not None:
            raise Refused(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: "
                f"{self._active.id}. Wait until the response is finished before creating a new one.",
            )
        if len(self._outside) >= MAX_OUTSIDE:
            raise Refused(
                "rate_limit_exceeded",
                f"No more than {MAX_OUTSIDE} responses may run at once.",
                kind="rate_limit_error",
            )
        context = self._context(request)
        chosen = state.session | {
            name: value for name, value in request.items() if value is not None and name in OVERRIDES
        }
        check_tool_choice(chosen["tool_choice"], chosen["tools"], "response.tool_choice")
        outputs = answer(
            context,
            chosen["tools"],
            chosen["tool_choice"],
            state.settings,
            parallel=chosen["parallel_tool_calls"],
        )
        self._perform(self._performance(request, chosen, context, outputs), now)

    def cancel(self, response_id: str | None, now: float) -> None:
        """End a response because the client asked. Raises `Refused`."""
        found = self._active
        if response_id is not None and (found is None or found.id != response_id):
            found = self._outside.get(response_id)
        if found is None:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        self._cut(found, "client_cancelled", now)

    def interrupt(self, now: float) -> None:
        """End the conversation's response because somebody began to speak."""
        if self._active is not None:
            self._cut(self._active, "turn_detected", now)

    def clear_output(self) -> None:
        """Empty what a call has not played yet. Raises `Refused` where there is no call."""
        if not self._off_wire:
            raise Refused(
                "invalid_value",
                "The event 'output_audio_buffer.clear' is only for WebRTC and SIP calls.",
                "type",
            )
        if self._last_voiced is not None:
            self._state.emit({"type": "output_audio_buffer.cleared", "response_id": self._last_voiced})
            self._last_voiced = None

    # --- what a response is given
    def _context(self, request: Json) -> list[Item]:
        state = self._state
        given = request.get("input")
        if given is None:
            return list(state.conversation.items)
        context = []
        for index, raw in enumerate(given):
            at = f"response.input[{index}]"
            if raw["type"] == "item_reference":
                item = state.conversation.find(raw["id"])
                if item is None:
                    raise Refused("invalid_value", f"Item '{raw['id']}' not found.", f"{at}.id")
                context.append(item)
            else:
                ids = state.ids
                context.append(made(raw, ids.new("item"), ids.call(), state.input_encoding, at))
        return context

    def _performance(
        self, request: Json, chosen: Json, context: list[Item], outputs: list[Output]
    ) -> Performance:
        state = self._state
        session = state.session
        output = session["audio"]["output"]
        asked = {
            name: value
            for name, value in ((request.get("audio") or {}).get("output") or {}).items()
            if value is not None
        }
        voice = (output | asked)["voice"]
        voice = voice["id"] if isinstance(voice, dict) else voice
        if isinstance(asked.get("voice"), str) and voice not in VOICES:
            raise unsupported(voice, VOICES, "response.audio.output.voice")
        [modality] = request.get("output_modalities") or session["output_modalities"]
        outside = request.get("conversation") == "none"
        scene = Scene(
            response_id=state.ids.new("resp"),
            conversation=None if outside else state.conversation,
            settings=state.settings,
            ids=state.ids,
            modality=modality,
            encoding=Encoding.of((output | asked)["format"]),
            off_wire=self._off_wire,
            first_token=state.draw(state.settings.first_token_seconds),
            first_audio=state.draw(state.settings.first_audio_seconds),
        )
        given = sum(map(of_item, context), Tally(text_tokens(chosen["instructions"])))
        given += Tally(sum(text_tokens(str(tool)) for tool in chosen["tools"]))
        limit = request.get("max_output_tokens")
        terms = Terms(
            max_output_tokens=session["max_output_tokens"] if limit is None else limit,
            metadata=request.get("metadata"),
            voice=voice,
            given=given,
            cached=given.cached(self._seen),
            failure=self.failure,
        )
        return Performance(scene, terms, outputs)

    # --- how it runs
    def _perform(self, performance: Performance, now: float) -> None:
        if performance.scene.conversation is None:
            self._outside[performance.id] = performance
        else:
            self._active = performance
        self._advance(performance, performance.steps(), now, now)

    def _advance(self, performance: Performance, steps: Iterator[Step], due: float, now: float) -> None:
        """Go on to the next events of *performance*, or to the next wait."""
        if performance.over:
            return
        for step in steps:
            if isinstance(step, list):
                self._send(performance, step, now)
                break
            if step > 0:
                due += step
                break
        if not performance.over:
            self._state.later(due, partial(self._advance, performance, steps, due))

    def _send(self, performance: Performance, events: list[Json], now: float) -> None:
        for event in events:
            self._state.emit(event)
        if performance.over:
            self._ended(performance, now)

    def _cut(self, performance: Performance, reason: str, now: float) -> None:
        self._send(performance, performance.cancel(reason), now)

    def _ended(self, performance: Performance, now: float) -> None:
        state = self._state
        voiced = performance.voiced_seconds if performance.scene.modality == "audio" else 0.0
        self.spoke = self.spoke or voiced > 0
        self._allowance.spend(performance.context_after.total, now)
        if performance.scene.conversation is None:
            self._outside.pop(performance.id, None)
        else:
            self._active = None
            self._seen = performance.context_after
        state.later(now + state.settings.rate_limits_seconds, self._report)
        playing = voiced if state.settings.audio_pace else 0.0
        if self._off_wire and voiced:
            self._last_voiced = performance.id
            state.later(now + playing, partial(self._stopped, performance.id))
        if performance.scene.conversation is not None:
            self.quiet(now + playing)

    def _report(self, now: float) -> None:
        limits = self._allowance.report(now)
        self._state.emit({"type": "rate_limits.updated", "rate_limits": limits})

    def _stopped(self, response_id: str, now: float) -> None:
        del now
        if self._last_voiced == response_id:
            self._last_voiced = None
            self._state.emit({"type": "output_audio_buffer.stopped", "response_id": response_id})
