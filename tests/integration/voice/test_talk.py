"""`relay talk` as a command: its exit codes, what it prints where, and what it never prints."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.server import ServerConnection

from relay.simulator.server import Simulator
from relay.simulator.settings import KnownSpeech, SimulatorSettings
from relay.voice import pcm, sample, wav

KEY = "rlk_very_secret"
PROVIDERS_KEY = "sk-very-secret"


class Ran(NamedTuple):
    code: int | None
    out: str
    err: str


Talk = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    known = (KnownSpeech(sample.words(), pcm.seconds(sample.speech())),)
    async with Simulator(SimulatorSettings.instant(known_speech=known)).running() as running:
        yield running


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "RELAY_URL"}
    return {**inherited, "COLUMNS": "100", "RELAY_KEY": KEY, "OPENAI_API_KEY": PROVIDERS_KEY, **more}


async def talk(*arguments: object, **variables: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "talk", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(**variables),
    )  # fmt: skip
    out, err = await process.communicate()
    ran = Ran(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in ran.err
    assert KEY not in ran.out + ran.err
    assert PROVIDERS_KEY not in ran.out + ran.err
    return ran


async def test_a_wav_is_spoken_and_its_answer_kept(simulator: Simulator, tmp_path: Path) -> None:
    wav.write(tmp_path / "question.wav", sample.speech())
    answer = tmp_path / "answer.wav"
    ran = await talk(
        tmp_path / "question.wav", "--url", simulator.url, "--speed", 100, "--manual", "--save", answer
    )
    assert ran.code == 0, ran
    assert ran.err == ""
    assert sample.words() in ran.out
    for row in (
        "connect (101)",
        "session.created",
        "end of speech",
        "first token",
        "first audio",
        "turn complete",
    ):
        assert row in ran.out
    assert wav.read(answer) == sample.speech()


async def test_the_bundled_sample_is_spoken_where_nothing_else_is_named(simulator: Simulator) -> None:
    ran = await talk("--speed", 100, RELAY_URL=simulator.url)
    assert ran.code == 0, ran
    assert f"You said: {sample.words()}" in ran.out


async def test_json_is_all_of_standard_output(simulator: Simulator) -> None:
    ran = await talk("--url", simulator.url, "--text", "Hello?", "--json")
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    assert told["ok"] is True
    assert "Hello?" in told["turns"][0]["said"]
    assert told["turns"][0]["first_token_after_ms"] is not None


async def test_the_key_for_a_relay_is_the_environments(simulator: Simulator) -> None:
    ran = await talk("--url", simulator.url, "--text", "Hello?")
    assert ran.code == 0, ran
    assert simulator.sessions[0].headers["authorization"] == [f"Bearer {KEY}"]


async def test_the_providers_key_is_not_shown_to_a_relay(scripted: Any) -> None:
    seen: list[str | None] = []

    async def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers.get("Authorization"))

    ran = await talk("--url", await scripted.playing(script), "--text", "Hello?", RELAY_KEY="")
    assert ran.code == 1
    assert seen == [None]


async def test_a_refusal_is_told_with_status_error_and_advice(scripted: Any) -> None:
    error = {
        "type": "rate_limit_error",
        "code": "too_many_sessions",
        "message": "Too many sessions.",
        "param": None,
    }
    ran = await talk("--url", await scripted.refusing(429, {"error": error}, Retry_After="2"))
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "The server refused with HTTP 429: Too many sessions.",
        "status 429  type rate_limit_error  code too_many_sessions",
        "Wait 2 s, then try again.",
    ]


async def test_a_failure_is_in_the_json_too(scripted: Any) -> None:
    ran = await talk("--url", await scripted.refusing(404), "--json")
    assert ran.code == 1
    told = json.loads(ran.out)
    assert (told["ok"], told["failure"]["kind"], told["failure"]["http_status"]) == (False, "refused", 404)
    assert ran.err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--url", "ftp://x/"], "no WebSocket URL"),
        (["--text", "a", "--microphone"], "Say one thing"),
        (["--microphone", "--manual"], "neither --manual nor --speed"),
        (["--url", "ws://127.0.0.1:1/", "--insecure"], "are for wss:// URLs"),
        (["--save", "/no/such/place/x.wav"], "there is no directory /no/such/place"),
        (["--key", "two words"], "the key holds characters that no key has"),
        (["--speed", "0"], "--speed"),
        (["/no/such.wav"], "/no/such.wav"),
        ([__file__], "is no WAV file. Convert it:"),
    ],
)
async def test_a_wrong_command_is_told_what_is_wrong_with_it(arguments: list[str], says: str) -> None:
    ran = await talk(*arguments)
    assert ran.code == 2
    assert says in " ".join(ran.err.split())
    assert "two words" not in ran.err


async def test_without_a_sound_card_the_microphone_says_what_is_missing() -> None:
    ran = await talk("--url", "ws://127.0.0.1:1/", "--microphone")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith("Error: ")


async def test_ctrl_c_hangs_up(scripted: Any) -> None:
    dialed = asyncio.Event()

    async def script(connection: ServerConnection) -> None:
        dialed.set()
        await connection.wait_closed()

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "talk", "--url", await scripted.playing(script),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(),
    )  # fmt: skip
    await dialed.wait()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert err.decode() == "Hung up.\n"


async def test_help_teaches() -> None:
    ran = await talk("--help")
    assert ran.code == 0
    assert "relay talk question.wav --save answer.wav" in ran.out
    assert "The exit code is 0" in ran.out
