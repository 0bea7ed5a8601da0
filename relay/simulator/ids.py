"""Names for things, of the form the real API gives them: a word, an underscore, 21 characters.

The rule: dice are handed in, so that the same seed names everything the same way.
"""

import random
import string
from typing import Final

ALPHABET: Final = string.ascii_letters + string.digits
BODY: Final = 21
"""Characters after the prefix, as seen on the wire. 62**21 is past any collision."""
CALL_BODY: Final = 16
"""A call_id has fewer: at most 32 characters in all are accepted back."""


class Ids:
    """Draws identifiers for one session."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def new(self, prefix: str, length: int = BODY) -> str:
        """Return `<prefix>_<length random letters and digits>`."""
        return f"{prefix}_{''.join(self._dice.choices(ALPHABET, k=length))}"

    def call(self) -> str:
        """Return a `call_id` for a function call."""
        return self.new("call", CALL_BODY)

    def noise(self) -> str:
        """Return the random padding of a text delta: it hides the length of a token."""
        return "".join(self._dice.choices(ALPHABET, k=self._dice.randrange(4, 17)))
