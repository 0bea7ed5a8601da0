"""A session of the engine's in virtual time: what a conversation test is written with."""

import base64
import random
from typing import Any

import msgspec

from relay.simulator import config
from relay.simulator.engine import Engine
from relay.simulator.settings import INSTANT, SimulatorSettings

Event = dict[str, Any]


class Talk:
    """Says things to an engine, and lets time pass."""

    def __init__(
        self,
        settings: SimulatorSettings = INSTANT,
        *,
        kind: str = "realtime",
        sideband: bool = False,
    ) -> None:
        session = config.born(settings, kind, "sess_1", "gpt-realtime-2.1", 3600)
        self.engine = Engine(settings, random.Random(1), session, sideband=sideband)
        self.now = 100.0
        self.seen: list[Event] = []
        self.seen += self.engine.start(self.now)
        self.rest()

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """Send an event and return all that follows at once."""
        return self.raw(msgspec.json.encode({"type": kind, **fields}))

    def raw(self, message: bytes, *, text: bool = True) -> list[Event]:
        before = len(self.seen)
        self.seen += self.engine.receive(message, self.now, text=text)
        self.rest()
        return self.seen[before:]

    def append(self, audio: bytes) -> list[Event]:
        return self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    def update(self, **session: Any) -> Event:
        [updated, *_] = self.send("session.update", session={"type": "realtime", **session})
        assert updated["type"] == "session.updated", updated
        effective: Event = updated["session"]
        return effective

    def hear(self, **heard: Any) -> Event:
        """Change `audio.input`."""
        return self.update(audio={"input": heard})

    def say(self, words: str, role: str = "user", **fields: Any) -> Event:
        """Put a written message into the conversation and return its item."""
        kind = "output_text" if role == "assistant" else "input_text"
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": words}]}
        [added, _] = self.send("conversation.item.create", item=item, **fields)
        assert added["type"] == "conversation.item.added", added
        shown: Event = added["item"]
        return shown

    def respond(self, **response: Any) -> list[Event]:
        """Ask for a response and return all that follows at once."""
        return self.send("response.create", response=response)

    def rest(self) -> None:
        """Let everything happen that is due now."""
        while self.engine.deadline <= self.now:
            self.seen += self.engine.tick(self.now)

    def wait(self, seconds: float) -> list[Event]:
        """Let time pass, every deadline in its turn, and return what happens."""
        before = len(self.seen)
        end = self.now + seconds
        while self.engine.deadline <= end:
            self.now = max(self.now, self.engine.deadline)
            self.seen += self.engine.tick(self.now)
        self.now = end
        return self.seen[before:]


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def only(events: list[Event], kind: str) -> Event:
    """The one event of that type."""
    [found] = [event for event in events if event["type"] == kind]
    return found


def all_of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def error(events: list[Event]) -> Event:
    """The inner object of the one error."""
    inner: Event = only(events, "error")["error"]
    return inner


def audio_of(events: list[Event]) -> bytes:
    return b"".join(base64.b64decode(event["delta"]) for event in all_of(events, "response.output_audio.delta"))
