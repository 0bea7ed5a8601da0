"""What sessions counted, added up: ended ones for good, live ones at every scrape.

Rule: adding up costs a scrape, never a frame.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from relay.core.events import Kind, Outcome
from relay.core.flow import Hold
from relay.core.refusals import Refusal
from relay.core.words import Seconds, Side


class Counted(Protocol):
    """What a live session shows to a scrape."""

    tenant_label: str
    region: str

    def counts(self, side: Side) -> list[int]:
        """Messages by kind and outcome."""

    def bytes(self, side: Side) -> int:
        """Bytes of messages from *side*."""

    def audio_seconds(self, side: Side) -> float:
        """Seconds of speech from *side*."""

    def paused(self, side: Side, cause: Hold) -> Seconds:
        """How long *side* was not read."""

    def buffered(self, side: Side) -> int:
        """Bytes waiting to be written to *side*."""

    def refusals(self) -> Iterable[tuple[Refusal, int]]:
        """Refusals so far."""


class Sums:
    """What ended sessions leave behind, and what a scrape adds the live ones to."""

    def __init__(self) -> None:
        slots = len(Kind) * len(Outcome)
        self.events = ([0] * slots, [0] * slots)
        self.bytes = [0, 0]
        self.audio: Counter[tuple[int, str]] = Counter()
        self.paused: Counter[tuple[int, Hold]] = Counter()
        self.refusals: Counter[tuple[Refusal, str]] = Counter()

    def add(self, session: Counted) -> None:
        """Add one session's counts."""
        for side in Side:
            mine = self.events[side]
            mine[:] = [before + more for before, more in zip(mine, session.counts(side), strict=True)]
            self.bytes[side] += session.bytes(side)
            self.audio[side, session.tenant_label] += session.audio_seconds(side)  # type: ignore[assignment]
            for cause in Hold:
                self.paused[side, cause] += session.paused(side, cause)  # type: ignore[assignment]
        for refusal, count in session.refusals():
            self.refusals[refusal, session.tenant_label] += count

    def copy(self) -> "Sums":
        """Return the same sums, to add to."""
        twin = Sums()
        twin.events = (list(self.events[0]), list(self.events[1]))
        twin.bytes = list(self.bytes)
        twin.audio, twin.paused = self.audio.copy(), self.paused.copy()
        twin.refusals = self.refusals.copy()
        return twin
