"""The making of one output item that speaks: in text, or in audio with its transcript.

The rule: a stage yields waits and events in turn and can be closed after any of them. It does a thing
when the wait for it is over: what it counts as spoken is what it sent, no more.
"""

import base64
import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from relay.simulator.answers import Say
from relay.simulator.audio import Encoding
from relay.simulator.conversation import Conversation, Item
from relay.simulator.errors import Json
from relay.simulator.ids import Ids
from relay.simulator.settings import SimulatorSettings
from relay.simulator.usage import ASSISTANT_TOKENS_PER_SECOND, Tally, pieces

Step = float | list[Json]
"""Either a wait in seconds, or the events to send after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What all stages of one response share."""

    response_id: str
    conversation: Conversation | None
    """None: the response stays outside of the conversation."""
    settings: SimulatorSettings
    ids: Ids
    modality: str
    encoding: Encoding
    off_wire: bool
    """The call's audio travels elsewhere (WebRTC, SIP): its deltas are not sent here."""
    first_token: float
    first_audio: float
    """Seconds from `response.created`; drawn once for a response."""

    def opened(self, item: Item, index: int) -> list[Json]:
        """Put *item* into the conversation and return the events that say so."""
        events = [self.of("response.output_item.added", output_index=index, item=item.shown)]
        if self.conversation is not None:
            previous = self.conversation.add(item)
            events.append(
                {
                    "type": "conversation.item.added",
                    "previous_item_id": previous,
                    "item": item.shown,
                }
            )
        return events

    def closed(self, item: Item, index: int) -> list[Json]:
        """Return the events that say *item* is finished."""
        done = self.of("response.output_item.done", output_index=index, item=item.shown)
        if self.conversation is None:
            return [done]
        previous = self.conversation.before(item)
        return [
            {"type": "conversation.item.done", "previous_item_id": previous, "item": item.shown},
            done,
        ]

    def of(self, kind: str, **fields: object) -> Json:
        """Return an event about this response."""
        return {"type": kind, "response_id": self.response_id, **fields}


class SayStage:
    """An assistant's message on its way out."""

    def __init__(self, scene: Scene, index: int, say: Say, budget: float) -> None:
        """Prepare to *say*, within *budget* tokens."""
        self._scene = scene
        self._index = index
        self._tokens = pieces(say.text)
        self._audio = b"" if scene.modality == "text" else say.voiced(scene.encoding)
        self._sent_words: list[str] = []
        self._sent_audio = 0
        self.cut = self._fit(budget)
        item_id = scene.ids.new("item")
        shown: Json = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self.item = Item(item_id, shown, encoding=scene.encoding)

    @property
    def spoken(self) -> Tally:
        """Return the tokens sent so far."""
        seconds = self._scene.encoding.seconds(self._sent_audio)
        return Tally(len(self._sent_words), math.ceil(seconds * ASSISTANT_TOKENS_PER_SECOND))

    def _fit(self, budget: float) -> bool:
        """Shorten words and audio alike to *budget* tokens; say whether that was needed."""
        seconds = self._scene.encoding.seconds(len(self._audio))
        needed = len(self._tokens) + math.ceil(seconds * ASSISTANT_TOKENS_PER_SECOND)
        if needed <= budget:
            return False
        share = budget / needed
        self._tokens = self._tokens[: int(len(self._tokens) * share)]
        played_ms = int((budget - len(self._tokens)) * 1000 / ASSISTANT_TOKENS_PER_SECOND)
        self._audio = self._audio[: self._scene.encoding.size(played_ms)]
        return True

    def steps(self) -> Iterator[Step]:
        """Yield everything from the first token up to, not including, what `close` returns."""
        scene = self._scene
        kind = "text" if scene.modality == "text" else "audio"
        blank = {"type": kind, "text" if kind == "text" else "transcript": ""}
        opening = [
            *scene.opened(self.item, self._index),
            self._about("response.content_part.added", part=blank),
        ]
        if kind == "audio" and scene.off_wire:
            opening.append(scene.of("output_audio_buffer.started"))
        yield opening
        at = 0.0
        lag = max(scene.first_audio - scene.first_token, 0.0) if self._index == 0 else 0.0
        for due, delta in heapq.merge(self._words(), self._sound(lag), key=lambda entry: entry[0]):
            yield due - at
            yield self._sent(delta)
            at = due

    def _words(self) -> Iterator[tuple[float, str | bytes]]:
        for count, token in enumerate(self._tokens):
            yield count * self._scene.settings.token_seconds, token

    def _sound(self, begin: float) -> Iterator[tuple[float, str | bytes]]:
        settings = self._scene.settings
        apart = settings.delta_seconds / settings.audio_pace if settings.audio_pace else 0.0
        size = self._scene.encoding.size(settings.delta_seconds * 1000)
        for count, offset in enumerate(range(0, len(self._audio), size)):
            yield begin + count * apart, self._audio[offset : offset + size]

    def _sent(self, delta: str | bytes) -> list[Json]:
        """Count one delta as sent and return its event, if it goes this way."""
        if isinstance(delta, bytes):
            self._sent_audio += len(delta)
            if self._scene.off_wire:
                return []
            encoded = base64.b64encode(delta).decode()
            return [self._about("response.output_audio.delta", delta=encoded)]
        self._sent_words.append(delta)
        spoken = "text" if self._scene.modality == "text" else "audio_transcript"
        return [self._about(f"response.output_{spoken}.delta", delta=delta)]

    def close(self, status: str) -> list[Json]:
        """Finish the item as *status* and return the events that close all that was opened."""
        words = "".join(self._sent_words)
        if self._scene.modality == "text":
            events = [self._about("response.output_text.done", text=words)]
            part = {"type": "text", "text": words}
            content = {"type": "output_text", "text": words}
        else:
            events = [
                self._about("response.output_audio.done"),
                self._about("response.output_audio_transcript.done", transcript=words),
            ]
            part = {"type": "audio", "transcript": words}
            content = {"type": "output_audio", "transcript": words}
            self.item.audio = self._audio[: self._sent_audio]
            self.item.seconds = self._scene.encoding.seconds(self._sent_audio)
        events.append(self._about("response.content_part.done", part=part))
        self.item.shown = self.item.shown | {"status": status, "content": [content]}
        return [*events, *self._scene.closed(self.item, self._index)]

    def _about(self, kind: str, **fields: object) -> Json:
        return self._scene.of(kind, item_id=self.item.id, output_index=self._index, content_index=0, **fields)
