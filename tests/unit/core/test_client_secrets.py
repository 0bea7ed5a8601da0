"""What a client secret grants, and what is answered to whoever asked for one, judged by the official models."""

from typing import Any

import pytest
from openai.types.beta.realtime import TranscriptionSession
from openai.types.beta.realtime.session_create_response import SessionCreateResponse
from openai.types.realtime import (
    ClientSecretCreateResponse,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateResponse,
)
from openai.types.realtime.realtime_translation_client_secret_create_response import (
    RealtimeTranslationClientSecretCreateResponse,
)
from pydantic import BaseModel

from relay.core.client_secrets import Form, Grant, Wish, answer, expiry
from relay.core.refusals import Refusal
from relay.core.words import TenantId

GRANT = Grant(id="g", tenant=TenantId("acme"), key_id="k", expires_at=1_000)

BETA_BEYOND = {
    "SessionCreateResponse": {
        # Sent by the beta, and shown in the example beside the model, which leaves them out.
        *("id", "object", "model", "expires_at", "input_audio_noise_reduction", "include", "prompt"),
    },
    "TranscriptionSession": {"id", "object", "expires_at", "input_audio_noise_reduction", "include"},
    # What a request may hold, and its answer then shows.
    "InputAudioTranscription": {"language", "prompt"},
    "TurnDetection": {"create_response", "interrupt_response", "eagerness"},
}
"""Fields of the beta that its models do not name, and why."""


def strictly(
    model: type[BaseModel], body: dict[str, Any], beyond: dict[str, set[str]] | None = None
) -> BaseModel:
    """Validate *body*, and demand that it has no field that the models do not know."""
    read = model.model_validate(body)
    walk(read, beyond or {})
    return read


def walk(value: object, beyond: dict[str, set[str]]) -> None:
    if isinstance(value, BaseModel):
        extra = set(value.model_extra or {}) - beyond.get(type(value).__name__, set())
        assert not extra, f"{type(value).__name__} has no {extra}"
        for field in type(value).model_fields:
            walk(getattr(value, field), beyond)
    elif isinstance(value, list):
        for entry in value:
            walk(entry, beyond)


def answered(form: Form, session: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    wish = Wish(form=form, seconds=60, session=session, **more)
    return answer(wish, "ek_value", 1_060, session, "sess_1")


# --- grants ---------------------------------------------------------------------------------------


def test_a_grant_ends_at_its_second() -> None:
    assert not GRANT.expired(999.9)
    assert GRANT.expired(1_000)


def test_a_grant_that_names_no_origin_leaves_it_to_the_tenants_list() -> None:
    assert GRANT.origin_refusal(None) is None
    assert GRANT.origin_refusal("https://anywhere.example") is None


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("https://app.example", True),
        ("https://APP.example", True),
        ("https://evil.example", False),
        (None, False),
    ],
)
def test_a_grant_for_one_origin_is_for_that_one(origin: str | None, passes: bool) -> None:
    bound = Grant(id="g", tenant=TenantId("acme"), key_id="k", expires_at=1_000, origin="https://app.example")
    refused = bound.origin_refusal(origin)
    if passes:
        assert refused is None
    else:
        assert refused is not None
        assert refused.refusal is Refusal.NOT_ALLOWED
        assert refused.param == "origin"
        assert "https://app.example" in refused.message


def test_a_secret_is_told_its_end_in_whole_seconds() -> None:
    assert expiry(1_000.9, 60) == 1_060


# --- wishes ---------------------------------------------------------------------------------------


def test_a_wish_tells_its_model_and_its_kind() -> None:
    nothing = Wish(form=Form.SECRET, seconds=60, session=None)
    assert (nothing.model, nothing.transcription) == (None, False)
    speech = Wish(form=Form.SECRET, seconds=60, session={"type": "realtime", "model": "gpt-realtime-2.1"})
    assert (speech.model, speech.transcription) == ("gpt-realtime-2.1", False)
    assert Wish(form=Form.SECRET, seconds=60, session={"type": "transcription"}).transcription


@pytest.mark.parametrize(
    ("form", "path", "called"),
    [
        (Form.SECRET, "session.audio.output.voice", "session.audio.output.voice"),
        (Form.BETA_SESSION, "session.audio.output.voice", "voice"),
        (Form.BETA_SESSION, "session.tools[0].name", "tools[0].name"),
        (Form.BETA_TRANSCRIPTION, "session.audio.input.transcription.model", "input_audio_transcription.model"),
    ],
)
def test_a_field_is_called_what_the_body_calls_it(form: Form, path: str, called: str) -> None:
    assert form.param(path) == called


# --- answers --------------------------------------------------------------------------------------

SESSIONS: list[dict[str, Any] | None] = [
    None,
    {"type": "realtime"},
    {
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "instructions": "Be brief.",
        "output_modalities": ["text"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
            },
            "output": {"format": {"type": "audio/pcma"}, "voice": "cedar", "speed": 1.25},
        },
        "tools": [
            {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}},
            {"type": "mcp", "server_label": "library", "server_url": "https://mcp.example"},
        ],
        "tool_choice": {"type": "function", "name": "look"},
        "max_output_tokens": 100,
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
        "tracing": "auto",
        "prompt": {"id": "pmpt_1"},
        "reasoning": {"effort": "low"},
        "include": ["item.input_audio_transcription.logprobs"],
    },
    {"type": "realtime", "audio": {"input": {"turn_detection": None}, "output": {"voice": {"id": "voice_1"}}}},
]


@pytest.mark.parametrize("session", SESSIONS)
def test_the_answer_is_what_the_official_model_says(session: dict[str, Any] | None) -> None:
    body = answered(Form.SECRET, session)
    read = strictly(ClientSecretCreateResponse, body)
    assert isinstance(read, ClientSecretCreateResponse)
    assert isinstance(read.session, RealtimeSessionCreateResponse)
    assert (read.value, read.expires_at) == ("ek_value", 1_060)
    assert read.session.id == "sess_1"
    assert read.session.object == "realtime.session"
    assert read.session.expires_at == 0
    assert set(body) == {"value", "expires_at", "session"}


def test_the_answer_for_a_transcription_is_what_the_official_model_says() -> None:
    given = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    read = strictly(ClientSecretCreateResponse, answered(Form.SECRET, given))
    assert isinstance(read, ClientSecretCreateResponse)
    assert isinstance(read.session, RealtimeTranscriptionSessionCreateResponse)
    assert read.session.object == "realtime.transcription_session"


def test_the_answer_for_a_translation_is_what_the_official_model_says() -> None:
    given = {"type": "translation", "model": "gpt-realtime-translate", "audio": {"output": {"language": "de"}}}
    read = strictly(RealtimeTranslationClientSecretCreateResponse, answered(Form.TRANSLATION, given))
    assert isinstance(read, RealtimeTranslationClientSecretCreateResponse)
    assert read.session.model == "gpt-realtime-translate"
    assert read.session.audio.output is not None
    assert read.session.audio.output.language == "de"


@pytest.mark.parametrize("session", [session for session in SESSIONS if session is not None])
def test_the_betas_answer_is_what_its_last_model_says(session: dict[str, Any]) -> None:
    plain = {**session, "tool_choice": "auto", "tools": [], "reasoning": None}
    body = answered(Form.BETA_SESSION, plain)
    read = strictly(SessionCreateResponse, body, BETA_BEYOND)
    assert isinstance(read, SessionCreateResponse)
    assert (read.client_secret.value, read.client_secret.expires_at) == ("ek_value", 1_060)
    assert read.temperature == 0.8
    assert body["object"] == "realtime.session"


def test_the_betas_answer_shows_the_temperature_that_was_asked_for() -> None:
    assert answered(Form.BETA_SESSION, {"type": "realtime"}, temperature=1.1)["temperature"] == 1.1


def test_the_betas_answer_for_a_transcription_is_what_its_last_model_says() -> None:
    given = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    body = answered(Form.BETA_TRANSCRIPTION, given)
    read = strictly(TranscriptionSession, body, BETA_BEYOND)
    assert isinstance(read, TranscriptionSession)
    assert read.client_secret.value == "ek_value"
    assert read.input_audio_format == "pcm16"
    assert body["object"] == "realtime.transcription_session"
