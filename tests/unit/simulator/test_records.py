import gc
import weakref

import msgspec
import pytest

from relay.simulator.audio import Encoding, tone
from relay.simulator.records import UNREAD, SessionRecord
from relay.simulator.settings import SimulatorSettings
from tests.unit.simulator.talk import Talk

APPEND = b'{"type":"input_audio_buffer.append","audio":"AAAA"}'


def record(**settings: int) -> SessionRecord:
    return SessionRecord(SimulatorSettings.instant(**settings), 1, 0.0)


def test_messages_are_counted_by_type_and_kept_word_for_word_but_for_audio() -> None:
    seen = record()
    for message in (APPEND, b'{ "type": "response.create" }', b"junk", b'{"type":5}'):
        seen.message_received(message)
    assert seen.received == {"input_audio_buffer.append": 1, "response.create": 1, UNREAD: 2}
    assert list(seen.messages) == ['{ "type": "response.create" }', "junk", '{"type":5}']
    assert seen.received_bytes == len(APPEND) + 29 + 4 + 10


@pytest.mark.parametrize("kind", ["input_audio_buffer.append", "session.input_audio_buffer.append"])
def test_an_append_is_known_wherever_its_type_stands(kind: str) -> None:
    seen = record()
    seen.message_received(b'{"audio":"AAAA","type":"%b"}' % kind.encode())
    assert seen.received[kind] == 1
    assert not seen.messages


def test_a_record_is_bounded_whatever_comes() -> None:
    seen = record(kept_events=3, kept_messages=2)
    for number in range(10):
        seen.message_received(b'{"type":"%d","long":"%s"}' % (number, b"x" * 200_000))
    assert list(seen.order) == ["7", "8", "9"]
    assert [len(message) for message in seen.messages] == [65_536] * 2


def test_a_record_is_json_and_hides_nothing_but_itself() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(record().shown()))
    assert shown["audio_received"]["bytes"] == 0
    assert shown["session"] is None
    assert not [name for name in shown if name.startswith("_")]


def test_a_record_lets_go_of_a_session_that_is_over() -> None:
    talk = Talk()
    talk.append(tone(600, Encoding.PCM))
    seen = record()
    seen.began(talk.engine)
    alive = weakref.ref(talk.engine)
    talk.update(instructions="the last words")
    seen.over(now=7.0)
    del talk
    gc.collect()
    assert alive() is None
    assert seen.session is not None
    assert seen.session["instructions"] == "the last words"
    assert seen.heard.size == 28_800
    assert (seen.open, seen.ended) == (False, 7.0)
