"""The channel between a supervisor and one worker: a pair of sockets, messages by length and MessagePack.

    length of what follows: 4 bytes, big-endian · a message of `messages`

Rule: one writer and one reader an end. The end of either process is the channel's, and is read as such.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final, Generic, Self, TypeVar

import msgspec

from relay.supervisor.messages import FromWorker, ToWorker

LENGTH_BYTES: Final = 4
LONGEST: Final = 64 * 1024 * 1024
"""Ten thousand tenants are a file of 4 MiB. Beyond this it is no message of ours."""

Heard = TypeVar("Heard")
_encode: Final = msgspec.msgpack.Encoder().encode
_from_worker: Final[Any] = msgspec.msgpack.Decoder(FromWorker)
_to_worker: Final[Any] = msgspec.msgpack.Decoder(ToWorker)


class Channel(Generic[Heard]):
    """One end."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decode: Callable[[bytes], Heard],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._decode = decode

    @classmethod
    async def over(cls, sock: socket.socket, decode: Callable[[bytes], Heard]) -> Self:
        """Speak over *sock*, a connected UNIX stream, which is the channel's from now on."""
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer, decode)

    def post(self, message: FromWorker | ToWorker) -> None:
        """Send *message*, as soon as the other reads. Nothing happens if it is gone."""
        if self._writer.is_closing():
            return
        body = _encode(message)
        self._writer.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)

    async def send(self, message: FromWorker | ToWorker) -> None:
        """Send *message*, and wait until there is room for another. Nothing happens if the other is gone."""
        self.post(message)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def receive(self) -> Heard | None:
        """Return the next message; None if the other is gone, or says what nobody should."""
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            if length > LONGEST:
                return None
            return self._decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            return None

    async def close(self) -> None:
        """End it, once all that was posted is sent."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def from_worker(body: bytes) -> FromWorker:
    """Read what a worker says. Raises `msgspec.DecodeError`."""
    message: FromWorker = _from_worker.decode(body)
    return message


def to_worker(body: bytes) -> ToWorker:
    """Read what a supervisor says. Raises `msgspec.DecodeError`."""
    message: ToWorker = _to_worker.decode(body)
    return message
