"""The workers, as the supervisor sees them: how one is started, what it last said, how it ends.

Rule: a worker is started by exec and given descriptors, never forked: the supervisor has threads and a loop.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, Self

from relay.core.words import Seconds
from relay.edge import clock
from relay.supervisor import channel
from relay.supervisor.channel import Channel
from relay.supervisor.messages import Count, Counts, FromWorker, Serve, ToWorker
from relay.supervisor.tally import Families

COUNT_WITHIN: Final[Seconds] = 0.5
"""A scrape waits so long for a worker; then it shows what the worker last said, a second ago at most."""


ENDED_WITHIN: Final[Seconds] = 10.0
"""A worker that says no more is at its end; one that lives on cannot be told anything, and is killed."""


class State(Enum):
    """How far a worker is."""

    STARTING = auto()
    READY = auto()
    DRAINING = auto()
    """It refuses whoever comes."""
    DRAINED = auto()
    """Likewise; and no session is left."""
    RETIRING = auto()
    """A successor accepts in its place."""
    GONE = auto()

    @property
    def accepts(self) -> bool:
        """Whether connections on its sockets are answered."""
        return self in {State.READY, State.DRAINING, State.DRAINED}


class Worker:
    """One worker's process, and the supervisor's end of the channel to it."""

    def __init__(
        self, slot: int, process: asyncio.subprocess.Process, end: Channel[FromWorker], started_at: Seconds
    ) -> None:
        self.slot = slot
        self.state = State.STARTING
        self.started_at = started_at
        self.heard_at = started_at
        self.families: Families = ()
        """Its last snapshot."""
        self.sessions = 0
        self._process = process
        self._channel = end
        self._asked = 0
        self._answers: dict[int, asyncio.Future[None]] = {}

    @classmethod
    async def start(cls, slot: int, listening: Sequence[socket.socket], serve: Serve) -> Self:
        """Start a worker on the socket of *slot*, one of those that it may be told to accept on.

        Raises `OSError` where no process can be made.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = [sock.fileno() for sock in listening]
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "relay.supervisor.worker",
                    str(slot), str(theirs.fileno()), *map(str, descriptors),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), *descriptors),
                    start_new_session=True,  # ctrl-C is for the supervisor, which tells them
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
        worker = cls(slot, process, await Channel.over(ours, channel.from_worker), clock.monotonic())
        worker.post(serve)
        return worker

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def post(self, message: ToWorker) -> None:
        """Tell it something."""
        self._channel.post(message)

    async def attend(self, heard: Callable[["Worker", FromWorker], None]) -> int:
        """Tell *heard* what it says, to its end. Return its exit code; a signal's number, negated."""
        while (message := await self._channel.receive()) is not None:
            self.heard_at = clock.monotonic()
            if isinstance(message, Counts):
                self._counted(message)
            else:
                heard(self, message)
        await self._channel.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), ENDED_WITHIN)
        except TimeoutError:
            self.kill()
            code = await self._process.wait()
        self._answer(self._asked)
        return code

    async def count(self) -> None:
        """Have it say what it counts now, if it is there to answer."""
        if self.state is State.STARTING or self.state is State.GONE:
            return
        self._asked += 1
        answer = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        self.post(Count(self._asked))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(answer, COUNT_WITHIN)

    def kill(self) -> None:
        """End it by force."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)

    def _counted(self, counts: Counts) -> None:
        self.families, self.sessions = counts.families, counts.sessions
        self._answer(counts.number)

    def _answer(self, number: int) -> None:
        """What was asked up to *number* is answered."""
        for asked in [asked for asked in self._answers if asked <= number]:
            answer = self._answers.pop(asked)
            if not answer.done():
                answer.set_result(None)
