"""What the relay sets before the client speaks: the policy's, and a client secret's within the policy."""

from typing import Any

import pytest

from relay.core.policy import Rules
from relay.core.preset import preset
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Policy


def asked(session: dict[str, Any] | None = None, *, transcription: bool = False, **policy: Any) -> object:
    rules = Rules(Policy(**policy), "m", "up")
    if transcription:
        rules = Rules(Policy(**policy), None, None)
    return preset(rules, session, transcription)


EVERYTHING: dict[str, Any] = {
    "instructions": "prefixed",
    "instructions_text": "Be kind.",
    "voices": ("marin", "cedar"),
    "output_modalities": frozenset({"text"}),
    "turn_detection": "semantic_vad",
    "max_output_tokens": 100,
}


@pytest.mark.parametrize("session", [None, {}, {"type": "realtime"}, {"type": "realtime", "model": "m"}])
def test_where_nothing_is_asked_nothing_is_set(session: dict[str, Any] | None) -> None:
    assert asked(session) is None
    assert asked(session, output_modalities=frozenset({"audio", "text"}), instructions="locked") is None


def test_a_policy_sets_what_the_upstream_would_have_otherwise() -> None:
    assert asked(**EVERYTHING) == {
        "type": "realtime",
        "instructions": "Be kind.",
        "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}, "output": {"voice": "marin"}},
        "output_modalities": ["text"],
        "max_output_tokens": 100,
    }


def test_turn_detection_is_turned_off_by_a_null() -> None:
    set_off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    assert asked(turn_detection="none") == set_off


def test_a_transcription_session_speaks_to_nobody() -> None:
    assert asked(transcription=True, **EVERYTHING) == {
        "type": "transcription",
        "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}},
    }
    assert asked(transcription=True, max_output_tokens=5) is None


@pytest.mark.parametrize("instructions", ["free", "locked", "prefixed"])
def test_the_tenant_s_text_is_set_however_it_may_be_changed(instructions: str) -> None:
    expected = {"type": "realtime", "instructions": "Be kind."}
    assert asked(instructions=instructions, instructions_text="Be kind.") == expected


def test_a_client_secret_comes_before_the_policy_s_defaults_and_leaves_the_rest_of_them() -> None:
    session = {
        "type": "realtime",
        "model": "m",
        "instructions": "Sell shoes.",
        "audio": {"input": {"noise_reduction": None}, "output": {"voice": "cedar", "speed": 1.2}},
        "max_output_tokens": "inf",
        "tracing": "auto",
    }
    assert asked(session, **EVERYTHING) == {
        "type": "realtime",
        "instructions": "Be kind.\n\nSell shoes.",
        "audio": {
            "input": {"noise_reduction": None, "turn_detection": {"type": "semantic_vad"}},
            "output": {"voice": "cedar", "speed": 1.2},
        },
        "output_modalities": ["text"],
        "max_output_tokens": 100,
        "tracing": None,
    }
    assert session["audio"] == {
        "input": {"noise_reduction": None},
        "output": {"voice": "cedar", "speed": 1.2},
    }


def test_what_a_client_secret_says_in_another_place_is_said() -> None:
    session = {"voice": "cedar", "audio": None}
    assert asked(session, voices=("marin", "cedar")) == {"type": "realtime", "voice": "cedar", "audio": None}


def test_a_client_secret_may_set_what_it_locks() -> None:
    rules = Rules(Policy(), "m", "m", locked=frozenset({"instructions"}))
    session = {"type": "realtime", "instructions": "Sell shoes."}
    assert preset(rules, session, transcription=False) == session


@pytest.mark.parametrize(
    ("session", "policy", "param"),
    [
        ({"instructions": "x"}, {"instructions": "locked"}, "session.instructions"),
        ({"voice": "alloy"}, {"voices": ("marin",)}, "session.voice"),
        ({"speed": 2}, {"locked": frozenset({"speed"})}, "session.speed"),
        ({"tools": [{"type": "mcp"}]}, {}, "session.tools[0].type"),
        ({"type": "transcription"}, {}, "session.type"),
    ],
)
def test_a_client_secret_that_is_no_longer_allowed_is_refused(
    session: dict[str, Any], policy: dict[str, Any], param: str
) -> None:
    verdict = asked(session, **policy)
    assert isinstance(verdict, Refused)
    assert (verdict.refusal, verdict.param) == (Refusal.NOT_ALLOWED, param)


def test_a_client_secret_of_a_conversation_opens_no_transcription() -> None:
    verdict = asked({"type": "realtime"}, transcription=True)
    assert isinstance(verdict, Refused)
    assert verdict.param == "session.type"


def test_a_client_secret_of_a_transcription_sets_it() -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
    assert asked(session, transcription=True) == session


def test_the_model_of_a_secret_was_one_to_go_by_and_the_address_has_said_which_it_is() -> None:
    verdict = asked({"model": "other", "instructions": "Hum."})
    assert verdict == {"type": "realtime", "instructions": "Hum."}
    assert asked({"model": "other"}) is None
