"""What a session consumed, in a form that adds up, and what that costs.

Rule: usage is only ever added. Money is whole micro-dollars, rounded once per response, up: a budget that
is post-paid may not be slipped under by rounding. Prices are data, dated and sourced; none stands in code.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from relay.core.words import MicroUsd


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens by kind (cached ones apart from fresh ones), and seconds where a model bills by time."""

    text_in: int = 0
    text_cached: int = 0
    audio_in: int = 0
    audio_cached: int = 0
    image_in: int = 0
    image_cached: int = 0
    text_out: int = 0
    """Reasoning among them: it bills as text."""
    audio_out: int = 0
    seconds: float = 0.0
    """Of speech transcribed or translated."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{kind: getattr(self, kind) + getattr(other, kind) for kind in KINDS})

    @property
    def tokens(self) -> int:
        """All tokens, in and out: what a token budget counts."""
        return sum(getattr(self, kind) for kind in TOKEN_KINDS)


KINDS: Final = Usage.__struct_fields__
TOKEN_KINDS: Final = tuple(kind for kind in KINDS if kind != "seconds")
NO_USAGE: Final = Usage()


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens, or per minute where a model bills by time."""

    text_in: float = 0.0
    text_cached: float = 0.0
    audio_in: float = 0.0
    audio_cached: float = 0.0
    image_in: float = 0.0
    image_cached: float = 0.0
    text_out: float = 0.0
    audio_out: float = 0.0
    per_minute: float = 0.0
    source: str
    as_of: str
    """ISO date on which the source said so."""


class PriceTable(msgspec.Struct, frozen=True):
    """Prices by model. A snapshot (`name-2025-08-28`) has its model's price; an unknown model the dearest."""

    models: Mapping[str, Price]

    def of(self, model: str) -> Price | None:
        """Return the price of *model*: its own, or that of the longest name that it extends."""
        name = model
        while name:
            if price := self.models.get(name):
                return price
            name = name.rpartition("-")[0]
        return None

    def cost(self, model: str, usage: Usage, factor: float = 1.0) -> MicroUsd:
        """Return what *usage* costs, times the upstream's *factor*. An unknown model costs the dearest."""
        price = self.of(model)
        if price is not None:
            return _cost(price, usage, factor)
        return max((_cost(price, usage, factor) for price in self.models.values()), default=0)


def _cost(price: Price, usage: Usage, factor: float) -> MicroUsd:
    # Dollars per million tokens are micro-dollars per token.
    micro: float = sum(getattr(usage, kind) * getattr(price, kind) for kind in TOKEN_KINDS)
    micro += usage.seconds * price.per_minute / 60 * 1_000_000
    micro *= factor
    whole = int(micro)
    return whole + (micro - whole > _ROUNDING)


_ROUNDING: Final = 1e-6
"""Of a micro-dollar: what adding floats may be off by. Not a cent that anyone owes."""


def _whole(value: object) -> int:
    """Read a count off the wire: anything but a sane whole number counts as none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _SANE else 0


_SANE: Final = 1 << 40


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def read_response_usage(usage: object) -> Usage:
    """Read `response.done`'s `response.usage`. The `input` counts include the cached; ours do not."""
    told = _table(usage)
    given = _table(told.get("input_token_details"))
    cached = _table(given.get("cached_tokens_details"))
    made = _table(told.get("output_token_details"))
    text, audio, image = (_whole(given.get(f"{kind}_tokens")) for kind in ("text", "audio", "image"))
    text_cached = min(text, _whole(cached.get("text_tokens")))
    audio_cached = min(audio, _whole(cached.get("audio_tokens")))
    image_cached = min(image, _whole(cached.get("image_tokens")))
    # Tokens that no detail claims are text: reasoning is told in the sum alone by some upstreams.
    rest_in = max(0, _whole(told.get("input_tokens")) - text - audio - image)
    audio_out = _whole(made.get("audio_tokens"))
    text_out = max(_whole(made.get("text_tokens")), _whole(told.get("output_tokens")) - audio_out)
    return Usage(
        text_in=text - text_cached + rest_in,
        text_cached=text_cached,
        audio_in=audio - audio_cached,
        audio_cached=audio_cached,
        image_in=image - image_cached,
        image_cached=image_cached,
        text_out=text_out,
        audio_out=audio_out,
    )


def read_transcription_usage(usage: object) -> Usage:
    """Read the `usage` of `…input_audio_transcription.completed`: in tokens or in seconds."""
    told = _table(usage)
    seconds = told.get("seconds")
    if told.get("type") == "duration" and isinstance(seconds, int | float) and 0 <= seconds < _SANE:
        return Usage(seconds=float(seconds))
    return read_response_usage(usage)
