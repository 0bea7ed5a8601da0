"""A server that follows a script: for what no well-behaved API does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

Script = Callable[[ServerConnection], Awaitable[None]]


class Scripted:
    """Starts servers on loopback; each call of `refusing` or `playing` is one, and returns its URL."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def refusing(self, status: int, body: object = None, **headers: str) -> str:
        """Answer every upgrade with *status*."""

        def refuse(connection: ServerConnection, _: Request) -> Response:
            response = connection.respond(HTTPStatus(status), json.dumps(body) if body is not None else "")
            for name, value in headers.items():
                response.headers[name.replace("_", "-")] = value
            return response

        return await self._started(_nothing, refuse)

    async def playing(self, script: Script) -> str:
        """Accept every upgrade and follow *script*."""
        return await self._started(script, None)

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _started(self, script: Script, refuse: Any) -> str:
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            async with serve(script, "127.0.0.1", 0, process_request=refuse, close_timeout=0.1) as server:
                port = server.sockets[0].getsockname()[1]
                url.set_result(f"ws://127.0.0.1:{port}/v1/realtime?model=m")
                await self._stop.wait()

        self._tasks.append(asyncio.create_task(run()))
        return await url


async def _nothing(_: ServerConnection) -> None:
    return


@asynccontextmanager
async def _servers() -> AsyncIterator[Scripted]:
    made = Scripted()
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    async with _servers() as made:
        yield made
