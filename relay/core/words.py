"""The vocabulary: the few nouns that every other module speaks.

Rule: a word that only one module needs does not live here.
"""

from enum import IntEnum
from typing import Final, Literal, NewType, TypeAlias, get_args

Seconds: TypeAlias = float
"""A duration, or a reading of a clock that never goes back. Never wall time."""

UnixSeconds: TypeAlias = float
"""Wall time, for days of budgets and for what is shown to people."""

MicroUsd: TypeAlias = int
"""Money: millionths of a US dollar, whole."""

TenantId = NewType("TenantId", str)
SessionId = NewType("SessionId", str)
SessionName = NewType("SessionName", str)
"""What a client calls its session (`relay_session`), so that only one such lives at a time."""

Latency: TypeAlias = Literal["low", "balanced", "high"]
"""What a client hints of its patience: answer soonest, or keep the load off where others need it."""
LATENCIES: Final[tuple[Latency, ...]] = get_args(Latency)

SECONDS_PER_DAY: Final = 86_400


class Side(IntEnum):
    """The two ends of a session. Rules that hold for both index a pair with it."""

    CLIENT = 0
    UPSTREAM = 1


OTHER: Final = (Side.UPSTREAM, Side.CLIENT)
"""The side across; indexed by `Side`."""


class Secret:
    """A string that cannot be logged, formatted, compared in the open or pickled by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that has to send it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written anywhere")


def usd(micro: MicroUsd) -> float:
    """Return money in dollars, for people and gauges."""
    return micro / 1_000_000
