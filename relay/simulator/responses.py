"""A response as it is performed: its events, one step at a time, and the waits between them.

The rule: a performance is stepped from outside and can be cut off after any step; whatever it had
opened is then closed in the order in which the API closes it, and `response.done` always comes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from relay.simulator.answers import Call, McpCall, Output, Say
from relay.simulator.calls import CallStage, McpStage
from relay.simulator.errors import Json
from relay.simulator.stages import SayStage, Scene, Step
from relay.simulator.usage import Tally, usage

Stage = SayStage | CallStage | McpStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was asked of a response, as its events repeat it."""

    max_output_tokens: int | str
    metadata: dict[str, str] | None
    voice: str
    given: Tally
    """The tokens of its context."""
    cached: Tally
    failure: Json | None = None
    """The error it is to fail with."""


class Performance:
    """One response, from `response.created` to `response.done`."""

    def __init__(self, scene: Scene, terms: Terms, outputs: list[Output]) -> None:
        self.id = scene.response_id
        self.scene = scene
        self._terms = terms
        self._outputs = outputs
        self._stages: list[Stage] = []
        self._open: Stage | None = None
        self.over = False
        """`response.done` was returned."""

    @property
    def spoken(self) -> Tally:
        """Return the tokens sent so far."""
        return sum((stage.spoken for stage in self._stages), Tally())

    @property
    def context_after(self) -> Tally:
        """Return all it was given and all it said: what counts, and what is now in the cache."""
        return self._terms.given + self.spoken

    @property
    def voiced_seconds(self) -> float:
        """Return how long the audio of this response plays."""
        return sum(stage.item.seconds for stage in self._stages)

    def steps(self) -> Iterator[Step]:
        """Yield the whole response; the last step holds `response.done`."""
        yield [{"type": "response.created", "response": self._shown("in_progress", None)}]
        if self._terms.failure is not None:
            yield self.scene.first_token
            yield [self._done("failed", {"type": "failed", "error": self._terms.failure})]
            return
        limit = self._terms.max_output_tokens
        budget = math.inf if isinstance(limit, str) else float(limit)
        for index, output in enumerate(self._outputs):
            yield self.scene.first_token if index == 0 else self.scene.settings.token_seconds
            stage = self._stage(index, output, budget - self.spoken.total)
            self._stages.append(stage)
            self._open = stage
            yield from stage.steps()
            self._open = None
            events = stage.close("incomplete" if stage.cut else "completed")
            if stage.cut:
                details = {"type": "incomplete", "reason": "max_output_tokens"}
                yield [*events, self._done("incomplete", details)]
                return
            if index == len(self._outputs) - 1:
                events.append(self._done("completed", None))
            yield events

    def cancel(self, reason: str) -> list[Json]:
        """Cut the response off and return the events that end it."""
        events = self._open.close("incomplete") if self._open is not None else []
        return [*events, self._done("cancelled", {"type": "cancelled", "reason": reason})]

    def _stage(self, index: int, output: Output, budget: float) -> Stage:
        match output:
            case Say():
                return SayStage(self.scene, index, output, budget)
            case Call():
                return CallStage(self.scene, index, output, budget)
            case McpCall():
                return McpStage(self.scene, index, output, budget)
            case _:
                assert_never(output)

    def _done(self, status: str, details: Json | None) -> Json:
        self.over = True
        return {"type": "response.done", "response": self._shown(status, details)}

    def _shown(self, status: str, details: Json | None) -> Json:
        scene, terms = self.scene, self._terms
        # A failed response was never begun: it costs nothing.
        free = status == "in_progress" or terms.failure is not None
        cost = None if free else usage(terms.given, terms.cached, self.spoken)
        shown: dict[str, Any] = {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [stage.item.shown for stage in self._stages],
            "conversation_id": scene.conversation.id if scene.conversation is not None else None,
            "output_modalities": [scene.modality],
            "max_output_tokens": terms.max_output_tokens,
            "audio": {"output": {"format": scene.encoding.declared(), "voice": terms.voice}},
            "usage": cost,
            "metadata": terms.metadata,
        }
        return shown
