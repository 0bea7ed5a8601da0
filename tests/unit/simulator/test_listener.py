import base64
import hashlib

import pytest

from relay.simulator.audio import Encoding, tone
from relay.simulator.settings import ANY_AUDIO, KnownSpeech, SimulatorSettings, Span
from tests.unit.simulator.talk import Talk, all_of, audio_of, error, only, types

SPEECH = tone(1000, Encoding.PCM)
SILENCE = bytes(48_000)
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_spoken_turn_is_found_committed_and_answered(talk: Talk) -> None:
    events = talk.append(SILENCE + SPEECH + SILENCE)
    assert types(events)[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    started, stopped = events[:2]
    assert started["audio_start_ms"] == 700  # the padding before it is 300 ms
    assert stopped["audio_end_ms"] == 2200  # the silence that proved it is 200 ms
    assert started["item_id"] == stopped["item_id"] == events[2]["item_id"]
    assert audio_of(events) == (SILENCE + SPEECH + SILENCE)[700 * 48 : 2200 * 48]


def test_it_makes_no_difference_in_what_pieces_audio_comes() -> None:
    whole, pieces = Talk(), Talk()
    audio = SILENCE + SPEECH + SILENCE + SPEECH + SILENCE
    whole.append(audio)
    for offset in range(0, len(audio), 777):
        pieces.append(audio[offset : offset + 777])
    for kind in ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"):
        at = [
            [event.get("audio_start_ms", event.get("audio_end_ms")) for event in all_of(t.seen, kind)]
            for t in (whole, pieces)
        ]
        assert at[0] == at[1]
        assert len(at[0]) == 2


def test_speech_cuts_the_answer_off_before_it_goes_on() -> None:
    talk = Talk(SimulatorSettings.instant(first_token_seconds=Span(1, 1)))
    talk.append(SPEECH + SILENCE)
    events = talk.append(SPEECH)
    assert types(events)[:2] == ["input_audio_buffer.speech_started", "response.done"]
    details = only(events, "response.done")["response"]["status_details"]
    assert details == {"type": "cancelled", "reason": "turn_detected"}


def test_without_interrupt_response_the_answer_goes_on_and_the_next_is_refused() -> None:
    talk = Talk(SimulatorSettings.instant(first_token_seconds=Span(1, 1)))
    talk.hear(turn_detection={"type": "server_vad", "interrupt_response": False})
    talk.append(SPEECH + SILENCE)
    events = talk.append(SPEECH + SILENCE)
    assert "response.done" not in types(events)
    assert error(events)["code"] == "conversation_already_has_active_response"
    assert error(events)["event_id"] is None


def test_without_create_response_a_turn_is_only_committed(talk: Talk) -> None:
    talk.hear(turn_detection={"type": "server_vad", "create_response": False})
    assert types(talk.append(SPEECH + SILENCE))[-1] == "conversation.item.done"


@pytest.mark.parametrize(("eagerness", "silence_ms"), [("high", 400), ("low", 1600)])
def test_semantic_vad_waits_by_its_eagerness(talk: Talk, eagerness: str, silence_ms: int) -> None:
    talk.hear(turn_detection={"type": "semantic_vad", "eagerness": eagerness})
    events = talk.append(SPEECH + SILENCE * 2)
    assert only(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] == 1000 + silence_ms


def test_without_turn_detection_a_commit_takes_all_of_it(talk: Talk) -> None:
    talk.hear(turn_detection=None)
    assert talk.append(SILENCE + SPEECH) == []
    events = talk.send("input_audio_buffer.commit")
    assert types(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    found = talk.send("conversation.item.retrieve", item_id=events[0]["item_id"])
    audio = only(found, "conversation.item.retrieved")["item"]["content"][0]["audio"]
    assert base64.b64decode(audio) == SILENCE + SPEECH


def test_a_commit_during_speech_keeps_the_item_that_was_announced(talk: Talk) -> None:
    [started] = talk.append(SPEECH)
    committed = only(talk.send("input_audio_buffer.commit"), "input_audio_buffer.committed")
    assert committed["item_id"] == started["item_id"]


def test_a_cleared_buffer_has_nothing_to_commit(talk: Talk) -> None:
    talk.hear(turn_detection=None)
    talk.append(SPEECH)
    assert types(talk.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    refused = error(talk.send("input_audio_buffer.commit"))
    assert refused["code"] == "input_audio_buffer_commit_empty"
    assert "0.00ms" in refused["message"]


def test_another_format_begins_with_an_empty_buffer(talk: Talk) -> None:
    talk.hear(turn_detection=None)
    talk.append(SPEECH)
    talk.hear(format={"type": "audio/pcmu"})
    assert error(talk.send("input_audio_buffer.commit"))["code"] == ("input_audio_buffer_commit_empty")
    talk.append(tone(1000, Encoding.PCMU))
    talk.send("input_audio_buffer.commit")
    assert len(audio_of(talk.respond())) == 48_000


def test_too_much_audio_in_one_append_is_refused() -> None:
    talk = Talk(SimulatorSettings.instant(append_bytes=1000))
    talk.hear(turn_detection=None)
    assert talk.append(bytes(1000)) == []
    assert error(talk.append(bytes(1008)))["code"] == "string_above_max_length"


def test_a_full_buffer_refuses_more() -> None:
    talk = Talk(SimulatorSettings.instant(buffer_bytes=10_000))
    talk.hear(turn_detection=None)
    talk.append(bytes(10_000))
    assert error(talk.append(bytes(2)))["param"] == "audio"
    assert types(talk.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("whisper-1", {"type": "duration", "seconds": 1.0}),
        (
            "gpt-4o-transcribe",
            {
                "type": "tokens",
                "total_tokens": 12,
                "input_tokens": 10,
                "output_tokens": 2,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 10},
            },
        ),
    ],
)
def test_a_transcription_is_billed_as_its_model_is(model: str, usage: object) -> None:
    talk = Talk(SimulatorSettings.instant(transcripts={ANY_AUDIO: "good morning"}))
    talk.hear(turn_detection=None, transcription={"model": model})
    talk.append(SPEECH)
    events = talk.send("input_audio_buffer.commit")
    whole = only(events, COMPLETED)
    assert whole["usage"] == usage
    assert "".join(event["delta"] for event in all_of(events, DELTA)) == whole["transcript"]


def transcript(settings: SimulatorSettings, audio: bytes) -> str:
    talk = Talk(settings)
    talk.hear(turn_detection=None, transcription={"model": "gpt-4o-transcribe"})
    talk.append(audio)
    words: str = only(talk.send("input_audio_buffer.commit"), COMPLETED)["transcript"]
    return words


def test_audio_is_known_by_its_digest_by_its_length_or_not_at_all() -> None:
    digest = hashlib.sha256(SPEECH).hexdigest()
    known = KnownSpeech("a known sentence", 3.0)
    settings = SimulatorSettings.instant(transcripts={digest: "these bytes"}, known_speech=(known,))
    assert transcript(settings, SPEECH) == "these bytes"
    assert transcript(settings, bytes(48_000 * 3 + 6_000)) == "a known sentence"
    assert transcript(settings, bytes(48_000 * 2)) == "2.0 seconds of speech"


def test_audio_that_is_not_understood_fails_to_be_transcribed() -> None:
    talk = Talk(SimulatorSettings.instant(transcripts={ANY_AUDIO: ""}))
    talk.hear(turn_detection=None, transcription={"model": "whisper-1"})
    talk.append(SPEECH)
    failed = only(talk.send("input_audio_buffer.commit"), FAILED)
    assert failed["error"]["code"] == "audio_unintelligible"


def test_logprobs_and_speakers_are_told_where_they_are_asked_for(talk: Talk) -> None:
    talk.update(include=["item.input_audio_transcription.logprobs"])
    talk.hear(turn_detection=None, transcription={"model": "gpt-4o-transcribe-diarize"})
    talk.append(SPEECH)
    events = talk.send("input_audio_buffer.commit")
    assert [entry["token"] for entry in only(events, COMPLETED)["logprobs"]] == [
        event["delta"] for event in all_of(events, DELTA)
    ]
    segment = only(events, "conversation.item.input_audio_transcription.segment")
    assert (segment["start"], segment["end"]) == (0.0, 1.0)


def test_when_nobody_answers_the_idle_timeout_speaks_up() -> None:
    talk = Talk(SimulatorSettings.instant(audio_pace=8))
    talk.hear(turn_detection={"type": "server_vad", "idle_timeout_ms": 6000})
    talk.append(SPEECH + SILENCE)
    answered = only(talk.wait(2), "response.done")
    assert answered
    # It runs from when the answer, 1.2 s long, was heard to its end.
    assert talk.wait(4.5) == []
    events = talk.wait(1.5)
    assert types(events)[0] == "input_audio_buffer.timeout_triggered"
    events += talk.wait(2)
    assert only(events, "response.output_audio_transcript.done")["transcript"] == ("Are you still there?")


def test_somebody_who_speaks_calls_the_idle_timeout_off() -> None:
    talk = Talk()
    talk.hear(turn_detection={"type": "server_vad", "idle_timeout_ms": 6000})
    talk.append(SPEECH + SILENCE)
    talk.append(SPEECH)
    assert talk.wait(60) == []
