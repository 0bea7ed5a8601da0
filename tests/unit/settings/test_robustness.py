"""Nothing that a file holds makes the reading raise: it is refused, with something to say."""

from pathlib import Path

import tomlkit
from hypothesis import example, given
from hypothesis import strategies as st

from relay.settings import Problems, load
from relay.settings.schema import FILE_TABLE

COMMENTED = (Path(__file__).parents[3] / "deploy" / "examples" / "relay.toml").read_text(encoding="utf-8")

VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.just("unlimited"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "keys", "url", "plan", "1", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*FILE_TABLE.keys, "x"]), VALUES, max_size=5))
@example({"upstreams": [], "tenants": [{"keys": [True]}]})
def test_no_data_makes_it_raise(data: dict[str, object]) -> None:
    outcome = load(tomlkit.dumps(data), environ={})
    assert isinstance(outcome, Problems), "there is always an upstream to miss"
    assert outcome.errors
    assert all(problem.line >= 0 and problem.text() for problem in outcome.all)


@given(st.text())
@example("\ufeff[listen]")
@example("a = 1e400\n")
@example("\x00")
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(load(text, environ={}), Problems)


@given(st.data())
def test_no_slip_of_the_hand_makes_it_raise(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(COMMENTED)))
    end = data.draw(st.integers(start, min(len(COMMENTED), start + 40)))
    inserted = data.draw(st.text(st.sampled_from("[]{}=\"'.,#\n \\1a"), max_size=5))
    outcome = load(COMMENTED[:start] + inserted + COMMENTED[end:], environ={})
    assert isinstance(outcome, Problems), "its secrets are not set"
