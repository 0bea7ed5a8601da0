import base64
import json

import pytest
from openai import BaseModel
from openai.types.beta.realtime.response_audio_delta_event import (
    ResponseAudioDeltaEvent as BetaAudioDeltaEvent,
)
from openai.types.realtime import InputAudioBufferAppendEvent, SessionCreatedEvent, SessionUpdatedEvent
from openai.types.realtime.response_audio_delta_event import ResponseAudioDeltaEvent

from relay.bench.messages import (
    MODEL,
    SESSION_CREATED,
    SESSION_UPDATED,
    SMALLEST,
    Direction,
    Messages,
    greeting,
    session_of,
    type_of,
)

SIZES = (SMALLEST, 200, 201, 207, 4096, 32768, 1 << 20)
EVENTS: dict[Direction, tuple[type[BaseModel], str]] = {
    Direction.UP: (InputAudioBufferAppendEvent, "audio"),
    Direction.DOWN: (ResponseAudioDeltaEvent, "delta"),
}


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("size", SIZES)
def test_a_message_is_an_event_of_the_api_and_exactly_as_long_as_asked(direction: Direction, size: int) -> None:
    message = Messages(direction, size).build(session=12, number=345)
    model, _ = EVENTS[direction]
    assert len(message) == size
    assert not model.model_validate_json(message).model_extra


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("size", SIZES)
def test_its_audio_is_whole_samples_of_valid_base64(direction: Direction, size: int) -> None:
    event = json.loads(Messages(direction, size).build(session=1, number=2))
    audio = base64.b64decode(event[EVENTS[direction][1]], validate=True)
    assert len(audio) % 2 == 0


def test_no_two_messages_are_equal() -> None:
    messages = Messages(Direction.UP, 200)
    built = {messages.build(session, number) for session in range(40) for number in range(250)}
    assert len(built) == 10_000


def test_neighbours_differ_all_along() -> None:
    messages = Messages(Direction.DOWN, 32768)
    first, second = messages.build(1, 1), messages.build(1, 2)
    for start in range(1024, 32768 - 1024, 1024):
        assert first[start : start + 1024] != second[start : start + 1024]


def test_a_message_is_the_same_whoever_builds_it() -> None:
    assert Messages(Direction.UP, 4096).build(7, 9) == Messages(Direction.UP, 4096).build(7, 9)


@pytest.mark.parametrize("size", SIZES)
def test_a_beta_client_knows_the_same_delta_by_another_name(size: int) -> None:
    ga = Messages(Direction.DOWN, size).build(session=12, number=345)
    beta = Messages(Direction.DOWN, size, beta=True).build(session=12, number=345)
    assert not BetaAudioDeltaEvent.model_validate_json(beta).model_extra
    assert beta == ga.replace(b"response.output_audio.delta", b"response.audio.delta")
    assert beta != ga


def test_what_a_beta_client_appends_is_the_same() -> None:
    ga, beta = Messages(Direction.UP, 4096), Messages(Direction.UP, 4096, beta=True)
    assert ga.build(1, 2) == beta.build(1, 2)


def test_the_type_of_a_message_is_read_whatever_it_is() -> None:
    assert type_of(greeting(1)) == "input_audio_buffer.append"
    assert type_of(b"{}") == type_of(b"\xff") == type_of(b'{"type":1}') == ""


def test_a_message_too_small_for_its_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 192"):
        Messages(Direction.DOWN, SMALLEST - 1)


def test_a_greeting_tells_its_session() -> None:
    assert session_of(greeting(9_001)) == 9_001


def test_a_greeting_that_was_changed_on_the_way_is_refused() -> None:
    with pytest.raises(ValueError, match="as it was sent"):
        session_of(greeting(17).replace(b'"}', b'" }'))


def test_the_first_event_is_one_of_the_api() -> None:
    event = SessionCreatedEvent.model_validate_json(SESSION_CREATED)
    assert event.session.type == "realtime"
    assert event.session.model == MODEL


def test_the_answer_to_a_preset_is_one_of_the_api() -> None:
    assert SessionUpdatedEvent.model_validate_json(SESSION_UPDATED).session.type == "realtime"
