"""Look, show, wait for a key or for the next look; or look twice and print one frame.

Rule: the first look decides whether there is anything to watch; from then on nothing but the operator ends it.
"""

from msgspec.structs import replace
from rich.console import Console
from rich.live import Live

from relay.core.words import Seconds
from relay.top.asking import AskingError, Snapshot, Source
from relay.top.controls import Controls, pressed
from relay.top.keyboard import Press, keys, rest
from relay.top.rates import between
from relay.top.screen import Seen, frame

MOST = 500
"""Rows of a table: what one page of the admin API holds, and more than any screen."""


def once(source: Source, controls: Controls, interval: Seconds, console: Console) -> None:
    """Print one frame, its rates measured over *interval*. Raises `AskingError`."""
    before = _look(source, controls)
    rest(interval)
    seen = _see(source, Seen(url=source.url, snapshot=before, rates=None, controls=controls))
    console.print(frame(seen, console.width, console.height))


def live(source: Source, controls: Controls, interval: Seconds, console: Console) -> None:
    """Show the relay until the operator quits. Raises `AskingError` where the first look finds nothing."""
    snapshot = _look(source, controls)  # a wrong token or address is told before the screen is taken
    seen = Seen(url=source.url, snapshot=snapshot, rates=None, controls=controls)
    with keys() as press, Live(console=console, screen=True, auto_refresh=False) as screen:
        while True:
            screen.update(frame(seen, console.width, console.height), refresh=True)
            turned = _turn(source, seen, press, interval)
            if turned is None:
                return
            seen = turned


def _turn(source: Source, seen: Seen, press: Press, interval: Seconds) -> Seen | None:
    """Wait for a key or for the next look. Return what is to be seen then; None to quit."""
    key = press(interval)
    chosen = seen.controls if key is None else pressed(seen.controls, key)
    if chosen is None:
        return None
    # Another table is in hand already; another order is the relay's to make, which has more rows than it sends.
    stale = key is None or (chosen.session_order, chosen.tenant_order) != (
        seen.controls.session_order,
        seen.controls.tenant_order,
    )
    seen = replace(seen, controls=chosen)
    if not stale:
        return seen
    try:
        return _see(source, seen)
    except AskingError as error:
        return replace(seen, rates=None, trouble=str(error))


def _see(source: Source, seen: Seen) -> Seen:
    snapshot = _look(source, seen.controls)
    return replace(seen, snapshot=snapshot, rates=between(seen.snapshot, snapshot), trouble=None)


def _look(source: Source, controls: Controls) -> Snapshot:
    return source.look(controls.session_order, controls.tenant_order, MOST)
