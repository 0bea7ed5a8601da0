"""The Realtime events of a call: the few we act on, and the few we send.

Rule: an event is read as far as we need it and no further; one we do not know is passed over, as the API asks.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from relay.voice import pcm
from relay.voice.failures import ErrorBody


class Session(msgspec.Struct, frozen=True):
    """What a session says of itself."""

    id: str | None = None
    model: str | None = None


class Detail(msgspec.Struct, frozen=True):
    """Why a response ended as it did."""

    reason: str | None = None
    error: ErrorBody | None = None


class Tokens(msgspec.Struct, frozen=True):
    """What a response was billed for."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Response(msgspec.Struct, frozen=True):
    """A response, as `response.created` and `response.done` show it."""

    id: str
    status: str = "in_progress"
    status_details: Detail | None = None
    usage: Tokens | None = None


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class SessionCreated(_Event, frozen=True, tag="session.created"):
    """The first event: the session is there."""

    session: Session


class SessionUpdated(_Event, frozen=True, tag="session.updated"):
    """The session took what we asked for."""

    session: Session


class SpeechStarted(_Event, frozen=True, tag="input_audio_buffer.speech_started"):
    """The server hears someone."""

    item_id: str


class SpeechStopped(_Event, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """The server hears no one any more; `audio_end_ms` counts the session's input sound."""

    item_id: str
    audio_end_ms: int | None = None


class Committed(_Event, frozen=True, tag="input_audio_buffer.committed"):
    """What was heard is now an item of the conversation."""

    item_id: str


class TranscriptDelta(_Event, frozen=True, tag="conversation.item.input_audio_transcription.delta"):
    """Some words of what we said."""

    item_id: str
    delta: str = ""


class TranscriptCompleted(_Event, frozen=True, tag="conversation.item.input_audio_transcription.completed"):
    """All the words of what we said."""

    item_id: str
    transcript: str


class TranscriptFailed(_Event, frozen=True, tag="conversation.item.input_audio_transcription.failed"):
    """Nobody can tell what we said."""

    item_id: str
    error: ErrorBody


class ResponseCreated(_Event, frozen=True, tag="response.created"):
    """An answer begins."""

    response: Response


class TextDelta(_Event, frozen=True, tag="response.output_text.delta"):
    """Some of a written answer."""

    response_id: str
    delta: str


class SpokenTextDelta(_Event, frozen=True, tag="response.output_audio_transcript.delta"):
    """Some of the words of a spoken answer."""

    response_id: str
    delta: str


class AudioDelta(_Event, frozen=True, tag="response.output_audio.delta"):
    """Some of a spoken answer's sound; base64 on the wire."""

    response_id: str
    delta: bytes


class FunctionCall(_Event, frozen=True, tag="response.function_call_arguments.done"):
    """The answer is a call of a function, which only an application could make."""

    response_id: str
    arguments: str
    name: str = "a function"


class ResponseDone(_Event, frozen=True, tag="response.done"):
    """The answer is over."""

    response: Response


class ErrorEvent(_Event, frozen=True, tag="error"):
    """Something was refused."""

    error: ErrorBody | str

    @property
    def body(self) -> ErrorBody:
        """Return the error; some servers of the same protocol send a bare sentence."""
        return self.error if isinstance(self.error, ErrorBody) else ErrorBody(message=self.error)


ServerEvent: TypeAlias = (
    SessionCreated
    | SessionUpdated
    | SpeechStarted
    | SpeechStopped
    | Committed
    | TranscriptDelta
    | TranscriptCompleted
    | TranscriptFailed
    | ResponseCreated
    | TextDelta
    | SpokenTextDelta
    | AudioDelta
    | FunctionCall
    | ResponseDone
    | ErrorEvent
)


class _Head(msgspec.Struct):
    type: str


_KNOWN: Final = frozenset(kind.__struct_config__.tag for kind in ServerEvent.__args__)
_head: Final = msgspec.json.Decoder(_Head)
_event: Final[msgspec.json.Decoder[ServerEvent]] = msgspec.json.Decoder(ServerEvent)


def read(message: str | bytes) -> ServerEvent | None:
    """Return the event in *message*, None where it is one we do not act on. Raises ValueError for nonsense."""
    # msgspec's errors are ValueErrors, and so is what bad base64 and bad UTF-8 raise.
    if _head.decode(message).type not in _KNOWN:
        return None
    return _event.decode(message)


FORMAT: Final = {"type": "audio/pcm", "rate": pcm.RATE}
VOICE_DETECTION: Final = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,  # the API's own default of 200 ms takes a breath for the end of a turn
    "create_response": True,
    "interrupt_response": True,
}


def session_update(
    *, voice: str | None, instructions: str | None, transcription: str | None, by_vad: bool
) -> dict[str, Any]:
    """Return the event that makes a fresh session ours."""
    session: dict[str, Any] = {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": FORMAT,
                "transcription": None if transcription is None else {"model": transcription},
                "turn_detection": VOICE_DETECTION if by_vad else None,
            },
            "output": {"format": FORMAT} if voice is None else {"format": FORMAT, "voice": voice},
        },
    }
    if instructions is not None:
        session["instructions"] = instructions
    return {"type": "session.update", "session": session}


def typed(text: str) -> dict[str, Any]:
    """Return the event that says *text* in writing."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}


def append(sound: bytes) -> dict[str, Any]:
    """Return the event that carries *sound*; base64 on the wire."""
    return {"type": "input_audio_buffer.append", "audio": sound}


COMMIT: Final = {"type": "input_audio_buffer.commit"}
ANSWER: Final = {"type": "response.create"}


def write(event: Mapping[str, Any]) -> str:
    """Return *event* as it goes over the wire; bytes become base64."""
    return msgspec.json.encode(event).decode()
