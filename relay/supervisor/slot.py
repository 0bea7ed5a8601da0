"""A place for a worker: a socket, and who accepts on it.

Rule: the socket outlives every worker that it had.
"""

import socket

from relay.supervisor.backoff import Backoff
from relay.supervisor.crew import State, Worker


class Slot:
    """A place for a worker."""

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        self.backoff = Backoff()
        self.worker: Worker | None = None
        """Whose the socket is; it may be starting."""
        self.successor: Worker | None = None
        """Starting, to take its place."""
        self.cover: Worker | None = None
        """Accepts here while the slot's own cannot."""
        self.opened = False
        """Somebody has accepted here: connections may be waiting."""

    @property
    def ready(self) -> bool:
        """Whether its own worker takes sessions."""
        return self.worker is not None and self.worker.state is State.READY
