"""`relay top` and `relay usage` over a relay's admin API: as a frame in a pipe, and live on a terminal."""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from relay.commands import top, usage
from relay.core.words import Secret
from relay.server import Relay
from relay.top.asking import AskingError, Source
from tests.kit.admin import TOKEN
from tests.kit.relays import MODEL, relay_and_simulator
from tests.kit.upstreams import Streams, rude, says
from tests.kit.wire import PATIENCE, append, connected, refusal, say, until

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def ops(relay: Relay) -> str:
    return f"http://127.0.0.1:{relay.ops_port}"


async def run(command: object, *arguments: str, token: str = TOKEN) -> Result:
    """Run a command in a thread, since the relay that it asks is on this one."""
    environ = {"RELAY_ADMIN_TOKEN": token, "COLUMNS": "80", "LINES": "24"}
    return await asyncio.to_thread(CliRunner(env=environ).invoke, command, list(arguments))  # type: ignore[arg-type]


async def test_one_frame_in_a_pipe_tells_what_the_relay_does() -> None:
    async with relay_and_simulator() as (relay, key, _), connected(relay, key) as client:
        await refusal(relay, key, f"?model={MODEL}&relay_region=nowhere")

        async def speak() -> None:
            while True:
                await client.send(append(bytes(4800)))
                await asyncio.sleep(0.1)

        speaking = asyncio.create_task(speak())
        shown = await run(top.command, ops(relay), "--once", "--interval", "0.5")
        refusals = await run(top.command, ops(relay), "--once", "--interval", "0.5", "--view", "refusals")
        speaking.cancel()
        assert shown.exit_code == refusals.exit_code == 0, shown.output + refusals.output
        lines = shown.output.splitlines()
        assert len(lines) <= 24
        assert max(map(len, lines)) <= 80
        assert lines[1].startswith("1 session  1 tenant  1 connection")
        rates = re.search(r"events ↑ (\d+) ↓ \d+ /s   audio ↑ (\d\.\d)", lines[2])
        assert rates is not None
        assert 2 <= int(rates[1]) <= 20  # ten a second, on a busy machine
        row = next(line for line in lines if line.startswith(next(iter(relay.sessions)).id))
        assert row.split()[1:3] == ["acme", "sim-1"]
        assert "not_allowed" in refusals.output


async def test_the_usage_of_a_tenant_is_told_by_day_and_model() -> None:
    async with relay_and_simulator() as (relay, key, _):
        async with connected(relay, key) as client:
            await say(client, type="response.create")
            await until(client, "response.done")
        await relay.sessions.empty()
        shown = await run(usage.command, "--url", ops(relay), "--tenant", "acme", "--since", "2026-01-01")
        assert shown.exit_code == 0, shown.output
        row = next(line for line in shown.output.splitlines() if MODEL in line).split()
        assert row[2] == "1"
        assert int(row[3]) > 0
        as_json = await run(usage.command, "--url", ops(relay), "--tenant", "acme", "--json")
        assert f'"model":"{MODEL}","responses":1' in as_json.output
        nobody = await run(usage.command, "--url", ops(relay), "--tenant", "nobody")
        assert (nobody.exit_code, "404" in nobody.output) == (1, True)


async def test_a_wrong_token_an_old_relay_and_a_wrong_address_are_told_apart() -> None:
    async with relay_and_simulator() as (relay, _, _):
        wrong = await run(top.command, ops(relay), "--once", token="wrong")
        assert (wrong.exit_code, "refuses the token" in wrong.output) == (1, True)
        public = await run(top.command, f"http://127.0.0.1:{relay.port}", "--once")
        assert (public.exit_code, "answers 404" in public.output) == (1, True)
    gone = await run(top.command, "http://127.0.0.1:9", "--once")
    assert (gone.exit_code, gone.output) == (1, "http://127.0.0.1:9 is not reached: Connection refused.\n")
    assert (await run(top.command, "ftp://x", "--once")).output.startswith("'ftp://x' is no address")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "not as a relay of this version"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xff"), "not as a relay of this version"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n"), "answers 302"),
        (says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "has no admin API"),
        (says(b"nonsense\r\n\r\n"), "is not reached"),
        (says(b""), "is not reached"),
    ],
)
async def test_whatever_answers_there_is_told_in_words_and_the_token_goes_nowhere_else(
    answer: Streams, words: str
) -> None:
    async with rude(answer) as url:
        source = Source(url.replace("ws://", "http://").removesuffix("/v1/realtime"), Secret(TOKEN))
        with pytest.raises(AskingError, match=words) as told:
            await asyncio.to_thread(source.look, "id", "id", 10)
        assert TOKEN not in str(told.value)


class Terminal:
    """A program on a terminal of 80 columns and 24 lines."""

    def __init__(self, process: asyncio.subprocess.Process, end: int) -> None:
        self.process = process
        self._end = end
        self._said = ""

    async def until(self, words: str) -> None:
        """Read up to a frame that holds *words*, and forget what came before."""
        async with asyncio.timeout(PATIENCE):
            while words not in self._said:
                read = await asyncio.to_thread(os.read, self._end, 65_536)
                self._said += ESCAPES.sub("", read.decode("utf-8", "replace"))
        self._said = self._said.rpartition(words)[2]

    def press(self, key: str) -> None:
        os.write(self._end, key.encode())


@contextlib.asynccontextmanager
async def terminal(*arguments: str) -> AsyncIterator[tuple[Terminal, int]]:
    end, device = pty.openpty()
    fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    program = "from relay.commands.top import command; command()"
    environ = {**os.environ, "RELAY_ADMIN_TOKEN": TOKEN, "TERM": "xterm-256color"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdin=device, stdout=device, stderr=device, env=environ
    )
    try:
        yield Terminal(process, end), device
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(device)
        os.close(end)


async def test_keys_choose_what_is_seen_and_the_terminal_is_given_back() -> None:
    async with (
        relay_and_simulator() as (relay, key, _),
        connected(relay, key),
        terminal(ops(relay), "--interval", "0.5") as (screen, device),
    ):
        assert termios.tcgetattr(device)[3] & termios.ICANON
        await screen.until(next(iter(relay.sessions)).id)
        assert not termios.tcgetattr(device)[3] & termios.ICANON
        screen.press("o")
        await screen.until("order: unsent")
        screen.press("2")
        await screen.until("tokens today")
        screen.press("\t")
        await screen.until("key wait")
        screen.press("q")
        assert await asyncio.wait_for(screen.process.wait(), PATIENCE) == 0
        assert termios.tcgetattr(device)[3] & termios.ICANON


async def test_a_relay_that_goes_away_is_told_of_and_what_was_seen_stays() -> None:
    async with contextlib.AsyncExitStack() as outer:
        async with contextlib.AsyncExitStack() as inner:
            relay, key, _ = await inner.enter_async_context(relay_and_simulator())
            await inner.enter_async_context(connected(relay, key))
            screen, _ = await outer.enter_async_context(terminal(ops(relay), "--interval", "0.5"))
            await screen.until(next(iter(relay.sessions)).id)
        await screen.until("is not reached")
        screen.process.send_signal(signal.SIGINT)  # ctrl-C
        assert await asyncio.wait_for(screen.process.wait(), PATIENCE) == 0
