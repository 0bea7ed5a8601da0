"""The shapes of what clients send, strict as the real API: a field that is not here is refused.

The rule: only shapes stand here. What they mean, and which combinations are allowed, is decided
where they are used. A field set to null, where null is allowed, asks for the default.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Text = Annotated[str, Meta(max_length=256_000)]
"""One text field: more was refused by the real API."""
ItemId = Annotated[str, Meta(min_length=1, max_length=32)]
CallId = Annotated[str, Meta(min_length=1, max_length=32)]
EventId = Annotated[str, Meta(max_length=512)]
MetadataKey = Annotated[str, Meta(max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)]
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
OutputTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]
Modalities = Annotated[list[Literal["text", "audio"]], Meta(min_length=1, max_length=1)]
"""Text or audio: asking for both is refused."""


class Pcm(Struct, forbid_unknown_fields=True, tag="audio/pcm", tag_field="type"):
    """16 bit samples, little-endian, mono."""

    rate: Annotated[int, Meta(ge=24_000, le=24_000)] = 24_000


class Pcmu(Struct, forbid_unknown_fields=True, tag="audio/pcmu", tag_field="type"):
    """G.711 mu-law at 8 kHz."""


class Pcma(Struct, forbid_unknown_fields=True, tag="audio/pcma", tag_field="type"):
    """G.711 A-law at 8 kHz."""


Format = Pcm | Pcmu | Pcma


class Transcription(Struct, forbid_unknown_fields=True):
    """How spoken input is written down."""

    model: str | UnsetType = UNSET
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class NoiseReduction(Struct, forbid_unknown_fields=True):
    """Accepted and reported; the simulator hears no noise."""

    type: Literal["near_field", "far_field"]
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None


class ServerVad(Struct, forbid_unknown_fields=True, tag="server_vad", tag_field="type"):
    """Turns found by loudness."""

    threshold: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET
    prefix_padding_ms: Milliseconds | UnsetType = UNSET
    silence_duration_ms: Milliseconds | UnsetType = UNSET
    idle_timeout_ms: Annotated[int, Meta(ge=5_000, le=30_000)] | UnsetType | None = UNSET
    create_response: bool | UnsetType = UNSET
    interrupt_response: bool | UnsetType = UNSET


class SemanticVad(Struct, forbid_unknown_fields=True, tag="semantic_vad", tag_field="type"):
    """Turns found by meaning; here by longer or shorter silences."""

    eagerness: Literal["low", "medium", "high", "auto"] | UnsetType = UNSET
    create_response: bool | UnsetType = UNSET
    interrupt_response: bool | UnsetType = UNSET


class AudioInput(Struct, forbid_unknown_fields=True):
    """`audio.input` of a session."""

    format: Format | None = None
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: ServerVad | SemanticVad | None = None


class VoiceId(Struct, forbid_unknown_fields=True):
    """A custom voice."""

    id: str


class AudioOutput(Struct, forbid_unknown_fields=True):
    """`audio.output` of a session."""

    format: Format | None = None
    voice: str | VoiceId | None = None
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | None = None


class Audio(Struct, forbid_unknown_fields=True):
    """`audio` of a session."""

    input: AudioInput | None = None
    output: AudioOutput | None = None


class FunctionTool(Struct, forbid_unknown_fields=True, tag="function", tag_field="type"):
    """A function the client runs."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class McpTool(Struct, forbid_unknown_fields=True, tag="mcp", tag_field="type"):
    """Tools of a server that the API itself calls."""

    server_label: Annotated[str, Meta(min_length=1)]
    server_url: str | None = None
    connector_id: str | None = None
    server_description: str | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    allowed_tools: list[str] | dict[str, Any] | None = None
    allowed_callers: list[str] | None = None
    require_approval: Literal["always", "never"] | dict[str, Any] | None = None
    defer_loading: bool | None = None
    tunnel_id: str | None = None


Tools = list[FunctionTool | McpTool]


class FunctionChoice(Struct, forbid_unknown_fields=True, tag="function", tag_field="type"):
    """The one function to call."""

    name: str


class McpChoice(Struct, forbid_unknown_fields=True, tag="mcp", tag_field="type"):
    """A tool of this server."""

    server_label: str
    name: str | None = None


ToolChoice = Literal["auto", "none", "required"] | FunctionChoice | McpChoice


class Reasoning(Struct, forbid_unknown_fields=True):
    """Accepted and reported."""

    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class Prompt(Struct, forbid_unknown_fields=True):
    """A stored prompt: accepted and reported."""

    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class TokenLimits(Struct, forbid_unknown_fields=True):
    """Bounds on what is kept."""

    post_instructions: Annotated[int, Meta(ge=0)] | None = None


class RetentionRatio(Struct, forbid_unknown_fields=True, tag="retention_ratio", tag_field="type"):
    """Drop more than needed, so that the cache lasts longer."""

    retention_ratio: Annotated[float, Meta(ge=0, le=1)]
    token_limits: TokenLimits | None = None


class Tracing(Struct, forbid_unknown_fields=True):
    """Accepted and reported."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


Include = list[Literal["item.input_audio_transcription.logprobs"]]


class RealtimeSession(Struct, forbid_unknown_fields=True):
    """`session` of a session.update for a speech-to-speech session."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: Modalities | None = None
    instructions: Text | None = None
    audio: Audio | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: OutputTokens | None = None
    reasoning: Reasoning | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio | None = None
    tracing: Literal["auto"] | Tracing | None = None
    prompt: Prompt | None = None
    include: Include | None = None


class TranscriptionAudio(Struct, forbid_unknown_fields=True):
    """`audio` of a transcription session: there is no output."""

    input: AudioInput | None = None


class TranscriptionSession(Struct, forbid_unknown_fields=True):
    """`session` of a session.update for a transcription session."""

    type: Literal["transcription"]
    audio: TranscriptionAudio | None = None
    include: Include | None = None


class SourceTranscription(Struct, forbid_unknown_fields=True):
    """How a translation session writes down what it hears."""

    model: str


class TranslationInput(Struct, forbid_unknown_fields=True):
    """`audio.input` of a translation session: its format and its turns are not to be chosen."""

    transcription: SourceTranscription | None = None
    noise_reduction: NoiseReduction | None = None


class TranslationOutput(Struct, forbid_unknown_fields=True):
    """`audio.output` of a translation session."""

    language: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class TranslationAudio(Struct, forbid_unknown_fields=True):
    """`audio` of a translation session."""

    input: TranslationInput | None = None
    output: TranslationOutput | None = None


class TranslationSession(Struct, forbid_unknown_fields=True):
    """`session` of a session.update for a translation session."""

    type: Literal["translation"] | None = None
    model: str | None = None
    audio: TranslationAudio | None = None
