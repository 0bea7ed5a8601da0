"""Realtime events are recognised by their heads, read where they must be; the relay's own are sound."""

import msgspec
import pytest

from relay.core import events
from relay.core.events import CLIENT_KINDS, KIND_OF, Kind, Outcome, Told, read_trusted, table, told_by
from tests.unit.core.gates import append, wire


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("response.output_audio.delta", Told.AUDIO_DELTA),
        ("response.output_audio_transcript.delta", Told.TEXT_DELTA),
        ("conversation.item.input_audio_transcription.delta", Told.HEARD_DELTA),
        ("response.created", Told.RESPONSE_CREATED),
        ("response.done", Told.RESPONSE_DONE),
        ("session.updated", Told.SESSION),
        ("conversation.item.input_audio_transcription.completed", Told.TRANSCRIBED),
        ("error", Told.ERROR),
        ("response.output_item.added", Told.PASS_RESPONSE),
        ("conversation.item.added", Told.PASS_ITEM),
        ("input_audio_buffer.speech_started", Told.PASS_BUFFER),
        ("output_audio_buffer.started", Told.PASS_BUFFER),
        ("rate_limits.updated", Told.PASS),
        ("UPPER-case.7", Told.PASS),
    ],
)
def test_an_upstream_event_is_told_by_its_type_wherever_that_stands(name: str, told: Told) -> None:
    assert told_by(wire({"type": name, "event_id": "e"})) is told
    assert told_by(wire({"event_id": "e", "type": name})) is told
    assert told_by(memoryview(f' {{\n "type" : "{name}"}}'.encode())) is told


@pytest.mark.parametrize(
    "message",
    [b"", b"hello", b"[]", b"{}", b'{"type": 7}', b'{"x": "\xff"}', b'{"x":' + b"[" * 99_999],
)
def test_what_is_no_event_is_told_as_none_and_raises_nothing(message: bytes) -> None:
    assert told_by(memoryview(message)) is None


@pytest.mark.parametrize("message", [b"", b"[1]", b'"x"', b'{"x": "\xff"}', b'{"x":' + b"[" * 99_999])
def test_what_is_no_object_is_not_read(message: bytes) -> None:
    assert read_trusted(memoryview(message)) is None


def test_an_upstream_event_is_read_whole() -> None:
    assert read_trusted(wire({"type": "error", "x": [1]})) == {"type": "error", "x": [1]}


def test_every_told_has_a_kind_and_every_label_is_its_own() -> None:
    assert set(KIND_OF) == set(Told)
    for labelled in (Kind, Outcome):
        assert len({member.label for member in labelled}) == len(labelled)
        assert all(member.label.islower() for member in labelled)


def test_kinds_and_outcomes_index_one_table() -> None:
    assert list(Kind) == list(range(len(Kind)))
    assert list(Outcome) == list(range(len(Outcome)))


def test_what_the_user_said_is_text_but_no_part_of_a_response() -> None:
    assert KIND_OF[Told.HEARD_DELTA] is KIND_OF[Told.TEXT_DELTA] is Kind.TEXT


def test_an_append_is_read_with_its_audio_left_raw() -> None:
    read = events.decode_append(append("QUJD", event_id="e"))
    assert bytes(read.audio) == b'"QUJD"'
    assert read.event_id == "e"


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"input_audio_buffer.append","audio":"","more":1}',
        b'{"type":"response.create","audio":""}',
        b'{"type":"input_audio_buffer.append","type":"response.create","audio":""}',
        b'{"type":"response.create","type":"input_audio_buffer.append","audio":""}',
        b'{"type":"input_audio_buffer.append"}',
    ],
)
def test_an_append_with_anything_else_is_none(message: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events.decode_append(message)


@pytest.mark.parametrize("event", [{}, {"a": 1}, {"a": {"b": None}}, {"a": {"b": [1]}}, {"a": []}])
def test_a_table_that_is_not_there_is_empty(event: dict[str, object]) -> None:
    assert table(event, "a", "b") == {}


def test_a_table_is_found_by_its_path() -> None:
    assert table({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert table({"c": 1}) == {"c": 1}


def test_the_relay_s_own_events_are_of_types_that_clients_send() -> None:
    made = [
        events.response_cancel("resp_1"),
        events.response_cancel(None),
    ]
    assert made == [
        {"type": "response.cancel", "response_id": "resp_1"},
        {"type": "response.cancel"},
    ]
    assert all(event["type"] in CLIENT_KINDS for event in made)


def test_an_event_that_was_read_is_told_by_its_type() -> None:
    assert events.told_of({"type": "error"}) is Told.ERROR
    assert events.told_of({"type": 5}) is Told.PASS


def test_half_an_emoji_is_read_and_written_as_it_came() -> None:
    half = b'{"type":"response.done","text":"\\ud83d"}'
    event = read_trusted(memoryview(half))
    assert event == {"type": "response.done", "text": "\ud83d"}
    assert events.encode(event) == half


@pytest.mark.parametrize("nonsense", [b"{", b"\xff", b"[" * 100_000])
def test_what_nobody_can_read_is_nothing(nonsense: bytes) -> None:
    assert read_trusted(memoryview(nonsense)) is None
