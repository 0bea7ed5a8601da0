"""The shapes of a session's settings, as far as they are known: to judge them before any upstream is asked.

Settings in a client secret are sent by one program and fail in another, minutes later and in a stranger's
browser. So types and values that the API is known to refuse are refused when the secret is minted. A field that
is not named here passes: the API grows, and the upstream judges it when the session starts.

Rule: a shape here is never narrower than the API. Null stands for a default wherever it is taken. The one shape
that is closed is a translation's: its API knows a handful of fields, and refuses a session that holds others.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert

from relay.core.hello import MODEL_NAME
from relay.core.strict import Event

Text = Annotated[str, Meta(max_length=256_000)]
"""One field of text: the API takes as many characters."""
Model = Annotated[str, Meta(pattern=rf"^{MODEL_NAME}\Z")]
"""As in the query of a session's address."""

FLAT: Final[Mapping[str, str]] = {
    "modalities": "output_modalities",
    "voice": "audio.output.voice",
    "speed": "audio.output.speed",
    "input_audio_format": "audio.input.format",
    "output_audio_format": "audio.output.format",
    "input_audio_transcription": "audio.input.transcription",
    "input_audio_noise_reduction": "audio.input.noise_reduction",
    "turn_detection": "audio.input.turn_detection",
    "max_response_output_tokens": "max_output_tokens",
}
"""Fields that only the beta had, and where they stand now. The API refuses the old names, and so is it here."""


class _Format(Struct):
    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: int | None = None


class _Transcription(Struct):
    model: Model | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: Text | None = None
    keywords: list[str] | None = None
    delay: str | None = None


class _NoiseReduction(Struct):
    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class _TurnDetection(Struct):
    type: Literal["server_vad", "semantic_vad"] | UnsetType = UNSET
    """Left out in a change of one that stands. Null turns the whole of it off, and not its type."""
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    prefix_padding_ms: Annotated[int, Meta(ge=0)] | None = None
    silence_duration_ms: Annotated[int, Meta(ge=0)] | None = None
    idle_timeout_ms: Annotated[int, Meta(ge=0)] | None = None
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class _Input(Struct):
    format: _Format | None = None
    transcription: _Transcription | None = None
    noise_reduction: _NoiseReduction | None = None
    turn_detection: _TurnDetection | None = None


class _Voice(Struct):
    id: str


class _Output(Struct):
    format: _Format | None = None
    voice: str | _Voice | None = None
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | None = None
    language: str | None = None
    """A translation's."""


class _Audio(Struct):
    input: _Input | None = None
    output: _Output | None = None


class _Tool(Struct):
    type: Literal["function", "mcp"] | None = None
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    server_label: str | None = None
    server_url: str | None = None
    connector_id: str | None = None
    server_description: str | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    allowed_tools: list[str] | dict[str, Any] | None = None
    require_approval: Literal["always", "never"] | dict[str, Any] | None = None


class _ToolChoice(Struct):
    type: Literal["function", "mcp"]
    name: str | None = None
    server_label: str | None = None


class _Prompt(Struct):
    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class _Reasoning(Struct):
    effort: str | None = None


class _Tracing(Struct):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


class _Truncation(Struct):
    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Meta(ge=0, le=1)]
    token_limits: dict[str, int | None] | None = None


_Include = list[Literal["item.input_audio_transcription.logprobs"]]


class _Realtime(Struct):
    model: Model | None = None
    output_modalities: Annotated[list[Literal["text", "audio"]], Meta(min_length=1, max_length=1)] | None = None
    instructions: Text | None = None
    audio: _Audio | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | Literal["inf"] | None = None
    reasoning: _Reasoning | None = None
    truncation: Literal["auto", "disabled"] | _Truncation | None = None
    tracing: Literal["auto"] | _Tracing | None = None
    prompt: _Prompt | None = None
    include: _Include | None = None


class _Heard(Struct):
    input: _Input | None = None


class _TranscriptionSession(Struct):
    audio: _Heard | None = None
    include: _Include | None = None


class _Spoken(Struct):
    model: Model
    audio: _Audio | None = None


_SHAPES: Final[Mapping[str, type[Struct]]] = {
    "realtime": _Realtime,
    "transcription": _TranscriptionSession,
    "translation": _Spoken,
}
_TRANSLATED: Final[Mapping[str, tuple[str, ...]]] = {
    "session": ("type", "model", "audio"),
    "session.audio": ("input", "output"),
    "session.audio.input": ("transcription", "noise_reduction"),
    "session.audio.output": ("language",),
}
"""Place in a translation's session -> the fields that there are."""
_NAMED: Final = 64
"""Characters of a field's name that a message repeats."""
_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<at>.*)`)?$", re.DOTALL)
_MISSING: Final = re.compile(r"missing required field `(\w+)`")


def fault(session: Event, called: Callable[[str], str]) -> tuple[str, str, str] | None:
    """Return what is wrong with *session*, whose `type` is one that there is: code, message and field.

    *called* tells how its sender calls the field at a path such as `session.audio.output.voice`.
    """
    if session["type"] == "transcription" and session.get("model") is not None:
        return (
            "invalid_model",
            f"A transcription session's model is '{called('session.audio.input.transcription.model')}'.",
            called("session.model"),
        )
    if session["type"] == "translation" and (name := _foreign(session)) is not None:
        param = called(name)
        return "unknown_parameter", f"Unknown parameter: '{param}'. A translation's session has none.", param
    try:
        convert(session, _SHAPES[session["type"]])
    except ValidationError as error:
        return _told(str(error), called)
    return None


def _foreign(session: Event) -> str | None:
    """Return the place of a field that a translation's *session* does not have; None if it holds none."""
    for place, known in _TRANSLATED.items():
        node: Any = session
        for name in place.split(".")[1:]:
            node = node.get(name) if isinstance(node, dict) else None
        for name in node if isinstance(node, dict) else ():
            if name not in known:
                return f"{place}.{name[:_NAMED]}"
    return None


def _told(error: str, called: Callable[[str], str]) -> tuple[str, str, str]:
    """Put msgspec's words, which repeat nothing of what was sent but an enum's value, into the API's form."""
    found = _PLACE.match(error)
    assert found is not None, "the pattern matches any text"
    param = "session" + (found["at"] or "")
    missing = _MISSING.search(found["what"])
    if missing is not None:
        param = called(f"{param}.{missing[1]}")
        return "missing_required_parameter", f"Missing required parameter: '{param}'.", param
    param = called(param)
    return "invalid_value", f"'{param}' is not what the API takes: {found['what'][:200]}.", param
