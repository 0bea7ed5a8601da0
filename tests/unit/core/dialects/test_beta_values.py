"""One value at a time: what the beta calls it, what GA does, and what neither does stays as it came."""

from typing import Any

import pytest

from relay.core.dialects.beta_values import (
    detection_to_ga,
    format_from_ga,
    format_to_ga,
    modalities_from_ga,
    modalities_to_ga,
    tool_to_ga,
    tools_to_ga,
    transcription_to_ga,
    voice_from_ga,
    voice_to_ga,
    without_nulls,
)

ODD: list[Any] = [None, True, 7, 0.5, "x", "", [], [[]], {}, {"x": 1}]
PCM = {"type": "audio/pcm", "rate": 24_000}
PCM_AT_16 = {"type": "audio/pcm", "rate": 16_000}
PCMU = {"type": "audio/pcmu"}
PCMA = {"type": "audio/pcma"}
FLAT_TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    ("beta", "ga"),
    [
        ("pcm16", PCM),
        ("g711_ulaw", PCMU),
        ("g711_alaw", PCMA),
        ("audio/pcm", PCM),
        ("audio/pcmu", PCMU),
        ("audio/pcma", PCMA),
        ("pcm16_16000", PCM_AT_16),
        ("pcm_16000", PCM_AT_16),
        ("pcm16-16000hz", PCM_AT_16),
        ("audio/pcm;rate=16000", PCM_AT_16),
        ("audio/pcm; rate=16000", PCM_AT_16),
        ({"type": "pcm16"}, PCM),
        ({"type": "pcm16", "rate": 24_000}, PCM),
        ({"type": "pcm16", "sample_rate": 16_000}, PCM_AT_16),
        ({"type": "pcm16", "sample_rate_hz": 16_000}, PCM_AT_16),
        ({"type": "pcm16", "sampling_rate": 16_000}, PCM_AT_16),
        ({"type": "pcm16", "rate": 16_000, "sample_rate": 16_000}, PCM_AT_16),
        ({"type": "audio/pcm", "sample_rate": 16_000}, PCM_AT_16),
        ({"type": "pcm16_16000"}, PCM_AT_16),
        ({"type": "pcm16_16000", "rate": 16_000}, PCM_AT_16),
        ({"type": "pcm16", "channels": 2}, {**PCM, "channels": 2}),
        ({"type": "pcm16", "sample_rate": "16k"}, {"type": "audio/pcm", "rate": "16k"}),
        ({"type": "g711_ulaw"}, PCMU),
        ({"type": "g711_ulaw", "sample_rate": 8_000}, PCMU),
        ({"type": "g711_alaw", "sample_rate": 16_000}, {**PCMA, "rate": 16_000}),
    ],
)
def test_a_format_keeps_the_rate_that_is_told(beta: Any, ga: Any) -> None:
    assert format_to_ga(beta) == ga


@pytest.mark.parametrize(
    "value",
    [
        *ODD,
        PCM,
        PCM_AT_16,
        PCMU,
        {"type": "audio/pcm"},
        {"type": "opus"},
        {"type": ["pcm16"]},
        "opus",
        "pcm",
        "PCM16",
        "pcm16_16",
        "pcm16_16000x",
        {"type": "pcm16", "rate": 24_000, "sample_rate": 16_000},
        {"type": "pcm16_16000", "rate": 24_000},
    ],
)
def test_a_format_that_is_unknown_or_ga_s_or_says_two_things_stays_as_it_came(value: Any) -> None:
    assert format_to_ga(value) is value


def test_no_two_events_share_a_format() -> None:
    first, second = format_to_ga("pcm16"), format_to_ga("pcm16")
    assert first == second
    assert first is not second


@pytest.mark.parametrize(
    ("ga", "beta"), [(PCM, "pcm16"), ({"type": "audio/pcm"}, "pcm16"), (PCMU, "g711_ulaw"), (PCMA, "g711_alaw")]
)
def test_a_format_is_told_by_name(ga: Any, beta: str) -> None:
    assert format_from_ga(ga) == beta


@pytest.mark.parametrize("value", [*ODD, PCM_AT_16, {"type": "opus"}, {**PCMU, "channels": 2}])
def test_a_format_that_the_beta_has_no_name_for_stays_as_it_came(value: Any) -> None:
    assert format_from_ga(value) is value


@pytest.mark.parametrize(
    ("beta", "ga"),
    [
        (["text", "audio"], ["audio"]),
        (["audio", "text"], ["audio"]),
        (["audio"], ["audio"]),
        (["text"], ["text"]),
    ],
)
def test_ga_answers_in_one_way(beta: Any, ga: Any) -> None:
    assert modalities_to_ga(beta) == ga


@pytest.mark.parametrize("value", [*ODD, "audio", ["video"], ["text", "video"], ["audio", 7], [["audio"]]])
def test_other_modalities_stay_as_they_came(value: Any) -> None:
    assert modalities_to_ga(value) is value


def test_speech_is_told_with_its_text() -> None:
    assert modalities_from_ga(["audio"]) == ["text", "audio"]
    for same in (["text"], ["text", "audio"], None, "audio", []):
        assert modalities_from_ga(same) is same


def test_a_voice_of_one_s_own_goes_by_its_id() -> None:
    assert voice_to_ga("voice_1234") == {"id": "voice_1234"}
    assert voice_from_ga({"id": "voice_1234"}) == "voice_1234"


@pytest.mark.parametrize("value", [*ODD, "alloy", {"id": "alloy"}, {"id": 7}, {"id": "voice_1", "x": 1}])
def test_any_other_voice_stays_as_it_came(value: Any) -> None:
    assert voice_to_ga(value) is value
    assert voice_from_ga(value) is value


@pytest.mark.parametrize(
    ("beta", "ga"),
    [
        ({"type": "none"}, None),
        ({}, {"type": "server_vad"}),
        ({"threshold": 0.4}, {"type": "server_vad", "threshold": 0.4}),
    ],
)
def test_the_oldest_ways_to_set_turn_detection_are_known(beta: Any, ga: Any) -> None:
    assert detection_to_ga(beta) == ga


@pytest.mark.parametrize(
    "value", [None, 7, "none", [], {"type": "semantic_vad"}, {"type": None}, {"type": ["none"]}]
)
def test_any_other_turn_detection_stays_as_it_came(value: Any) -> None:
    assert detection_to_ga(value) is value


@pytest.mark.parametrize(
    "nested",
    [
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
        {"type": "function", "name": "look", "function": {"name": "look", "parameters": {"type": "object"}}},
        {**FLAT_TOOL, "function": {}},
    ],
)
def test_a_tool_in_the_chat_api_s_shape_is_laid_flat(nested: Any) -> None:
    assert tool_to_ga(nested) == FLAT_TOOL
    assert tools_to_ga([FLAT_TOOL, nested]) == [FLAT_TOOL, FLAT_TOOL]


def test_a_choice_in_the_chat_api_s_shape_is_laid_flat() -> None:
    choice = {"type": "function", "function": {"name": "look"}}
    assert tool_to_ga(choice) == {"type": "function", "name": "look"}


@pytest.mark.parametrize(
    "tool",
    [
        *ODD,
        "auto",
        FLAT_TOOL,
        {"type": "function", "function": "look"},
        {"type": "function", "name": "look", "function": {"name": "leap"}},
        {"type": "function", "function": {"type": "mcp", "name": "look"}},
        {"type": "mcp", "function": {"name": "look"}},
        {"type": "function", "function": {"function": {"name": "look"}}},
    ],
)
def test_any_other_tool_stays_as_it_came(tool: Any) -> None:
    assert tool_to_ga(tool) is tool
    assert tools_to_ga(same := [tool]) is same


@pytest.mark.parametrize("tools", [None, 7, "x", {}])
def test_what_is_no_list_of_tools_stays_as_it_came(tools: Any) -> None:
    assert tools_to_ga(tools) is tools


def test_a_field_that_the_beta_has_not_is_left_out_where_it_is_null() -> None:
    shown = without_nulls("new", "newer")
    assert shown({"old": None, "new": None, "newer": 7}) == {"old": None, "newer": 7}
    for same in (None, 7, "new", ["new"]):
        assert shown(same) is same


def test_the_oldest_way_to_turn_a_transcription_on_and_off_is_known() -> None:
    assert transcription_to_ga({"enabled": True}) == {"model": "whisper-1"}
    assert transcription_to_ga({"enabled": True, "model": "m"}) == {"model": "m"}
    assert transcription_to_ga({"enabled": False, "model": "m"}) is None
    for same in (None, 7, {"model": "m"}, {"enabled": "yes"}):
        assert transcription_to_ga(same) is same


def test_a_tool_that_names_no_type_is_the_only_one_there_was() -> None:
    assert tool_to_ga({"name": "look"}) == {"type": "function", "name": "look"}
    assert tool_to_ga({"function": {"name": "look"}}) == {"type": "function", "name": "look"}
    nameless: Any = {"parameters": {}}
    assert tool_to_ga(nameless) is nameless
