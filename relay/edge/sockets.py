"""Listening sockets, made by us: their buffers are bounded, and several may share one port.

Rule: whatever accepts clients was bound here.
"""

import socket
from typing import Final

RECEIVE_BUFFER: Final = 64 * 1024
"""Of a client's socket. With the kernel's default a client that is paced has its own pings stuck behind seconds
of unread audio, and dies of it."""
SEND_BUFFER: Final = 256 * 1024


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Open a socket to listen on, whose connections will have bounded buffers. Port 0 takes any free one.

    Where it is *shared*, others may be bound to the same address, and the kernel spreads connections over those
    that listen. Raises `OSError`, with the address in its words, where the address cannot be had.
    """
    family, kind, proto, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Before `listen`, so that accepted sockets inherit them and the window is offered accordingly.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.setblocking(False)  # noqa: FBT003 - the standard library's
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from error
    return sock
