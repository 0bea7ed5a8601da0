"""The GA protocol is spoken by leaving everything as it is."""

import pytest

from relay.core.dialects.dialect import GA, ClientDialect, UpstreamDialect
from relay.core.strict import Event

EVENTS: list[Event] = [
    {"type": "session.update", "session": {"type": "realtime", "voice": "sage"}},
    {"type": "response.output_audio.delta", "delta": "AAAA"},
    {"type": "error", "error": "words"},
    {"type": 7},
]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_the_very_object_in_either_direction(event: Event) -> None:
    assert GA.read(event) is event
    assert GA.write(event) is event


def test_ga_has_its_own_names() -> None:
    assert GA.param("session.audio.output.voice") == "session.audio.output.voice"
    assert GA.renames == {}


def test_ga_may_stand_at_either_leg() -> None:
    client: ClientDialect = GA
    upstream: UpstreamDialect = GA
    for leg in (client, upstream):
        assert leg.read(EVENTS[0]) is EVENTS[0]
