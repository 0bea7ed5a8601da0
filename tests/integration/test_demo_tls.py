"""`relay demo --tls` in a process of its own: its lines work when pasted, and no key is left behind."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from relay.core.words import Secret
from relay.demo import screen
from relay.demo.certificates import provided
from relay.demo.stage import Stage
from relay.edge.clock import wall

NODE = """
const https = require("node:https");
const [origin, key] = process.argv.slice(1);
const request = https.request(`${origin}/v1/realtime?model=gpt-realtime-2.1`, {
  headers: {
    Authorization: `Bearer ${key}`, Connection: "Upgrade", Upgrade: "websocket",
    "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
  },
});
request.on("upgrade", (response, socket) => { console.log(response.statusCode); socket.destroy(); });
request.on("response", (response) => { console.log(response.statusCode); response.resume(); });
request.on("error", (error) => { console.error(error.code); process.exitCode = 1; });
request.end();
"""


@asynccontextmanager
async def demonstrating(
    until: str, *options: str, nohup: bool = False, temporary: Path | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run `relay demo` until it says *until*; with *nohup*, as that does. Yields it and what it showed."""
    begin = ("sh", "-c", 'trap "" HUP; exec "$0" "$@"') if nohup else ()
    process = await asyncio.create_subprocess_exec(
        *begin, sys.executable, "-m", "relay", "demo", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80", **({"TMPDIR": str(temporary)} if temporary is not None else {})},
    )  # fmt: skip
    assert process.stdout is not None
    shown = ""
    try:
        async with asyncio.timeout(30):
            async for line in process.stdout:
                shown += line.decode()
                if until in shown:
                    break
            else:
                assert process.stderr is not None
                raise AssertionError(shown + (await process.stderr.read()).decode())
        yield process, shown
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.communicate()


@asynccontextmanager
async def serving(
    *options: str, temporary: Path | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run `relay demo --serve` until it says that it stays up. Yields it and what it showed."""
    options = ("--serve", "--port", "0", "--ops-port", "0", *options)
    async with demonstrating("What the relay logs", *options, temporary=temporary) as running:
        yield running


async def run(*command: str, **environment: str) -> tuple[int | None, str, str]:
    """Run a program as a user would who pasted *environment*'s lines before. Return status and output."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        out, err = (stream.decode() for stream in await process.communicate())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out, err


def pasted(shown: str, variable: str) -> dict[str, str]:
    """Return what the line that exports *variable* exports."""
    found = re.search(rf"export ({variable}=.*)$", shown, re.MULTILINE)
    assert found is not None, shown
    name, _, value = shlex.split(found[1])[0].partition("=")
    return {name: value}


def names_in(folder: Path) -> set[str]:
    """Return the names of all that is in *folder* and below; nothing where there is no such folder."""
    return {path.name for path in folder.rglob("*")}


async def test_every_line_that_it_shows_works_when_it_is_pasted(tmp_path: Path) -> None:
    async with asyncio.timeout(60), serving("--tls-dir", str(tmp_path / "it's kept")) as (process, shown):
        origin = re.search(r"https://127\.0\.0\.1:\d+", shown)
        key = re.search(r"rlk_live_\w+", shown)
        assert origin is not None
        assert key is not None
        assert f"url      wss{origin[0].removeprefix('https')}/v1/realtime" in shown

        talk = re.search(r"^ +(relay talk .*)$", shown, re.MULTILINE)
        assert talk is not None
        status, out, err = await run(sys.executable, "-m", *shlex.split(talk[1]))
        assert (status, err) == (0, ""), out
        assert "You said: Hello" in out

        code = shown[shown.index("from openai") : shown.index("\nA spoken")].strip()
        status, out, err = await run(sys.executable, "-c", code, **pasted(shown, "SSL_CERT_FILE"))
        assert (status, err) == (0, "")
        assert out.split()[0] == "session.created"

        if shutil.which("curl") is not None:
            curl = re.search(r"(curl --cacert .*)$", shown, re.MULTILINE)
            assert curl is not None
            status, out, err = await run(*shlex.split(curl[1]), "--silent", "--show-error", "--noproxy", "*")
            assert (status, err) == (0, "")

        process.send_signal(signal.SIGINT)
        _, err_bytes = await process.communicate()
    assert (process.returncode, err_bytes) == (0, b"")
    assert len(list((tmp_path / "it's kept").iterdir())) == 3


async def test_node_gets_through_with_the_line_for_node_and_not_without() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    async with asyncio.timeout(60), serving("--tls") as (_, shown):
        origin = re.search(r"https://127\.0\.0\.1:\d+", shown)
        key = re.search(r"rlk_live_\w+", shown)
        assert origin is not None
        assert key is not None
        trusting = pasted(shown, "NODE_EXTRA_CA_CERTS")
        assert await run(node, "-e", NODE, origin[0], key[0], **trusting) == (0, "101\n", "")
        status, _, err = await run(node, "-e", NODE, origin[0], key[0])
        assert status == 1
        assert "CERT" in err or "SIGNATURE" in err
        (authority,) = trusting.values()
        folder = Path(authority).parent
        assert "relay-demo-ca.pem" in names_in(folder)
    assert not names_in(folder)


ENDINGS = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "status"), ENDINGS)
async def test_a_demonstration_that_is_ended_early_leaves_no_key_behind(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    running = demonstrating("A spoken conversation", "--tls", temporary=tmp_path)
    async with asyncio.timeout(60), running as (process, _):
        assert "relay-demo-key.pem" in names_in(tmp_path)
        process.send_signal(number)
        _, err = await process.communicate()
    assert (process.returncode, err) == (status, b"")
    assert not names_in(tmp_path)


@pytest.mark.parametrize("number", [number for number, _ in ENDINGS])
async def test_one_that_serves_ends_well_and_leaves_no_key_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with asyncio.timeout(60), serving("--tls", temporary=tmp_path) as (process, _):
        assert "relay-demo-key.pem" in names_in(tmp_path)
        process.send_signal(number)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert not names_in(tmp_path)


async def test_one_that_is_to_outlive_its_terminal_does() -> None:
    async with asyncio.timeout(60), demonstrating("A spoken conversation", nohup=True) as (process, _):
        process.send_signal(signal.SIGHUP)
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"byte for byte" in out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--tls",), "All of this is gone when this ends; --serve keeps it up, --tls-dir DIR keeps the files."),
        (("--tls", "--serve"), "The file is gone when this ends; --tls-dir DIR keeps it."),
        (("--tls-dir", "tls"), "The file stays. The relay is gone when this ends; --serve keeps it up."),
        (("--tls-dir", "tls", "--serve"), None),
        ((), None),
    ],
)
def test_what_is_gone_afterwards_is_said_beside_the_lines_that_need_it(
    tmp_path: Path, options: tuple[str, ...], says: str | None
) -> None:
    folder = tmp_path / "tls" if "--tls-dir" in options else None
    shown = Console(file=StringIO(), width=80)
    with ExitStack() as stack:
        made = stack.enter_context(provided(folder, wall())) if options else None
        where = Stage(port=1, ops_port=2, key=Secret("rlk_x"), certificates=made)
        screen.opening(shown, where, stays="--serve" in options)
    assert isinstance(shown.file, StringIO)
    text = shown.file.getvalue()
    if says is None:
        assert "gone when this ends" not in text
    else:
        assert text.index("NODE_EXTRA_CA_CERTS") < text.index(f"  {says}\n") < text.index("from openai")


async def test_the_command_says_so_too() -> None:
    async with asyncio.timeout(60), demonstrating("from openai", "--tls") as (_, shown):
        assert "--serve keeps it up" in shown
    async with asyncio.timeout(60), serving("--tls") as (_, shown):
        assert "--serve keeps it up" not in shown
        assert "--tls-dir DIR keeps it" in shown


async def test_a_folder_that_cannot_be_ends_the_command_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    where = str(tmp_path / "file" / "tls")
    status, out, err = await run(sys.executable, "-m", "relay", "demo", "--tls-dir", where)
    assert (status, out) == (1, "")
    assert err.startswith("✗ No certificate can be kept in")
    assert "Traceback" not in err
