"""A translation session in virtual time: what is heard comes back, its words follow, and it closes in order."""

import base64
import random
from typing import Any

import msgspec
import pytest
from openai.types.realtime import RealtimeTranslationServerEvent
from pydantic import TypeAdapter

from relay.simulator import translation
from relay.simulator.audio import Encoding, tone
from relay.simulator.settings import ANY_AUDIO, INSTANT, SimulatorSettings, Span
from relay.simulator.translation import FRAME_BYTES, OWED_BYTES, Translator
from tests.unit.simulator.talk import all_of, error, only, types

MODEL = "gpt-realtime-translate"
SPEECH = tone(600, Encoding.PCM)
SILENCE = bytes(48_000)
OFFICIAL: TypeAdapter[Any] = TypeAdapter(RealtimeTranslationServerEvent)
Event = dict[str, Any]


class Booth:
    """Says things to a translator, and lets time pass."""

    def __init__(self, settings: SimulatorSettings = INSTANT) -> None:
        self.translator = Translator(settings, random.Random(1), translation.born("sess_1", MODEL, 3600))
        self.now = 100.0
        self.seen = self.translator.start(self.now)

    def send(self, kind: str, **fields: Any) -> list[Event]:
        return self.raw(msgspec.json.encode({"type": kind, **fields}))

    def raw(self, message: bytes, *, text: bool = True) -> list[Event]:
        before = len(self.seen)
        self.seen += self.translator.receive(message, self.now, text=text)
        self.wait(0)
        return self.seen[before:]

    def append(self, audio: bytes) -> list[Event]:
        return self.send("session.input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    def update(self, **audio: Any) -> list[Event]:
        return self.send("session.update", session={"audio": audio})

    def wait(self, seconds: float) -> list[Event]:
        before = len(self.seen)
        end = self.now + seconds
        while self.translator.deadline <= end:
            self.now = max(self.now, self.translator.deadline)
            self.seen += self.translator.tick(self.now)
        self.now = end
        for event in self.seen[before:]:
            OFFICIAL.validate_python(event)
        return self.seen[before:]


def sound(events: list[Event]) -> bytes:
    return b"".join(base64.b64decode(event["delta"]) for event in all_of(events, "session.output_audio.delta"))


def words(events: list[Event], side: str = "output") -> str:
    return "".join(event["delta"] for event in all_of(events, f"session.{side}_transcript.delta"))


def test_it_opens_with_the_session() -> None:
    booth = Booth()
    session = only(booth.seen, "session.created")["session"]
    assert (session["type"], session["id"], session["model"]) == ("translation", "sess_1", MODEL)
    assert session["audio"]["output"]["language"] is None


def test_whole_frames_come_back_and_the_rest_waits() -> None:
    booth = Booth()
    assert not booth.append(SPEECH[: FRAME_BYTES - 2])
    told = booth.append(SPEECH[FRAME_BYTES - 2 : 2 * FRAME_BYTES + 100])
    assert [event["elapsed_ms"] for event in told] == [0, 200]
    assert [(event["format"], event["sample_rate"], event["channels"]) for event in told] == [
        ("pcm16", 24_000, 1)
    ] * 2
    assert sound(told) == SPEECH[: 2 * FRAME_BYTES]
    assert booth.translator.heard.size == 2 * FRAME_BYTES + 100
    assert booth.translator.spoken.size == 2 * FRAME_BYTES


def test_the_words_follow_the_end_of_speech_in_pieces() -> None:
    booth = Booth(SimulatorSettings.instant(transcripts={ANY_AUDIO: "Good morning to all."}))
    booth.append(SPEECH + SILENCE)
    assert words(booth.seen) == "Good morning to all."
    assert len(all_of(booth.seen, "session.output_transcript.delta")) > 1
    assert not words(booth.seen, "input")


def test_the_words_that_were_heard_are_told_where_that_is_asked_for() -> None:
    booth = Booth(SimulatorSettings.instant(transcripts={ANY_AUDIO: "Good morning."}))
    booth.update(input={"transcription": {"model": "gpt-realtime-whisper"}})
    booth.append(SPEECH + SILENCE)
    assert words(booth.seen, "input") == words(booth.seen) == "Good morning."
    booth.update(input={"transcription": None})
    assert not words(booth.append(SPEECH + SILENCE), "input")


def test_what_is_not_understood_has_no_words() -> None:
    booth = Booth(SimulatorSettings.instant(transcripts={ANY_AUDIO: ""}))
    booth.append(SPEECH + SILENCE)
    assert set(types(booth.seen)) == {"session.created", "session.output_audio.delta"}


def test_sound_without_end_is_told_in_parts() -> None:
    booth = Booth(SimulatorSettings.instant(transcripts={ANY_AUDIO: "Long."}))
    for _ in range(62):
        booth.append(tone(1_000, Encoding.PCM))
    assert words(booth.seen) == "Long.Long."


def test_translation_comes_late_and_in_order() -> None:
    booth = Booth(SimulatorSettings.instant(first_audio_seconds=Span(0.5, 0.5)))
    assert not booth.append(SPEECH)
    assert not booth.wait(0.4)
    assert sound(booth.wait(0.2)) == SPEECH


def test_no_more_is_read_while_much_is_owed() -> None:
    booth = Booth(SimulatorSettings.instant(first_audio_seconds=Span(0.5, 0.5)))
    assert not booth.translator.full
    booth.append(bytes(OWED_BYTES + FRAME_BYTES))
    assert booth.translator.full
    booth.wait(1)
    assert not booth.translator.full


def test_closing_gives_back_all_that_was_heard_and_then_says_so() -> None:
    booth = Booth(
        SimulatorSettings.instant(transcripts={ANY_AUDIO: "Bye."}, first_audio_seconds=Span(0.5, 0.5))
    )
    booth.append(SPEECH[:-500])
    assert not booth.send("session.close")
    assert error(booth.append(SPEECH))["code"] == "invalid_event"
    booth.wait(1)
    assert sound(booth.seen) == SPEECH[:-500]
    assert words(booth.seen) == "Bye."
    assert booth.seen[-1]["type"] == "session.closed"
    assert booth.translator.closing == (1000, "")


def test_a_silent_session_closes_at_once() -> None:
    booth = Booth()
    assert types(booth.send("session.close")) == ["session.closed"]


def test_a_session_that_is_too_old_says_so() -> None:
    booth = Booth(SimulatorSettings.instant(session_seconds=60))
    assert error(booth.wait(61))["code"] == "session_expired"
    assert booth.translator.closing is not None
    assert booth.translator.closing[0] == 1001


def test_updates_merge_and_null_takes_back() -> None:
    booth = Booth()
    booth.update(output={"language": "es"}, input={"noise_reduction": {"type": "near_field"}})
    booth.update(input={"noise_reduction": {"type": "far_field"}})
    session = only(booth.update(), "session.updated")["session"]
    assert session["audio"]["output"] == {"language": "es"}
    assert session["audio"]["input"]["noise_reduction"] == {"type": "far_field", "strength": 1.0}
    session = only(booth.update(input={"noise_reduction": None}), "session.updated")["session"]
    assert session["audio"]["input"]["noise_reduction"] is None
    assert booth.translator.session == session


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"model": "another"}, "invalid_value", "session.model"),
        ({"type": "realtime"}, "invalid_value", "session.type"),
        ({"voice": "marin"}, "unknown_parameter", "session.voice"),
        ({"audio": {"input": {"format": {}}}}, "unknown_parameter", "session.audio.input.format"),
        ({"audio": {"output": {"voice": "x"}}}, "unknown_parameter", "session.audio.output.voice"),
        (
            {"audio": {"input": {"transcription": {"model": "x"}}}},
            "invalid_value",
            "session.audio.input.transcription.model",
        ),
        (
            {"audio": {"input": {"transcription": {}}}},
            "missing_required_parameter",
            "session.audio.input.transcription.model",
        ),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(session: Event, code: str, param: str) -> None:
    booth = Booth()
    before = booth.translator.session
    told = error(booth.send("session.update", session=session, event_id="mine"))
    assert (told["code"], told["param"], told["event_id"]) == (code, param, "mine")
    assert booth.translator.session == before


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", "invalid_json"),
        (b"[]", "invalid_event"),
        (b"{}", "missing_required_parameter"),
        (b'{"type":"response.create"}', "invalid_value"),
        (b'{"type":["session.close"]}', "invalid_value"),
        (b'{"type":"input_audio_buffer.append","audio":""}', "invalid_value"),
        (b'{"type":"session.input_audio_buffer.append"}', "missing_required_parameter"),
        (b'{"type":"session.input_audio_buffer.append","audio":"?"}', "invalid_value"),
        (b'{"type":"session.close","why":"x"}', "unknown_parameter"),
    ],
)
def test_an_event_that_is_none_of_its_three_is_refused(message: bytes, code: str) -> None:
    assert error(Booth().raw(message))["code"] == code


def test_a_binary_frame_is_refused() -> None:
    assert error(Booth().raw(b"{}", text=False))["code"] == "invalid_event"


def test_an_append_past_the_limit_is_refused() -> None:
    booth = Booth(SimulatorSettings.instant(append_bytes=1_000))
    assert error(booth.append(bytes(2_000)))["code"] == "string_above_max_length"
    assert booth.translator.heard.size == 0
