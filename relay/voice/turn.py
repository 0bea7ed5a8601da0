"""One turn of a call: something is said, and the answer to it is heard.

Pure: told of every server event and of the time, it returns the moments that are worth showing. It knows
which answer is the one: voice detection may take a pause for the end, answer half a sentence, and be cut
short by the other half. The turn is over when an answer to the *last* of what was said is complete.

Rule: no socket and no clock here; `now` is an argument, and every failure is a value.
"""

from math import inf
from typing import Final, TypeAlias, assert_never

import msgspec

from relay.core.words import Seconds
from relay.voice import failures
from relay.voice.events import (
    AudioDelta,
    Committed,
    ErrorEvent,
    FunctionCall,
    Response,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SessionCreated,
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
from relay.voice.failures import Failure, Kind

_FAINT_END: Final[Seconds] = 1.0
"""How much of our speech's end the server's voice detection may take for silence."""


class Heard(msgspec.Struct, frozen=True):
    """What we said, as far as the server has transcribed it; or what we typed."""

    text: str


class Said(msgspec.Struct, frozen=True):
    """The words of the answer, as far as they have come."""

    text: str


class Sounded(msgspec.Struct, frozen=True):
    """A piece of the answer's sound."""

    sound: bytes


class Noticed(msgspec.Struct, frozen=True):
    """The server hears us speak: whatever is playing should fall silent."""


class Interrupted(msgspec.Struct, frozen=True):
    """We went on speaking: what was answered so far is void."""


Moment: TypeAlias = Noticed | Heard | Said | Sounded | Interrupted


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that is over. Times are readings of one clock; None where there was nothing of the kind."""

    heard: str
    said: str
    sound: bytes
    end_of_speech: Seconds
    first_token: Seconds | None
    first_audio: Seconds | None
    complete: Seconds
    tokens: Tokens | None


class _Answer:
    """A response on its way."""

    def __init__(self, response_id: str) -> None:
        self.id = response_id
        self.text = ""
        self.sound = bytearray()
        self.first_token: Seconds | None = None
        self.first_audio: Seconds | None = None
        self.complete: Seconds | None = None
        self.tokens: Tokens | None = None


class Turn:
    """What has been said and heard since the turn began.

    *ends_at* is when, on the clock of the session's input sound, the last of what is to be said ends:
    None where that is not known beforehand, and the server's voice detection decides.
    """

    def __init__(self, *, by_vad: bool, transcribed: bool, ends_at: Seconds | None = None) -> None:
        self._by_vad = by_vad
        self._transcribed = transcribed
        self._ends_at = ends_at
        self._end_of_speech: Seconds | None = None
        self._all_sent = False
        self._hears_us = False
        self._heard_until: Seconds | None = None
        self._transcripts: dict[str, str] = {}
        self._untold: set[str] = set()
        self._answer: _Answer | None = None
        self.failure: Failure | None = None

    def spoken(self, now: Seconds) -> None:
        """Tell that the last audible thing, or the typed text, has been sent."""
        self._end_of_speech = now

    def silent(self) -> None:
        """Tell that nothing more will be sent, not even silence."""
        self._all_sent = True

    @property
    def understood(self) -> bool:
        """Whether the server has heard all there was to hear: more silence is of no use to it."""
        if self._end_of_speech is None or self._hears_us:
            return False
        if not self._by_vad or self._ends_at is None:
            return True
        return self._heard_until is not None and self._heard_until + _FAINT_END >= self._ends_at

    @property
    def answered(self) -> bool:
        """Whether an answer to all that was said is complete."""
        complete = self._answer is not None and self._answer.complete is not None
        # Where the server never hears the faint end of a recording, the end of all sending has to do.
        return complete and (self.understood or (self._all_sent and not self._hears_us))

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for: neither an answer nor a transcript."""
        return self.failure is not None or (self.answered and not self._untold)

    @property
    def owed(self) -> str:
        """What the server has to do next, for the message that says it did not."""
        if self._answer is not None:
            return "the answer stopped half-way" if self._answer.complete is None else "no transcript came"
        if self._by_vad and self._heard_until is None:
            return "the end of the speech went unnoticed" if self._hears_us else "no speech was noticed"
        return "no answer began"

    @property
    def unheard(self) -> bool:
        """Whether all was sent, and the server noticed no speech in it."""
        return self._by_vad and self._all_sent and not self._hears_us and self._heard_until is None

    def reply(self) -> Reply:
        """Return the turn as it ended; only once it was `answered`."""
        answer, end_of_speech = self._answer, self._end_of_speech
        assert answer is not None
        assert answer.complete is not None
        assert end_of_speech is not None
        return Reply(
            heard=self._heard(),
            said=answer.text.strip(),
            sound=bytes(answer.sound),
            end_of_speech=end_of_speech,
            first_token=answer.first_token,
            first_audio=answer.first_audio,
            complete=answer.complete,
            tokens=answer.tokens,
        )

    def told(self, event: ServerEvent, now: Seconds) -> tuple[Moment, ...]:  # noqa: C901, PLR0912 - one case an event
        """Take in what the server sent at *now*."""
        match event:
            case SpeechStarted(item_id):
                self._hears_us = True
                self._expect(item_id)
                return (Noticed(), *self._interrupted())
            case SpeechStopped(audio_end_ms=end):
                self._hears_us = False
                self._heard_until = inf if end is None else end / 1000
                if self._ends_at is None:
                    self._end_of_speech = now
            case Committed(item_id):
                self._expect(item_id)
            case TranscriptDelta(item_id, delta) if item_id in self._transcripts:
                self._transcripts[item_id] += delta
                return (Heard(self._heard()),)
            case TranscriptCompleted(item_id, transcript) if item_id in self._transcripts:
                self._transcripts[item_id] = transcript
                self._untold.discard(item_id)
                return (Heard(self._heard()),)
            case TranscriptFailed(item_id):
                self._untold.discard(item_id)
            case ResponseCreated(response):
                self._answer = _Answer(response.id)
            case TextDelta(response_id, delta) | SpokenTextDelta(response_id, delta):
                return self._words(response_id, delta, now)
            case FunctionCall(response_id, arguments, name):
                return self._words(response_id, f" [calls {name}({arguments})]", now)
            case AudioDelta(response_id, delta):
                return self._sound(response_id, delta, now)
            case ResponseDone(response):
                return self._done(response, now)
            case ErrorEvent():
                self.failure = failures.error(event.body)
            case SessionCreated() | SessionUpdated() | TranscriptDelta() | TranscriptCompleted():
                pass  # not of this turn
            case _:
                assert_never(event)
        return ()

    def _expect(self, item_id: str) -> None:
        """Remember what was said as an item; its words will be told, if anyone asked for them."""
        if item_id not in self._transcripts:
            self._transcripts[item_id] = ""
            if self._transcribed:
                self._untold.add(item_id)

    def _heard(self) -> str:
        return " ".join(text.strip() for text in self._transcripts.values() if text.strip())

    def _interrupted(self) -> tuple[Moment, ...]:
        answer, self._answer = self._answer, None
        return () if answer is None else (Interrupted(),)

    def _words(self, response_id: str, delta: str, now: Seconds) -> tuple[Moment, ...]:
        answer = self._answer
        if answer is None or answer.id != response_id:
            return ()
        if answer.first_token is None:
            answer.first_token = now
        answer.text += delta
        return (Said(answer.text.strip()),)

    def _sound(self, response_id: str, delta: bytes, now: Seconds) -> tuple[Moment, ...]:
        answer = self._answer
        if answer is None or answer.id != response_id:
            return ()
        if answer.first_audio is None:
            answer.first_audio = now
        answer.sound += delta
        return (Sounded(delta),)

    def _done(self, response: Response, now: Seconds) -> tuple[Moment, ...]:
        answer = self._answer
        if answer is None or answer.id != response.id:
            return ()
        detail = response.status_details
        reason = detail.reason if detail is not None else None
        if response.status == "completed":
            answer.complete, answer.tokens = now, response.usage
        elif response.status == "cancelled" and reason == "turn_detected":
            return self._interrupted()
        elif response.status == "incomplete":
            self.failure = Failure(
                kind=Kind.INCOMPLETE,
                message=f"The answer was cut short ({reason or 'no reason given'}).",
                advice="Ask for less, or see the session's token limit.",
                code=reason,
            )
        else:
            told = detail.error if detail is not None else None
            self.failure = failures.unanswered(response.status, reason, told)
        return ()
