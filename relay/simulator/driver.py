"""What drives one session: the engine's events on their way to the wire.

The rule: whatever happens ends in `pump`, which sends what is due until there is nothing, or until
the wire takes no more. Nothing is made faster than it is taken: a full wire stops the engine, and
too many events waiting stop the reading.
"""

import asyncio
import math
import random
from collections import deque
from typing import Final

import msgspec

from relay.simulator import config, translation
from relay.simulator.admission import Admitted, Rejected
from relay.simulator.engine import Engine
from relay.simulator.errors import Json, Refused, kind_of
from relay.simulator.faults import Kind, of_kind
from relay.simulator.lobby import Lobby
from relay.simulator.sabotage import Outlet, Sabotage
from relay.simulator.translation import Translator
from relay.simulator.upgrade import Accept

MAX_WAITING: Final = 1_000
"""Events waiting for the wire before reading stops."""


class Driver:
    """Moves one session along."""

    def __init__(self, wire: Outlet, lobby: Lobby, dice: random.Random, accept: Accept) -> None:
        self._wire = wire
        self._lobby = lobby
        self._loop = asyncio.get_running_loop()
        self._sabotage = Sabotage(wire, accept.faults, self.pump)
        self._waiting: deque[tuple[float, Json]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._reading = True
        self._over = False
        self._closing: tuple[int, str] | None = None
        self._rejected: Rejected | None = None
        self._engine: Engine | Translator | None = None
        if isinstance(accept.admission, Rejected):
            self._rejected = accept.admission
            return
        self._engine = self._opened(accept.admission, dice)
        if (fail := of_kind(accept.faults, Kind.FAIL)) is not None and isinstance(self._engine, Engine):
            words = f"The simulator was told to fail with {fail.word}."
            failure = Refused(fail.word, words, kind=kind_of(fail.word)).body()
            self._engine.fail_responses({name: failure[name] for name in ("type", "code", "message")})

    def _opened(self, admitted: Admitted, dice: random.Random) -> Engine | Translator:
        lobby = self._lobby
        settings = lobby.settings
        session_id = lobby.ids.new("sess")
        expires_at = int(lobby.wall() + settings.session_seconds)
        engine: Engine | Translator
        if admitted.kind == "translation":
            session = translation.born(session_id, admitted.model, expires_at)
            engine = Translator(settings, dice, translation.updated(session, admitted.session, settings))
        else:
            session = config.born(settings, admitted.kind, session_id, admitted.model, expires_at)
            if admitted.session:
                session = config.updated(session, admitted.session, settings, spoke=False)
            engine = Engine(settings, dice, session, sideband=admitted.sideband)
        self._wire.record.began(engine)
        return engine

    def start(self) -> None:
        """Open the session, or say why not."""
        now = self._loop.time()
        self._sabotage.strike()
        if self._rejected is not None:
            body = self._rejected.refusal.body()
            event_id = self._lobby.ids.new("event")
            self._queue([{"type": "error", "event_id": event_id, "error": body}], now)
            self._closing = (self._rejected.close_code, self._rejected.close_reason)
        if self._engine is not None:
            self._queue(self._engine.start(now), now)
        self.pump()

    def received(self, message: bytes, *, text: bool) -> None:
        """Take one message of the client's."""
        if self._engine is None or self._closing is not None:
            return
        now = self._loop.time()
        self._queue(self._engine.receive(message, now, text=text), now)
        self.pump()

    def stop(self) -> None:
        """Take note that the connection is gone."""
        self._over = True
        self._waiting.clear()
        self._sabotage.stop()
        self._disarm()

    def pump(self) -> None:
        """Send all that is due and that the wire takes; arm the timer for the rest."""
        while not (self._over or self._sabotage.held or self._wire.congested):
            now = self._loop.time()
            if self._sabotage.closing is not None:
                self._close(self._sabotage.closing)
            elif self._sabotage.flooding:
                self._sabotage.pour()
                if self._sabotage.flooding:
                    break
            elif self._waiting and self._waiting[0][0] <= now:
                self._send(self._waiting.popleft()[1])
            elif not self._waiting and self._closing is not None:
                self._close(self._closing)
            elif self._engine_is_due(now):
                self._tick(now)
            else:
                break
        self._rest()

    def _engine_is_due(self, now: float) -> bool:
        return self._engine is not None and not self._waiting and self._engine.deadline <= now

    def _tick(self, now: float) -> None:
        assert self._engine is not None
        self._queue(self._engine.tick(now), now)
        self._closing = self._engine.closing

    def _queue(self, events: list[Json], now: float) -> None:
        due = now + self._sabotage.delay
        self._waiting.extend((due, event) for event in events)

    def _send(self, event: Json) -> None:
        if self._sabotage.silent:
            return
        self._wire.record.sent[event["type"]] += 1
        self._sabotage.send(msgspec.json.encode(event))

    def _close(self, why: tuple[int, str]) -> None:
        self._over = True
        self._wire.send_close(*why)

    def _rest(self) -> None:
        """Wait for what comes next, and read only while not too much waits."""
        self._disarm()
        if self._over or self._sabotage.held:
            return
        full = len(self._waiting) >= MAX_WAITING or (self._engine is not None and self._engine.full)
        reading = not self._sabotage.deaf and not full
        if reading is not self._reading:
            self._reading = reading
            self._wire.read(on=reading)
        if self._wire.congested or self._sabotage.flooding:
            return
        due = math.inf
        if self._waiting:
            due = self._waiting[0][0]
        elif self._engine is not None:
            due = self._engine.deadline
        if due != math.inf:
            self._timer = self._loop.call_at(due, self.pump)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
