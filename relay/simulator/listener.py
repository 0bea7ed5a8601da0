"""The session's ear: audio in, turns found, user items made, and what was said written down.

The rule: an item exists from the moment it is committed; its transcription comes later and changes
nothing but the item's transcript.
"""

from functools import partial
from typing import Final

from relay.simulator.answers import transcribe
from relay.simulator.buffer import InputBuffer, TurnBegan, appended
from relay.simulator.conversation import Item
from relay.simulator.errors import Json, Refused
from relay.simulator.speaker import Speaker
from relay.simulator.state import State, Timer
from relay.simulator.usage import USER_TOKENS_PER_SECOND, pieces

BY_DURATION: Final = frozenset({"whisper-1", "gpt-realtime-whisper", "gpt-live-transcribe", "gpt-transcribe"})
"""Transcription models billed by the minute; the others are billed by tokens."""
LOGPROB: Final = -0.1
"""The certainty reported for every token where it is asked for."""
LOGPROBS: Final = "item.input_audio_transcription.logprobs"


class Listener:
    """Hears one session's client."""

    def __init__(self, state: State, speaker: Speaker) -> None:
        self._state = state
        self._speaker = speaker
        self._buffer = InputBuffer(state.settings)
        self._turn_id: str | None = None
        self._idle: Timer | None = None
        self._quiet_from_ms = 0
        speaker.quiet = self._wait_for_somebody
        self.configure()

    def configure(self) -> None:
        """Take the session's format and turn detection."""
        detection = self._state.session["audio"]["input"]["turn_detection"]
        self._buffer.configure(self._state.input_encoding, detection)
        if not self._buffer.speaking:
            self._turn_id = None

    def append(self, encoded: str, now: float) -> None:
        """Hear more audio, base64. Raises `Refused`."""
        state = self._state
        audio = appended(encoded, state.settings.append_bytes)
        turns = self._buffer.append(audio)
        state.heard.add(audio)
        for turn in turns:
            if isinstance(turn, TurnBegan):
                self._began(turn.audio_start_ms, now)
            else:
                self._ended(turn.audio_end_ms, turn.audio, now)

    def commit(self, now: float) -> None:
        """Make an item of all that was heard. Raises `Refused`."""
        audio = self._buffer.commit()
        self._rest()
        item_id, self._turn_id = self._turn_id, None
        self._item(audio, item_id or self._state.ids.new("item"), now)

    def clear(self) -> None:
        """Forget what was heard."""
        self._buffer.clear()
        self._turn_id = None
        self._state.emit({"type": "input_audio_buffer.cleared"})

    def busy(self) -> None:
        """Take note that somebody does something: no idle timeout now."""
        self._rest()

    # --- turns
    @property
    def _detection(self) -> Json:
        detection: Json | None = self._state.session["audio"]["input"]["turn_detection"]
        return detection or {}

    def _began(self, audio_start_ms: int, now: float) -> None:
        self._rest()
        self._turn_id = self._state.ids.new("item")
        self._state.emit(
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": audio_start_ms,
                "item_id": self._turn_id,
            }
        )
        if self._detection.get("interrupt_response"):
            self._speaker.interrupt(now)

    def _ended(self, audio_end_ms: int, audio: bytes, now: float) -> None:
        item_id = self._turn_id or self._state.ids.new("item")
        self._turn_id = None
        self._state.emit(
            {
                "type": "input_audio_buffer.speech_stopped",
                "audio_end_ms": audio_end_ms,
                "item_id": item_id,
            }
        )
        self._item(audio, item_id, now)
        self._respond(now)

    def _respond(self, now: float) -> None:
        if self._state.session["type"] == "transcription":
            return
        if not self._detection.get("create_response"):
            return
        try:
            self._speaker.create({}, now)
        except Refused as refusal:
            self._state.emit({"type": "error", "error": refusal.body()})

    # --- items
    def _item(self, audio: bytes, item_id: str, now: float, *, silent: bool = False) -> Item:
        state = self._state
        encoding = state.input_encoding
        shown: Json = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(item_id, shown, audio, encoding, encoding.seconds(len(audio)), silent=silent)
        if not silent:
            item.transcript = transcribe(state.settings, audio, encoding)
        previous = state.conversation.last_id()
        state.emit(
            {
                "type": "input_audio_buffer.committed",
                "previous_item_id": previous,
                "item_id": item_id,
            }
        )
        state.conversation.add(item)
        for kind in ("conversation.item.added", "conversation.item.done"):
            state.emit({"type": kind, "previous_item_id": previous, "item": item.shown})
        wanted = state.session["audio"]["input"]["transcription"]
        if wanted is not None and not silent:
            due = now + state.draw(state.settings.transcription_seconds)
            state.later(due, partial(self._transcribed, item, wanted["model"]))
        return item

    def _transcribed(self, item: Item, model: str, now: float) -> None:
        """Tell what *item* says, in pieces and then whole."""
        del now
        about: Json = {"item_id": item.id, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        if not item.transcript:
            self._state.emit(
                {
                    "type": f"{kind}.failed",
                    **about,
                    "error": {
                        "type": "transcription_error",
                        "code": "audio_unintelligible",
                        "message": "The audio could not be transcribed.",
                        "param": None,
                    },
                }
            )
            return
        words = pieces(item.transcript)
        certain = LOGPROBS in (self._state.session.get("include") or [])
        for word in words:
            more: Json = {"logprobs": [_logprob(word)]} if certain else {}
            self._state.emit({"type": f"{kind}.delta", **about, "delta": word, **more})
        if model.endswith("diarize"):
            self._state.emit(
                {
                    "type": f"{kind}.segment",
                    **about,
                    "id": self._state.ids.new("seg"),
                    "text": item.transcript,
                    "speaker": "A",
                    "start": 0.0,
                    "end": round(item.seconds, 3),
                }
            )
        item.shown = item.shown | {"content": [{"type": "input_audio", "transcript": item.transcript}]}
        whole: Json = {"transcript": item.transcript, "usage": _usage(model, item, len(words))}
        if certain:
            whole["logprobs"] = [_logprob(word) for word in words]
        self._state.emit({"type": f"{kind}.completed", **about, **whole})

    # --- nobody says anything
    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _wait_for_somebody(self, heard_at: float) -> None:
        """Arm the idle timeout: it runs from when the response was heard to its end."""
        self._rest()
        timeout_ms = self._detection.get("idle_timeout_ms")
        if timeout_ms is not None:
            self._quiet_from_ms = self._buffer.end_ms
            self._idle = self._state.later(heard_at + timeout_ms / 1000, self._nobody)

    def _nobody(self, now: float) -> None:
        self._idle = None
        item_id = self._state.ids.new("item")
        self._state.emit(
            {
                "type": "input_audio_buffer.timeout_triggered",
                "audio_start_ms": self._quiet_from_ms,
                "audio_end_ms": self._buffer.end_ms,
                "item_id": item_id,
            }
        )
        self._buffer.clear()
        self._item(b"", item_id, now, silent=True)
        self._respond(now)


def _logprob(token: str) -> Json:
    return {"token": token, "logprob": LOGPROB, "bytes": list(token.encode())}


def _usage(model: str, item: Item, words: int) -> Json:
    if model in BY_DURATION:
        return {"type": "duration", "seconds": round(item.seconds, 3)}
    heard = round(item.seconds * USER_TOKENS_PER_SECOND)
    return {
        "type": "tokens",
        "total_tokens": heard + words,
        "input_tokens": heard,
        "output_tokens": words,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
    }
