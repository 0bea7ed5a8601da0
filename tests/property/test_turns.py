"""What is kept of responses is bounded and let go, whatever order an upstream tells of them in."""

from hypothesis import given
from hypothesis import strategies as st

from relay.core.actions import Moment
from relay.core.turns import MAX_OPEN, Turns

ids = st.sampled_from([f"r{number}" for number in range(5)])
steps = st.lists(
    st.tuples(
        st.sampled_from(["asked", "unasked", "created", "refuse", "done", "token", "audio"]),
        ids | st.integers(0, 500).map(str),
        st.integers(1, 100),
    ),
    max_size=60,
)


class Told:
    """Turns, and how many responses they ought to be waiting for."""

    def __init__(self) -> None:
        self.turns, self.now, self.waiting = Turns(), 0.0, 0

    def tell(self, step: str, response_id: str, times: int) -> None:
        self.now += 0.1  # in all less than an asked-for response may take to begin
        match step:
            case "asked":
                for _ in range(times):
                    self.turns.asked(self.now)
                self.waiting = min(MAX_OPEN, self.waiting + times)
            case "unasked":
                self.turns.unasked()
                self.waiting = max(0, self.waiting - 1)
            case "created":
                self.create([f"{response_id}.{at % 3 or at}" for at in range(times)])
            case "refuse":
                for at in range(times):
                    self.turns.refuse(f"{response_id}.{at}", {"code": "no"})
            case "done":
                self.turns.done(f"{response_id}.0")
            case _:
                self.time(Moment.FIRST_TOKEN if step == "token" else Moment.FIRST_AUDIO)

    def create(self, response_ids: list[str]) -> None:
        for response_id in response_ids:
            assert self.turns.created(response_id, self.now) == (self.waiting > 0)
            self.waiting = max(0, self.waiting - 1)

    def time(self, moment: Moment) -> None:
        timed = self.turns.delta(moment, self.now)
        assert len(timed) <= 2
        assert all(seconds >= 0 for _, seconds in timed)

    def holds(self) -> None:
        turns = self.turns
        assert len(turns._asked) == self.waiting
        assert len(turns._open) <= MAX_OPEN
        assert len(turns.refused) <= MAX_OPEN
        assert turns._untimed == sum(not response.audio_seen for response in turns._open.values())
        assert turns.timing == bool(turns._untimed)


@given(steps)
def test_turns_stay_bounded_and_count_what_they_keep(steps: list[tuple[str, str, int]]) -> None:
    told = Told()
    for step in steps:
        told.tell(*step)
        told.holds()
    turns = told.turns
    for response_id in [*turns._open, *turns.refused]:
        turns.done(response_id)
    assert not turns.timing
    assert not turns.refused
    assert turns.delta(Moment.FIRST_AUDIO, told.now) == []
