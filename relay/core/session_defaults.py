"""A session as the API would describe it: what was asked for, and the API's defaults for all else.

The relay answers for a session that no upstream has seen yet, so what the API would fill in stands here.

Rule: what was given is shown as it was given; a default never stands in for a value, and null asks for one
except where null itself means something (no turn detection, no transcription).
"""

from collections.abc import Mapping
from typing import Final

from relay.core.events import table
from relay.core.strict import Event

NO_EXPIRY: Final = 0
"""What the API says of a session that has not begun."""
_PCM: Final = {"type": "audio/pcm", "rate": 24_000}
_SERVER_VAD: Final[Event] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,  # seen on the wire; the documentation says 500
}
_ANSWERING: Final = {"create_response": True, "interrupt_response": True}
_DETECTION: Final[Mapping[str, Event]] = {
    "server_vad": {**_SERVER_VAD, "idle_timeout_ms": None, **_ANSWERING},
    "semantic_vad": {"type": "semantic_vad", "eagerness": "auto", **_ANSWERING},
}
_INPUT: Final[Event] = {"format": _PCM, "transcription": None, "noise_reduction": None}
_OUTPUT: Final[Event] = {"format": _PCM, "voice": "marin", "speed": 1.0}
_REALTIME: Final[Event] = {
    "model": None,
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "truncation": "auto",
    "tracing": None,
    "prompt": None,
    "include": None,
}
UNDETECTED: Final = frozenset({"gpt-live-transcribe", "gpt-realtime-whisper"})
"""Transcription models that write while one speaks: they have no turns to detect."""


def effective(session: Event | None, session_id: str) -> Event:
    """Return *session*, in GA terms with its `type`, whole; None is a realtime session of defaults alone."""
    given = {"type": "realtime"} if session is None else session
    match given["type"]:
        case "translation":
            return _named(given, session_id, None, {"audio": table(given, "audio")})
        case "transcription":
            audio = {"input": _input(given, _SERVER_VAD)}
            return _named(
                given, session_id, "realtime.transcription_session", {"include": None, "audio": audio}
            )
        case _:
            audio = {"input": _input(given, _DETECTION["server_vad"]), "output": _output(given)}
            return _named(given, session_id, "realtime.session", {**_REALTIME, "audio": audio})


def _named(given: Event, session_id: str, kind: str | None, defaults: Event) -> Event:
    """Put together a session: who it is, what was given, and *defaults*, whose `audio` is whole already."""
    own: Event = {"id": session_id, "type": given["type"]} | ({} if kind is None else {"object": kind})
    return own | _over(defaults, {**given, "audio": defaults["audio"]}) | own | {"expires_at": NO_EXPIRY}


def _over(defaults: Event, given: Event) -> Event:
    """Return *given* over *defaults*; null asks for the default, where there is one."""
    return {
        **defaults,
        **{name: value for name, value in given.items() if value is not None or name not in defaults},
    }


def _input(session: Event, detection: Event) -> Event:
    given = table(session, "audio", "input")
    heard = _over(_INPUT, given)
    model = table(given, "transcription").get("model")
    asked = given.get("turn_detection", {})
    if asked is None or (not asked and session["type"] == "transcription" and model in UNDETECTED):
        return {**heard, "turn_detection": None}
    kind = asked.get("type") or "server_vad"
    defaults = _DETECTION[kind] if kind == "semantic_vad" else detection
    return {**heard, "turn_detection": _over(defaults, asked)}


def _output(session: Event) -> Event:
    output = _over(_OUTPUT, table(session, "audio", "output"))
    voice = output["voice"]
    # The API takes a voice of one's own as an object, and tells of any voice by its name.
    return {**output, "voice": voice["id"]} if isinstance(voice, dict) else output
