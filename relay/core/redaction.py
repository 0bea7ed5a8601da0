"""Secrets taken out of text that others wrote: an upstream's error, a close reason, an exception.

Rule: whatever comes from outside and goes into a log, an error or a close reason passes through here.
"""

import re
from collections.abc import Iterable
from typing import Final

from relay.core.words import Secret

MASK: Final = "***"
_SHAPES: Final = re.compile(
    r"\b(?:sk-|pk-|rk-|sess-|ek_|rlk_live_)[A-Za-z0-9_*.\-]{6,}"
    r"|(?i:\bbearer\s+)[^\s\"',]+"
    r"|(?i:\bopenai-insecure-api-key\.)[^\s\"',]+"
    r"|(?i:\bapi[-_]?key=)[^\s\"'&,]+"
)
"""What keys look like, ours and the providers'; masked even where the key itself is not known here."""


class Redactor:
    """Mask known secrets, and whatever has a key's shape."""

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts = {secret.reveal() for secret in secrets}
        self._known = tuple(sorted((text for text in texts if text), key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Return *text* without secrets."""
        for known in self._known:
            if known in text:
                text = text.replace(known, MASK)
        return _SHAPES.sub(MASK, text)
