"""The simulator as a server: listeners, REST and WebSockets in the running event loop.

The rule: it installs no signal handler and owns no loop. It stops at once, by cutting what is open.
"""

import asyncio
import socket
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self, cast

import uvicorn

from relay.simulator.app import application
from relay.simulator.faults import FaultBook
from relay.simulator.lobby import Lobby
from relay.simulator.records import SessionRecord
from relay.simulator.settings import SimulatorSettings
from relay.simulator.wire import Wire

BACKLOG: Final = 2_048
"""Connections waiting to be accepted: a load test opens thousands at once."""


class Simulator:
    """A stand-in Realtime API."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self._lobby = Lobby(self.settings, wall=time.time)  # noqa: TID251 - the edge of the simulator
        self.host = "127.0.0.1"
        self.port = 0
        self.secure = False

    @property
    def url(self) -> str:
        """Return where sessions are held: `ws://HOST:PORT/v1/realtime`, or wss, or Azure's path."""
        path = "/openai/v1/realtime" if self.settings.azure else "/v1/realtime"
        return f"{'wss' if self.secure else 'ws'}://{self._authority}{path}"

    @property
    def http_url(self) -> str:
        """Return where REST is served, without a path."""
        return f"{'https' if self.secure else 'http'}://{self._authority}"

    @property
    def sessions(self) -> deque[SessionRecord]:
        """Return the records of all sessions, refused ones too, in order of arrival. Live."""
        return self._lobby.records

    @property
    def faults(self) -> FaultBook:
        """Return the faults laid down for sessions to come."""
        return self._lobby.faults

    @asynccontextmanager
    async def running(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_certfile: str | Path | None = None,
        ssl_keyfile: str | Path | None = None,
    ) -> AsyncIterator[Self]:
        """Serve while the context lasts. Port 0: any free one. Raises OSError if it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        self.host, self.port = host, listener.getsockname()[1]
        self.secure = ssl_certfile is not None
        with listener:
            server = uvicorn.Server(self._config(ssl_certfile, ssl_keyfile))
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup(sockets=[listener])
            try:
                yield self
            finally:
                await self._stop(server)

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def _config(self, certfile: str | Path | None, keyfile: str | Path | None) -> uvicorn.Config:
        return uvicorn.Config(
            application(self._lobby),
            http="httptools",
            # uvicorn calls it with its own config and state; a session needs neither.
            ws=cast("Any", lambda **_: Wire(self._lobby)),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
        )

    async def _stop(self, server: uvicorn.Server) -> None:
        for listener in server.servers:
            listener.close()
        for session in tuple(self._lobby.live):
            session.cut(reset=False)
        for connection in tuple(server.server_state.connections):
            cast("Any", connection).transport.abort()
        for task in tuple(server.server_state.tasks):
            task.cancel()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
        for listener in server.servers:
            await listener.wait_closed()
        # Transports tell their protocols that they are lost on the next turn of the loop.
        await asyncio.sleep(0)
