"""A bare client of the simulator: sends what it is told and puts all it receives to the judge."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from relay.simulator.server import Simulator
from tests.integration.simulator.official import judge

MODEL = "gpt-realtime-2.1"
PATIENCE = 10.0
Judge = Callable[[dict[str, Any]], object]


class Client:
    """One session from the client's side."""

    def __init__(self, socket: ClientConnection, judge: Judge = judge) -> None:
        self.socket = socket
        self.judge = judge
        self.seen: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(msgspec.json.encode({"type": kind, **fields}).decode())

    async def append(self, audio: bytes) -> None:
        await self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    async def update(self, **session: Any) -> dict[str, Any]:
        await self.send("session.update", session={"type": "realtime", **session})
        return await self.until("session.updated")

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            event: dict[str, Any] = msgspec.json.decode(await self.socket.recv())
        self.judge(event)
        self.seen.append(event)
        return event

    async def until(self, *kinds: str) -> dict[str, Any]:
        while True:
            event = await self.next()
            if event["type"] in kinds:
                return event

    async def closed(self) -> tuple[int, str]:
        """Wait for the close and tell its code and reason."""
        async with asyncio.timeout(PATIENCE):
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    def types(self) -> list[str]:
        return [event["type"] for event in self.seen]


@asynccontextmanager
async def talking(
    sim: Simulator,
    query: str = f"model={MODEL}",
    *,
    key: str = "sk-test",
    headers: dict[str, str] | None = None,
    subprotocols: list[str] | None = None,
    path: str = "",
    judge: Judge = judge,
    **options: Any,
) -> AsyncIterator[Client]:
    """Connect to *sim*, at *path* below where sessions are held; the first event is not awaited."""
    carried = {"Authorization": f"Bearer {key}"} if key else {}
    async with connect(
        f"{sim.url}{path}?{query}",
        additional_headers=carried | (headers or {}),
        subprotocols=[Subprotocol(name) for name in subprotocols] if subprotocols else None,
        max_size=None,
        compression=None,
        proxy=None,
        close_timeout=1,
        **options,
    ) as socket:
        yield Client(socket, judge)


def spoken(events: list[dict[str, Any]]) -> bytes:
    """The audio of all audio deltas among *events*."""
    return b"".join(
        base64.b64decode(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"
    )
