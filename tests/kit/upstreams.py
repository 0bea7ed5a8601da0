"""Upstreams that the simulator is too well-bred to play."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from ssl import SSLContext

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

CREATED = json.dumps(
    {
        "type": "session.created",
        "event_id": "event_1",
        "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"},
    }
)
Handler = Callable[[ServerConnection], Awaitable[None]]
Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def scripted(handler: Handler, tls: SSLContext | None = None) -> AsyncIterator[str]:
    """Serve sessions that begin as they should and then do what *handler* does. Yields the URL."""

    async def greet(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.send(CREATED)
            await handler(connection)

    options = {"max_size": None, "compression": None, "ping_interval": None, "ssl": tls}
    async with serve(greet, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        host = "127.0.0.1" if tls is None else "localhost"
        yield f"{'ws' if tls is None else 'wss'}://{host}:{port}/v1/realtime"


@contextlib.asynccontextmanager
async def rude(answer: Streams) -> AsyncIterator[str]:
    """Accept TCP, read the request head, and then do what *answer* does."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"
    finally:
        server.close()


def says(head: bytes) -> Streams:
    """Answer the upgrade with *head*."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()

    return answer
