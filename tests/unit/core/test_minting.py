"""Requests to mint: read whole, and every fault told by the name of its field."""

import json
from typing import Any

import pytest

from relay.core.client_secrets import LOCKS, Form, Wish
from relay.core.minting import LONGEST_ORIGIN, MOST_USES, read
from relay.core.refusals import Refusal, Refused

SPEECH = {"type": "realtime", "model": "gpt-realtime-2.1"}


def wish(body: Any, form: Form = Form.SECRET) -> Wish:
    understood = read(json.dumps(body).encode(), form)
    assert isinstance(understood, Wish), understood
    return understood


def refused(body: Any, form: Form = Form.SECRET) -> tuple[str | None, str | None]:
    """Return code and param of the refusal that *body* gets."""
    told = read(json.dumps(body).encode(), form)
    assert isinstance(told, Refused), told
    assert told.refusal is Refusal.BAD_REQUEST
    assert told.message
    assert len(told.message) < 500
    return told.code, told.param


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b"\xff", b'{"session": {}, "session": {}}', b"null", b'{"a": NaN}', b"\xef\xbb\xbf{}", b" "],
)
def test_what_is_not_one_strict_object_is_refused(body: bytes) -> None:
    told = read(body, Form.SECRET)
    assert isinstance(told, Refused)
    assert told.refusal is Refusal.INVALID_JSON


@pytest.mark.parametrize("body", [b"", b"{}", b'{"session": null, "expires_after": null, "relay": null}'])
def test_a_request_that_asks_for_nothing_gets_the_defaults(body: bytes) -> None:
    assert read(body, Form.SECRET) == Wish(form=Form.SECRET, seconds=600, session=None)


def test_an_unknown_field_is_refused_by_name() -> None:
    assert refused({"sesion": SPEECH}) == ("unknown_parameter", "sesion")
    assert refused({"x" * 9_000: 1}) == ("unknown_parameter", "x" * 64)


# --- how long -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [10, 7200])
def test_a_secret_may_hold_from_ten_seconds_to_two_hours(seconds: int) -> None:
    assert wish({"expires_after": {"anchor": "created_at", "seconds": seconds}}).seconds == seconds


def test_an_anchor_alone_asks_for_the_default() -> None:
    assert wish({"expires_after": {"anchor": "created_at"}}).seconds == 600
    assert wish({"expires_after": {"anchor": "created_at", "seconds": None}}).seconds == 600


@pytest.mark.parametrize(
    ("expiry", "fault"),
    [
        ({"seconds": 60}, ("missing_required_parameter", "expires_after.anchor")),
        ({"anchor": "now", "seconds": 60}, ("invalid_value", "expires_after.anchor")),
        ({"anchor": "created_at", "seconds": 9}, ("integer_below_min_value", "expires_after.seconds")),
        ({"anchor": "created_at", "seconds": 7201}, ("integer_above_max_value", "expires_after.seconds")),
        ({"anchor": "created_at", "seconds": 60.0}, ("invalid_type", "expires_after.seconds")),
        ({"anchor": "created_at", "seconds": True}, ("invalid_type", "expires_after.seconds")),
        ({"anchor": "created_at", "minutes": 1}, ("unknown_parameter", "expires_after.minutes")),
        (600, ("invalid_type", "expires_after")),
    ],
)
def test_any_other_expiry_is_refused_by_name(expiry: Any, fault: tuple[str, str]) -> None:
    assert refused({"expires_after": expiry}) == fault


# --- the session ----------------------------------------------------------------------------------


def test_the_session_is_kept_as_it_was_given() -> None:
    given = {**SPEECH, "instructions": "Be brief.", "of_next_year": {"a": [1]}}
    assert wish({"session": given}).session == given
    transcription = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    assert wish({"session": transcription}).session == transcription


@pytest.mark.parametrize(
    ("session", "fault"),
    [
        ([], ("invalid_type", "session")),
        ({}, ("missing_required_parameter", "session.type")),
        ({"type": "translation", "model": "m"}, ("invalid_value", "session.type")),
        ({"type": ["realtime"]}, ("invalid_value", "session.type")),
        ({"type": "realtime", "id": "sess_1"}, ("unknown_parameter", "session.id")),
        ({"type": "realtime", "voice": "marin"}, ("unknown_parameter", "session.voice")),
        ({"type": "realtime", "tools": [7]}, ("invalid_value", "session.tools[0]")),
        ({"type": "realtime", "temperature": 0.8}, ("unknown_parameter", "session.temperature")),
        ({"type": "transcription", "temperature": None}, ("unknown_parameter", "session.temperature")),
    ],
)
def test_a_session_that_the_api_would_not_take_is_refused_by_name(session: Any, fault: tuple[str, str]) -> None:
    assert refused({"session": session}) == fault


def test_a_name_of_the_beta_is_told_where_it_stands_now() -> None:
    told = read(json.dumps({"session": {"type": "realtime", "voice": "marin"}}).encode(), Form.SECRET)
    assert isinstance(told, Refused)
    assert "session.audio.output.voice" in told.message


def test_a_temperature_is_told_to_be_a_thing_of_the_past() -> None:
    told = read(json.dumps({"session": {**SPEECH, "temperature": 0.8}}).encode(), Form.SECRET)
    assert isinstance(told, Refused)
    assert "The API of today has none" in told.message


@pytest.mark.parametrize("kind", [None, "loud_vad", "none", 7])
@pytest.mark.parametrize("session", ["realtime", "transcription"])
def test_turn_detection_without_a_type_that_there_is_is_refused(session: str, kind: object) -> None:
    asked = {"type": session, "audio": {"input": {"turn_detection": {"type": kind}}}}
    assert refused({"session": asked}) == ("invalid_value", "session.audio.input.turn_detection.type")


# --- the relay's own wishes -----------------------------------------------------------------------


def test_the_relays_own_wishes_are_read() -> None:
    asked = wish({"relay": {"origin": "https://App.example", "locked": ["voice", "tools"], "max_uses": 1}})
    assert asked.origin == "https://app.example"
    assert asked.locked == {"voice", "tools"}
    assert asked.max_uses == 1
    assert asked.session is None


@pytest.mark.parametrize(("said", "locked"), [(True, set(LOCKS)), (False, set()), (None, set()), ([], set())])
def test_true_locks_all_that_can_be_locked(said: Any, locked: set[str]) -> None:
    assert wish({"relay": {"locked": said}}).locked == locked


@pytest.mark.parametrize(
    ("wishes", "fault"),
    [
        ("locked", ("invalid_type", "relay")),
        ({"orign": "https://a"}, ("unknown_parameter", "relay.orign")),
        ({"origin": ["https://a"]}, ("invalid_value", "relay.origin")),
        ({"origin": ""}, ("invalid_value", "relay.origin")),
        ({"origin": "https://" + "h." * LONGEST_ORIGIN}, ("invalid_value", "relay.origin")),
        ({"origin": "app.example"}, ("invalid_value", "relay.origin")),
        ({"origin": "https://*.example"}, ("invalid_value", "relay.origin")),
        ({"origin": "https://app.example/" + "p" * 200}, ("invalid_value", "relay.origin")),
        ({"locked": "voice"}, ("invalid_type", "relay.locked")),
        ({"locked": 1}, ("invalid_type", "relay.locked")),
        ({"locked": ["voice", "vioce"]}, ("invalid_value", "relay.locked[1]")),
        ({"locked": [["voice"]]}, ("invalid_value", "relay.locked[0]")),
        ({"max_uses": 0}, ("integer_below_min_value", "relay.max_uses")),
        ({"max_uses": MOST_USES + 1}, ("integer_above_max_value", "relay.max_uses")),
        ({"max_uses": "1"}, ("invalid_type", "relay.max_uses")),
    ],
)
def test_a_wish_that_is_not_understood_is_refused_by_name(wishes: Any, fault: tuple[str, str]) -> None:
    assert refused({"relay": wishes}) == fault


def test_an_origin_is_kept_as_browsers_send_it_and_a_path_is_told() -> None:
    assert wish({"relay": {"origin": "HTTPS://App.Example:443"}}).origin == "https://app.example"
    told = read(b'{"relay": {"origin": "https://app.example/page"}}', Form.SECRET)
    assert isinstance(told, Refused)
    assert 'an origin has no path: "https://app.example"' in told.message


# --- the other forms ------------------------------------------------------------------------------


def test_the_betas_body_is_flat_and_becomes_ga() -> None:
    asked = wish(
        {
            "model": "gpt-4o-realtime-preview",
            "modalities": ["text"],
            "voice": "sage",
            "temperature": 0.7,
            "client_secret": {"expires_after": {"anchor": "created_at", "seconds": 30}},
            "relay": {"max_uses": 1},
        },
        Form.BETA_SESSION,
    )
    assert asked.session == {
        "type": "realtime",
        "model": "gpt-4o-realtime-preview",
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "sage"}},
    }
    assert (asked.seconds, asked.temperature, asked.max_uses) == (30, 0.7, 1)


def test_the_betas_secrets_hold_a_minute_unless_it_says_otherwise() -> None:
    assert wish({}, Form.BETA_SESSION) == Wish(form=Form.BETA_SESSION, seconds=60, session={"type": "realtime"})
    assert wish({"client_secret": {}}, Form.BETA_SESSION).seconds == 60


def test_the_betas_transcription_is_one_and_says_its_expiry_in_its_own_way() -> None:
    asked = wish(
        {
            "input_audio_transcription": {"model": "whisper-1"},
            "client_secret": {"expires_at": {"anchor": "created_at", "seconds": 90}},
        },
        Form.BETA_TRANSCRIPTION,
    )
    assert asked.session == {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": "whisper-1"}}},
    }
    assert asked.seconds == 90


@pytest.mark.parametrize(
    ("body", "form", "fault"),
    [
        ({"voice": 7}, Form.BETA_SESSION, ("invalid_value", "voice")),
        ({"voice": "a", "audio": {"output": {"voice": "b"}}}, Form.BETA_SESSION, ("invalid_value", "voice")),
        ({"tools": "all"}, Form.BETA_SESSION, ("invalid_value", "tools")),
        ({"type": "translation"}, Form.BETA_SESSION, ("unknown_parameter", "type")),
        ({"type": {}}, Form.BETA_SESSION, ("unknown_parameter", "type")),
        ({"client_secret": 60}, Form.BETA_SESSION, ("invalid_type", "client_secret")),
        ({"client_secret": {"value": "ek_"}}, Form.BETA_SESSION, ("unknown_parameter", "client_secret.value")),
        (
            {"client_secret": {"expires_after": {"seconds": 30}}},
            Form.BETA_SESSION,
            ("missing_required_parameter", "client_secret.expires_after.anchor"),
        ),
        (
            {"client_secret": {"expires_at": 1_800_000_000}},
            Form.BETA_TRANSCRIPTION,
            ("invalid_type", "client_secret.expires_at"),
        ),
        ({"model": "whisper-1"}, Form.BETA_TRANSCRIPTION, ("invalid_model", "model")),
    ],
)
def test_a_fault_in_the_betas_body_is_told_in_its_own_names(
    body: Any, form: Form, fault: tuple[str, str]
) -> None:
    assert refused(body, form) == fault


def test_a_translation_names_its_model_and_gets_its_type() -> None:
    audio = {"output": {"language": "de"}}
    asked = wish({"session": {"model": "gpt-realtime-translate", "audio": audio}}, Form.TRANSLATION)
    assert asked.session == {"type": "translation", "model": "gpt-realtime-translate", "audio": audio}
    assert asked.seconds == 600


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("missing_required_parameter", "session")),
        ({"session": {}}, ("missing_required_parameter", "session.model")),
        ({"session": {"type": "realtime", "model": "m"}}, ("invalid_value", "session.type")),
        ({"session": {"object": "o", "model": "m"}}, ("unknown_parameter", "session.object")),
        ({"session": {"model": "m", "instructions": "x"}}, ("unknown_parameter", "session.instructions")),
        (
            {"session": {"model": "m", "audio": {"input": {"turn_detection": None}}}},
            ("unknown_parameter", "session.audio.input.turn_detection"),
        ),
        ({"model": "m"}, ("unknown_parameter", "model")),
    ],
)
def test_a_translation_that_is_not_understood_is_refused_by_name(body: Any, fault: tuple[str, str]) -> None:
    assert refused(body, Form.TRANSLATION) == fault


def test_a_latency_hint_is_taken_wherever_it_stands_and_left_out() -> None:
    asked = wish({"session": {**SPEECH, "latency_hints": "low"}})
    assert (asked.session, asked.latency) == (SPEECH, "low")
    flat = wish({"model": "m", "latency_hints": "high"}, Form.BETA_SESSION)
    assert flat.latency == "high"
    assert "latency_hints" not in (flat.session or {})
    assert isinstance(read(b'{"latency_hints": 7}', Form.SECRET), Refused)


def test_a_model_can_be_locked_by_name_only_where_the_session_names_one() -> None:
    assert "model" in wish({"session": SPEECH, "relay": {"locked": ["model"]}}).locked
    assert "model" in wish({"relay": {"locked": True}}).locked
    assert refused({"relay": {"locked": ["model"]}}) == ("invalid_value", "relay.locked")
    assert refused({"session": {"type": "realtime"}, "relay": {"locked": ["model"]}})[1] == "relay.locked"
