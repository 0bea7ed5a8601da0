import math
import random

from relay.simulator import config
from relay.simulator.settings import INSTANT
from relay.simulator.state import State


def state() -> State:
    return State(INSTANT, random.Random(1), config.born(INSTANT, "realtime", "sess_1", "m", 0))


def test_things_happen_in_the_order_of_their_time_and_of_asking() -> None:
    told = state()
    happened: list[tuple[str, float]] = []
    told.later(2, lambda now: happened.append(("late", now)))
    told.later(1, lambda now: happened.append(("first", now)))
    told.later(1, lambda now: happened.append(("second", now)))
    assert told.deadline == 1
    told.step(0.5)
    assert happened == []
    for now in (1, 1.1, 5):
        told.step(now)
    assert happened == [("first", 1), ("second", 1.1), ("late", 5)]
    assert told.deadline == math.inf


def test_what_is_called_off_does_not_happen_and_sets_no_deadline() -> None:
    told = state()
    happened: list[float] = []
    timer = told.later(1, happened.append)
    timer.cancel()
    timer.cancel()
    assert told.deadline == math.inf
    told.step(2)
    assert happened == []


def test_events_are_taken_once() -> None:
    told = state()
    told.emit({"type": "input_audio_buffer.cleared"})
    [event] = told.taken()
    assert list(event) == ["type", "event_id"]
    assert told.taken() == []
