"""One event at a time, in either direction; whole conversations are in `test_beta_conversation.py`."""

import copy
from typing import Any

import pytest

from relay.core.dialects.beta import Beta
from relay.core.refusals import Refusal, Refused
from tests.unit.core.dialects.beta_types import BETA_SERVER, GA_SERVER

Event = dict[str, Any]

MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hm."}]}
BETA_MESSAGE = {**MESSAGE, "content": [{"type": "text", "text": "Hm."}]}
HOSTED = {"type": "mcp_call", "id": "h"}
ODD: list[Any] = [None, 7, "x", [], [{}], True]


@pytest.fixture
def beta() -> Beta:
    return Beta(transcription=False)


def read(beta: Beta, kind: str, **fields: Any) -> Event:
    event = {"type": kind, **fields}
    before = copy.deepcopy(event)
    ga = beta.read(event)
    assert event == before
    assert not isinstance(ga, Refused)
    return ga


def write(beta: Beta, kind: str, **fields: Any) -> Event | None:
    event = {"type": kind, **fields}
    before = copy.deepcopy(event)
    told = beta.write(event)
    assert event == before
    return told


def test_a_session_is_updated_in_ga_terms(beta: Beta) -> None:
    assert read(beta, "session.update", event_id="e", session={"voice": "sage"}) == {
        "type": "session.update",
        "event_id": "e",
        "session": {"type": "realtime", "audio": {"output": {"voice": "sage"}}},
    }


def test_a_transcription_session_is_updated_by_the_one_event_that_ga_has(beta: Beta) -> None:
    session = {"input_audio_format": "g711_ulaw"}
    assert read(beta, "transcription_session.update", event_id="e", session=session) == {
        "type": "session.update",
        "event_id": "e",
        "session": {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}}}},
    }


@pytest.mark.parametrize("session", ODD)
def test_an_update_without_a_session_is_the_upstream_s_to_refuse(beta: Beta, session: Any) -> None:
    event = {"type": "session.update", "session": session}
    assert beta.read(event) is event
    other = {"type": "transcription_session.update", "session": session}
    assert beta.read(other) == event


@pytest.mark.parametrize(
    ("event", "param"),
    [
        (
            {
                "type": "session.update",
                "session": {"voice": "sage", "temperature": 1, "audio": {"output": {"voice": "ash"}}},
            },
            "session.voice",
        ),
        ({"type": "transcription_session.update", "session": {"type": "realtime"}}, "session.type"),
        ({"type": "response.create", "response": {"voice": "sage", "audio": None}}, "response.voice"),
    ],
)
def test_a_contradiction_is_refused_and_changes_nothing(beta: Beta, event: Event, param: str) -> None:
    answer = beta.read(event)
    assert isinstance(answer, Refused)
    assert (answer.refusal, answer.param) == (Refusal.INVALID_EVENT, param)
    shown = write(beta, "session.updated", session={})
    assert shown is not None
    assert shown["session"]["temperature"] == 0.8


def test_a_temperature_is_remembered_and_shown(beta: Beta) -> None:
    assert read(beta, "session.update", session={"temperature": 0.7})["session"] == {"type": "realtime"}
    read(beta, "session.update", session={"temperature": None})
    read(beta, "session.update", session={"voice": "sage"})
    read(beta, "response.create", response={"temperature": 1.1})
    for kind in ("session.created", "session.updated"):
        assert write(beta, kind, session={})["session"]["temperature"] == 0.7  # type: ignore[index]
    for kind in ("response.created", "response.done"):
        assert write(beta, kind, response={})["response"]["temperature"] == 0.7  # type: ignore[index]
    assert Beta(transcription=False).write({"type": "response.done", "response": {}}) == {
        "type": "response.done",
        "response": {"temperature": 0.8},
    }


def test_a_response_is_asked_for_in_ga_terms(beta: Beta) -> None:
    asked = read(
        beta, "response.create", event_id="e", response={"modalities": ["text"], "input": [BETA_MESSAGE]}
    )
    assert asked == {
        "type": "response.create",
        "event_id": "e",
        "response": {"output_modalities": ["text"], "input": [MESSAGE]},
    }


def test_an_item_is_created_in_ga_terms(beta: Beta) -> None:
    created = read(beta, "conversation.item.create", previous_item_id="root", item=BETA_MESSAGE)
    assert created == {"type": "conversation.item.create", "previous_item_id": "root", "item": MESSAGE}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.create"},
        {"type": "response.create", "response": None},
        {"type": "response.create", "response": []},
        {"type": "response.create", "response": {"output_modalities": ["text"]}},
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "sage"}}}},
        {"type": "session.update"},
        {"type": "conversation.item.create"},
        {"type": "conversation.item.create", "item": 7},
        {"type": "conversation.item.create", "item": MESSAGE},
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "output_audio_buffer.clear"},
        {"type": "event.of.tomorrow", "session": {"voice": "sage"}},
        {"type": ["session.update"]},
        {},
    ],
)
def test_an_event_that_says_the_same_in_ga_is_the_very_object(beta: Beta, event: Event) -> None:
    assert beta.read(event) is event


def test_a_realtime_session_is_shown_flat(beta: Beta) -> None:
    session = {"type": "realtime", "id": "s", "output_modalities": ["text"]}
    assert write(beta, "session.created", event_id="e", session=session) == {
        "type": "session.created",
        "event_id": "e",
        "session": {"id": "s", "modalities": ["text"], "object": "realtime.session", "temperature": 0.8},
    }


@pytest.mark.parametrize("kind", ["created", "updated"])
@pytest.mark.parametrize("told", [True, False])
def test_a_transcription_session_is_shown_by_the_beta_s_events(kind: str, told: bool) -> None:
    beta = Beta(transcription=not told)
    session = {"type": "transcription"} if told else {}
    assert write(beta, f"session.{kind}", session=session) == {
        "type": f"transcription_session.{kind}",
        "session": {
            "object": "realtime.transcription_session",
            "client_secret": {"value": "", "expires_at": 0},
        },
    }


@pytest.mark.parametrize(("ga", "named"), Beta.renames.items())
def test_an_event_of_which_the_name_differs_is_renamed(beta: Beta, ga: bytes, named: bytes) -> None:
    assert write(beta, ga.decode(), delta="AAAA") == {"type": named.decode(), "delta": "AAAA"}
    assert ga.decode() in GA_SERVER.types
    assert named.decode() in BETA_SERVER.types


def test_an_item_is_told_of_once(beta: Beta) -> None:
    assert write(beta, "conversation.item.added", previous_item_id=None, item=MESSAGE) == {
        "type": "conversation.item.created",
        "previous_item_id": None,
        "item": BETA_MESSAGE,
    }
    assert write(beta, "conversation.item.done", item=MESSAGE) is None


@pytest.mark.parametrize(
    "kind",
    [
        "conversation.item.created",
        "conversation.item.retrieved",
        "response.output_item.added",
        "response.output_item.done",
    ],
)
def test_items_are_told_in_the_beta_s_words_or_not_at_all(beta: Beta, kind: str) -> None:
    assert write(beta, kind, item=MESSAGE) == {"type": kind, "item": BETA_MESSAGE}
    assert write(beta, kind, item=HOSTED) is None
    assert write(beta, "conversation.item.added", item=HOSTED) is None


def test_a_response_is_shown_flat_and_without_hosted_items(beta: Beta) -> None:
    response = {"output_modalities": ["audio"], "output": [HOSTED, MESSAGE]}
    assert write(beta, "response.done", response=response) == {
        "type": "response.done",
        "response": {"modalities": ["text", "audio"], "output": [BETA_MESSAGE], "temperature": 0.8},
    }


@pytest.mark.parametrize("kind", ["response.content_part.added", "response.content_part.done"])
def test_a_part_is_told_in_the_beta_s_words(beta: Beta, kind: str) -> None:
    assert write(beta, kind, part={"type": "output_text", "text": ""}) == {
        "type": kind,
        "part": {"type": "text", "text": ""},
    }


def test_a_field_that_came_with_ga_is_left_out(beta: Beta) -> None:
    assert write(beta, "response.function_call_arguments.done", name="look", arguments="{}") == {
        "type": "response.function_call_arguments.done",
        "arguments": "{}",
    }
    heard = "conversation.item.input_audio_transcription.completed"
    assert write(beta, heard, transcript="Hm.", languages=[]) == {"type": heard, "transcript": "Hm."}


def test_an_error_names_the_field_as_the_client_did(beta: Beta) -> None:
    error = {
        "message": "Invalid 'session.audio.output.speed'.",
        "param": "session.audio.output.speed",
        "code": "c",
    }
    assert write(beta, "error", event_id="e", error=error) == {
        "type": "error",
        "event_id": "e",
        "error": {"message": "Invalid 'session.speed'.", "param": "session.speed", "code": "c"},
    }
    wordless = {"message": None, "param": "response.output_modalities"}
    assert write(beta, "error", error=wordless) == {
        "type": "error",
        "error": {"message": None, "param": "response.modalities"},
    }
    assert beta.param("session.audio.output.speed") == "session.speed"


@pytest.mark.parametrize(
    "event",
    [
        *({"type": "session.created", "session": odd} for odd in ODD),
        *({"type": "response.done", "response": odd} for odd in ODD),
        *({"type": "response.content_part.done", "part": odd} for odd in ODD),
        *({"type": "response.output_item.done", "item": odd} for odd in ODD),
        *({"type": "error", "error": odd} for odd in ODD),
        {"type": "error"},
        {"type": "error", "error": {"param": None, "message": "Words."}},
        {"type": "error", "error": {"param": "item.content[0].type"}},
        {"type": "response.content_part.added", "part": {"type": "audio"}},
        {"type": "response.function_call_arguments.done", "arguments": "{}"},
        {"type": "conversation.item.deleted", "item_id": "i"},
        {"type": "rate_limits.updated", "rate_limits": []},
        {"type": "event.of.tomorrow", "session": {"type": "realtime"}},
        {"type": ["session.created"]},
        {},
    ],
)
def test_an_event_that_says_the_same_in_the_beta_is_the_very_object(beta: Beta, event: Event) -> None:
    assert beta.write(event) is event


def test_what_the_beta_has_no_word_for_is_told_by_no_other() -> None:
    """Every event of GA reaches a beta client under a name of the beta's, or not at all."""
    beta = Beta(transcription=False)
    for kind in GA_SERVER.types:
        told = beta.write({"type": kind})
        assert told is None or told["type"] in BETA_SERVER.types
        assert told is not None or kind not in BETA_SERVER.types
