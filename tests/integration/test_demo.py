"""The demonstration: as a newcomer runs it, in a process of its own, and what it would not let pass."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rich.console import Console

from relay.demo import metering, performance, screen, stage
from relay.demo.metering import Journal, Metered
from relay.demo.proof import flaw
from relay.voice import pcm, sample

# --- what is an echo ------------------------------------------------------------------------------

SAID = sample.speech()
SPOKEN = SAID[round(0.28 * pcm.RATE) * 2 :]


def test_what_voice_detection_cuts_out_is_an_echo() -> None:
    assert flaw(SAID, SAID) is None
    assert flaw(SAID, SPOKEN) is None
    assert flaw(SAID, SAID + pcm.silence(0.5)) is None
    assert flaw(SAID, SAID[: -len(pcm.silence(0.2))]) is None


def test_nothing_is_no_echo() -> None:
    assert flaw(SAID, b"") == "No sound came back."


def test_one_changed_byte_is_seen() -> None:
    changed = bytearray(SPOKEN)
    changed[len(changed) // 2] ^= 1
    assert flaw(SAID, bytes(changed)) == "The 2.7 s of sound that came back are not what was said."


def test_a_gap_is_seen() -> None:
    middle = len(SPOKEN) // 4 * 2
    assert flaw(SAID, SPOKEN[:middle] + SPOKEN[middle + 4_800 :]) is not None


def test_another_order_is_seen() -> None:
    middle = len(SPOKEN) // 4 * 2
    assert flaw(SAID, SPOKEN[middle:] + SPOKEN[:middle]) is not None


def test_half_of_it_is_not_enough() -> None:
    half = SAID[: len(SAID) // 4 * 2]
    assert flaw(SAID, half) == "Only 1.5 s of what was said came back."
    assert flaw(SAID, SAID[len(SAID) // 4 * 2 :]) == "Only 1.5 s of what was said came back."


def test_bytes_off_by_half_a_sample_are_no_echo() -> None:
    said = bytes([64, 65, 66, 67]) * 24_000
    assert flaw(said, said[1:-1]) is not None


# --- what the relay's tools tell --------------------------------------------------------------------

EXPOSITION = """\
# TYPE relay_audio_seconds counter
relay_audio_seconds_total{direction="up",tenant="demo"} 3.25
relay_audio_seconds_total{direction="up",tenant="other"} 0.5
relay_audio_seconds_total{direction="down",tenant="demo"} 3.22
# TYPE relay_events counter
relay_events_total{direction="up",kind="audio",outcome="forwarded"} 82.0
relay_events_total{direction="up",kind="session",outcome="forwarded"} 1.0
relay_events_total{direction="down",kind="audio",outcome="forwarded"} 17.0
# TYPE relay_bytes counter
relay_bytes_total{direction="up"} 1000.0
relay_bytes_total{direction="down"} 2000.0
# TYPE relay_tokens counter
relay_tokens_total{kind="text_in",model="m",tenant="demo"} 27.0
relay_tokens_total{kind="audio_out",model="m",tenant="demo"} 65.0
# TYPE relay_cost_usd counter
relay_cost_usd_total{model="m",tenant="demo"} 0.005
# TYPE relay_refusals counter
relay_refusals_total{refusal="invalid_key",tenant="other"} 2.0
"""
LINE: dict[str, Any] = {
    "event": "session ended",
    "session": "s1",
    "level": "info",
    "audio_seconds_up": 3.25,
    "audio_seconds_down": 3.22,
    "events_up": {"audio": 82, "session": 1},
    "events_down": {"audio": 17},
    "bytes_up": 1000,
    "bytes_down": 2000,
    "usage": {"text_in": 27, "audio_out": 65, "seconds": 3.22},
    "refusals": {"invalid_key": 2},
    "cost_usd": 0.005,
}


def test_metrics_are_added_up_over_tenants_and_kinds() -> None:
    assert metering.of_metrics(EXPOSITION) == Metered(
        audio_up=3.75, audio_down=3.22, events_up=83, events_down=17, bytes_up=1000, bytes_down=2000,
        tokens=92, usd=0.005, refusals=2,
    )  # fmt: skip


def test_the_journal_tells_the_same_of_one_session() -> None:
    assert metering.of_journal(LINE) == Metered(
        audio_up=3.25, audio_down=3.22, events_up=83, events_down=17, bytes_up=1000, bytes_down=2000,
        tokens=92, usd=0.005, refusals=2,
    )  # fmt: skip


async def test_the_journal_is_read_while_it_is_written() -> None:
    journal = Journal()
    journal.write('{"event":"session ended","session":"another"}\n{"event":"session en')
    reading = asyncio.create_task(journal.session("s1"))
    await asyncio.sleep(0)
    assert not reading.done()
    journal.write('ded","session":"s1","code":1000}\n')
    assert (await reading)["code"] == 1000


async def test_errors_in_the_log_are_found() -> None:
    journal = Journal()
    journal.write('{"event":"fine","level":"info"}\n{"event":"boom","level":"error"}\n')
    assert journal.errors() == ["boom"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"refusals": 1}, "The relay refused something"),
        ({"audio_down": 3.2}, "metered 3.200 s of answer; 3.220 s came"),
        ({"usd": 0.006}, "disagree about usd: 0.006 and 0.005"),
        ({"events_up": 82}, "disagree about events_up: 82 and 83"),
    ],
)
def test_figures_that_do_not_agree_are_not_let_pass(change: dict[str, float], says: str) -> None:
    fine = metering.of_journal({**LINE, "refusals": {}})
    performance._agree(fine, fine, 3.22)
    told = {name: getattr(fine, name) for name in Metered.__struct_fields__}
    with pytest.raises(performance.PerformanceError, match=re.escape(says)):
        performance._agree(Metered(**{**told, **change}), fine, 3.22)


# --- in a process of its own ------------------------------------------------------------------------


@asynccontextmanager
async def relay_demo(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "demo", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def read_until(process: asyncio.subprocess.Process, says: str) -> str:
    """Return all of standard output up to the line that holds *says*."""
    assert process.stdout is not None
    text = ""
    async for line in process.stdout:
        text += line.decode()
        if says in line.decode():
            return text
    raise AssertionError(text)


async def test_the_demonstration_keeps_what_it_promises() -> None:
    async with asyncio.timeout(25), relay_demo() as process:
        out, err = (stream.decode() for stream in await process.communicate())
    assert process.returncode == 0, out + err
    assert err == ""
    assert re.search(r"url +ws://127\.0\.0\.1:\d+/v1/realtime", out)
    assert re.search(r"key +rlk_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", out)
    assert f"You said: {sample.words()}" in out
    for row in (
        "connect (101)",
        "session.created",
        "end of speech",
        "first token",
        "first audio",
        "turn complete",
    ):
        assert row in out
    figures = dict(re.findall(r"^ *([a-z, ]+?)  +(\S+(?: s)?)  +\2 *$", out, re.MULTILINE))
    assert figures.keys() >= {
        "audio, up",
        "audio, down",
        "events, up",
        "events, down",
        "tokens",
        "money",
        "refusals",
    }
    assert figures["refusals"] == "0"
    assert float(figures["audio, up"].removesuffix(" s")) > 2.5
    assert float(figures["money"].removeprefix("$")) > 0
    assert "byte for byte" in out


async def test_the_code_it_shows_runs_and_ctrl_c_ends_what_it_serves() -> None:
    async with asyncio.timeout(40), relay_demo("--serve", "--port", "0", "--ops-port", "0") as process:
        shown = await read_until(process, "It stays up until ctrl-C")
        code = shown[shown.index("from openai") : shown.index("\nA spoken")].strip()
        assert len(code.splitlines()) == 5
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            told, trouble = (stream.decode() for stream in await client.communicate())
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()
        assert (client.returncode, trouble) == (0, "")
        events = told.split()
        assert events[:2] == ["session.created", "response.created"]
        assert events[-1] == "response.output_item.done"
        assert "relay talk --url ws://127.0.0.1:" in await read_until(process, "What the relay logs")
        line = await read_until(process, "session ended")
        assert '"tenant": "demo"' in line
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 0
    assert err == b""


async def test_a_port_that_is_taken_is_named_in_one_sentence() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        async with relay_demo("--port", str(port)) as process:
            out, err = (stream.decode() for stream in await process.communicate())
    assert process.returncode == 1
    assert out == ""
    assert err.startswith("✗ The relay cannot listen")
    assert str(port) in err
    assert "Traceback" not in err


async def test_a_conversation_that_fails_is_a_failed_demonstration(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage.standing(port=0, ops_port=0, prepare=lambda _: None) as where:
        pass  # the relay is gone by now
    with pytest.raises(performance.PerformanceError, match="The conversation did not complete"):
        await performance.given(where, Journal(), Console())
    assert "Nothing listens at" in capsys.readouterr().out


def test_the_code_holds_the_key_and_the_base_url() -> None:
    from relay.core.words import Secret

    where = stage.Stage(port=1, ops_port=2, key=Secret("rlk_x"))
    assert 'OpenAI(base_url="http://127.0.0.1:1/v1", api_key="rlk_x")' in screen.code(where)
