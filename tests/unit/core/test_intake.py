"""A message is an event, or it is refused in words."""

import pytest

from relay.core.intake import about, audio_of, read
from relay.core.refusals import Refusal, Refused


def test_an_event_is_read() -> None:
    assert read(b'{"type": "x", "a": 1}', True) == {"type": "x", "a": 1}


@pytest.mark.parametrize(
    ("data", "text", "refusal"),
    [
        (b"{}", False, Refusal.INVALID_EVENT),
        (b"{", True, Refusal.INVALID_JSON),
        (b'{"type": "x", "type": "y"}', True, Refusal.INVALID_JSON),
        (b'{"type": 1}', True, Refusal.INVALID_EVENT),
        (b"{}", True, Refusal.INVALID_EVENT),
    ],
)
def test_what_is_none_is_refused(data: bytes, text: bool, refusal: Refusal) -> None:
    answer = read(data, text)
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal


def test_what_is_no_utf_8_is_told_apart() -> None:
    assert read(b"\xff", True) is None


def test_a_refusal_names_the_event_if_its_name_may_be_echoed() -> None:
    refused = Refused(Refusal.NOT_ALLOWED, "No.")
    assert about(refused, {"event_id": "e1"}).event_id == "e1"
    for odd in (1, None, "e" * 513):
        assert about(refused, {"event_id": odd}) is refused


def test_audio_is_found_wherever_the_protocol_has_it() -> None:
    item = {"content": [{"type": "input_text"}, {"type": "input_audio", "audio": "AA"}, "odd"]}
    assert audio_of({"type": "input_audio_buffer.append", "audio": "AA"}) == [("audio", "AA")]
    created = audio_of({"type": "conversation.item.create", "item": item})
    assert created == [("item.content[0].audio", None), ("item.content[1].audio", "AA")]
    asked = audio_of({"type": "response.create", "response": {"input": ["odd", item]}})
    assert ("response.input[1].content[1].audio", "AA") in asked


@pytest.mark.parametrize(
    "event",
    [
        {"type": "conversation.item.create", "item": 5},
        {"type": "conversation.item.create", "item": {"content": "odd"}},
        {"type": "response.create", "response": {"input": 5}},
        {"type": "response.cancel"},
    ],
)
def test_where_there_is_no_audio_none_is_found(event: dict[str, object]) -> None:
    assert audio_of(event) == []
