"""The demonstration itself: speak, hear, check, and show what was metered.

Rule: it succeeds only where the answer is the very sound that was said, and the relay's own figures agree with
it and with each other. Anything else is said in one sentence.
"""

from math import isclose
from typing import Final

from rich.console import Console

from relay.core.words import Seconds
from relay.demo import metering, proof, screen
from relay.demo.metering import Journal, Metered
from relay.demo.stage import MODEL, Stage
from relay.voice import pcm, sample, terminal
from relay.voice.call import Call, Recorded, hold
from relay.voice.outcome import Outcome

_PATIENCE: Final[Seconds] = 5.0
"""For anything that is owed: everything is on this machine."""
_MILLISECOND: Final = 0.001
"""To which the journal rounds."""


class PerformanceError(Exception):
    """The demonstration failed; the text says how."""


async def given(stage: Stage, journal: Journal, console: Console, *, stays: bool = False) -> None:
    """Give the demonstration on *console*; *stays* says that all of it stays up. Raises `PerformanceError`."""
    screen.opening(console, stage, stays=stays)
    said = sample.speech()
    screen.heading(console, "A spoken conversation")
    tls = stage.certificates.trust() if stage.certificates is not None else None
    call = Call(url=f"{stage.url}?model={MODEL}", key=stage.key, tls=tls, timeout=_PATIENCE)
    with terminal.Terminal(console) as show:
        outcome = await hold(call, Recorded(said), show)
    sound = _sound(outcome, said, console)
    screen.heading(console, "How long it took")
    console.print(terminal.timings(outcome))
    metrics, line = await _metered(stage, journal, outcome)
    screen.heading(console, "What the relay metered")
    screen.metered(console, metrics, line)
    _agree(metrics, line, pcm.seconds(sound))
    if errors := journal.errors():
        raise PerformanceError(f"Something went wrong unseen: {errors[0]}")
    screen.closing(console, pcm.seconds(sound))


def _sound(outcome: Outcome, said: bytes, console: Console) -> bytes:
    """Return the answer's sound. Raises `PerformanceError` where it is not what was said."""
    if outcome.failure is not None:
        console.print(terminal.failed(outcome.failure))
        raise PerformanceError("The conversation did not complete.")
    (reply,) = outcome.replies
    if flaw := proof.flaw(said, reply.sound):
        raise PerformanceError(flaw)
    if reply.heard != sample.words():
        raise PerformanceError(f"The transcript is not what was said: {reply.heard!r}.")
    return reply.sound


async def _metered(stage: Stage, journal: Journal, outcome: Outcome) -> tuple[Metered, Metered]:
    """Return what `/metrics` and the journal tell, once the session has ended."""
    session = outcome.connected.relay_session if outcome.connected is not None else None
    if session is None:
        raise PerformanceError("The relay did not name the session.")
    try:
        line = metering.of_journal(await journal.session(session))
        return await metering.scraped(stage.ops_port), line
    except metering.MeteringError as error:
        raise PerformanceError(str(error)) from None


def _agree(metrics: Metered, journal: Metered, heard: Seconds) -> None:
    if metrics.refusals or journal.refusals:
        raise PerformanceError("The relay refused something, though nothing deserved it.")
    if not isclose(metrics.audio_down, heard, abs_tol=_MILLISECOND):
        raise PerformanceError(f"The relay metered {metrics.audio_down:.3f} s of answer; {heard:.3f} s came.")
    for name in Metered.__struct_fields__:
        one, other = getattr(metrics, name), getattr(journal, name)
        if not isclose(one, other, abs_tol=_MILLISECOND if name.startswith("audio") else 1e-9):
            raise PerformanceError(f"/metrics and the journal disagree about {name}: {one} and {other}.")
