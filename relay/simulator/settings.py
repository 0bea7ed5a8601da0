"""What may be set about the simulator, and why each default is what it is.

The rule: every wait is drawn from a seeded source between two figures given here, so that a run can
be repeated and a test can make all of them zero.
"""

from typing import Annotated, Any, Final, Literal, Self

import msgspec

CURRENT_MODELS: Final = (
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-realtime-1.5",
    "gpt-realtime",
    "gpt-realtime-2025-08-28",
    "gpt-realtime-mini",
    "gpt-realtime-mini-2025-12-15",
)
"""The speech-to-speech models served in November 2026, the deprecated four last."""

TRANSLATION_MODELS: Final = ("gpt-realtime-translate",)
"""What a session at `/v1/realtime/translations` may name, and no other session."""

TRANSCRIPTION_MODELS: Final = (
    "gpt-live-transcribe",
    "gpt-transcribe",
    "gpt-realtime-whisper",
    "gpt-4o-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "whisper-1",
)
"""What `audio.input.transcription.model` may name."""

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]

ANY_AUDIO: Final = "*"
"""The key of `SimulatorSettings.transcripts` that stands for audio nobody described."""


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wait, drawn evenly between two figures (seconds)."""

    low: Seconds
    high: Seconds

    def at(self, draw: float) -> float:
        """Return the wait for *draw*, uniform in [0, 1)."""
        return self.low + (self.high - self.low) * draw


NO_WAIT: Final = Span(0, 0)


class KnownSpeech(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recording known by how long it lasts, since voice detection trims and pads what it cuts."""

    text: str
    seconds: Annotated[float, msgspec.Meta(gt=0)]

    def fits(self, seconds: float) -> bool:
        """Say whether audio of *seconds* may be this recording: within 15 percent."""
        return abs(seconds - self.seconds) <= 0.15 * self.seconds


class Eagerness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Milliseconds of silence that end a turn under semantic_vad."""

    low: Count = 1_600
    medium: Count = 800
    high: Count = 400
    auto: Count = 800


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a simulator that can be chosen."""

    seed: int = 1
    """All dice come from here: the same seed and the same order of sessions give the same run."""

    # --- who may come in
    keys: frozenset[str] = frozenset()
    """The keys accepted. None: any that is not empty and does not contain `invalid`."""
    models: tuple[str, ...] = CURRENT_MODELS + TRANSLATION_MODELS
    azure: bool = False
    """Whether it is an Azure resource: `models` are then the names of its deployments, one of which a
    transcription has to name too, and refusals are told before the 101."""
    session_seconds: Annotated[float, msgspec.Meta(gt=0)] = 3600
    """The cap on a session's age: 60 minutes at the real one."""
    secret_seconds: Count = 600
    """How long a client secret lives unless its request says otherwise."""

    # --- how fast it is
    first_token_seconds: Span = Span(0.12, 0.22)
    first_audio_seconds: Span = Span(0.20, 0.35)
    token_seconds: Seconds = 0.012
    """Between two text deltas: about 80 tokens a second."""
    audio_pace: Seconds = 8.0
    """Audio is streamed this many times faster than it plays. 0: all at once."""
    delta_seconds: Annotated[float, msgspec.Meta(ge=0.02, le=10)] = 0.2
    """Audio in one delta. The real one sends between 50 and 400 ms."""
    transcription_seconds: Span = Span(0.10, 0.30)
    rate_limits_seconds: Seconds = 0.043
    """`rate_limits.updated` follows `response.done` after this long, as observed."""
    ping_interval_seconds: Seconds = 20.0
    """Between the server's own WebSocket pings. 0: none."""

    # --- how it behaves
    silence_duration_ms: Count = 200
    """Default of server_vad: seen on the wire; the documentation says 500."""
    eagerness_ms: Eagerness = Eagerness()
    """semantic_vad: silence that ends a turn. The real one judges words, within 8, 4 and 2 s."""
    obfuscation: bool = True
    """Whether text deltas carry the random `obfuscation` string of the real ones."""
    announce_conversation: bool = False
    """Whether `conversation.created` follows `session.created`, as it did before GA."""
    tool_calls: Literal["mentioned", "always", "never"] = "mentioned"
    """With tool_choice auto: call a tool the user named, always the first one, or none."""
    transcripts: dict[str, str] = {}
    """Hex SHA-256 of audio, or `*` for all other audio, to its transcript. An empty transcript means
    that nothing could be understood: its transcription fails."""
    known_speech: tuple[KnownSpeech, ...] = ()
    tokens_per_minute: Count = 200_000
    """The limit that `rate_limits.updated` counts down from."""

    # --- what bounds it
    append_bytes: Count = 15 * 1024 * 1024
    """Decoded audio in one append: the documented limit."""
    buffer_bytes: Count = 64 * 1024 * 1024
    """Audio waiting to be committed, over 20 minutes; the real bound is not published."""
    kept_audio_bytes: Count = 32 * 1024 * 1024
    """Audio kept with a session's items. The oldest items lose theirs first."""
    kept_sessions: Count = 10_000
    """Records of sessions kept for `/sim/sessions`."""
    kept_events: Count = 1_000
    """Event types listed in order in one record."""
    kept_messages: Count = 200
    """Messages kept word for word in one record; audio appends are not."""

    @classmethod
    def instant(cls, **changes: Any) -> Self:  # noqa: ANN401 - any field, checked by the constructor
        """Make settings without any wait and without pings: what tests want."""
        chosen: dict[str, Any] = {
            "first_token_seconds": NO_WAIT,
            "first_audio_seconds": NO_WAIT,
            "token_seconds": 0,
            "audio_pace": 0,
            "transcription_seconds": NO_WAIT,
            "rate_limits_seconds": 0,
            "ping_interval_seconds": 0,
        }
        return cls(**(chosen | changes))


INSTANT: Final = SimulatorSettings.instant()
