"""A call: dial, begin a session, hold turns, hang up.

`hold` never raises for what the world does: it returns an `Outcome`, and what came about until then is in it.
The times of an outcome are seconds since dialing began.

Rule: this is the one place that has both the line and a clock; what they mean is decided in `relay.voice.turn`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, TypeVar, assert_never

import msgspec

from relay.core.words import Seconds
from relay.voice import address, events, failures, pcm
from relay.voice.events import ErrorEvent, SessionCreated, SessionUpdated
from relay.voice.failures import CallFailedError, Failure, Kind
from relay.voice.line import Key, Line, Tls, dialed
from relay.voice.outcome import Begun, Connected, Outcome, Replied, Show, Speaking
from relay.voice.speaking import Mouth
from relay.voice.turn import Heard, Reply, Turn

DEFAULT_MODEL: Final = "gpt-realtime-2.1"
DEFAULT_TRANSCRIPTION: Final = "gpt-transcribe"
"""What writes down what we say; unlike the live models it works beside voice detection."""
_LAST_TRANSCRIPT: Final[Seconds] = 3.0
"""How long a transcript of our own words may take after the answer: it is a courtesy, not the call."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to call, and how. *url* is as `relay.voice.address.dialed` makes it."""

    url: str
    key: Key = None
    tls: Tls = None
    voice: str | None = None
    instructions: str | None = None
    transcription: str | None = DEFAULT_TRANSCRIPTION
    manual: bool = False
    """Commit by hand and ask for the answer, where the server would else detect the end of speech."""
    speed: float = 1.0
    """How many times faster than speech the sound is sent."""
    turns: int = 1
    timeout: Seconds = 15.0
    """The longest wait for anything that the server owes."""


class Recorded(msgspec.Struct, frozen=True):
    """Speech that is there: the same every turn."""

    speech: bytes


class Typed(msgspec.Struct, frozen=True):
    """Words that are written, not spoken: the same every turn."""

    text: str


class Live(msgspec.Struct, frozen=True):
    """Speech as it is spoken, through the whole call, which is over when there is no more of it."""

    sound: AsyncIterator[bytes]


Utterance: TypeAlias = Recorded | Typed | Live


async def at_once() -> None:
    """Go on with the next turn without a rest."""


async def hold(
    call: Call, utterance: Utterance, show: Show, rest: Callable[[], Awaitable[None]] = at_once
) -> Outcome:
    """Hold a call. *show* is told of everything as it happens; *rest* is awaited after each answer.

    Cancelling it hangs up, and raises CancelledError as usual.
    """
    holder = _Holder(call, utterance, show, rest)
    failure: Failure | None = None
    try:
        await holder.hold()
    except CallFailedError as error:
        failure = error.failure
    return Outcome(
        url=address.shown(call.url),
        connected=holder.connected,
        begun=holder.begun,
        replies=tuple(holder.replies),
        failure=failure,
    )


_E = TypeVar("_E", SessionCreated, SessionUpdated)


class _Holder:
    """A call on its way."""

    def __init__(
        self, call: Call, utterance: Utterance, show: Show, rest: Callable[[], Awaitable[None]]
    ) -> None:
        self._call = call
        self._utterance = utterance
        self._show = show
        self._rest = rest
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self.connected: Connected | None = None
        self.begun: Begun | None = None
        self.replies: list[Reply] = []

    def _now(self) -> Seconds:
        return self._clock() - self._start

    async def hold(self) -> None:
        call = self._call
        async with dialed(call.url, call.key, call.tls, call.timeout) as line:
            self.connected = Connected(
                self._now(), line.header("X-Relay-Session-Id"), line.header("X-Relay-Region")
            )
            self._show(self.connected)
            await self._begin(line)
            mouth = Mouth(line, call.speed)
            if isinstance(self._utterance, Live):
                await _until_one_ends(mouth.stream(self._utterance.sound), self._turns(line, mouth))
            else:
                await self._turns(line, mouth)

    async def _begin(self, line: Line) -> None:
        created = await self._first(line, SessionCreated, "no session began")
        self.begun = Begun(self._now(), created.session)
        self._show(self.begun)
        await line.send(
            events.session_update(
                voice=self._call.voice,
                instructions=self._call.instructions,
                transcription=self._call.transcription,
                by_vad=not self._call.manual,
            )
        )
        await self._first(line, SessionUpdated, "the session did not take its configuration")

    async def _first(self, line: Line, kind: type[_E], owed: str) -> _E:
        try:
            async with asyncio.timeout(self._call.timeout):
                while True:
                    event = await line.receive()
                    if isinstance(event, kind):
                        return event
                    if isinstance(event, ErrorEvent):
                        raise CallFailedError(await line.explained(failures.error(event.body)))
        except TimeoutError:
            raise CallFailedError(failures.late(owed, self._call.timeout)) from None

    async def _turns(self, line: Line, mouth: Mouth) -> None:
        while len(self.replies) < self._call.turns:
            reply = await self._turn(line, mouth)
            self.replies.append(reply)
            self._show(Replied(reply))
            await self._rest()

    async def _turn(self, line: Line, mouth: Mouth) -> Reply:
        by_vad = not self._call.manual
        transcribed = self._call.transcription is not None
        match self._utterance:
            case Typed(text):
                turn = Turn(by_vad=False, transcribed=False)
                self._show(Heard(text))
                await line.send(events.typed(text))
                await line.send(events.ANSWER)
                turn.spoken(self._now())
                await self._listen(line, turn, mouth)
            case Recorded(speech) if by_vad:
                ends_at = mouth.sent + pcm.end_of_sound(speech)
                turn = Turn(by_vad=True, transcribed=transcribed, ends_at=ends_at)
                async with _beside(mouth.say(speech, turn, self._now, self._progress)):
                    await self._listen(line, turn, mouth)
            case Recorded(speech):
                turn = Turn(by_vad=False, transcribed=transcribed)
                async with _beside(self._push(line, turn, mouth, speech)):
                    await self._listen(line, turn, mouth)
            case Live():
                turn = Turn(by_vad=True, transcribed=transcribed)
                await self._listen(line, turn, mouth)
            case _:
                assert_never(self._utterance)
        return turn.reply()

    async def _push(self, line: Line, turn: Turn, mouth: Mouth, speech: bytes) -> None:
        await mouth.pronounce(speech, self._progress)
        await line.send(events.COMMIT)
        await line.send(events.ANSWER)
        turn.spoken(self._now())

    def _progress(self, sent: Seconds, total: Seconds) -> None:
        self._show(Speaking(sent, total))

    async def _listen(self, line: Line, turn: Turn, mouth: Mouth) -> None:
        """Read events until *turn* is over. Raises `CallFailedError` where it ends without an answer."""
        heard_at = self._clock()
        while not turn.over:
            try:
                async with asyncio.timeout_at(self._deadline(turn, mouth, heard_at)):
                    event = await line.receive()
            except TimeoutError:
                deadline = self._deadline(turn, mouth, heard_at)
                if deadline is None or deadline > self._clock():
                    continue  # we were still speaking
                if turn.answered:
                    return  # all but a transcript
                raise CallFailedError(self._silence(turn)) from None
            heard_at = self._clock()
            if event is not None:
                for moment in turn.told(event, self._now()):
                    self._show(moment)
        if turn.failure is not None:
            raise CallFailedError(await line.explained(turn.failure))

    def _deadline(self, turn: Turn, mouth: Mouth, heard_at: Seconds) -> Seconds | None:
        if turn.answered:
            return heard_at + _LAST_TRANSCRIPT
        if isinstance(self._utterance, Live) and not turn.understood:
            return None  # it is our turn to speak
        return max(heard_at, mouth.busy_at) + self._call.timeout

    def _silence(self, turn: Turn) -> Failure:
        if not turn.unheard:
            return failures.late(turn.owed, self._call.timeout)
        return Failure(
            kind=Kind.UNHEARD,
            message="All was spoken, and the server noticed no speech in it.",
            advice="Speak up, or commit by hand: --manual.",
        )


async def _until_one_ends(*works: Coroutine[None, None, None]) -> None:
    """Do *works* side by side until one of them ends; fail as the first fails."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do *work* while the block runs, and no longer; what ends the one ends the other."""
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            yield
            task.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[-1] from None  # the block's own comes last
