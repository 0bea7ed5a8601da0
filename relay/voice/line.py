"""The line: one WebSocket to a Realtime URL, and every way of not getting one.

Rule: `websockets` is known here and nowhere else of this package; each of its exceptions becomes a `Failure`,
and no failure, and nothing else that is shown, holds the key.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import websockets
from websockets.asyncio.client import ClientConnection, connect

from relay import __version__
from relay.core.words import Seconds, Secret
from relay.voice import address, events, failures
from relay.voice.failures import CallFailedError, Failure, Kind

_LAST_WORD: Final[Seconds] = 1.0
"""How long the close that follows a fatal `error` may take; most errors are followed by none."""
_GOODBYE: Final[Seconds] = 2.0
"""How long our own closing handshake may take: the call is over, and nobody likes to wait."""
_OUR_COMPLAINTS: Final = frozenset({1002, 1003, 1007, 1009})
"""The codes with which we hang up on broken framing and broken UTF-8 (RFC 6455, 7.4.1)."""

Key: TypeAlias = Secret | None
Tls: TypeAlias = ssl.SSLContext | None


class Line:
    """An open connection. Sends and receives whole events; `receive` raises `CallFailedError` when it ends."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def header(self, name: str) -> str | None:
        """Return a header of the 101."""
        response = self._connection.response
        return None if response is None else response.headers.get(name)

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one event; waits while the other side takes none.

        A line that has ended is told of by `receive` alone: what came before the end, such as the
        reason for it, is read first.
        """
        with suppress(websockets.ConnectionClosed):
            await self._connection.send(events.write(event))

    async def receive(self) -> events.ServerEvent | None:
        """Return the next event, None for one that we do not act on."""
        try:
            message = await self._connection.recv()
        except websockets.ConnectionClosed as end:
            raise CallFailedError(_end(end)) from None
        try:
            return events.read(message)
        except ValueError as error:
            raise CallFailedError(
                Failure(
                    kind=Kind.NONSENSE,
                    message=f"What came is no event of the Realtime API: {error}",
                    advice="Check that the URL leads to a Realtime API of the current (GA) form.",
                )
            ) from None

    async def explained(self, failure: Failure) -> Failure:
        """Return *failure*, with the close code where the server hangs up because of it."""
        if failure.kind is not Kind.ERROR:
            return failure
        try:
            async with asyncio.timeout(_LAST_WORD):
                while True:
                    await self._connection.recv()
        except TimeoutError:
            return failure
        except websockets.ConnectionClosed as end:
            return failures.with_close(failure, *_close(end))


@asynccontextmanager
async def dialed(url: str, key: Secret | None, tls: Tls, patience: Seconds) -> AsyncIterator[Line]:
    """Open a line to *url*, and hang up at the end. Raises `CallFailedError` where none is to be had."""
    connection = await _connected(url, key, tls, patience)
    try:
        yield Line(connection)
    finally:
        await _hang_up(connection)


async def _hang_up(connection: ClientConnection) -> None:
    try:
        async with asyncio.timeout(_GOODBYE):
            await connection.close()
    except TimeoutError:
        # The library bounds its wait for the other side's close, but not for its taking what was sent before.
        connection.transport.abort()
        await connection.wait_closed()


async def _connected(url: str, key: Secret | None, tls: Tls, patience: Seconds) -> ClientConnection:
    headers = {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}
    try:
        return await connect(
            url,
            ssl=(tls or ssl.create_default_context()) if url.startswith("wss:") else None,
            additional_headers=headers,
            user_agent_header=f"realtime-relay/{__version__}",
            compression=None,  # base64 of PCM hardly compresses
            max_size=None,  # an item can hold minutes of sound
            open_timeout=patience,
            close_timeout=_GOODBYE,
            proxy=None if address.is_loopback(url) else True,
        )
    except websockets.InvalidStatus as refusal:
        response = refusal.response
        body, wait = bytes(response.body), response.headers.get("Retry-After")
        raise CallFailedError(
            failures.refused(response.status_code, response.reason_phrase, body, wait)
        ) from None
    except (OSError, websockets.WebSocketException) as error:
        raise CallFailedError(_unreachable(error, url, patience)) from None


def _unreachable(error: OSError | websockets.WebSocketException, url: str, patience: Seconds) -> Failure:
    place = address.place(url)
    advice = "Check --url, and that the server runs."
    match error:
        case TimeoutError():
            return failures.late(f"{place} did not answer the upgrade", patience)
        case ssl.SSLCertVerificationError():
            message = f"The certificate of {place} is not trusted: {error.verify_message}."
            advice = "Name the authority that signed it with --ca FILE; on your own machine --insecure may do."
        case ssl.SSLError():
            message, advice = (
                f"TLS failed with {place}: {error.reason or error}.",
                "If it speaks no TLS, say ws://.",
            )
        case socket.gaierror():
            message = f"There is no host of that name: {place}."
        case ConnectionRefusedError():
            message = f"Nothing listens at {place}."
        case ConnectionError():
            message = f"{place} cut the connection off."
            advice = "If it speaks no TLS, say ws://; if it does, say wss://."
        case OSError():
            message = f"There is no way to {place}: {error.strerror or error}."
        case websockets.InvalidProxy() | websockets.ProxyError():
            message, advice = (
                f"The proxy is in the way: {error}.",
                "Check the proxy that the environment names.",
            )
        case websockets.InvalidMessage():
            cut = isinstance(error.__cause__, EOFError)
            message = f"{place} {'hung up without an answer to the upgrade' if cut else 'does not speak HTTP'}."
            advice = "Check --url; if the server speaks TLS, it begins with wss://."
        case _:
            message = f"{place} answered the upgrade wrongly: {error}."
    return Failure(kind=Kind.UNREACHABLE, message=message, advice=advice)


def _close(end: websockets.ConnectionClosed) -> tuple[int | None, str]:
    """Return code and reason of the server's close frame; None where the connection just broke."""
    return (None, "") if end.rcvd is None else (end.rcvd.code, end.rcvd.reason)


def _end(end: websockets.ConnectionClosed) -> Failure:
    if end.rcvd is None and end.sent is not None and end.sent.code in _OUR_COMPLAINTS:
        return Failure(
            kind=Kind.NONSENSE,
            message=f"What came broke the WebSocket protocol: {end.sent.reason or 'it says no more'}.",
            advice="Something between here and the API mangles messages: look at proxies and the server.",
        )
    return failures.closed(*_close(end))
