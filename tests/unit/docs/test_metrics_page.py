"""docs/metrics.md holds every series with its type, labels and meaning, as a registry shows them.

Refresh it with: python -m tests.unit.docs.test_metrics_page
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from relay.core.events import Kind, Outcome
from relay.core.flow import Hold
from relay.core.refusals import Reason, Refusal
from relay.core.usage import KINDS, Usage
from relay.core.words import Side, TenantId
from relay.edge.metrics import Metrics
from tests.unit.docs.pages import ALL, DOCS, Row, read, rewrite, rows

PAGE = DOCS / "metrics.md"
SERIES = ("series", "type", "labels", "meaning")
VALUES = ("label", "of", "values")
OPEN = {"tenant", "region", "model", "upstream", "version", "le"}
"""Labels whose values come from the configuration; the page bounds them in words."""
LISTED = {
    "reason": "the [reasons](refusals.md#why-a-session-ended)",
    "refusal": "the [refusals](refusals.md#refusals)",
}
"""Labels whose values have a page."""


class Busy:
    """A session of which everything has been counted once."""

    tenant_label = "acme"
    region = "eu"

    def counts(self, side: Side) -> list[int]:
        return [1] * (len(Kind) * len(Outcome))

    def bytes(self, side: Side) -> int:
        return 1

    def audio_seconds(self, side: Side) -> float:
        return 1.0

    def paused(self, side: Side, cause: Hold) -> float:
        return 1.0

    def buffered(self, side: Side) -> int:
        return 1

    def refusals(self) -> Iterable[tuple[Refusal, int]]:
        return [(refusal, 1) for refusal in Refusal]


def families() -> list[Metric]:
    """Return what a relay exports once each of its series has moved."""
    metrics = Metrics(lambda: [Busy()], ["gpt-realtime"])
    metrics.upstreams = lambda: [("eu-1", True)]
    metrics.tenant_label(TenantId("acme"))
    metrics.chose("eu-1", "accepted", 0.1)
    metrics.spent("acme", "gpt-realtime", Usage(**dict.fromkeys(KINDS, 1)), 1)
    metrics.histograms.first_token.labels("eu", "gpt-realtime").observe(0.1)
    metrics.histograms.first_audio.labels("eu", "gpt-realtime").observe(0.1)
    shown = text_string_to_metric_families(metrics.exposition().decode())
    return [family for family in shown if not family.name.endswith("_created")]


def full_name(family: Metric) -> str:
    return family.name + ("_total" if family.type == "counter" else "")


def label_names(family: Metric) -> list[str]:
    return list(dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le"))


def series_rows() -> list[Row]:
    return [
        (
            f"`{full_name(family)}`",
            family.type,
            ", ".join(f"`{label}`" for label in label_names(family)) or "none",
            family.documentation,
        )
        for family in sorted(families(), key=full_name)
    ]


def value_rows() -> list[Row]:
    closed: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for family in sorted(families(), key=full_name):
        for label in label_names(family):
            if label not in OPEN:
                values = dict.fromkeys(sample.labels[label] for sample in family.samples)
                closed[label, tuple(values)].append(full_name(family))
    return [
        (
            f"`{label}`",
            ", ".join(f"`{name}`" for name in names),
            LISTED.get(label) or ", ".join(f"`{value}`" for value in values),
        )
        for (label, values), names in sorted(closed.items())
    ]


def test_every_series_has_moved_so_that_its_labels_are_seen() -> None:
    assert [family.name for family in families() if not family.samples] == []


def test_the_table_of_series_is_the_registry() -> None:
    assert rows(read(PAGE), "series") == series_rows()


def test_the_table_of_values_is_the_registry() -> None:
    assert rows(read(PAGE), "values") == value_rows()


def test_labels_that_point_to_the_refusals_page_have_its_values() -> None:
    shown = {
        label: {s.labels[label] for f in families() for s in f.samples if label in s.labels} for label in LISTED
    }
    assert shown == {
        "reason": {reason.label for reason in Reason},
        "refusal": {refusal.label for refusal in Refusal},
    }


HINTS = {"relay_region", "relay_latency", "relay_session", "relay_dialect"}
"""What a client may put into its query: the prefix is the same."""


def test_no_page_names_a_series_that_does_not_exist() -> None:
    known = {full_name(family) for family in families()} | HINTS
    known |= {sample.name for family in families() for sample in family.samples}
    known |= {word for refusal in Refusal for word in (refusal.label, refusal.code)}
    named = {word for page in ALL for word in re.findall(r"\brelay_[a-z_]+\b", read(page))}
    assert named <= known


if __name__ == "__main__":
    rewrite(PAGE, "series", SERIES, series_rows())
    rewrite(PAGE, "values", VALUES, value_rows())
