"""What a response costs: tokens of every kind, what of them was cached, and the limits they count to.

The rule: the parts add up. `total = input + output`, each of those is the sum of its kinds, and no
kind has more cached than it has.
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from relay.simulator.conversation import Item
from relay.simulator.errors import Json

USER_TOKENS_PER_SECOND: Final = 10
ASSISTANT_TOKENS_PER_SECOND: Final = 20
"""Audio tokens as users of the API count them: one for 100 ms heard, one for 50 ms spoken."""
IMAGE_TOKENS: Final = 765
"""One image of middling size in high detail."""
CHARACTERS_PER_TOKEN: Final = 4
"""The usual rule of thumb for English."""
CACHE_GRAIN: Final = 64
"""Cached tokens come in multiples of this."""
MINUTE: Final = 60.0

PIECES: Final = re.compile(r"\s*\S{1,8}|\s+$")


def pieces(text: str) -> list[str]:
    """Cut *text* into what a model would send one at a time. Joined, they are the text."""
    return PIECES.findall(text)


def text_tokens(text: str) -> int:
    """Return about how many tokens *text* takes as input."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens by kind."""

    text: int = 0
    audio: int = 0
    image: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.text + other.text, self.audio + other.audio, self.image + other.image)

    @property
    def total(self) -> int:
        """Return the tokens of all kinds."""
        return self.text + self.audio + self.image

    def cached(self, seen: "Tally") -> "Tally":
        """Return what of this was in *seen*, in the grain of the cache."""
        return Tally(
            min(self.text, seen.text) // CACHE_GRAIN * CACHE_GRAIN,
            min(self.audio, seen.audio) // CACHE_GRAIN * CACHE_GRAIN,
            min(self.image, seen.image) // CACHE_GRAIN * CACHE_GRAIN,
        )


def of_item(item: Item) -> Tally:
    """Return what *item* adds to every response that has it in its context."""
    spoken = item.seconds > 0
    rate = ASSISTANT_TOKENS_PER_SECOND if item.role == "assistant" else USER_TOKENS_PER_SECOND
    # The model hears audio; the words written down beside it cost nothing.
    words = "" if spoken else item.text()
    return Tally(text_tokens(words), math.ceil(item.seconds * rate), item.images * IMAGE_TOKENS)


def usage(given: Tally, cached: Tally, spoken: Tally) -> Json:
    """Return `response.usage`: *given* in (of which *cached*), *spoken* out."""
    return {
        "total_tokens": given.total + spoken.total,
        "input_tokens": given.total,
        "output_tokens": spoken.total,
        "input_token_details": {
            "text_tokens": given.text,
            "audio_tokens": given.audio,
            "image_tokens": given.image,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": cached.image,
            },
        },
        "output_token_details": {"text_tokens": spoken.text, "audio_tokens": spoken.audio},
    }


class Allowance:
    """Tokens a minute, refilled evenly: what `rate_limits.updated` reports."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0.0
        self._at = 0.0

    def spend(self, tokens: int, now: float) -> None:
        """Take *tokens*; below zero is reported as zero."""
        self._refill(now)
        self._used = min(self._used + tokens, self._limit)

    def report(self, now: float) -> list[Json]:
        """Return `rate_limits` as the event lists them."""
        self._refill(now)
        return [
            {
                "name": "tokens",
                "limit": self._limit,
                "remaining": math.floor(self._limit - self._used),
                "reset_seconds": round(self._used * MINUTE / self._limit, 3),
            }
        ]

    def _refill(self, now: float) -> None:
        self._used = max(0.0, self._used - (now - self._at) * self._limit / MINUTE)
        self._at = now
