"""`latency_hints` in an event: taken by the relay, and taken out, since the API refuses the field.

Old handbooks have clients say `latency_hints: low | balanced | high` in a `session.update`, beside `session`,
inside it, or deeper, where voice activity or audio are set. The API knows no such field and would refuse the
whole update; to the relay it is the same hint as `relay_latency` in the URL.

Rule: the field is looked for where settings are nested, never inside what is a client's own text or schema
(instructions, tools, metadata, a prompt's variables).
"""

from typing import Final, cast

from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event
from relay.core.words import LATENCIES, Latency

FIELD: Final = "latency_hints"
_DESCENT: Final = frozenset({"session", "audio", "input", "output", "turn_detection"})
"""Names under which settings nest."""


def take(event: Event) -> tuple[Event, Latency] | Refused | None:
    """Return *event* without its hint, and the hint; None where there is none. *event* is not changed."""
    found: list[tuple[str, object]] = []
    bare = _without(event, "", found)
    if not found:
        return None
    for param, hint in found:
        if hint not in LATENCIES:
            return Refused(Refusal.INVALID_EVENT, f"{FIELD} is one of {', '.join(LATENCIES)}.", param=param)
    if len({hint for _, hint in found}) > 1:
        return Refused(Refusal.INVALID_EVENT, f"{FIELD} is given twice, and differently.", param=found[1][0])
    return bare, cast("Latency", found[0][1])


def _without(settings: Event, path: str, found: list[tuple[str, object]]) -> Event:
    bare: Event = {}
    for name, value in settings.items():
        if name == FIELD:
            found.append((path + name, value))
        elif name in _DESCENT and isinstance(value, dict):
            bare[name] = _without(value, f"{path}{name}.", found)
        else:
            bare[name] = value
    return bare
