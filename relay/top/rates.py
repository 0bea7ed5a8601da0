"""How fast things go: two looks at a relay, and what happened between them.

Rule: a rate is told only where both looks saw the same relay; after a restart there is none until the next.
"""

from collections.abc import Mapping

import msgspec

from relay.edge.admin_rows import Traffic
from relay.top.asking import Snapshot


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in a second. Audio is seconds of speech a second."""

    events_up: float
    events_down: float
    bytes_up: float
    bytes_down: float
    audio_up: float
    audio_down: float


class Rates(msgspec.Struct, frozen=True):
    """How fast everything goes."""

    whole: Rate
    sessions: Mapping[str, Rate]
    """By session; without those that the look before did not see."""
    refusals: Mapping[str, float]
    """Per minute, by label; without those that did not happen."""


def between(before: Snapshot | None, after: Snapshot) -> Rates | None:
    """Return how fast things went from one look to the next; None where that cannot be said."""
    if before is None:
        return None
    seconds = after.overview.uptime_seconds - before.overview.uptime_seconds
    if seconds <= 0:
        return None
    seen = {row.id: row.traffic for row in before.sessions}
    earlier = before.overview.refusals
    grown = {label: count - earlier.get(label, 0) for label, count in after.overview.refusals.items()}
    return Rates(
        _rate(before.overview.traffic, after.overview.traffic, seconds),
        {row.id: _rate(seen[row.id], row.traffic, seconds) for row in after.sessions if row.id in seen},
        {label: 60 * count / seconds for label, count in grown.items() if count > 0},
    )


def _rate(before: Traffic, after: Traffic, seconds: float) -> Rate:
    # With workers behind one port a sum may step back for a moment, when one of them is replaced.
    return Rate(
        events_up=max(0.0, (after.events_up - before.events_up) / seconds),
        events_down=max(0.0, (after.events_down - before.events_down) / seconds),
        bytes_up=max(0.0, (after.bytes_up - before.bytes_up) / seconds),
        bytes_down=max(0.0, (after.bytes_down - before.bytes_down) / seconds),
        audio_up=max(0.0, (after.audio_seconds_up - before.audio_seconds_up) / seconds),
        audio_down=max(0.0, (after.audio_seconds_down - before.audio_seconds_down) / seconds),
    )
