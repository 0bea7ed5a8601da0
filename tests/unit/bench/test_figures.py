from math import isnan

import pytest

from relay.bench.figures import (
    Findings,
    IdleSample,
    IntegritySample,
    LoadSample,
    Mode,
    SetupSample,
    best,
    calm_cpu_us,
    p50,
    p99,
    session_rows,
    size_rows,
)
from relay.bench.measures import Idle, Integrity, Load, Setups, Window, percentile
from relay.bench.messages import Direction
from relay.bench.recipes import Kind


def window(cpu_us: float, *, count: int = 100, seconds: float = 1.0, taken: float = 0.0) -> Window:
    return Window(count=count, seconds=seconds, cpu_us=cpu_us, disturbed=taken)


def run(cpu_us: float, *, seconds: float = 1.0, bad: int = 0) -> Load:
    return Load(window=window(cpu_us, seconds=seconds), arrived=100, bad=bad)


def timed(median: float, tail: float) -> Load:
    return Load(window=window(30), arrived=100, bad=0, p50_us=median, p99_us=tail)


FINDINGS = Findings(
    loads=(
        LoadSample(Kind.DIRECT, Mode.UP, 200, run(0, seconds=0.5)),
        LoadSample(Kind.DIRECT, Mode.DOWN, 200, run(0, seconds=0.5)),
        LoadSample(Kind.DIRECT, Mode.PACED, 200, timed(40, 90)),
        LoadSample(Kind.DIRECT, Mode.PACED, 200, timed(45, 80)),
        LoadSample(Kind.RELAY, Mode.UP, 200, run(12)),
        LoadSample(Kind.RELAY, Mode.UP, 200, run(10, bad=2)),
        LoadSample(Kind.RELAY, Mode.DOWN, 200, run(14)),
        LoadSample(Kind.RELAY, Mode.PACED, 200, timed(100, 300)),
        LoadSample(Kind.RELAY, Mode.PACED, 200, timed(90, 400)),
        LoadSample(Kind.HAPROXY, Mode.UP, 200, run(8)),
        LoadSample(Kind.HAPROXY, Mode.DOWN, 200, run(8)),
    ),
    setups=(
        SetupSample(Kind.RELAY, Setups(window(700, count=500), failed=1)),
        SetupSample(Kind.RELAY, Setups(window(650, count=600), failed=0)),
    ),
    idle=(IdleSample(Kind.RELAY, Idle(sessions=100, alive=96, bytes_each=30_000)),),
    integrity=(IntegritySample(Kind.RELAY, Direction.UP, True, Integrity(sent=92, intact=84)),),
)


def test_the_best_round_counts() -> None:
    assert FINDINGS.cpu_us(Kind.RELAY, Mode.UP, 200) == 10
    assert FINDINGS.setup_cpu_us(Kind.RELAY) == 650
    assert FINDINGS.setups_per_second(Kind.RELAY) == 600


def test_a_round_that_others_disturbed_is_no_figure_of_cpu() -> None:
    assert calm_cpu_us([window(14), window(11, taken=0.4), window(13, taken=0.01)]) == 13


def test_where_no_round_was_calm_the_calmest_counts() -> None:
    assert calm_cpu_us([window(11, taken=0.4), window(14, taken=0.2)]) == 14


def test_how_much_others_took_is_told_of_the_worst_measure_in_its_calmest_round() -> None:
    def sample(subject: Kind, taken: float) -> LoadSample:
        return LoadSample(subject, Mode.UP, 200, Load(window(1, taken=taken), arrived=1, bad=0))

    direct, relay = Kind.DIRECT, Kind.RELAY
    shared = Findings(loads=(sample(direct, 0.5), sample(direct, 0.1), sample(relay, 0.3)))
    assert shared.disturbed() == 0.3
    assert Findings().disturbed() == 0.0


def test_a_closed_loop_is_half_up_and_half_down() -> None:
    assert FINDINGS.loop_cpu_us(Kind.RELAY, 200) == 12


def test_latency_added_is_the_best_of_one_less_the_best_of_the_other() -> None:
    assert FINDINGS.added_us(Kind.RELAY, 200, p50) == 90 - 40
    assert FINDINGS.added_us(Kind.RELAY, 200, p99) == 300 - 80


def test_whatever_went_wrong_is_counted() -> None:
    assert FINDINGS.lost(Kind.RELAY) == 2 + 1 + 4 + 8
    assert FINDINGS.lost(Kind.HAPROXY) == 0
    assert FINDINGS.lost() == 15


def test_what_was_proved_is_what_arrived_less_what_was_bad() -> None:
    assert FINDINGS.proved(Kind.RELAY) == 5 * 100 - 2 + 84


def test_a_row_holds_the_ratios() -> None:
    relay = size_rows(FINDINGS, [Kind.DIRECT, Kind.RELAY], [200])[1]
    assert relay.cpu_to_haproxy == 1.5
    assert relay.rate_to_direct == 0.5


def test_direct_costs_no_cpu_that_could_be_named() -> None:
    direct = size_rows(FINDINGS, [Kind.DIRECT], [200])[0]
    assert isnan(direct.up_cpu_us)
    assert isnan(direct.cpu_to_haproxy)
    assert direct.added_p50_us == 0


def test_a_ratio_to_an_absent_peer_is_not_a_number() -> None:
    alone = Findings(loads=tuple(run for run in FINDINGS.loads if run.subject is not Kind.HAPROXY))
    assert isnan(size_rows(alone, [Kind.RELAY], [200])[0].cpu_to_haproxy)


def test_sessions_that_were_held_are_told() -> None:
    relay, nginx = session_rows(FINDINGS, [Kind.RELAY, Kind.NGINX])
    assert (relay.idle_sessions, relay.idle_bytes, relay.lost) == (96, 30_000, 15)
    assert nginx.idle_sessions == 0
    assert isnan(nginx.setup_cpu_us)


def test_the_best_of_nothing_is_not_a_number() -> None:
    assert isnan(best([None]))
    assert best([None, 3.0, float("nan"), 2.0]) == 2.0


@pytest.mark.parametrize(("fraction", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_percentiles(fraction: float, value: int) -> None:
    assert percentile(range(1, 101), fraction) == value


def test_a_percentile_of_nothing_is_not_a_number() -> None:
    assert isnan(percentile([], 0.5))
