"""What a session asks of its edge: one closed set, returned in the order in which it is to be done.

Rule: an action is a value. Nothing here does anything, and nothing but the pipe carries one out.
"""

from enum import Enum, auto
from typing import Final, TypeAlias

import msgspec

from relay.core.refusals import Reason
from relay.core.usage import Usage
from relay.core.words import MicroUsd, Seconds, Side


class Forward(msgspec.Struct, frozen=True):
    """Send the message in hand, byte for byte, to the other side."""


class Rehead(msgspec.Struct, frozen=True):
    """Send the message in hand to the other side with its first *cut* bytes exchanged for *head*."""

    head: bytes
    cut: int


class Send(msgspec.Struct, frozen=True):
    """Send an event of the relay's making, or a changed one in place of the one in hand."""

    side: Side
    data: bytes


class Pong(msgspec.Struct, frozen=True):
    """Answer the ping in hand."""


class Ping(msgspec.Struct, frozen=True):
    """Ask *side* whether it is there."""

    side: Side


class Pause(msgspec.Struct, frozen=True):
    """Stop reading from *side*."""

    side: Side


class Resume(msgspec.Struct, frozen=True):
    """Read from *side* again."""

    side: Side


class Look(msgspec.Struct, frozen=True):
    """Tell the session (`looked`) how much *side*'s write buffer holds."""

    side: Side


class Close(msgspec.Struct, frozen=True):
    """Start the closing handshake with *side*. Code and reason may go on the wire as they are."""

    side: Side
    code: int
    reason: bytes = b""


class Hangup(msgspec.Struct, frozen=True):
    """End *side*'s connection once what is written is sent: both close frames have crossed."""

    side: Side


class Abort(msgspec.Struct, frozen=True):
    """Cut *side* off."""

    side: Side


class Moment(Enum):
    """What is timed from the asking of a response."""

    FIRST_TOKEN = auto()
    FIRST_AUDIO = auto()


class Observe(msgspec.Struct, frozen=True):
    """A response came to *moment*, so long after it was asked for."""

    moment: Moment
    seconds: Seconds


class Spend(msgspec.Struct, frozen=True):
    """Usage that the upstream reported. The tenant's allowance has been debited already."""

    model: str
    usage: Usage
    micro_usd: MicroUsd
    response: str = ""
    """What it was for, by the upstream's id: a response, or an item that was transcribed. Billed once."""


class Finish(msgspec.Struct, frozen=True):
    """Give back whatever the session holds, and tell of it. Always the last action."""

    reason: Reason
    first: Side | None
    """Who went first; None if the relay ended it."""
    code: int
    """The close code that was carried across, or the relay's own."""


Action: TypeAlias = (
    Forward
    | Rehead
    | Send
    | Pong
    | Ping
    | Pause
    | Resume
    | Look
    | Close
    | Hangup
    | Abort
    | Observe
    | Spend
    | Finish
)
Actions: TypeAlias = tuple[Action, ...]

NOTHING: Final[Actions] = ()
FORWARD: Final[Actions] = (Forward(),)
"""The answer to almost every message. `is FORWARD` promises that no deadline moved."""
PONG: Final[Actions] = (Pong(),)
