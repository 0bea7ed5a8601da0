from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.faults import BadFault, Fault, FaultBook, Kind, grammar, of_kind, parse


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("refuse:503", Fault(kind=Kind.REFUSE, code=503)),
        ("refuse:429:1.5", Fault(kind=Kind.REFUSE, code=429, seconds=1.5)),
        ("handshake:2", Fault(kind=Kind.HANDSHAKE, seconds=2)),
        ("reject:invalid_api_key", Fault(kind=Kind.REJECT, word="invalid_api_key")),
        ("reject:server_error:1013", Fault(kind=Kind.REJECT, word="server_error", code=1013)),
        ("silent", Fault(kind=Kind.SILENT)),
        ("silent@3", Fault(kind=Kind.SILENT, after=3)),
        ("drop", Fault(kind=Kind.DROP, after=1)),
        ("drop:5", Fault(kind=Kind.DROP, after=5)),
        ("drop:fin@5", Fault(kind=Kind.DROP, after=5, word="fin")),
        ("drop:5:fin", Fault(kind=Kind.DROP, after=5, word="fin")),
        ("close:1011", Fault(kind=Kind.CLOSE, after=1, code=1011)),
        ("close:4000:a: b@0", Fault(kind=Kind.CLOSE, code=4000, word="a: b")),
        ("stall:0.5@2", Fault(kind=Kind.STALL, after=2, seconds=0.5)),
        ("mangle:utf8", Fault(kind=Kind.MANGLE, after=1, word="utf8")),
        ("flood:10:2000", Fault(kind=Kind.FLOOD, after=1, count=10, size=2000)),
        ("fail:insufficient_quota", Fault(kind=Kind.FAIL, word="insufficient_quota")),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert parse(text) == (fault,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("explode", "'explode' is no fault; there are refuse,"),
        ("refuse", "the form is refuse:STATUS[:RETRY_AFTER]"),
        ("refuse:200", "from 300 to 599"),
        ("refuse:5xx", "from 300 to 599"),
        ("refuse:503:1:2", "too many arguments"),
        ("close:1005", "may not be sent"),
        ("close:1011:" + "x" * 124, "over 123 bytes"),
        ("drop:sideways", "none of rst, fin"),
        ("mangle:xml", "none of json, utf8, frame"),
        ("stall:nan", "no number of seconds"),
        ("stall:-1", "no number of seconds"),
        ("delay:1e9", "no number of seconds"),
        ("flood:0:1", "from 1 to"),
        ("silent@soon", "no whole number"),
        ("silent,,silent", "'' is no fault"),
    ],
)
def test_a_text_that_is_no_fault_is_told_why(text: str, says: str) -> None:
    with pytest.raises(BadFault) as caught:
        parse(text)
    assert says in str(caught.value)


@given(st.text(alphabet="refusedropcl:@,0123456789 .-", max_size=30))
def test_any_text_is_a_fault_or_a_bad_fault(text: str) -> None:
    try:
        faults = parse(text)
    except BadFault:
        return
    assert all(fault.after >= 0 for fault in faults)


def test_several_are_separated_by_commas_and_none_is_fine() -> None:
    assert [fault.kind for fault in parse("delay:1, drop:5")] == [Kind.DELAY, Kind.DROP]
    assert parse("") == ()


def test_the_grammar_has_a_line_for_every_fault() -> None:
    assert [line.split()[0] for line in grammar().splitlines()] == [kind.label + kind.form for kind in Kind]


def test_a_book_gives_to_so_many_sessions_and_then_no_more() -> None:
    book = FaultBook()
    book.add("delay:1")
    book.add("drop", sessions=1)
    assert [fault.kind for fault in book.take()] == [Kind.DELAY, Kind.DROP]
    assert [fault.kind for fault in book.take()] == [Kind.DELAY]
    book.clear()
    assert book.take() == ()


def test_a_bad_fault_is_not_laid_down() -> None:
    book = FaultBook()
    with pytest.raises(BadFault):
        book.add("explode")
    assert book.orders == []


def test_a_kind_is_found_among_faults() -> None:
    assert of_kind(parse("delay:1,drop"), Kind.DROP) == Fault(kind=Kind.DROP, after=1)
    assert of_kind((), Kind.DROP) is None


def test_the_documentation_has_the_table_that_runs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
    for kind in Kind:
        form = (kind.label + kind.form).replace("|", "\\|")
        assert f"| `{form}` | {kind.after} | {kind.does} |" in page
