"""Turns as conversations: which answer is the one, when the turn is over, and what is told of a bad end."""

import pytest

from relay.voice.events import (
    AudioDelta,
    Committed,
    Detail,
    ErrorEvent,
    FunctionCall,
    Response,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    Session,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    SpokenTextDelta,
    TextDelta,
    Tokens,
    TranscriptCompleted,
    TranscriptDelta,
    TranscriptFailed,
)
from relay.voice.failures import ErrorBody, Kind
from relay.voice.turn import Heard, Interrupted, Moment, Noticed, Said, Sounded, Turn


def tell(turn: Turn, *events: ServerEvent, now: float = 0.0) -> list[Moment]:
    return [moment for event in events for moment in turn.told(event, now)]


def done(response_id: str, status: str = "completed", **detail: object) -> ResponseDone:
    details = Detail(**detail) if detail else None  # type: ignore[arg-type]
    return ResponseDone(Response(response_id, status, details, Tokens(3, 1, 2)))


def created(response_id: str) -> ResponseCreated:
    return ResponseCreated(Response(response_id))


@pytest.fixture
def spoken() -> Turn:
    """Two seconds of speech, sent at 2.0, with voice detection and no transcript."""
    turn = Turn(by_vad=True, transcribed=False, ends_at=2.0)
    turn.spoken(2.0)
    return turn


def heard(turn: Turn, until_ms: int = 2_000, item: str = "i") -> None:
    tell(turn, SpeechStarted(item), SpeechStopped(item, until_ms), Committed(item))


def test_a_spoken_turn_is_over_when_its_answer_is_complete(spoken: Turn) -> None:
    heard(spoken)
    tell(spoken, created("r"), now=2.5)
    assert tell(spoken, SpokenTextDelta("r", "Hello"), now=2.6) == [Said("Hello")]
    assert tell(spoken, AudioDelta("r", b"ab"), now=2.7) == [Sounded(b"ab")]
    tell(spoken, SpokenTextDelta("r", " you"), AudioDelta("r", b"cd"), now=2.8)
    assert not spoken.over
    tell(spoken, done("r"), now=3.0)
    assert spoken.over
    reply = spoken.reply()
    assert (reply.said, reply.sound, reply.tokens) == ("Hello you", b"abcd", Tokens(3, 1, 2))
    times = (reply.end_of_speech, reply.first_token, reply.first_audio, reply.complete)
    assert times == (2.0, 2.6, 2.7, 3.0)


def test_a_typed_turn_needs_no_ear() -> None:
    turn = Turn(by_vad=False, transcribed=False)
    turn.spoken(1.0)
    tell(turn, created("r"), TextDelta("r", "Yes."), done("r"), now=2.0)
    assert turn.over
    assert (turn.reply().said, turn.reply().first_audio) == ("Yes.", None)


def test_silence_is_of_use_until_the_server_has_heard_everything(spoken: Turn) -> None:
    assert not spoken.understood
    tell(spoken, SpeechStarted("i"))
    assert not spoken.understood
    tell(spoken, SpeechStopped("i", 1_900))
    assert spoken.understood


def test_a_server_that_tells_no_times_is_believed(spoken: Turn) -> None:
    tell(spoken, SpeechStarted("i"), SpeechStopped("i", None))
    assert spoken.understood


def test_an_answer_to_half_a_sentence_is_not_the_answer(spoken: Turn) -> None:
    heard(spoken, until_ms=500)
    tell(spoken, created("r1"), AudioDelta("r1", b"xx"), done("r1"))
    assert not spoken.over
    assert tell(spoken, SpeechStarted("j")) == [Noticed(), Interrupted()]
    tell(spoken, SpeechStopped("j", 2_000), Committed("j"), created("r2"), AudioDelta("r2", b"yy"), done("r2"))
    assert spoken.over
    assert spoken.reply().sound == b"yy"


def test_an_answer_that_is_cut_short_by_more_speech_is_void(spoken: Turn) -> None:
    heard(spoken, until_ms=500)
    tell(spoken, created("r1"), SpokenTextDelta("r1", "I"))
    assert tell(spoken, done("r1", "cancelled", reason="turn_detected")) == [Interrupted()]
    assert spoken.failure is None
    assert not spoken.over


def test_what_still_comes_of_a_void_answer_is_not_taken_for_the_next(spoken: Turn) -> None:
    tell(spoken, created("r1"), SpeechStarted("j"))
    assert tell(spoken, SpokenTextDelta("r1", "late"), AudioDelta("r1", b"zz")) == []
    heard(spoken, item="j")
    tell(spoken, created("r2"), done("r1", "cancelled", reason="turn_detected"), done("r1"))
    assert not spoken.over
    tell(spoken, done("r2"))
    assert spoken.over


def test_a_faint_end_that_the_server_never_hears_ends_with_the_silence(spoken: Turn) -> None:
    heard(spoken, until_ms=500)
    tell(spoken, created("r"), done("r"))
    assert not spoken.over
    spoken.silent()
    assert spoken.over


def test_by_microphone_the_end_of_speech_is_when_the_server_hears_no_one() -> None:
    turn = Turn(by_vad=True, transcribed=False)
    assert not turn.understood
    tell(turn, SpeechStarted("i"), now=4.0)
    tell(turn, SpeechStopped("i", 900), Committed("i"), now=5.0)
    assert turn.understood
    tell(turn, created("r"), done("r"), now=6.0)
    assert turn.reply().end_of_speech == 5.0


def test_transcripts_of_all_items_make_what_was_heard() -> None:
    turn = Turn(by_vad=True, transcribed=True, ends_at=2.0)
    turn.spoken(2.0)
    heard(turn, until_ms=500, item="a")
    heard(turn, item="b")
    assert tell(turn, TranscriptDelta("a", "Hel")) == [Heard("Hel")]
    assert tell(turn, TranscriptDelta("a", "lo")) == [Heard("Hello")]
    assert tell(turn, TranscriptCompleted("b", "Can you hear me? ")) == [Heard("Hello Can you hear me?")]
    tell(turn, created("r"), done("r"))
    assert turn.answered
    assert not turn.over  # the words of the first item are still to come
    assert tell(turn, TranscriptCompleted("a", "Hello.")) == [Heard("Hello. Can you hear me?")]
    assert turn.over
    assert turn.reply().heard == "Hello. Can you hear me?"


def test_a_transcript_that_fails_keeps_no_one_waiting() -> None:
    turn = Turn(by_vad=False, transcribed=True)
    turn.spoken(0.0)
    tell(turn, Committed("i"), created("r"), done("r"))
    assert not turn.over
    tell(turn, TranscriptFailed("i", ErrorBody(code="audio_unintelligible")))
    assert turn.over


def test_transcripts_of_an_earlier_turn_are_not_of_this_one(spoken: Turn) -> None:
    assert (
        tell(spoken, TranscriptDelta("old", "x"), TranscriptCompleted("old", "x"), SessionUpdated(Session()))
        == []
    )
    assert spoken.failure is None


def test_a_call_of_a_function_is_an_answer(spoken: Turn) -> None:
    heard(spoken)
    tell(spoken, created("r"), FunctionCall("r", '{"city":"Oslo"}', "weather"), done("r"))
    assert spoken.reply().said == '[calls weather({"city":"Oslo"})]'


def test_an_answer_cut_short_by_its_limit_is_a_failure(spoken: Turn) -> None:
    heard(spoken)
    tell(spoken, created("r"), done("r", "incomplete", reason="max_output_tokens"))
    assert spoken.over
    assert spoken.failure is not None
    assert (spoken.failure.kind, spoken.failure.code) == (Kind.INCOMPLETE, "max_output_tokens")


def test_a_failed_answer_is_a_failure_with_the_servers_words(spoken: Turn) -> None:
    heard(spoken)
    error = ErrorBody(code="rate_limit_exceeded", message="Slow down.")
    tell(spoken, created("r"), done("r", "failed", error=error))
    assert spoken.failure is not None
    assert (spoken.failure.kind, spoken.failure.code) == (Kind.FAILED, "rate_limit_exceeded")


def test_an_answer_that_someone_cancelled_is_a_failure(spoken: Turn) -> None:
    tell(spoken, created("r"), done("r", "cancelled", reason="client_cancelled"))
    assert spoken.failure is not None
    assert spoken.failure.kind is Kind.FAILED


def test_an_error_ends_the_turn(spoken: Turn) -> None:
    tell(spoken, ErrorEvent(ErrorBody(code="session_expired", message="Too old.")))
    assert spoken.over
    assert spoken.failure is not None
    assert spoken.failure.kind is Kind.ERROR


def test_what_is_owed_follows_the_turn() -> None:
    turn = Turn(by_vad=True, transcribed=True, ends_at=1.0)
    turn.spoken(1.0)
    assert turn.owed == "no speech was noticed"
    assert not turn.unheard
    turn.silent()
    assert turn.unheard
    tell(turn, SpeechStarted("i"))
    assert turn.owed == "the end of the speech went unnoticed"
    assert not turn.unheard
    tell(turn, SpeechStopped("i", 1_000), Committed("i"))
    assert turn.owed == "no answer began"
    tell(turn, created("r"))
    assert turn.owed == "the answer stopped half-way"
    tell(turn, done("r"))
    assert turn.owed == "no transcript came"
