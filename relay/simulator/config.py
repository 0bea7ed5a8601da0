"""The session object: its defaults, and how a session.update changes it.

The rule: a session is a plain JSON object that is replaced, never changed in place, so that what
`session.updated` shows is what the engine acts on.
"""

from typing import Final

from relay.simulator.audio import Encoding
from relay.simulator.errors import Json, Refused, checked, missing, unsupported
from relay.simulator.settings import TRANSCRIPTION_MODELS, SimulatorSettings
from relay.simulator.shapes import RealtimeSession, TranscriptionSession

VOICES: Final = (
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
)
DEFAULT_VOICE: Final = "marin"
DEFAULT_INSTRUCTIONS: Final = (
    "You are a voice on the other end of a line. Be brief and kind, and answer in the language you "
    "are spoken to."
)
UNDETECTED: Final = frozenset({"gpt-realtime-whisper", "gpt-live-transcribe"})
"""Transcription models that write while one speaks, and refuse turn detection."""


NO_DEPLOYMENT: Final = "DeploymentNotFound"
NO_DEPLOYMENT_WORDS: Final = "The API deployment for this resource does not exist."
"""What Azure says of a model that is no deployment's name."""


def default_vad(settings: SimulatorSettings, kind: str = "server_vad") -> Json:
    """Return the turn detection of a session that did not choose one."""
    if kind == "semantic_vad":
        return {
            "type": "semantic_vad",
            "eagerness": "auto",
            "create_response": True,
            "interrupt_response": True,
        }
    return {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": settings.silence_duration_ms,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def realtime(settings: SimulatorSettings, session_id: str, model: str, expires_at: int) -> Json:
    """Return a speech-to-speech session as it is born. *expires_at* is a Unix time."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": DEFAULT_INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "reasoning": None,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": Encoding.PCM.declared(),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": default_vad(settings),
            },
            "output": {"format": Encoding.PCM.declared(), "voice": DEFAULT_VOICE, "speed": 1.0},
        },
        "include": None,
    }


def transcription(settings: SimulatorSettings, session_id: str, expires_at: int) -> Json:
    """Return a transcription session as it is born."""
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": Encoding.PCM.declared(),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": default_vad(settings),
            },
        },
        "include": None,
    }


def born(settings: SimulatorSettings, kind: str, session_id: str, model: str, expires_at: int) -> Json:
    """Return a new session of *kind*, `realtime` or `transcription`."""
    if kind == "transcription":
        return transcription(settings, session_id, expires_at)
    return realtime(settings, session_id, model, expires_at)


def updated(session: Json, update: Json, settings: SimulatorSettings, *, spoke: bool) -> Json:
    """Return *session* with *update*, the `session` of a session.update, merged into it.

    *spoke*: the model already answered with audio, so its voice is fixed.
    Raises `Refused` for anything the API would not take; the session is then as it was.
    """
    _check_kind(session, update)
    _check_immutable(session, update, spoke=spoke)
    fresh = born(settings, session["type"], session["id"], session.get("model", ""), session["expires_at"])
    merged = dict(session)
    for name, value in update.items():
        if name == "audio":
            merged["audio"] = _audio(session["audio"], value, fresh["audio"], settings)
        else:
            merged[name] = fresh[name] if value is None else value
    _check_choice(merged)
    return merged


def _check_kind(session: Json, update: Json) -> None:
    kind = update.get("type")
    if kind is None:
        raise missing("session.type")
    if kind not in ("realtime", "transcription"):
        raise unsupported(kind, ("realtime", "transcription"), "session.type")
    if kind != session["type"]:
        raise Refused(
            "invalid_value",
            f"Passing a {kind} session update event to a {session['type']} session is not allowed.",
            "session.type",
        )
    if kind == "transcription":
        checked(update, TranscriptionSession, "session")
    else:
        checked(update, RealtimeSession, "session")


def _check_immutable(session: Json, update: Json, *, spoke: bool) -> None:
    model = update.get("model")
    if model is not None and model != session["model"]:
        raise Refused(
            "invalid_value",
            f"The model of a session cannot be changed: it is '{session['model']}'.",
            "session.model",
        )
    voice = ((update.get("audio") or {}).get("output") or {}).get("voice")
    if isinstance(voice, str) and voice not in VOICES:
        raise unsupported(voice, VOICES, "session.audio.output.voice")
    if voice is not None and spoke and voice != session["audio"]["output"]["voice"]:
        raise Refused(
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
            "session.audio.output.voice",
        )
    if session.get("tracing") is not None and update.get("tracing", session["tracing"]) not in (
        session["tracing"],
        None,
    ):
        raise Refused(
            "invalid_value",
            "The tracing of a session cannot be changed once it is on.",
            "session.tracing",
        )


def _audio(current: Json, update: Json | None, fresh: Json, settings: SimulatorSettings) -> Json:
    """Merge `audio`: both directions field by field, and within them the objects that have parts."""
    if update is None:
        return fresh
    merged = dict(current)
    for side, changes in update.items():
        if changes is None:
            merged[side] = fresh[side]
            continue
        fields = dict(current[side])
        for name, value in changes.items():
            match name:
                case "turn_detection":
                    fields[name] = _turn_detection(fields[name], value, settings)
                case "transcription" | "noise_reduction":
                    # Both are off when null, and parts left out stay as they were.
                    fields[name] = None if value is None else (fields[name] or {}) | value
                case "format":
                    fields[name] = _format(value)
                case _:
                    fields[name] = fresh[side][name] if value is None else value
        merged[side] = fields
    _check_transcriber(merged["input"], settings)
    if (
        "output" not in merged
    ):  # a transcription session: in a conversation it is the session that detects turns
        _check_undetected(merged["input"], update.get("input") or {})
    return merged


def _format(value: Json | None) -> Json:
    return Encoding.PCM.declared() if value is None else Encoding.of(value).declared()


def _turn_detection(current: Json | None, value: Json | None, settings: SimulatorSettings) -> Json | None:
    """Keep what was set before only where the kind of detection stays the same."""
    if value is None:
        return None
    if current is None or current["type"] != value["type"]:
        current = default_vad(settings, value["type"])
    return current | value


def check_transcriber(model: str, settings: SimulatorSettings, param: str) -> None:
    """Raise `Refused` if *model*, named at *param*, does not transcribe here."""
    if settings.azure:
        if model not in settings.models:
            raise Refused(NO_DEPLOYMENT, NO_DEPLOYMENT_WORDS, param)
    elif model not in TRANSCRIPTION_MODELS:
        raise unsupported(model, TRANSCRIPTION_MODELS, param)


def _check_transcriber(merged: Json, settings: SimulatorSettings) -> None:
    if merged["transcription"] is None:
        return
    at = "session.audio.input.transcription.model"
    model = merged["transcription"].get("model")
    if model is None:
        raise missing(at)
    check_transcriber(model, settings, at)


def _check_undetected(merged: Json, update: Json) -> None:
    """A model that transcribes live cuts speech itself."""
    model = (merged["transcription"] or {}).get("model")
    if model in UNDETECTED and merged["turn_detection"] is not None:
        if update.get("turn_detection") is not None:
            raise Refused(
                "invalid_value",
                f"Turn detection is not supported for the transcription model '{model}'.",
                "session.audio.input.turn_detection",
            )
        merged["turn_detection"] = None


def _check_choice(merged: Json) -> None:
    """A tool that must be called has to exist."""
    if merged["type"] == "transcription":
        return
    check_tool_choice(merged["tool_choice"], merged["tools"], "session.tool_choice")


def check_tool_choice(choice: str | Json, tools: list[Json], param: str) -> None:
    """Raise `Refused` if *choice* names a tool that is not among *tools*."""
    if isinstance(choice, str):
        return
    field = "name" if choice["type"] == "function" else "server_label"
    if not any(tool["type"] == choice["type"] and tool[field] == choice[field] for tool in tools):
        raise Refused("invalid_value", f"Tool choice '{choice[field]}' not found in 'tools' parameter.", param)
