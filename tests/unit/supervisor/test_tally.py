"""Workers added up: counters never go down, gauges are what each means, the text is one relay's."""

import random
import re
import shutil
import subprocess

import pytest

from relay.core.words import TenantId
from relay.edge.metrics import OTHER, TENANTS, Metrics
from relay.supervisor import tally
from relay.supervisor.snapshot import Family, Sample, family_of
from relay.supervisor.tally import Families, Rule, Tally
from tests.unit.docs.pages import DOCS, read, rows
from tests.unit.supervisor.counting import moved, samples


def families(metrics: Metrics) -> Families:
    return [family_of(metric) for metric in metrics.registry.collect()]


def own() -> Families:
    return families(Metrics(tuple, ()))


def counter(name: str, value: float, **labels: str) -> Family:
    sample = Sample(f"{name}_total", tuple(labels.items()), value)
    return Family(name, "About it.", "counter", (sample,))


def gauge(name: str, value: float) -> Family:
    return Family(name, "About it.", "gauge", (Sample(name, (), value),))


def test_counters_and_histograms_are_added_up() -> None:
    shown = samples(Tally().text(own(), [families(moved(2)), families(moved(3))]))
    assert shown["relay_bytes_total", "up"] == 5
    assert shown["relay_tokens_total", "text_in", "gpt-realtime", "acme"] == 2
    assert shown["relay_upstream_connect_seconds_count", "eu-1"] == 2
    assert shown["relay_upstream_connect_seconds_bucket", "0.1", "eu-1"] == 2
    assert shown["relay_upstream_connect_seconds_sum", "eu-1"] == 0.2
    assert shown["relay_sessions_open", "eu", "acme"] == 5


def test_a_series_of_a_closed_set_is_there_before_any_worker_is() -> None:
    shown = samples(Tally().text(own(), []))
    assert shown["relay_handshakes_total", "accepted"] == 0
    assert shown["relay_sessions_open", OTHER, OTHER] == 0
    assert shown["relay_draining",] == 0


def test_what_a_worker_counted_stays_when_it_is_gone_and_what_it_held_does_not() -> None:
    added = Tally()
    both = samples(added.text(own(), [families(moved(2)), families(moved(3))]))
    added.keep(families(moved(2)))
    left = samples(added.text(own(), [families(moved(3))]))
    assert left.pop(("relay_sessions_open", "eu", "acme")) == 3
    assert left.pop(("relay_write_buffer_bytes", "client")) == 3
    assert all(
        left[series] == value for series, value in both.items() if series[0].endswith(("_total", "_count"))
    )
    added.keep(families(moved(3)))
    none = samples(added.text(own(), []))
    assert none["relay_bytes_total", "up"] == 5
    assert ("relay_sessions_open", "eu", "acme") not in none


def test_no_count_ever_goes_down_whoever_dies_when() -> None:
    dice = random.Random(7)
    added = Tally()
    workers = [{"a": 0.0, "b": 0.0} for _ in range(3)]
    before: dict[tuple[str, ...], float] = {}
    total = 0.0

    def of(worker: dict[str, float]) -> Families:
        return [counter("relay_x", value, of=name) for name, value in worker.items()]

    for _ in range(3000):
        worker = dice.choice(workers)
        more = dice.random() / 48  # a fraction that no binary digits end
        worker[dice.choice("ab")] += more
        total += more
        if dice.random() < 0.05:
            added.keep(of(worker))
            worker.update(a=0.0, b=0.0)
        now = samples(added.text([], map(of, workers)))
        assert all(now[series] >= value for series, value in before.items())
        before = now
    assert sum(before.values()) == pytest.approx(total)


def test_an_upstream_is_healthy_while_every_worker_finds_it_so() -> None:
    well, ill = families(moved()), families(moved(healthy=False))
    assert samples(Tally().text(own(), [well, well]))["relay_upstream_healthy", "eu-1"] == 1
    assert samples(Tally().text(own(), [well, ill]))["relay_upstream_healthy", "eu-1"] == 0


def test_the_relay_drains_when_the_supervisor_says_so_and_not_when_a_worker_is_replaced() -> None:
    leaving = moved()
    leaving.draining = True
    assert samples(Tally().text(own(), [families(leaving)]))["relay_draining",] == 0
    supervisor = Metrics(tuple, ())
    supervisor.draining = True
    assert samples(Tally().text(families(supervisor), [families(moved())]))["relay_draining",] == 1


def test_what_runs_is_not_counted_twice() -> None:
    shown = samples(Tally().text(own(), [families(moved()), families(moved())]))
    assert [value for series, value in shown.items() if series[0] == "relay_build_info"] == [1]


def test_a_gauge_of_the_next_version_is_added_up() -> None:
    shown = samples(Tally().text([], [[gauge("relay_new", 2)], [gauge("relay_new", 3)]]))
    assert shown["relay_new",] == 5


def test_the_time_of_a_series_is_that_of_its_first() -> None:
    def began(at: float) -> Family:
        return Family("relay_x", "About it.", "histogram", (Sample("relay_x_created", (), at),))

    added = Tally()
    assert samples(added.text([], [[began(9.0)], [began(5.0)]]))["relay_x_created",] == 5
    added.keep([began(3.0)])
    assert samples(added.text([], [[began(9.0)]]))["relay_x_created",] == 3


def test_tenants_have_labels_up_to_the_bound_over_all_workers_and_their_successors() -> None:
    added = Tally()
    for number in range(TENANTS + 20):
        added.keep([counter("relay_x", 1, tenant=f"tenant-{number}")])
    shown = samples(
        added.text([], [[counter("relay_x", 1, tenant="tenant-0"), counter("relay_x", 1, tenant="new")]])
    )
    assert len(shown) == TENANTS + 1
    assert shown["relay_x_total", "tenant-0"] == 2
    assert shown["relay_x_total", OTHER] == 21


def test_every_gauge_of_the_relay_has_a_rule() -> None:
    gauges = {family.name for family in families(moved()) if family.kind == "gauge"}
    assert gauges == set(tally.GAUGES)
    assert set(tally.GAUGES.values()) == set(Rule)


def test_the_page_of_metrics_holds_for_several_workers() -> None:
    text = Tally().text(own(), [families(moved()), families(moved())]).decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    page = {name.strip("`"): kind for name, kind, _, _ in rows(read(DOCS / "metrics.md"), "series")}
    assert {name: kind for name, kind in types.items() if not name.endswith("_created")} == page


def test_the_text_is_that_of_one_relay() -> None:
    metrics = moved()
    metrics.tenant_label(TenantId("acme"))
    alone = samples(metrics.exposition())
    merged = samples(Tally().text([], [families(metrics)]))
    alone.pop(("relay_draining",))
    assert merged == alone


def test_promtool_finds_nothing() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    text = Tally().text(own(), [families(moved()), families(moved())])
    alone = moved().exposition()

    def findings(exposition: bytes) -> str:
        return subprocess.run(
            [promtool, "check", "metrics"], check=False, input=exposition, capture_output=True
        ).stderr.decode()

    assert findings(text) == findings(alone)
