"""One translation session, without socket or clock: sound in, the same sound out, and its words both ways.

The stand-in translates into the language that was spoken: every 200 ms of what is heard come back byte for
byte, and the words follow when voice detection finds the end of them. There are no turns, items or responses.

The rule: as for the `Engine`. What was heard and not yet given back is bounded by not reading on (`full`).
"""

import base64
import random
from functools import partial
from typing import Final

import msgspec

from relay.simulator import config, requests
from relay.simulator.answers import transcribe
from relay.simulator.audio import Encoding
from relay.simulator.buffer import COMMIT_MS, InputBuffer, TurnBegan, appended
from relay.simulator.errors import Json, Refused, checked, event_of, missing, unsupported
from relay.simulator.settings import SimulatorSettings
from relay.simulator.shapes import TranslationSession
from relay.simulator.state import AudioTally, State
from relay.simulator.usage import pieces

FRAME_MS: Final = 200
"""What the real one translates at a time, and the grain of `elapsed_ms`."""
FRAME_BYTES: Final = Encoding.PCM.size(FRAME_MS)
LONGEST_MS: Final = 30_000
"""Of uninterrupted sound; then its words are told as if it had ended, and memory is let go."""
OWED_BYTES: Final = 1024 * 1024
"""Audio on its way back before reading stops: twenty seconds of it."""
APPEND: Final = "session.input_audio_buffer.append"
SHAPES: Final[dict[str, type[msgspec.Struct]]] = {
    "session.update": requests.SessionUpdate,
    APPEND: requests.Append,
    "session.close": requests.Bare,
}
"""Every client event, and what it may hold."""


def born(session_id: str, model: str, expires_at: int) -> Json:
    """Return a new translation session. *expires_at* is a Unix time."""
    return {
        "type": "translation",
        "id": session_id,
        "model": model,
        "expires_at": expires_at,
        "audio": {
            "input": {"transcription": None, "noise_reduction": None},
            "output": {"language": None},
        },
    }


def updated(session: Json, update: Json, settings: SimulatorSettings) -> Json:
    """Return *session* with *update* merged into it. Raises `Refused`; the session is then as it was."""
    checked(update, TranslationSession, "session")
    model = update.get("model")
    if model is not None and model != session["model"]:
        raise Refused(
            "invalid_value",
            f"The model of a session cannot be changed: it is '{session['model']}'.",
            "session.model",
        )
    sides: Json = update.get("audio") or {}
    heard = dict(session["audio"]["input"])
    for name, value in (sides.get("input") or {}).items():
        # Full strength is the default of the real one, and parts left out stay as they were.
        known = (heard[name] or {"strength": 1.0}) if name == "noise_reduction" else {}
        heard[name] = None if value is None else known | value
    if heard["transcription"] is not None:
        model = heard["transcription"]["model"]
        config.check_transcriber(model, settings, "session.audio.input.transcription.model")
    spoken = session["audio"]["output"] | (sides.get("output") or {})
    return session | {"audio": {"input": heard, "output": spoken}}


class Translator:
    """One session, from `session.created` to `session.closed`."""

    def __init__(self, settings: SimulatorSettings, dice: random.Random, session: Json) -> None:
        """Begin with *session* as its object."""
        self._state = State(settings, dice, session)
        self._lag = self._state.draw(settings.first_audio_seconds)
        self._frame = bytearray()
        self._frames = 0
        self._owed = 0
        self._ear = InputBuffer(settings)
        self._ear.configure(Encoding.PCM, config.default_vad(settings))
        self._spoken_from_ms = 0
        self._closing = False

    @property
    def deadline(self) -> float:
        """Return when `tick` is due; infinity if nothing waits."""
        return self._state.deadline

    @property
    def closing(self) -> tuple[int, str] | None:
        """Return the close code and reason once the session has ended itself."""
        return self._state.closing

    @property
    def full(self) -> bool:
        """Say whether no more should be read until some of what was heard has been given back."""
        return self._owed >= OWED_BYTES

    @property
    def session(self) -> Json:
        """Return the session object as it is now."""
        return self._state.session

    @property
    def heard(self) -> AudioTally:
        """Return the tally of audio appended."""
        return self._state.heard

    @property
    def spoken(self) -> AudioTally:
        """Return the tally of audio sent."""
        return self._state.spoken

    def start(self, now: float) -> list[Json]:
        """Open the session."""
        self._state.later(now + self._state.settings.session_seconds, self._state.expire)
        self._state.emit({"type": "session.created", "session": self._state.session})
        return self._state.taken()

    def tick(self, now: float) -> list[Json]:
        """Do the next thing that is due, if any."""
        self._state.step(now)
        return self._state.taken()

    def receive(self, message: bytes, now: float, *, text: bool = True) -> list[Json]:
        """Take one message of the client's; *text* says whether it came in a text frame."""
        event_id = None
        try:
            event = event_of(message, text=text)
            event_id = event.get("event_id") if isinstance(event.get("event_id"), str) else None
            self._take(event, now)
        except Refused as refusal:
            self._state.emit({"type": "error", "error": refusal.body(event_id)})
        return self._state.taken()

    def _take(self, event: Json, now: float) -> None:
        kind = event.get("type")
        if kind is None:
            raise missing("type")
        if not isinstance(kind, str) or kind not in SHAPES:
            raise unsupported(kind, tuple(SHAPES), "type")
        checked(event, SHAPES[kind])
        if self._closing:
            raise Refused("invalid_event", "The session is closing: it takes no more events.")
        match kind:
            case "session.update":
                state = self._state
                state.session = updated(state.session, event["session"], state.settings)
                state.emit({"type": "session.updated", "session": state.session})
            case "session.close":
                self._close(now)
            case _:
                self._append(event["audio"], now)

    # --- what is heard
    def _append(self, encoded: str, now: float) -> None:
        audio = appended(encoded, self._state.settings.append_bytes)
        self._state.heard.add(audio)
        self._frame += audio
        while len(self._frame) >= FRAME_BYTES:
            self._translate(FRAME_BYTES, now)
        for turn in self._ear.append(audio):
            if isinstance(turn, TurnBegan):
                self._spoken_from_ms = turn.audio_start_ms
            else:
                self._write_down(turn.audio, now)
        if self._speaking_ms() >= LONGEST_MS:
            self._write_down(self._ear.commit(), now)

    def _speaking_ms(self) -> int:
        return self._ear.end_ms - self._spoken_from_ms if self._ear.speaking else 0

    def _close(self, now: float) -> None:
        """Give back what is left, and then say that it is over."""
        self._closing = True
        if self._frame:
            self._translate(len(self._frame), now)
        if self._speaking_ms() > COMMIT_MS:
            self._write_down(self._ear.commit(), now)
        self._state.later(now + self._lag, self._closed)

    # --- what is said
    def _translate(self, size: int, now: float) -> None:
        """Owe the client the first *size* bytes of the frame."""
        audio = bytes(self._frame[:size])
        del self._frame[:size]
        self._owed += size
        self._state.later(now + self._lag, partial(self._speak, audio, self._frames * FRAME_MS))
        self._frames += 1

    def _speak(self, audio: bytes, elapsed_ms: int, now: float) -> None:
        del now
        self._owed -= len(audio)
        delta = {
            "delta": base64.b64encode(audio).decode(),
            "format": "pcm16",
            "sample_rate": Encoding.PCM.rate,
            "channels": 1,
            "elapsed_ms": elapsed_ms,
        }
        self._state.emit({"type": "session.output_audio.delta", **delta})

    def _write_down(self, audio: bytes, now: float) -> None:
        """Owe the client the words of *audio*, in both languages; what is not understood has none."""
        words = pieces(transcribe(self._state.settings, audio, Encoding.PCM))
        due = now + self._lag
        for word in words:
            self._state.later(due, partial(self._tell, word, self._frames * FRAME_MS))

    def _tell(self, word: str, elapsed_ms: int, now: float) -> None:
        del now
        about = {"delta": word, "elapsed_ms": elapsed_ms}
        if self._state.session["audio"]["input"]["transcription"] is not None:
            self._state.emit({"type": "session.input_transcript.delta", **about})
        self._state.emit({"type": "session.output_transcript.delta", **about})

    def _closed(self, now: float) -> None:
        del now
        self._state.emit({"type": "session.closed"})
        self._state.closing = (1000, "")
