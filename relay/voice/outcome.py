"""What is seen of a call while it goes on, and what came of it.

Rule: values only. Whoever shows a call needs these and nothing of how it is held.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from relay.core.words import Seconds
from relay.voice.events import Session
from relay.voice.failures import Failure
from relay.voice.turn import Moment, Reply


class Connected(msgspec.Struct, frozen=True):
    """The 101 has come."""

    at: Seconds
    relay_session: str | None
    relay_region: str | None


class Begun(msgspec.Struct, frozen=True):
    """The session is there."""

    at: Seconds
    session: Session


class Speaking(msgspec.Struct, frozen=True):
    """So much of a turn has been spoken."""

    sent: Seconds
    total: Seconds


class Replied(msgspec.Struct, frozen=True):
    """A turn is over."""

    reply: Reply


Sight: TypeAlias = Connected | Begun | Speaking | Moment | Replied
Show: TypeAlias = Callable[[Sight], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call. `failure` is None where every turn was answered."""

    url: str
    connected: Connected | None
    begun: Begun | None
    replies: tuple[Reply, ...]
    failure: Failure | None
