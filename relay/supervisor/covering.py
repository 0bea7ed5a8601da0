"""Who accepts where a slot's own worker cannot.

Rule: wherever somebody may be waiting, there is one who accepts, as long as there is a worker at all.
"""

from collections.abc import Collection, Iterable

import structlog

from relay.supervisor.crew import Worker
from relay.supervisor.messages import Cover, Uncover
from relay.supervisor.slot import Slot

log = structlog.get_logger("relay")


def cover(slots: Iterable[Slot], crew: Collection[Worker]) -> None:
    """Have each of *slots* that lacks a worker covered by one of the *crew*, and the others by none."""
    for slot in slots:
        if slot.worker is not None and slot.worker.state.accepts:
            if slot.cover is not None:
                slot.cover.post(Uncover(slot.number))
                slot.cover = None
        elif slot.opened and (slot.cover is None or not slot.cover.state.accepts):
            able = [worker for worker in crew if worker.state.accepts]
            slot.cover = min(able, key=lambda worker: worker.sessions, default=None)
            if slot.cover is not None:
                slot.cover.post(Cover(slot.number))
                log.info("worker covered", worker=slot.number, by=slot.cover.slot)
