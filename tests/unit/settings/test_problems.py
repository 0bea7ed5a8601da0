"""A problem is told in one line, with its place and its remedy; misspellings find what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.settings.problems import Findings, Problem, Severity, did_you_mean, nearest, written


def problem(severity: Severity = Severity.ERROR, line: int = 3, key: str = "a.b") -> Problem:
    return Problem(
        severity=severity, file="f.toml", line=line, key=key, wrong="is 0", allowed="1", hint="try 1"
    )


def test_a_problem_is_one_line() -> None:
    assert problem().text() == "f.toml:3: a.b: is 0; must be 1; try 1"


def test_a_warning_says_that_it_is_one() -> None:
    assert problem(Severity.WARNING).text() == "f.toml:3: warning: a.b: is 0; must be 1; try 1"


def test_a_problem_of_the_whole_file_has_no_line() -> None:
    assert problem(line=0, key="").text() == "f.toml: is 0; must be 1; try 1"


def test_problems_come_in_the_order_of_the_file() -> None:
    findings = Findings("f.toml", {("b",): 2, ("a",): 7})
    findings.error(("a",), "wrong")
    findings.warning(("b",), "doubtful")
    found = findings.problems()
    assert [one.line for one in found.all] == [2, 7]
    assert [one.key for one in found.errors] == ["a"]
    assert [one.key for one in found.warnings] == ["b"]
    assert found.text() == "f.toml:2: warning: b: doubtful\nf.toml:7: a: wrong"


def test_what_is_missing_has_the_line_of_what_it_is_missing_from() -> None:
    findings = Findings("f.toml", {("t", 0): 4})
    assert findings.line(("t", 0, "id")) == 4
    assert findings.line(("u",)) == 0


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("tenants", 0, "keys", 1), "tenants[0].keys[1]"),
        (("models", "aliases", "gpt-4.1"), 'models.aliases."gpt-4.1"'),
        (("", "a"), '"".a'),
        (('"',), '"\\""'),
        (("é\n",), '"é\\n"'),
    ],
)
def test_a_path_is_written_as_an_operator_would(path: tuple[str | int, ...], text: str) -> None:
    assert written(path) == text


def test_a_misspelling_is_asked_about() -> None:
    assert did_you_mean("chunk_byte", ["chunk_bytes", "patience"]) == 'did you mean "chunk_bytes"?'
    assert did_you_mean("CHUNK-BYTES", ["chunk_bytes"]) == 'did you mean "chunk_bytes"?'
    assert did_you_mean("zzz", ["chunk_bytes"]) == ""
    assert did_you_mean("zzz", []) == ""


@given(st.text(), st.lists(st.text()))
def test_the_nearest_name_is_a_known_one(name: str, known: list[str]) -> None:
    assert nearest(name, known) in {None, *known}
