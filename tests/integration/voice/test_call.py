"""Calls to the simulator, in process and on real sockets: what is said comes back, all of it."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay.core.words import Secret
from relay.simulator.server import Simulator
from relay.simulator.settings import KnownSpeech, SimulatorSettings
from relay.voice import address, pcm, sample
from relay.voice.call import DEFAULT_MODEL, Call, Live, Recorded, Typed, Utterance, hold
from relay.voice.failures import Kind
from relay.voice.outcome import Begun, Connected, Outcome, Replied, Sight, Speaking
from relay.voice.speaking import PIECE
from relay.voice.turn import Heard, Noticed, Said, Sounded

SPEECH = sample.speech()
FAST = 200
"""Times faster than speech: three seconds take a fiftieth of one."""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    known = (KnownSpeech(sample.words(), pcm.seconds(SPEECH)),)
    async with Simulator(SimulatorSettings.instant(known_speech=known)).running() as running:
        yield running


async def call(
    simulator: Simulator, utterance: Utterance, sights: list[Sight] | None = None, **wishes: Any
) -> Outcome:
    url = address.dialed(simulator.url, model=None, default_model=DEFAULT_MODEL)
    plan = Call(url=url, **{"key": Secret("sk-test"), "speed": FAST, "timeout": 5.0, **wishes})
    return await hold(plan, utterance, (sights if sights is not None else []).append)


async def test_what_was_said_comes_back_as_sound_and_as_words(simulator: Simulator) -> None:
    outcome = await call(simulator, Recorded(SPEECH))
    assert outcome.failure is None
    (reply,) = outcome.replies
    assert reply.heard == sample.words()
    assert sample.words() in reply.said
    # Voice detection keeps what it takes for speech, with a margin, and not one byte of it is changed.
    assert reply.sound in SPEECH + pcm.silence(1)
    assert pcm.seconds(reply.sound) > pcm.end_of_sound(SPEECH) - 0.3


async def test_a_turn_committed_by_hand_comes_back_byte_for_byte(simulator: Simulator) -> None:
    outcome = await call(simulator, Recorded(SPEECH), manual=True)
    assert outcome.failure is None
    assert outcome.replies[0].sound == SPEECH
    assert simulator.sessions[0].heard.sha256() == hashlib.sha256(SPEECH).hexdigest()


async def test_typed_words_are_answered(simulator: Simulator) -> None:
    sights: list[Sight] = []
    outcome = await call(simulator, Typed("What is a relay?"), sights)
    assert outcome.failure is None
    assert Heard("What is a relay?") in sights
    assert "What is a relay?" in outcome.replies[0].said


async def test_several_turns_are_one_session(simulator: Simulator) -> None:
    outcome = await call(simulator, Recorded(SPEECH), turns=3)
    assert outcome.failure is None
    assert [reply.heard for reply in outcome.replies] == [sample.words()] * 3
    assert len(simulator.sessions) == 1
    ends = [reply.complete for reply in outcome.replies]
    assert ends == sorted(ends)


async def test_a_pause_that_ends_no_turn_is_spoken_over(simulator: Simulator) -> None:
    halves = SPEECH + pcm.silence(0.8) + SPEECH
    outcome = await call(simulator, Recorded(halves))
    assert outcome.failure is None
    assert outcome.replies[0].heard == f"{sample.words()} {sample.words()}"
    # The answer to the first half is void; what counts is the answer to the last of what was said.
    assert outcome.replies[0].sound in pcm.silence(1) + SPEECH + pcm.silence(1)


async def test_a_microphone_is_heard_until_it_falls_silent(simulator: Simulator) -> None:
    sights: list[Sight] = []

    async def sound() -> AsyncIterator[bytes]:
        piece = round(PIECE * pcm.BYTES_PER_SECOND)
        for _ in range(2):
            spoken = SPEECH + pcm.silence(1)
            answers = sum(isinstance(sight, Replied) for sight in sights)
            for start in range(0, len(spoken), piece):
                yield spoken[start : start + piece]
            while sum(isinstance(sight, Replied) for sight in sights) == answers:
                yield pcm.silence(PIECE)

    outcome = await call(simulator, Live(sound()), sights, turns=10)
    assert outcome.failure is None
    assert [reply.heard for reply in outcome.replies] == [sample.words()] * 2


async def test_a_call_by_microphone_ends_after_its_turns(simulator: Simulator) -> None:
    async def sound() -> AsyncIterator[bytes]:
        yield SPEECH
        while True:
            yield pcm.silence(PIECE)

    outcome = await call(simulator, Live(sound()), turns=1)
    assert outcome.failure is None
    assert len(outcome.replies) == 1


async def test_everything_is_shown_as_it_happens(simulator: Simulator) -> None:
    sights: list[Sight] = []
    outcome = await call(simulator, Recorded(SPEECH), sights)
    kinds = [type(sight) for sight in sights]
    assert kinds[:2] == [Connected, Begun]
    assert kinds[-1] is Replied
    assert {Speaking, Noticed, Heard, Said, Sounded} <= set(kinds)
    assert b"".join(sight.sound for sight in sights if isinstance(sight, Sounded)) == outcome.replies[0].sound
    spoken = [sight for sight in sights if isinstance(sight, Speaking)]
    assert spoken[-1].sent == pytest.approx(pcm.seconds(SPEECH))


async def test_times_come_in_order_and_count_from_dialing(simulator: Simulator) -> None:
    outcome = await call(simulator, Recorded(SPEECH), manual=True)
    assert outcome.connected is not None
    assert outcome.begun is not None
    reply = outcome.replies[0]
    assert reply.first_token is not None
    assert reply.first_audio is not None
    times = [outcome.connected.at, outcome.begun.at, reply.end_of_speech, reply.first_token, reply.complete]
    assert times == sorted(times)
    assert reply.end_of_speech < reply.first_audio <= reply.complete
    assert times[0] > 0


async def test_speech_takes_as_long_as_it_takes(simulator: Simulator) -> None:
    half_a_second = SPEECH[:24_000]
    outcome = await call(simulator, Recorded(half_a_second), manual=True, speed=1)
    assert outcome.begun is not None
    assert 0.5 <= outcome.replies[0].end_of_speech - outcome.begun.at < 2


async def test_a_wish_reaches_the_session(simulator: Simulator) -> None:
    outcome = await call(simulator, Typed("Hello"), voice="cedar", instructions="Be brief.")
    assert outcome.failure is None
    session = simulator.sessions[0].session
    assert session is not None
    assert session["instructions"] == "Be brief."
    assert session["audio"]["output"]["voice"] == "cedar"


@pytest.mark.parametrize(
    ("wish", "code"),
    [({"key": Secret("sk-invalid")}, "invalid_api_key"), ({"transcription": "no-such-model"}, None)],
)
async def test_what_the_api_refuses_in_band_is_told(
    simulator: Simulator, wish: dict[str, Any], code: str | None
) -> None:
    outcome = await call(simulator, Recorded(SPEECH), **wish)
    assert outcome.failure is not None
    assert outcome.failure.kind is Kind.ERROR
    assert code is None or outcome.failure.code == code
    assert outcome.replies == ()
