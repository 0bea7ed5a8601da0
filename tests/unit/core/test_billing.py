"""Entries add up by model and day, each once; what is not confirmed is kept, and merged past a bound."""

import msgspec
import pytest

from relay.core import billing
from relay.core.billing import BATCH, KEPT_DAYS, Backlog, Book, Entry, UsageRow
from relay.core.usage import NO_USAGE, Usage
from relay.core.words import SECONDS_PER_DAY, TenantId

ACME, OTHER_CO = TenantId("acme"), TenantId("other-co")
DAY = SECONDS_PER_DAY
NOON = 20_000 * DAY + DAY / 2


def entry(name: str, tokens: int = 1, at: float = NOON, model: str = "m", tenant: TenantId = ACME) -> Entry:
    return Entry(
        id=name,
        tenant=tenant,
        model=model,
        at=at,
        responses=1,
        usage=Usage(text_in=tokens),
        micro_usd=tokens * 10,
    )


def test_a_book_adds_up_by_tenant_day_and_model() -> None:
    book = Book()
    for number, (tokens, at, model) in enumerate([(1, NOON, "b"), (2, NOON + DAY, "a"), (4, NOON + DAY, "a")]):
        assert book.add(entry(str(number), tokens, at, model))
    book.add(entry("0", 8, tenant=OTHER_CO))
    assert book.total(ACME) == (Usage(text_in=7), 70)
    assert book.rows(ACME, NOON + 1) == (
        UsageRow(model="b", day=20_000, responses=1, usage=Usage(text_in=1), micro_usd=10),
        UsageRow(model="a", day=20_001, responses=2, usage=Usage(text_in=6), micro_usd=60),
    )
    assert [row.day for row in book.rows(ACME, NOON + DAY)] == [20_001]


def test_a_book_counts_an_id_once() -> None:
    book = Book()
    assert book.add(entry("one"))
    assert not book.add(entry("one"))
    assert book.total(ACME) == (Usage(text_in=1), 10)


def test_a_book_knows_the_last_ids_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "WAITING", 2)
    book = Book()
    for name in ("one", "two", "three"):
        book.add(entry(name))
    assert book.add(entry("one"))
    assert not book.add(entry("three"))


def test_a_book_keeps_the_last_days_only() -> None:
    book = Book()
    book.add(entry("one"))
    book.add(entry("two", at=NOON + (KEPT_DAYS - 1) * DAY))
    assert len(book.rows(ACME, 0)) == 2
    book.add(entry("three", at=NOON + KEPT_DAYS * DAY))
    assert [row.day for row in book.rows(ACME, 0)] == [20_000 + KEPT_DAYS - 1, 20_000 + KEPT_DAYS]
    assert book.total(ACME) == (Usage(text_in=3), 30)


def test_who_is_not_in_the_book_used_nothing() -> None:
    assert Book().total(ACME) == (NO_USAGE, 0)
    assert Book().rows(ACME, 0) == ()


def test_a_backlog_sends_the_oldest_first_and_again_until_they_are_confirmed() -> None:
    backlog = Backlog("w")
    names = [str(number) for number in range(BATCH + 1)]
    for name in names:
        backlog.add(entry(name))
    first = backlog.batch()
    assert [sent.id for sent in first] == names[:BATCH]
    backlog.add(entry("late"))
    assert backlog.batch() == first
    backlog.confirmed()
    assert [sent.id for sent in backlog.batch()] == [names[BATCH], "late"]
    backlog.confirmed()
    assert backlog.batch() == ()
    assert len(backlog) == 0


def test_a_backlog_keeps_an_entry_once_waiting_or_under_way() -> None:
    backlog = Backlog("w")
    backlog.add(entry("one"))
    backlog.add(entry("one"))
    backlog.batch()
    backlog.add(entry("one"))
    assert len(backlog) == 1


def test_past_the_bound_the_oldest_are_merged_by_tenant_model_and_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "WAITING", 1)
    backlog = Backlog("w")
    for number, (at, model, tenant) in enumerate(
        [
            (NOON, "m", ACME),
            (NOON + 3599, "m", ACME),
            (NOON + 3600, "m", ACME),
            (NOON, "n", ACME),
            (NOON, "m", OTHER_CO),
            (NOON, "m", ACME),
        ]
    ):
        backlog.add(entry(str(number), 1 << number, at, model, tenant))
    assert len(backlog) == 5
    sent = backlog.batch()
    assert [(one.id, one.responses, one.usage.text_in, one.micro_usd) for one in sent] == [
        ("merged:w:1", 2, 1 + 2, 30),
        ("merged:w:2", 1, 4, 40),
        ("merged:w:3", 1, 8, 80),
        ("merged:w:4", 1, 16, 160),
        ("5", 1, 32, 320),
    ]


def test_what_is_under_way_is_not_merged_and_a_merged_one_that_is_gets_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(billing, "WAITING", 1)
    backlog = Backlog("w")
    for name in ("one", "two"):
        backlog.add(entry(name))
    first = backlog.batch()
    assert [sent.id for sent in first] == ["merged:w:1", "two"]
    for name in ("three", "four"):
        backlog.add(entry(name))
    assert backlog.batch() == first
    backlog.confirmed()
    assert [sent.id for sent in backlog.batch()] == ["merged:w:2", "four"]


def test_nothing_is_lost_or_counted_twice_by_waiting_and_merging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "WAITING", 3)
    monkeypatch.setattr(billing, "BATCH", 2)
    backlog, book = Backlog("w"), Book()
    for number in range(50):
        backlog.add(entry(f"r{number}", number, NOON + 600 * number))
        if number % 3 == 0:
            for sent in backlog.batch():
                book.add(sent)
        if number % 6 == 0:
            backlog.confirmed()
    while sent_last := backlog.batch():
        for sent in sent_last:
            book.add(sent)
        backlog.confirmed()
    assert book.total(ACME)[0].text_in == sum(range(50))
    assert sum(row.responses for row in book.rows(ACME, 0)) == 50


def test_an_entry_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        entry("one").id = "two"  # type: ignore[misc]
    assert msgspec.structs.asdict(entry("one"))["tenant"] == ACME
