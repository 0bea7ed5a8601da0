"""Settings are flat in the beta and nested in GA; partial stays partial, null null, and nothing is guessed."""

import copy
from typing import Any

import pytest

from relay.core.dialects.beta_session import (
    ASKED,
    DEFAULT_TEMPERATURE,
    SESSION,
    is_temperature,
    response_to_ga,
    session_from_ga,
    session_to_ga,
)
from relay.core.refusals import Refusal, Refused

Event = dict[str, Any]

PCM = {"type": "audio/pcm", "rate": 24_000}
TOOL = {"type": "function", "name": "look"}
DETECTION = {"type": "server_vad", "threshold": 0.4}
BETA: Event = {
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "modalities": ["text", "audio"],
    "voice": "sage",
    "speed": 1.1,
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1"},
    "input_audio_noise_reduction": {"type": "near_field"},
    "turn_detection": DETECTION,
    "tools": [TOOL],
    "tool_choice": "auto",
    "max_response_output_tokens": 400,
    "tracing": "auto",
    "include": ["item.input_audio_transcription.logprobs"],
    "prompt": {"id": "p"},
}
GA: Event = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": PCM,
            "transcription": {"model": "whisper-1"},
            "noise_reduction": {"type": "near_field"},
            "turn_detection": DETECTION,
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": "sage", "speed": 1.1},
    },
    "tools": [TOOL],
    "tool_choice": "auto",
    "max_output_tokens": 400,
    "tracing": "auto",
    "include": ["item.input_audio_transcription.logprobs"],
    "prompt": {"id": "p"},
}


def nested(place: tuple[str, ...], value: object) -> Event:
    name, *inner = place
    return {name: nested(tuple(inner), value) if inner else value}


def to_ga(session: Event, *, transcription: bool = False) -> Event:
    before = copy.deepcopy(session)
    ga = session_to_ga(session, transcription=transcription)
    assert session == before
    assert not isinstance(ga, Refused)
    return ga


def refused(session: Event, *, transcription: bool = False, path: str = "session") -> Refused:
    answer = session_to_ga(session, transcription=transcription, path=path)
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.INVALID_EVENT
    return answer


def test_a_flat_session_is_nested_and_typed() -> None:
    assert to_ga(BETA) == GA


def test_a_nested_session_is_shown_flat() -> None:
    before = copy.deepcopy(GA)
    shown = session_from_ga(GA, transcription=False, temperature=0.6)
    assert shown == {**BETA, "object": "realtime.session", "temperature": 0.6}
    assert before == GA


def test_a_session_shows_the_beta_s_temperature_where_nobody_chose_one() -> None:
    assert session_from_ga({}, transcription=False)["temperature"] == DEFAULT_TEMPERATURE


@pytest.mark.parametrize("row", SESSION, ids=lambda row: row.name)
def test_an_update_of_one_setting_updates_no_other(row: Any) -> None:
    assert to_ga({row.name: BETA[row.name]}) == {
        "type": "realtime",
        **nested(row.place, row.to_ga(BETA[row.name])),
    }


@pytest.mark.parametrize("row", SESSION, ids=lambda row: row.name)
@pytest.mark.parametrize("value", [None, "", []])
def test_a_setting_is_cleared_as_it_was(row: Any, value: object) -> None:
    assert to_ga({row.name: value}) == {"type": "realtime", **nested(row.place, value)}


@pytest.mark.parametrize("row", SESSION, ids=lambda row: row.name)
@pytest.mark.parametrize("value", [True, 7, "odd", [[]], {"x": [1]}])
def test_a_setting_of_odd_shape_reaches_whoever_refuses_it(row: Any, value: object) -> None:
    ga = to_ga({row.name: value})
    for name in row.place:
        ga = ga[name]
    assert ga == row.to_ga(value)


def test_a_session_in_ga_terms_is_the_very_object() -> None:
    for same in (GA, {"type": "realtime"}, {"type": "transcription", "audio": {"input": {}}}, {"type": 7}):
        assert to_ga(same) is same
    typed = {"type": "transcription"}
    assert to_ga(typed, transcription=True) is typed


def test_a_field_that_nobody_knows_is_passed_on() -> None:
    assert to_ga({"latency_hints": "low", "audio": {"x": 1}, "voice": "sage"}) == {
        "type": "realtime",
        "latency_hints": "low",
        "audio": {"x": 1, "output": {"voice": "sage"}},
    }
    shown = session_from_ga({"x": 1, "audio": {"y": 2, "input": {"format": PCM, "z": 3}}}, transcription=False)
    assert shown["x"] == 1
    assert shown["audio"] == {"y": 2, "input": {"z": 3}}
    assert shown["input_audio_format"] == "pcm16"


def test_what_a_server_set_is_not_sent_back_to_it() -> None:
    echoed = {"id": "s", "object": "realtime.session", "expires_at": 9, "client_secret": {"value": "ek"}}
    assert to_ga({**echoed, "voice": "sage"}) == to_ga({"voice": "sage"})


@pytest.mark.parametrize("temperature", [0.7, 1, None])
def test_a_temperature_is_left_out(temperature: object) -> None:
    assert to_ga({"temperature": temperature}) == {"type": "realtime"}
    assert response_to_ga({"temperature": temperature}) == {}


@pytest.mark.parametrize("temperature", ["hot", True, [0.7]])
def test_what_is_no_temperature_is_the_upstream_s_to_refuse(temperature: object) -> None:
    assert to_ga({"temperature": temperature})["temperature"] is temperature


def test_a_number_is_a_temperature() -> None:
    assert [is_temperature(value) for value in (0.7, 1, True, "1", None)] == [True, True, False, False, False]


@pytest.mark.parametrize(
    "session",
    [
        {"modalities": ["text", "audio"], "output_modalities": ["audio"]},
        {"max_response_output_tokens": 9, "max_output_tokens": 9},
        {"input_audio_format": "pcm16", "audio": {"input": {"format": PCM}}},
        {"voice": None, "audio": {"output": {"voice": None}}},
    ],
)
def test_one_thing_said_twice_is_said(session: Event) -> None:
    ga = to_ga(session)
    assert not ga.keys() & {row.name for row in SESSION}


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"modalities": ["audio"], "output_modalities": ["text"]}, "session.modalities"),
        ({"voice": "sage", "audio": {"output": {"voice": "ash"}}}, "session.voice"),
        ({"turn_detection": None, "audio": {"input": {"turn_detection": DETECTION}}}, "session.turn_detection"),
        ({"max_response_output_tokens": 9, "max_output_tokens": 10}, "session.max_response_output_tokens"),
        ({"voice": "sage", "audio": None}, "session.voice"),
        ({"voice": "sage", "audio": {"output": "ash"}}, "session.voice"),
        ({"speed": 1.0, "audio": []}, "session.speed"),
    ],
)
def test_two_things_said_of_one_setting_are_refused_by_name(session: Event, param: str) -> None:
    answer = refused(session)
    assert answer.param == param
    assert param.removeprefix("session.") in answer.message


def test_a_refusal_names_the_field_from_where_the_settings_stand() -> None:
    session = {"voice": "sage", "audio": {"output": {"voice": "ash"}}}
    assert refused(session, path="").param == "voice"
    assert refused(session, path="body").param == "body.voice"


def test_a_transcription_session_is_nested_and_typed() -> None:
    beta = {
        "input_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "input_audio_noise_reduction": None,
        "turn_detection": DETECTION,
        "include": ["item.input_audio_transcription.logprobs"],
    }
    ga = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": PCM,
                "transcription": {"model": "whisper-1"},
                "noise_reduction": None,
                "turn_detection": DETECTION,
            }
        },
        "include": ["item.input_audio_transcription.logprobs"],
    }
    secret = {"expires_at": {"anchor": "created_at", "seconds": 60}}
    assert to_ga({**beta, "modalities": ["text"], "client_secret": secret}, transcription=True) == ga
    shown = session_from_ga({**ga, "id": "s", "object": "realtime.transcription_session"}, transcription=True)
    assert shown == {**beta, "id": "s", "object": "realtime.transcription_session"}


def test_a_transcription_session_of_another_type_is_refused() -> None:
    assert refused({"type": "realtime"}, transcription=True).param == "session.type"
    assert refused({"type": None}, transcription=True, path="").param == "type"
    assert refused({"voice": 1, "audio": 2}, transcription=True).param == "session.voice"


def test_settings_that_came_with_ga_are_not_shown() -> None:
    detection = {**DETECTION, "idle_timeout_ms": None}
    transcription = {"model": "whisper-1", "language": None, "keywords": None, "delay": None, "languages": None}
    came = {"parallel_tool_calls": True, "reasoning": None, "truncation": "auto", "type": "realtime"}
    heard = {
        "turn_detection": detection,
        "transcription": transcription,
        "noise_reduction": {"type": "near_field", "strength": None},
    }
    assert session_from_ga({**came, "audio": {"input": heard}}, transcription=False) == {
        "object": "realtime.session",
        "temperature": DEFAULT_TEMPERATURE,
        "turn_detection": DETECTION,
        "input_audio_transcription": {"model": "whisper-1", "language": None},
        "input_audio_noise_reduction": {"type": "near_field"},
    }


def test_parts_of_a_setting_that_came_with_ga_are_shown_where_they_are_set() -> None:
    heard = {"turn_detection": {**DETECTION, "idle_timeout_ms": 5_000}}
    shown = session_from_ga({"audio": {"input": heard}}, transcription=False)
    assert shown["turn_detection"] == heard["turn_detection"]
    assert to_ga(shown)["audio"]["input"] == heard


@pytest.mark.parametrize("audio", [None, 7, [], {"input": None, "output": []}])
def test_a_session_of_odd_shape_is_shown_as_it_came(audio: object) -> None:
    shown = session_from_ga({"audio": audio, "tools": 7}, transcription=False)
    assert shown["audio"] == audio
    assert shown["tools"] == 7


def test_no_setting_has_two_rows() -> None:
    for rows in (SESSION, ASKED):
        assert len({row.name for row in rows}) == len({row.place for row in rows}) == len(rows)
