"""The walk reads what is right, blames what is wrong, and goes on past it."""

import pytest

from relay.settings.addresses import ID
from relay.settings.forms import Listing, Pairs, whole
from relay.settings.problems import Findings
from relay.settings.sources import World
from relay.settings.tables import Key, NamedTables, Table, Tables, Values, Walk

INNER = Table(about="", keys={"size": Key(shape=whole(1), about="")})
OUTER = Table(
    about="",
    keys={
        "size": Key(shape=whole(1), about="", required=True),
        "sizes": Key(shape=Listing(of=whole(1), into=frozenset), about="", required=True),
        "pairs": Key(shape=Pairs(key=ID, of=whole(1)), about=""),
        "inner": Key(shape=INNER, about=""),
        "many": Key(shape=Tables(of=INNER), about=""),
        "named": Key(shape=NamedTables(name=ID, of=INNER), about=""),
    },
)


def walk(raw: dict[str, object]) -> tuple[Values, list[str]]:
    findings = Findings("f.toml", {})
    values = Walk(findings, World({}, str), {"elsewhere": "[other]"}).table(raw, OUTER, ())
    return values, [problem.text() for problem in findings.problems().all]


def test_what_is_right_is_read_in_its_shape() -> None:
    raw: dict[str, object] = {
        "size": 1,
        "sizes": [1, 2, 2],
        "pairs": {"a": 1},
        "inner": {"size": 3},
        "many": [{"size": 4}, {}],
        "named": {"x": {"size": 5}},
    }
    values, said = walk(raw)
    assert said == []
    assert values == {**raw, "sizes": frozenset({1, 2})}


def test_what_is_wrong_is_absent_and_the_rest_is_read() -> None:
    values, said = walk(
        {
            "size": 0,
            "sizes": [1, "x"],
            "pairs": {"a": 1, "b": 0, "c d": 2},
            "inner": {"size": 0, "x": 1},
            "many": [{"size": 0}, 7, {"size": 4}],
            "named": {"x": {"size": 0}, "y": 1},
            "elsewhere": 1,
        }
    )
    assert values == {
        "sizes": frozenset({1, None}),
        "pairs": {"a": 1, "b": None},
        "inner": {},
        "many": [{}, {}, {"size": 4}],
        "named": {"x": {}, "y": {}},
    }
    assert len(said) == 11
    assert "f.toml: elsewhere: unknown key; it belongs in [other]" in said


def test_what_is_missing_is_told_with_what_it_should_be() -> None:
    values, said = walk({})
    assert values == {}
    assert said == ["f.toml: size: is missing; must be an integer of at least 1", "f.toml: sizes: is missing"]


@pytest.mark.parametrize("key", ["sizes", "pairs", "inner", "many", "named"])
def test_a_shape_is_not_another(key: str) -> None:
    values, said = walk({"size": 1, "sizes": [], key: "x"})
    assert key not in values
    assert len(said) == 1
    assert said[0].startswith(f"f.toml: {key}: is a string; must be ")
