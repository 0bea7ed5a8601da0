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


@given(steps)
def test_turns_stay_bounded_and_count_what_they_keep(told: list[tuple[str, str, int]]) -> None:
    turns, now, waiting, seen = Turns(), 0.0, 0, 0
    for step, response_id, times in told:
        now += 1
        match step:
            case "asked":
                for _ in range(times):
                    turns.asked(now)
                waiting = min(MAX_OPEN, waiting + times)
            case "unasked":
                turns.unasked()
                waiting = max(0, waiting - 1)
            case "created":
                for at in range(times):
                    assert turns.created(f"{response_id}.{at % 3 or at}", now) == (waiting > 0)
                    waiting = max(0, waiting - 1)
            case "refuse":
                for at in range(times):
                    turns.refuse(f"{response_id}.{at}", {"code": "no"})
            case "done":
                turns.done(f"{response_id}.0")
            case _:
                moment = Moment.FIRST_TOKEN if step == "token" else Moment.FIRST_AUDIO
                timed = turns.delta(moment, now)
                assert len(timed) <= 2
                assert all(seconds >= 0 for _, seconds in timed)
                seen += len(timed)
        assert len(turns._asked) == waiting
        assert len(turns._open) <= MAX_OPEN
        assert len(turns.refused) <= MAX_OPEN
        assert turns._untimed == sum(not response.audio_seen for response in turns._open.values())
        assert turns.timing == bool(turns._untimed)
    for response_id in [*turns._open, *turns.refused]:
        turns.done(response_id)
    assert not turns.timing
    assert not turns.refused
    assert turns.delta(Moment.FIRST_AUDIO, now) == []
