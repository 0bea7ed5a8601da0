from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.usage import Allowance, Tally, pieces, usage

tallies = st.builds(Tally, st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 9999))


@given(st.text(max_size=200))
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(tallies, tallies)
def test_no_more_is_cached_than_there_is(given_: Tally, seen: Tally) -> None:
    cached = given_.cached(seen)
    for kind in ("text", "audio", "image"):
        assert 0 <= getattr(cached, kind) <= min(getattr(given_, kind), getattr(seen, kind))
        assert getattr(cached, kind) % 64 == 0


@given(tallies, tallies)
def test_the_parts_add_up(given_: Tally, spoken: Tally) -> None:
    spoken = Tally(spoken.text, spoken.audio)
    shown = usage(given_, Tally(), spoken)
    assert shown["total_tokens"] == shown["input_tokens"] + shown["output_tokens"]
    assert shown["output_tokens"] == sum(shown["output_token_details"].values())


def test_an_allowance_refills_within_the_minute() -> None:
    allowance = Allowance(600)
    allowance.spend(300, now=0)
    assert allowance.report(now=0)[0] == {
        "name": "tokens",
        "limit": 600,
        "remaining": 300,
        "reset_seconds": 30.0,
    }
    assert allowance.report(now=15)[0]["remaining"] == 450
    allowance.spend(10_000, now=15)
    assert allowance.report(now=15)[0]["remaining"] == 0
    assert allowance.report(now=75)[0]["remaining"] == 600
