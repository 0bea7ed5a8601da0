"""Every way in which a call comes to nothing, met on a real socket: a value, a sentence, and no traceback."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from relay.core.words import Secret
from relay.voice import sample
from relay.voice.call import Call, Recorded, Typed, hold
from relay.voice.failures import Failure, Kind
from relay.voice.outcome import Outcome, Sight, Speaking


def unseen(_: Sight) -> None:
    """Show nothing."""


async def failure(url: str, **wishes: Any) -> Failure:
    outcome: Outcome = await hold(Call(url=url, **{"timeout": 5.0, **wishes}), Typed("Hello?"), unseen)
    assert outcome.failure is not None
    assert outcome.replies == ()
    return outcome.failure


async def send(connection: ServerConnection, **event: object) -> None:
    await connection.send(json.dumps({"event_id": "event_1", **event}))


async def begun(connection: ServerConnection) -> None:
    """Begin a session as the API does."""
    await send(connection, type="session.created", session={"id": "sess_1"})
    await connection.recv()
    await send(connection, type="session.updated", session={"id": "sess_1"})


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_refusal_shows_its_status_and_the_servers_words(scripted: Any) -> None:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Who?", "param": None}
    told = await failure(await scripted.refusing(401, {"error": error}))
    assert (told.kind, told.http_status, told.code) == (Kind.REFUSED, 401, "invalid_api_key")
    assert told.message == "The server refused with HTTP 401: Who?"
    assert told.advice is not None


async def test_a_busy_server_says_how_long_to_wait(scripted: Any) -> None:
    told = await failure(await scripted.refusing(503, {"error": {"message": "Busy."}}, Retry_After="4"))
    assert (told.http_status, told.retry_after, told.advice) == (503, 4.0, "Wait 4 s, then try again.")


async def test_a_plain_web_page_is_refused_without_an_openai_shape(scripted: Any) -> None:
    told = await failure(await scripted.refusing(404))
    assert told.message == "The server refused with HTTP 404 Not Found."


async def test_nobody_listening_is_said_so() -> None:
    told = await failure(f"ws://127.0.0.1:{a_free_port()}/")
    assert told.kind is Kind.UNREACHABLE
    assert told.message.startswith("Nothing listens at 127.0.0.1:")


async def test_tls_against_a_plain_server_is_unreachable(scripted: Any) -> None:
    told = await failure((await scripted.refusing(404)).replace("ws://", "wss://"))
    assert told.kind is Kind.UNREACHABLE
    assert told.advice is not None
    assert "ws://" in told.advice


async def test_an_error_before_the_session_is_told_with_its_close(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key."}
        await send(connection, type="error", error=error)
        await connection.close(3000, "invalid_request_error.invalid_api_key")

    told = await failure(await scripted.playing(script), key=Secret("sk-secret"))
    assert told.kind is Kind.ERROR
    assert (told.code, told.close_code) == ("invalid_api_key", 3000)
    assert told.message == "The server sent an error: Incorrect API key."
    assert "sk-secret" not in repr(told)


async def test_an_error_in_a_turn_that_leaves_the_session_open_has_no_close(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        await begun(connection)
        await send(connection, type="error", error={"code": "invalid_value", "message": "No."})
        await connection.wait_closed()

    told = await failure(await scripted.playing(script))
    assert (told.kind, told.code, told.close_code) == (Kind.ERROR, "invalid_value", None)


async def test_a_server_that_hangs_up_is_told_with_code_and_reason(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        await begun(connection)
        await connection.close(1012, "service restart")

    told = await failure(await scripted.playing(script))
    assert (told.kind, told.close_code, told.close_reason) == (Kind.CLOSED, 1012, "service restart")
    assert told.message == "The server hung up with code 1012 (service restart)."


async def test_a_connection_that_is_cut_is_lost(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        connection.transport.abort()

    told = await failure(await scripted.playing(script))
    assert (told.kind, told.close_code) == (Kind.CLOSED, None)


@pytest.mark.parametrize("message", ["{", "[]", '{"type":"session.created"}', b"\xff\xff"])
async def test_nonsense_is_told_apart_from_a_hang_up(scripted: Any, message: str | bytes) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(message)
        await connection.wait_closed()

    assert (await failure(await scripted.playing(script))).kind is Kind.NONSENSE


async def test_broken_text_is_nonsense_too(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        connection.transport.write(b"\x81\x02\xff\xff")
        await connection.wait_closed()

    assert (await failure(await scripted.playing(script))).kind is Kind.NONSENSE


async def only_listens(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def never_answers(connection: ServerConnection) -> None:
    await begun(connection)
    await connection.wait_closed()


async def stops_half_way(connection: ServerConnection) -> None:
    await begun(connection)
    await send(connection, type="response.created", response={"id": "r"})
    await connection.wait_closed()


@pytest.mark.parametrize(
    ("script", "owed"),
    [
        (only_listens, "no session began"),
        (never_answers, "no answer began"),
        (stops_half_way, "the answer stopped half-way"),
    ],
)
async def test_a_silent_server_is_not_waited_for_for_ever(
    scripted: Any, script: Callable[[ServerConnection], Awaitable[None]], owed: str
) -> None:
    told = await failure(await scripted.playing(script), timeout=0.2)
    assert told.kind is Kind.LATE
    assert told.message == f"Nothing came for 0.2 s: {owed}."


async def test_a_server_that_answers_no_upgrade_is_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        told = await failure(f"ws://127.0.0.1:{mute.getsockname()[1]}/", timeout=0.2)
    assert told.kind is Kind.LATE
    assert "did not answer the upgrade" in told.message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "hung up without an answer to the upgrade."),
        (b"220 mail.example ESMTP\r\n", "does not speak HTTP."),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "answered the upgrade wrongly"),
    ],
)
async def test_what_is_no_websocket_server_is_unreachable(answer: bytes, says: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        told = await failure(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert told.kind is Kind.UNREACHABLE
    assert says in told.message


async def test_a_deaf_server_is_told_apart_from_a_slow_one(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        await begun(connection)
        async for _ in connection:
            pass

    call = Call(url=await scripted.playing(script), timeout=0.5, speed=1000)
    outcome = await hold(call, Recorded(sample.speech()), unseen)
    assert outcome.failure is not None
    assert outcome.failure.kind is Kind.UNHEARD


async def test_a_server_that_takes_no_sound_is_late(scripted: Any) -> None:
    over = asyncio.Event()

    async def script(connection: ServerConnection) -> None:
        await begun(connection)
        connection.transport.pause_reading()
        await over.wait()
        connection.transport.abort()

    call = Call(url=await scripted.playing(script), timeout=0.5, speed=1000)
    outcome = await hold(call, Recorded(b"\x40\x40" * 24_000 * 400), unseen)
    over.set()
    assert outcome.failure is not None
    assert outcome.failure.kind is Kind.LATE


async def test_hanging_up_leaves_no_task_behind(scripted: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        await begun(connection)
        async for _ in connection:
            pass

    speaking = asyncio.Event()

    def show(sight: Sight) -> None:
        if isinstance(sight, Speaking):
            speaking.set()

    call = Call(url=await scripted.playing(script))
    task = asyncio.create_task(hold(call, Recorded(sample.speech()), show))
    await speaking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await scripted.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
