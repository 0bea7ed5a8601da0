"""docs/refusals.md holds every refusal and every reason, as the enums have them today.

Refresh it with: python -m tests.unit.docs.test_refusals_page
"""

from relay.core.refusals import Reason, Refusal
from tests.unit.docs.pages import DOCS, Row, read, rewrite, rows

PAGE = DOCS / "refusals.md"
REFUSALS = ("refusal", "HTTP status", "`error.type`", "`error.code`", "then", "what the client should do")
REASONS = ("reason", "close code", "`error` event before it", "what happened, and what the client should do")
LIVES = "—"


def refusal_row(refusal: Refusal) -> Row:
    close = LIVES if refusal.close is None else f"close {refusal.close}"
    return (
        f"`{refusal.label}`",
        str(refusal.status),
        f"`{refusal.kind}`",
        f"`{refusal.code}`",
        close,
        refusal.advice,
    )


def reason_row(reason: Reason, told: str) -> Row:
    said = LIVES if reason.says is None else f"`{reason.says.code}`"
    return (f"`{reason.label}`", str(reason.code), said, told)


def test_the_table_of_refusals_is_the_enum() -> None:
    assert rows(read(PAGE), "refusals") == [refusal_row(refusal) for refusal in Refusal]


def test_the_table_of_reasons_is_the_enum() -> None:
    held = rows(read(PAGE), "reasons")
    assert [row[:3] for row in held] == [reason_row(reason, "")[:3] for reason in Reason]


def test_every_reason_says_in_a_sentence_what_happened() -> None:
    for label, *_, told in rows(read(PAGE), "reasons"):
        assert told.endswith("."), label
        assert len(told.split()) >= 4, label


if __name__ == "__main__":
    kept = {row[0]: row[-1] for row in rows(read(PAGE), "reasons")}
    rewrite(PAGE, "refusals", REFUSALS, [refusal_row(refusal) for refusal in Refusal])
    rewrite(PAGE, "reasons", REASONS, [reason_row(r, kept.get(f"`{r.label}`", "")) for r in Reason])
