"""What a supervisor and a worker say to each other.

Rule: closed sets, told apart by their tags. What is not in them is of another version, and ends the channel.
Unknown fields are passed over, so that a supervisor gets along with workers of the next version.
"""

from typing import TypeAlias

import msgspec

from relay.supervisor.snapshot import Family


class Serve(msgspec.Struct, frozen=True, tag="serve"):
    """To a worker, first of all: what to go by.

    The text was read and checked by the supervisor: a worker that starts next week starts with the last good
    one, whatever the file holds by then.
    """

    text: str
    name: str
    """What problems call the file."""
    drawn: str
    """Seals client secrets where no key is configured: one worker has to open what another minted."""
    log_level: int


class Reload(msgspec.Struct, frozen=True, tag="reload"):
    """To a worker: go by this text from now on."""

    text: str


class Cover(msgspec.Struct, frozen=True, tag="cover"):
    """To a worker: accept on that slot's socket too; its own worker is gone."""

    slot: int


class Uncover(msgspec.Struct, frozen=True, tag="uncover"):
    """To a worker: that slot has a worker again."""

    slot: int


class Count(msgspec.Struct, frozen=True, tag="count"):
    """To a worker: say what you count now, under this number."""

    number: int


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """To a worker: refuse whoever comes, let sessions end, say so, and wait for `Stop`."""


class Retire(msgspec.Struct, frozen=True, tag="retire"):
    """To a worker: a successor accepts on your socket. Accept no more, let sessions end, and leave."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """To a worker: end what is open and leave."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """From a worker: it accepts."""


class Drained(msgspec.Struct, frozen=True, tag="drained"):
    """From a worker: no session is left. It goes on refusing."""


class Leaving(msgspec.Struct, frozen=True, tag="leaving"):
    """From a worker: somebody told it, by a signal, to end. It would like to be replaced."""


class Counts(msgspec.Struct, frozen=True, tag="counts"):
    """From a worker, every second and when asked: all that it counts."""

    families: tuple[Family, ...]
    sessions: int
    number: int = 0
    """Of the question; 0 where nobody asked."""


ToWorker: TypeAlias = Serve | Reload | Cover | Uncover | Count | Drain | Retire | Stop
FromWorker: TypeAlias = Ready | Drained | Leaving | Counts
