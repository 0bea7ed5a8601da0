"""From uvicorn's protocol to picows on the same socket, once the door has said yes.

uvicorn parses the request head; for an upgrade to one of our paths it builds a `HandOff`, which runs the ASGI
app with an extension, `relay.handoff`. The app answers with a status, or calls the extension with a leg: the
leg's protocol is fed the request head, answers 101, and takes the transport over. Frames never see ASGI.

Rule: nothing that arrives between the request head and our 101 is ever passed on (CVE-2026-2833 was that).
Only `leg`, `handoff` and `dialer` know picows; only `handoff` and `listener` know uvicorn's protocols.
"""

import asyncio
import base64
import binascii
import http
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final, cast
from urllib.parse import unquote

import structlog
from picows import WSAutoPingStrategy, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not public: pinned, held by a contract test
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from relay.core.refusals import Refusal, Refused
from relay.edge.connections import Listening
from relay.edge.leg import PICOWS_LOG, READ_BUFFER, Leg

EXTENSION: Final = "relay.handoff"
Handoff = Callable[[Leg, Iterable[tuple[str, str]], int], bool]
"""Hand the socket over to a leg, with headers for the 101 and the largest frame. False if the client left."""

_KEY_BYTES: Final = 16
"""RFC 6455, 4.1: the nonce in Sec-WebSocket-Key."""

log = structlog.get_logger("door")


class HandOff(asyncio.Protocol):
    """uvicorn's WebSocket protocol class (`ws=`), for one upgrade request."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._nonce = b""
        self._task: asyncio.Task[None] | None = None
        self._answered = False
        self._listening: Listening = app_state["listening"]
        self._start: tuple[int, list[tuple[bytes, bytes]]] = (500, [])

    # --- asyncio's side ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket from the HTTP protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class

    def data_received(self, data: bytes) -> None:
        """Take the request head, as uvicorn rebuilt it; whatever follows comes too early."""
        if self._task is not None:
            self.refuse(Refused(Refusal.BAD_REQUEST, "Data came before the upgrade was answered."))
            self._task.cancel()
            return
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn only shuts it down
        self._task = self._loop.create_task(self._run(self._scope(data)), name="upgrade")
        self._state.tasks.add(self._task)
        self._task.add_done_callback(self._state.tasks.discard)

    def eof_received(self) -> bool:
        """A client that ends its side of the connection before the 101 has left."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left before it was answered: stop dialing for it."""
        del exc
        self._state.connections.discard(self)
        self._listening.connections.leave()
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def shutdown(self) -> None:
        """Uvicorn stops: what is not answered by now is cut."""
        if self._transport is not None:
            self._transport.close()

    # --- ASGI's side ------------------------------------------------------------------------------

    def _scope(self, data: bytes) -> dict[str, Any]:
        line, _, rest = data.partition(b"\r\n")
        raw_path, _, query = line.split(b" ")[1].partition(b"?")
        headers = [
            (name, value)
            for name, _, value in (header.partition(b": ") for header in rest.split(b"\r\n") if header)
        ]
        transport = self._transport
        assert transport is not None
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(transport) else "ws",
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "root_path": self._config.root_path,
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "subprotocols": [],
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, EXTENSION: self.hand_over},
        }

    async def _run(self, scope: dict[str, Any]) -> None:
        nonce = _nonce_of(scope["headers"])
        if isinstance(nonce, Refused):
            self.refuse(nonce)
            return
        self._nonce = nonce
        try:
            await self._config.loaded_app(scope, self._receive, self._send)
        except Exception:
            log.exception("the door broke")
            self.refuse(Refused(Refusal.INTERNAL, "The relay failed to answer this request."))

    async def _receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        match message["type"]:
            case "websocket.http.response.start":
                self._start = (message["status"], list(message.get("headers", ())))
            case "websocket.http.response.body" if not message.get("more_body"):
                self._reply(*self._start, message.get("body", b""))
            case "websocket.close":
                self.refuse(Refused(Refusal.NOT_FOUND, "There is no WebSocket at this path."))
            case _:
                pass  # `accept` never comes: the door hands over instead

    # --- answering --------------------------------------------------------------------------------

    def refuse(self, refused: Refused) -> None:
        """Answer with the refusal's status."""
        headers = [(b"content-type", b"application/json")]
        if refused.refusal is Refusal.UPGRADE_REQUIRED:
            headers.append((b"sec-websocket-version", b"13"))
        self._reply(refused.refusal.status, headers, refused.body())

    def _reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        transport = self._transport
        if self._answered or transport is None:
            return
        self._answered = True
        self._state.connections.discard(self)
        lines = [b"HTTP/1.1 %d %b" % (status, http.HTTPStatus(status).phrase.encode())]
        lines += [b"%b: %b" % header for header in headers if header[0] != b"content-length"]
        lines += [b"content-length: %d" % len(body), b"connection: close", b"", b""]
        transport.write(b"\r\n".join(lines) + body)
        transport.close()

    def hand_over(self, leg: Leg, headers: Iterable[tuple[str, str]], largest_frame: int) -> bool:
        """Answer 101 and give the socket to *leg*. False if the client has left, or was answered already."""
        transport = self._transport
        if self._answered or transport is None or transport.is_closing():
            return False
        self._answered = True
        response = WSUpgradeResponse.create_101_response(headers)
        protocol = WSProtocol(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=lambda _: WSUpgradeResponseWithListener(response, leg),
            logger=PICOWS_LOG,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=False,
            auto_ping_idle_timeout=0,
            auto_ping_reply_timeout=0,
            auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,
            max_frame_size=largest_frame,
            extra_headers=None,
            read_buffer_init_size=READ_BUFFER,
        )
        protocol.connection_made(transport)
        # picows reads the head its own way (`Connection: keep-alive, Upgrade`, as Firefox has it, is none to
        # it), so it gets one of ours: what the client's said has been checked.
        head = _HEAD % self._nonce
        protocol.get_buffer(len(head))[: len(head)] = head
        protocol.buffer_updated(len(head))
        transport.set_protocol(protocol)
        self._state.connections.discard(self)
        self._transport = None
        leave = self._listening.connections.leave
        if leg.transport is None:
            leave()
            return False
        leg.departed = leave
        return True


_HEAD: Final = (
    b"GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
)


def _nonce_of(headers: list[tuple[bytes, bytes]]) -> bytes | Refused:
    """Return the `Sec-WebSocket-Key`, or what RFC 6455, 4.2.1, asks for and this request lacks."""
    versions = [value.strip() for name, value in headers if name == b"sec-websocket-version"]
    nonces = [value.strip() for name, value in headers if name == b"sec-websocket-key"]
    if versions != [b"13"]:
        return Refused(Refusal.UPGRADE_REQUIRED, "The WebSocket version is 13.")
    try:
        decoded = base64.b64decode(nonces[0], validate=True) if len(nonces) == 1 else b""
    except binascii.Error:
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        return Refused(Refusal.BAD_REQUEST, "Sec-WebSocket-Key is sixteen bytes in base64, given once.")
    return nonces[0]
