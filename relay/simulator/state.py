"""What the parts of one session share: its object, its conversation, its dice, and the way out.

The rule: everything sent passes `State.emit`, and everything that is to happen later passes
`State.later`; nothing else in the engine knows of either.
"""

import binascii
import hashlib
import heapq
import math
import random
from collections.abc import Callable
from itertools import count
from typing import Final

from relay.simulator.audio import Encoding
from relay.simulator.conversation import Conversation
from relay.simulator.errors import Json, Refused
from relay.simulator.ids import Ids
from relay.simulator.settings import SimulatorSettings, Span

Action = Callable[[float], None]
"""Something to do; it is told the time."""

OBFUSCATED: Final = frozenset(
    {
        "response.output_text.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.delta",
        "response.mcp_call_arguments.delta",
        "conversation.item.input_audio_transcription.delta",
    }
)
"""Deltas whose length would tell what they say; the real API pads them."""
AUDIO_DELTAS: Final = frozenset({"response.output_audio.delta", "session.output_audio.delta"})


class AudioTally:
    """How much audio went one way, and its digest."""

    __slots__ = ("_digest", "size")

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()

    def add(self, audio: bytes) -> None:
        """Count *audio*."""
        self.size += len(audio)
        self._digest.update(audio)

    def sha256(self) -> str:
        """Return the hex digest of all of it."""
        return self._digest.hexdigest()


class Timer:
    """Something that will happen unless it is called off."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        """Call it off; doing so late or twice does nothing."""
        self.action = None


class State:
    """The shared part of one session."""

    def __init__(self, settings: SimulatorSettings, dice: random.Random, session: Json) -> None:
        self.settings = settings
        self.session = session
        self.ids = Ids(dice)
        self.conversation = Conversation(self.ids.new("conv"), settings.kept_audio_bytes)
        self.heard = AudioTally()
        self.spoken = AudioTally()
        self.closing: tuple[int, str] | None = None
        """The close code and reason, once the session is over."""
        self._dice = dice
        self._out: list[Json] = []
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    @property
    def input_encoding(self) -> Encoding:
        """Return the format of what the client says."""
        return Encoding.of(self.session["audio"]["input"]["format"])

    def draw(self, span: Span) -> float:
        """Return a wait within *span*."""
        return span.at(self._dice.random())

    # --- the way out
    def emit(self, event: Json) -> None:
        """Send *event*, which has a type and no event_id yet."""
        kind = event.pop("type")
        stamped: Json = {"type": kind, "event_id": self.ids.new("event"), **event}
        if kind in AUDIO_DELTAS:
            self.spoken.add(binascii.a2b_base64(event["delta"]))
        elif kind in OBFUSCATED and self.settings.obfuscation:
            stamped["obfuscation"] = self.ids.noise()
        self._out.append(stamped)

    def taken(self) -> list[Json]:
        """Return what was emitted since the last time."""
        out, self._out = self._out, []
        return out

    # --- time
    @property
    def deadline(self) -> float:
        """Return when something is to happen next; infinity if nothing is."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def later(self, due: float, action: Action) -> Timer:
        """Have *action* done at *due*; things of the same time happen in the order of asking."""
        timer = Timer(action)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def expire(self, now: float) -> None:
        """End the session: it is as old as a session may be."""
        del now
        minutes = self.settings.session_seconds / 60
        message = f"Your session hit the maximum duration of {minutes:g} minutes."
        self.emit({"type": "error", "error": Refused("session_expired", message).body()})
        self.closing = (1001, message)

    def step(self, now: float) -> None:
        """Do the one thing that is due, if any."""
        if self.deadline > now:
            return
        _, _, timer = heapq.heappop(self._heap)
        action, timer.action = timer.action, None
        if action is not None:
            action(now)
