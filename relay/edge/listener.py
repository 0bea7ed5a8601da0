"""The public port: request heads held to a size and a time, connections counted.

uvicorn parses HTTP and runs the app. What it leaves open is closed here: it waits for a request head for ever,
takes heads of any size, knows no cap by address, and ends every connection at once on a signal.

Rule: what can be refused before a head is parsed is refused here, with a status; all else is the door's.
"""

import asyncio
import contextlib
import http
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from relay.core.deadlines import HEAD_WITHIN
from relay.core.refusals import Refusal, Refused
from relay.edge.connections import Listening
from relay.edge.handoff import HandOff

MAX_HEAD_BYTES: Final = 16 * 1024
"""Request line and headers. Ours carry one token; h11, IIS and picows take as much."""
MAX_URL_BYTES: Final = 8 * 1024
"""RFC 9112, 3: at least 8000 octets of request line."""
BACKLOG: Final = 2048


class HeadGuard(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a clock and a measure on the request head."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._listening: Listening = app_state["listening"]
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        """Received since the head began; of a head that is not whole yet."""
        self._header_bytes = 0
        """Of the headers that were parsed."""
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and start the clock."""
        super().connection_made(transport)
        if not self._listening.connections.enter():
            self._answer(Refused(Refusal.RELAY_FULL, "The relay holds as many connections as it may."))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended before it was handed over."""
        self._stop_clock()
        self._listening.connections.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Measure the head, then let uvicorn parse."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(early=upgrade.args[0] < len(data))
        except httptools.HttpParserError:
            self._answer(Refused(Refusal.BAD_REQUEST, "This is no HTTP request."))
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Hold the headers to their size."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + 4  # ": " and the line's end
        if self._header_bytes > MAX_HEAD_BYTES:
            self._too_large()

    def on_message_begin(self) -> None:
        """A request begins, the first or the next of a connection that was kept."""
        super().on_message_begin()
        self._header_bytes = 0
        if not self._in_head:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """Hold the target to its length."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._answer(Refused(Refusal.URL_TOO_LONG, f"A URL has at most {MAX_URL_BYTES} bytes."))

    def on_headers_complete(self) -> None:
        """The head is whole: stop the clock."""
        self._stop_clock()
        self._in_head = False
        self._head_bytes = 0
        if self.transport.is_closing():
            return
        super().on_headers_complete()
        if self.cycle is not None:
            # Plain requests are few here, and a connection that is kept is one that a stranger may hold.
            self.cycle.keep_alive = False

    def _upgrade(self, early: bool) -> None:
        """The head asks for another protocol; *early* if data came with it."""
        if self.transport.is_closing():
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        if not self._should_upgrade():
            self._answer(Refused(Refusal.UPGRADE_REQUIRED, "The only upgrade is to websocket."))
        elif early:
            self._answer(Refused(Refusal.BAD_REQUEST, "Data came before the upgrade was answered."))
        elif (
            self.scope["method"] != "GET"
            or self.parser.get_http_version() != "1.1"
            or hosts != 1
            or self._has_body()
            or self.cycle is not None
        ):
            self._answer(
                Refused(Refusal.BAD_REQUEST, "An upgrade is a GET in HTTP/1.1, with one Host and no body.")
            )
        else:
            self.handle_websocket_upgrade()

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
            for name, value in self.headers
        )

    def _await_head(self) -> None:
        self._in_head = True
        self._deadline = self.loop.call_later(HEAD_WITHIN, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_large(self) -> None:
        self._answer(Refused(Refusal.HEAD_TOO_LARGE, f"A request head has at most {MAX_HEAD_BYTES} bytes."))

    def _too_slow(self) -> None:
        self._answer(
            Refused(Refusal.HEAD_TOO_SLOW, f"The request head did not arrive within {HEAD_WITHIN:.0f} s.")
        )

    def _answer(self, refused: Refused) -> None:
        """Refuse before there is a request, and end the connection."""
        self._stop_clock()
        if self.transport.is_closing():
            return
        self._listening.refused(refused)
        body = refused.body()
        status = refused.refusal.status
        lines = [b"HTTP/1.1 %d %b" % (status, http.HTTPStatus(status).phrase.encode())]
        if refused.refusal is Refusal.RELAY_FULL:
            lines.append(b"retry-after: 1")
        lines += [b"content-type: application/json", b"content-length: %d" % len(body)]
        lines += [b"connection: close", b"", b""]
        self.transport.write(b"\r\n".join(lines) + body)
        self.transport.close()


class Listener(uvicorn.Server):
    """One port and one app, on the running loop. It opens no signal handlers and ends when it is told to."""

    def __init__(self, config: uvicorn.Config, sock: socket.socket, listening: Listening | None) -> None:
        super().__init__(config)
        self._sock = sock
        self.port: int = sock.getsockname()[1]
        self._listening = listening
        self._up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process: uvicorn's own handling would cut every connection at once."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the listening socket ourselves, for the deadline on TLS handshakes."""
        del sockets
        self.servers = []
        await self.accept_on(self._sock)
        self.started = True
        self._up.set()

    async def accept_on(self, sock: socket.socket) -> asyncio.Server:
        """Accept on *sock*, which is this listener's from now on, until it leaves what is returned."""
        state: dict[str, Any] = {"listening": self._listening}
        config = self.config

        def accept() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=state
            )

        server = await asyncio.get_running_loop().create_server(
            accept,
            sock=sock,
            ssl=config.ssl,
            backlog=BACKLOG,
            ssl_handshake_timeout=HEAD_WITHIN if config.ssl is not None else None,
        )
        self.servers.append(server)
        return server

    def leave(self, server: asyncio.Server) -> None:
        """Accept no more where `accept_on` returned *server*; open connections go on."""
        server.close()
        self.servers.remove(server)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the block is left."""
        if not self.config.loaded:
            self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup()
        ticking = asyncio.create_task(self.main_loop(), name="listener")
        try:
            yield
        finally:
            self.should_exit = True
            await ticking
            await self.shutdown()

    def stop_accepting(self) -> None:
        """Close the listening sockets; open connections go on."""
        for server in self.servers:
            server.close()


def public(
    app: Any,  # noqa: ANN401 - an ASGI application
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    listening: Listening,
) -> Listener:
    """Make the listener of the public port."""
    config = _config(app, HeadGuard, HandOff)
    config.load()
    config.ssl = tls
    return Listener(config, sock, listening)


def private(app: Any, sock: socket.socket) -> Listener:  # noqa: ANN401 - an ASGI application
    """Make the listener of the ops port."""
    return Listener(_config(app, HttpToolsProtocol, "none"), sock, None)


def _config(app: Any, http_class: Any, ws_class: Any) -> uvicorn.Config:  # noqa: ANN401 - whatever was given
    return uvicorn.Config(
        app,
        http=http_class,
        ws=ws_class,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=5,
    )
