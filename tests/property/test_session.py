"""The laws of a session, whatever its two sides do, in whatever order, on a clock that only goes forward."""

import json
from math import inf
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relay.core.actions import (
    FORWARD,
    Abort,
    Action,
    Actions,
    Close,
    Finish,
    Forward,
    Hangup,
    Look,
    Observe,
    Pause,
    Ping,
    Pong,
    Rehead,
    Resume,
    Send,
    Spend,
)
from relay.core.allowance import Allowance
from relay.core.dialects.dialect import ClientSpeech
from relay.core.dialects.spoken import by_client
from relay.core.parting import wire_code
from relay.core.refusals import Reason
from relay.core.session import Session
from relay.core.tenants import AUDIO_BURST, BYTES_BURST
from relay.core.turns import Turns
from relay.core.words import OTHER, Side
from tests.property.messages import client_messages, upstream_messages
from tests.unit.core.gates import append, downlink, plan, uplink, wire

LIMITS = plan(
    session_seconds=200,
    idle_seconds=60,
    chunk_bytes=3000,
    audio_seconds_per_second=0.01,
    bytes_per_second=1000.0,
    events_per_second=2,
    responses_per_minute=3,
    tokens_per_minute=500,
    tokens_per_day=900,
    patience=5,
)
"""So tight that a few steps run into every one of them."""
STEPS_TO_THE_END = 300
"""Alarms that a session left alone may take: 200 s of age, and a look or a ping each second at most."""

sides = st.sampled_from(Side)
rarely = st.integers(0, 9)
"""Ends are rare, or no session would live long enough to meet anything else. Zero is the time."""


class SessionMachine(RuleBasedStateMachine):
    """Two peers who do anything at all, and an edge that does what it is told."""

    @initialize(speech=st.sampled_from(get_args(ClientSpeech)))
    def start(self, speech: ClientSpeech) -> None:
        client = by_client(speech, transcription=False)
        self.now = 1000.0
        turns, self.allowance = Turns(), Allowance(LIMITS)
        self.up = uplink(
            LIMITS, asked="gpt-x", served="real", turns=turns, allowance=self.allowance, client=client
        )
        self.down = downlink(
            LIMITS,
            asked="gpt-x",
            served="real",
            turns=turns,
            allowance=self.allowance,
            set_input_format=self.up.set_format,
            client=client,
        )
        self.session = Session(
            plan=LIMITS, uplink=self.up, downlink=self.down, event_id=self.up.event_id, now=self.now
        )
        self.seen: list[Action] = []
        self.paused: set[Side] = set()
        self.closed: set[Side] = set()
        """Who was sent a close frame."""
        self.cut: set[Side] = set()
        """Who was hung up on, or cut off."""
        self.gone: set[Side] = set()
        self.full: set[Side] = set()
        self.buffered = [0, 0]
        self.handed = [0, 0]
        self.spent = 0
        self.in_debt_until = -inf

    # --- the edge -----------------------------------------------------------------------------------

    def do(self, actions: Actions, origin: Side | None = None) -> None:
        for action in actions:
            assert not self.finished, "Finish is the last"
            self.seen.append(action)
            self.carry_out(action, origin)

    def carry_out(self, action: Action, origin: Side | None) -> None:  # noqa: C901, PLR0912 - one match over a closed set
        match action:
            case Forward():
                assert origin is not None, "only a message in hand is forwarded"
                self.may_be_sent_to(OTHER[origin])
            case Rehead(head, _):
                assert origin is Side.UPSTREAM, "only a delta in hand is renamed"
                assert head.startswith(b'{"type"')
                self.may_be_sent_to(Side.CLIENT)
            case Send(side, data):
                self.may_be_sent_to(side)
                assert isinstance(json.loads(data)["type"], str)
            case Ping(side):
                self.may_be_sent_to(side)
            case Pause(side):
                assert side not in self.paused, "pauses and resumes alternate"
                self.paused.add(side)
            case Resume(side):
                assert side in self.paused, "pauses and resumes alternate"
                self.paused.remove(side)
            case Look(side):
                assert side in self.full or self.session.reason is not None, "only a full buffer is looked at"
                self.do(self.session.looked(side, self.buffered[side], self.now))
            case Close(side, code, reason):
                assert side not in self.closed, "nobody is told to close twice"
                assert side not in self.gone, "nobody who is gone is told to close"
                assert wire_code(code) == code
                assert len(reason) <= 123
                self.closed.add(side)
            case Hangup(side):
                assert side in self.closed, "a close frame is answered before the connection ends"
                self.cut.add(side)
            case Abort(side):
                assert Abort(side) not in self.seen[:-1], "nobody is cut off twice"
                assert side not in self.gone
                self.cut.add(side)
            case Spend(_, usage, _):
                self.spent += usage.tokens
            case Observe(_, seconds):
                assert seconds >= 0
            case Pong() | Finish():
                pass

    def may_be_sent_to(self, side: Side) -> None:
        assert side not in self.closed, "nobody is sent anything after the close frame"
        assert side not in self.cut | self.gone

    @property
    def finished(self) -> bool:
        return bool(self.seen) and isinstance(self.seen[-1], Finish)

    # --- what happens -------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.5, 1.0, 4.0, 10.0, 25.0]) | st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.session.deadline <= until:
            self.now = max(self.now, self.session.deadline)
            self.do(self.session.tick(self.now))
        self.now = until

    @rule(seconds=st.sampled_from([11.0, 25.0, 40.0]) | st.floats(0, 40))
    def oversleep(self, seconds: float) -> None:
        """The event loop was busy: every alarm since goes off in one tick."""
        self.now += seconds
        self.do(self.session.tick(self.now))

    @precondition(lambda self: Side.CLIENT not in self.gone)
    @rule(message=client_messages, is_text=st.integers(0, 9))
    def client_says(self, message: memoryview, is_text: int) -> None:
        self.says(Side.CLIENT, message, is_text > 0)

    @precondition(lambda self: Side.UPSTREAM not in self.gone)
    @rule(message=upstream_messages, is_text=st.integers(0, 9))
    def upstream_says(self, message: memoryview, is_text: int) -> None:
        self.says(Side.UPSTREAM, message, is_text > 0)

    def says(self, side: Side, message: memoryview, is_text: bool) -> None:
        deadline = self.session.deadline
        self.handed[side] += self.session.reason is None
        tell = self.session.upstream_message if side else self.session.client_message
        actions = tell(message, is_text, self.now)
        assert actions is not FORWARD or self.session.deadline == deadline, "FORWARD moves no deadline"
        self.do(actions, side)
        if side is Side.CLIENT and self.up.wait > 0:
            self.in_debt_until = max(self.in_debt_until, self.now + self.up.wait)

    @precondition(lambda self: Side.CLIENT not in self.gone)
    @rule()
    def client_bursts(self) -> None:
        """Spend what may come at once, so that pacing begins: first a long debt, then a shorter one."""
        self.up._pace.spend(BYTES_BURST, self.now)
        self.up._audio.spend(AUDIO_BURST, self.now)
        self.says(Side.CLIENT, append("A" * 3000), is_text=True)
        self.says(Side.CLIENT, wire({"type": "response.cancel"}), is_text=True)

    @rule(side=sides, times=st.sampled_from([1, 1, 1, 1, 1, 70]))
    def ping(self, side: Side, times: int) -> None:
        for _ in range(times):
            if side not in self.gone:
                self.do(self.session.pinged(side, self.now))

    @rule(side=sides)
    def hear(self, side: Side) -> None:
        if side not in self.gone:
            self.do(self.session.heard(side, self.now))

    @rule(side=sides, size=st.integers(1, 1000))
    def congest(self, side: Side, size: int) -> None:
        if side not in self.full | self.gone:
            self.full.add(side)
            self.buffered[side] = size
            self.do(self.session.congested(side, size, self.now))

    @rule(side=sides, taken=st.integers(1, 300))
    def drain(self, side: Side, taken: int) -> None:
        self.buffered[side] = max(0, self.buffered[side] - taken)
        if side in self.full and not self.buffered[side]:
            self.full.remove(side)
            self.do(self.session.relieved(side, self.now))

    @rule(side=sides, size=st.integers(0, 1000))
    def look_unasked(self, side: Side, size: int) -> None:
        self.do(self.session.looked(side, size, self.now) if self.session.deadline < inf else ())

    @rule(
        dice=rarely,
        side=sides,
        code=st.integers(999, 1016) | st.integers(2999, 5000),
        reason=st.text(max_size=150),
    )
    def close(self, dice: int, side: Side, code: int, reason: str) -> None:
        if not dice and side not in self.gone:
            self.do(self.session.closed(side, code, reason, self.now))

    @rule(dice=rarely, side=sides, reason=st.sampled_from([Reason.PROTOCOL_ERROR, Reason.MESSAGE_TOO_BIG]))
    def break_the_protocol(self, dice: int, side: Side, reason: Reason) -> None:
        if not dice and side not in self.gone:
            self.do(self.session.broken(side, reason, self.now))

    @rule(dice=rarely, side=sides)
    def leave(self, dice: int, side: Side) -> None:
        if not dice and side not in self.gone:
            self.gone.add(side)
            self.do(self.session.left(side, self.now))

    @rule(dice=rarely, reason=st.sampled_from([Reason.DRAINING, Reason.KEY_REVOKED, Reason.INTERNAL]))
    def end(self, dice: int, reason: Reason) -> None:
        if dice:
            return
        before = self.session.reason
        self.do(self.session.end(reason, self.now))
        assert self.session.reason is (before or reason), "the first cause wins"

    # --- what must hold -----------------------------------------------------------------------------

    @invariant()
    def only_a_finished_session_waits_for_nothing(self) -> None:
        assert self.finished == (self.session.deadline == inf)

    @invariant()
    def a_session_that_ends_has_one_reason_and_whoever_is_there_knows(self) -> None:
        if self.session.reason is None:
            assert not self.closed | self.cut
            return
        assert self.closed | self.gone | self.cut == set(Side)
        if self.finished:
            last = self.seen[-1]
            assert isinstance(last, Finish)
            assert last.reason is self.session.reason
            assert self.cut | self.gone == set(Side)

    @invariant()
    def a_full_buffer_stops_the_other_side_and_nothing_else_but_pace_does(self) -> None:
        if self.session.reason is None:
            for side in Side:
                assert OTHER[side] in self.paused or side not in self.full
            assert Side.UPSTREAM not in self.paused or Side.CLIENT in self.full
        else:
            assert not self.paused - self.gone, "whoever is there is read again, for its close frame"

    @invariant()
    def a_client_in_debt_is_not_read(self) -> None:
        if self.session.reason is None and self.now < self.in_debt_until:
            assert Side.CLIENT in self.paused

    @invariant()
    def every_message_is_counted_once(self) -> None:
        assert [sum(self.up.counts), sum(self.down.counts)] == self.handed

    @invariant()
    def what_is_billed_is_what_was_told(self) -> None:
        assert self.down.usage.tokens == self.spent == self.allowance.spent_today(self.now + self.up._epoch)[0]

    def teardown(self) -> None:
        """Left alone, every session ends."""
        for _ in range(STEPS_TO_THE_END):
            if self.session.deadline == inf:
                break
            self.now = max(self.now, self.session.deadline)
            self.do(self.session.tick(self.now))
        assert self.finished


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=4 * settings().max_examples)
