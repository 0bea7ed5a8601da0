"""A plain WebSocket client, and what tests say to a relay with it."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from relay.server import Relay
from tests.kit.relays import MODEL

PATIENCE = 10.0
"""Seconds after which a test gives up on what should come at once."""


@contextlib.asynccontextmanager
async def connected(
    relay: Relay, key: str | None, query: str = f"?model={MODEL}", **options: Any
) -> AsyncIterator[ClientConnection]:
    """Open a session and read its first event."""
    async with knock(relay, key, query, **options) as client:
        assert (await event(client))["type"] == "session.created"
        yield client


def knock(relay: Relay, key: str | None, query: str = f"?model={MODEL}", **options: Any) -> connect:
    """Ask for a session, whatever comes of it."""
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    headers.update(options.pop("headers", {}))
    defaults: dict[str, Any] = {
        "max_size": None,
        "compression": None,
        "ping_interval": None,
        "proxy": None,
        "open_timeout": PATIENCE,
        "close_timeout": 2,
    }
    path = options.pop("path", "/v1/realtime")
    scheme = "wss" if "ssl" in options else "ws"
    return connect(
        f"{scheme}://127.0.0.1:{relay.port}{path}{query}",
        additional_headers=headers,
        **{**defaults, **options},
    )


async def event(client: ClientConnection) -> dict[str, Any]:
    """Read the next event."""
    async with asyncio.timeout(PATIENCE):
        read: dict[str, Any] = json.loads(await client.recv())
        return read


async def until(client: ClientConnection, kind: str) -> dict[str, Any]:
    """Read up to the first event of *kind*."""
    while True:
        read = await event(client)
        if read["type"] == kind:
            return read


async def say(client: ClientConnection, **body: Any) -> None:
    """Send an event."""
    await client.send(json.dumps(body))


async def closed(client: ClientConnection) -> tuple[int, str]:
    """Read to the end. Return the close code and reason; 1006 where there was no close frame."""
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
        frame = client.protocol.close_rcvd
        return (frame.code, frame.reason) if frame is not None else (1006, "")


async def refusal(
    relay: Relay, key: str | None, query: str = f"?model={MODEL}", **options: Any
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Knock where the answer is no. Return status, headers and the body's `error`."""
    try:
        async with knock(relay, key, query, **options) as client:
            raise AssertionError(f"the door opened: {await event(client)}")
    except InvalidStatus as no:
        body = json.loads(no.response.body or b"{}")
        headers = {name.lower(): value for name, value in no.response.headers.raw_items()}
        return no.response.status_code, headers, body["error"]


def append(audio: bytes) -> str:
    """Return an append as SDKs send it."""
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})


async def eventually(what: Any, within: float = PATIENCE) -> None:
    """Wait until *what* holds, looking often."""
    async with asyncio.timeout(within):
        while not what():  # noqa: ASYNC110 - what is looked at belongs to others
            await asyncio.sleep(0.005)
