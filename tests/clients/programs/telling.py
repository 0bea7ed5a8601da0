"""What every program of the matrix shares: where the relay is, what is said to it, and how an outcome is told.

A program runs in the environment of the client that it tries, so nothing but the standard library is imported
here. Rule: whatever goes wrong in a step is told as that step's outcome, and the next one is tried.
"""

import asyncio
import json
import os
import urllib.request
import wave
from collections.abc import Awaitable, Callable, Iterator, Mapping

URL = os.environ["RELAY_URL"]
WS_URL = os.environ["RELAY_WS_URL"]
KEY = os.environ["RELAY_KEY"]
BAD_KEY = os.environ["RELAY_BAD_KEY"]
MODEL = os.environ["RELAY_MODEL"]

RATE = 24_000
"""Samples a second: the one rate of PCM that the API takes."""
PIECE_SECONDS = 0.1
"""What most clients put into one append."""
QUIET_SECONDS = 1.0
"""Silence after the speech: five times what ends a turn."""
STEP_SECONDS = 25.0
"""After which a step has failed: longer than the slowest client's reconnect; four fit into a program's time."""

HEARD = "can you hear me"
"""What the simulator makes of the speech."""
SAID = "Is there an echo?"
"""What the text turn says, and the reply contains."""
WEATHER = "seventeen degrees"
"""What the function gives back, and the answer speaks of."""

Deed = Callable[[], Awaitable[str]]


async def tell(deeds: Mapping[str, Deed]) -> None:
    """Do the steps that are asked for, and print what came of each. A deed returns what it saw."""
    for step in os.environ["STEPS"].split(","):
        try:
            async with asyncio.timeout(STEP_SECONDS):
                ok, detail = True, await deeds[step]()
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what is to be told
            ok, detail = False, f"{type(error).__name__}: {error}"
        print(json.dumps({"step": step, "ok": ok, "detail": detail}), flush=True)  # noqa: T201 - the runner reads it


def check(held: object, what: str) -> None:
    """Fail the step where *held* is false. *what* says what should have been."""
    if not held:
        raise AssertionError(what)


def speech() -> bytes:
    """Return somebody speaking and then falling silent: 16-bit mono PCM at 24 kHz."""
    with wave.open(os.environ["RELAY_SPEECH"]) as file:
        check(file.getframerate() == RATE, "the recording is not at 24 kHz")
        spoken: bytes = file.readframes(file.getnframes())
        return spoken + bytes(2 * int(RATE * QUIET_SECONDS))


def pieces(audio: bytes) -> Iterator[bytes]:
    """Cut *audio* into what fits one append."""
    size = 2 * int(RATE * PIECE_SECONDS)
    return (audio[start : start + size] for start in range(0, len(audio), size))


async def close_sessions() -> None:
    """Have the relay close every live session with 1012."""

    def post() -> None:
        # A plain opener: what the client under test may have done to the default one is its own affair.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(os.environ["RELAY_CONTROL"] + "/close", data=b"", timeout=10):
            pass

    await asyncio.to_thread(post)
