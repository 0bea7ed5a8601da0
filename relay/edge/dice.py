"""Random names: of sessions, and of client secrets.

Rule: a name is no guess, and it is drawn from the system's generator.
"""

import secrets
from typing import Final

from relay.core.keys import ALPHABET

_LENGTH: Final = 20
"""Base62: 119 bits."""


def drawn() -> str:
    """Return a name that nobody else has."""
    return "".join(secrets.choice(ALPHABET) for _ in range(_LENGTH))
