"""Single keys from a terminal, without waiting for Enter.

Rule: the terminal is given back as it was, however the block is left.
"""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator

from relay.core.words import Seconds

Press = Callable[[Seconds], str | None]
"""Waits so long for a key. Returns it; None if none came."""


@contextlib.contextmanager
def keys() -> Iterator[Press]:
    """Yield what reads keys. Where standard input is no terminal, no key ever comes."""
    if not sys.stdin.isatty():
        yield rest
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def press(seconds: Seconds) -> str | None:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        if not ready:
            return None
        # An arrow comes as several bytes; the last says which, and none of them must be left for the next time.
        return os.read(descriptor, 32).decode("utf-8", "ignore")[-1:]

    try:
        tty.setcbreak(descriptor)
        yield press
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def rest(seconds: Seconds) -> None:
    """Let time pass."""
    select.select([], [], [], seconds)
