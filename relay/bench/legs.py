"""Both ends of every session, in one process: the clients, and the upstream they reach.

A client dials a URL, waits for the upstream's first event and sends a greeting that holds its number;
the leg that receives it at the upstream thereby becomes its other half. Nothing in between needs to
carry a name. The connections are picows over aiofastnet's transports, which copy what they queue: with
uvloop's own, picows 2.3.1 may change a message of more than 8 KB while it waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

import msgspec
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_connect,
    ws_create_server,
)

from relay.bench.messages import SESSION_CREATED, SESSION_UPDATED, greeting, session_of, type_of

READ_BUFFER_BYTES: Final = 4096
"""A leg's first read buffer: it grows when it must, and 18,000 idle ones stay small."""

MAX_FRAME_BYTES: Final = 32 << 20
"""Twice the largest message any relay here would carry."""

SETUP_SECONDS: Final = 10.0
"""How long a client waits for its session: what the API's own clients wait."""

CLOSING_SECONDS: Final = 5.0
"""How long a closing handshake may take, through whatever stands between."""

Inlet = Callable[[bytes], None]
"""Who gets the messages of a leg."""


class Leg(WSListener):
    """One end of one session. Whole messages go to *inlet*, which the measurement replaces as it likes."""

    def __init__(self, inlet: Inlet) -> None:
        self.inlet = inlet
        self.transport: WSTransport | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.farewell = "no close frame"
        self._parts: list[bytes] = []

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Remember the connection."""
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Pass a message on; answer a close."""
        kind = frame.msg_type
        if kind == WSMsgType.TEXT and frame.fin:
            self.inlet(frame.get_payload_as_bytes())
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._parts.append(frame.get_payload_as_bytes())
            if frame.fin:
                whole = b"".join(self._parts)
                self._parts.clear()
                self.inlet(whole)
        elif kind == WSMsgType.CLOSE:
            self.farewell = f"{frame.get_close_code().value} {frame.get_close_reason() or ''}".strip()
            if not transport.is_close_frame_sent:
                transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows's signature
        """Note the end, and let go of the connection."""
        self.transport = None
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        """Leave what does not fit to the transport: how much is sent is the measurement's choice."""

    def resume_writing(self) -> None:
        """Do nothing: see `pause_writing`."""

    def send(self, message: bytes) -> None:
        """Send one whole message. On a session that is gone it is lost, as the far end will notice."""
        if self.transport is not None:
            self.transport.send(WSMsgType.TEXT, message)

    def close(self) -> None:
        """Begin the closing handshake; nothing happens if it is over."""
        if self.transport is not None:
            self.transport.send_close(WSCloseCode.OK)

    def cut(self) -> None:
        """End the connection without a word; nothing happens if it is over."""
        if self.transport is not None:
            self.transport.disconnect(graceful=False)


class Pair(msgspec.Struct, frozen=True):
    """A session as the measurement sees it: its two ends, and the number that joined them."""

    session: int
    client: Leg
    upstream: Leg
    beta: bool = False
    """Whether the client speaks the beta protocol."""

    @property
    def alive(self) -> bool:
        """Whether both ends are still connected."""
        return self.client.transport is not None and self.upstream.transport is not None


class Ends:
    """The upstream's end listening on *port*, and the clients that were sent through a subject to reach it."""

    def __init__(self) -> None:
        self.port = 0
        self._sessions = 0
        self._awaited: dict[int, asyncio.Future[Leg]] = {}
        self._legs: set[Leg] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Be the upstream, on a free port of the loopback."""
        server = await ws_create_server(
            self._upstream_leg,
            "127.0.0.1",
            0,
            backlog=4096,
            max_frame_size=MAX_FRAME_BYTES,
            read_buffer_init_size=READ_BUFFER_BYTES,
            websocket_handshake_timeout=SETUP_SECONDS,
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            legs = [leg for leg in self._legs if leg.transport is not None]
            for leg in legs:
                leg.cut()
            if legs:
                await asyncio.wait([leg.gone for leg in legs], timeout=CLOSING_SECONDS)
            await server.wait_closed()

    async def dial(self, url: str, headers: dict[str, str]) -> Leg:
        """Connect a client and wait for the upstream's first event.

        Raises OSError, TimeoutError or picows.WSError if the session cannot be had.
        """
        first = asyncio.get_running_loop().create_future()
        leg = Leg(first.set_result)
        async with asyncio.timeout(SETUP_SECONDS):
            await ws_connect(
                lambda: leg,
                url,
                extra_headers=headers,
                max_frame_size=MAX_FRAME_BYTES,
                read_buffer_init_size=READ_BUFFER_BYTES,
                websocket_handshake_timeout=SETUP_SECONDS,
                max_redirects=0,
            )
            self._kept(leg)
            await asyncio.wait((first, leg.gone), return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            raise ConnectionError(f"the session ended before its first event: {leg.farewell}")
        leg.inlet = ignore
        return leg

    async def pair(self, url: str, headers: dict[str, str], *, beta: bool = False) -> Pair:
        """Set up a session and find its other end. Raises as `dial` does."""
        self._sessions += 1
        session = self._sessions
        other = self._awaited[session] = asyncio.get_running_loop().create_future()
        try:
            client = await self.dial(url, headers)
            client.send(greeting(session))
            async with asyncio.timeout(SETUP_SECONDS):
                return Pair(session=session, client=client, upstream=await other, beta=beta)
        finally:
            del self._awaited[session]

    def _upstream_leg(self, request: WSUpgradeRequest) -> Leg:  # noqa: ARG002 - any path is welcome
        return self._kept(_UpstreamLeg(self._greeted))

    def _kept(self, leg: Leg) -> Leg:
        """Remember *leg* until it is gone, so that none outlives the campaign."""
        self._legs.add(leg)
        leg.gone.add_done_callback(lambda _: self._legs.discard(leg))
        return leg

    def _greeted(self, leg: Leg, payload: bytes) -> None:
        if type_of(payload) == "session.update":  # the relay presets the session
            leg.send(SESSION_UPDATED)
            return
        leg.inlet = ignore
        waiting = self._awaited.get(session_of(payload))
        if waiting is not None and not waiting.done():
            waiting.set_result(leg)


class _UpstreamLeg(Leg):
    """The upstream's end: it speaks first, and its first message tells whose it is."""

    def __init__(self, greeted: Callable[[Leg, bytes], None]) -> None:
        super().__init__(lambda payload: greeted(self, payload))

    def on_ws_connected(self, transport: WSTransport) -> None:
        super().on_ws_connected(transport)
        transport.send(WSMsgType.TEXT, SESSION_CREATED)


def ignore(payload: bytes) -> None:
    """Take a message that nobody measures."""


async def hang_up(legs: list[Leg]) -> None:
    """Close sessions from the client's end; cut those that are not gone after `CLOSING_SECONDS`."""
    for leg in legs:
        leg.close()
    await asyncio.wait([leg.gone for leg in legs], timeout=CLOSING_SECONDS)
    for leg in legs:
        leg.cut()
