from math import nan

import pytest

from relay.bench.figures import Findings, IdleSample, LoadSample, Mode
from relay.bench.goals import Verdict, goals, held
from relay.bench.measures import Idle, Load, Window
from relay.bench.recipes import Kind


def loops(subject: Kind, size: int, cpu_us: float) -> tuple[LoadSample, LoadSample]:
    load = Load(Window(100, 1.0, cpu_us, 0.0), arrived=100, bad=0)
    return LoadSample(subject, Mode.UP, size, load), LoadSample(subject, Mode.DOWN, size, load)


def verdict(findings: Findings, name: str, size: int = 200) -> Verdict:
    return next(goal.verdict for goal in goals(findings, [size]) if goal.name.startswith(name))


def test_a_figure_at_its_limit_is_allowed() -> None:
    assert held("", "us", 60.0, 60.0).verdict is Verdict.HELD
    assert held("", "us", 60.1, 60.0).verdict is Verdict.MISSED


def test_what_was_not_measured_passes_nothing() -> None:
    assert held("", "us", nan, 60.0).verdict is Verdict.UNKNOWN
    assert {goal.verdict for goal in goals(Findings(), [200])} == {Verdict.UNKNOWN}


def test_small_messages_may_cost_half_as_much_again_as_a_blind_tunnel() -> None:
    allowed = Findings(loads=(*loops(Kind.RELAY, 4096, 15), *loops(Kind.HAPROXY, 4096, 10)))
    dear = Findings(loads=(*loops(Kind.RELAY, 4096, 15.1), *loops(Kind.HAPROXY, 4096, 10)))
    assert verdict(allowed, "CPU per message", 4096) is Verdict.HELD
    assert verdict(dear, "CPU per message", 4096) is Verdict.MISSED


def test_large_messages_are_held_to_less() -> None:
    dear = Findings(loads=(*loops(Kind.RELAY, 32768, 14), *loops(Kind.HAPROXY, 32768, 10)))
    assert verdict(dear, "CPU per message", 32768) is Verdict.MISSED


@pytest.mark.parametrize(("kind", "limit"), [(Kind.BETA, 1.2), (Kind.STRICT, 1.1)])
def test_a_variant_is_held_to_the_plain_sessions_each_way(kind: Kind, limit: float) -> None:
    size = 4096
    up, _ = loops(kind, size, 10 * limit)
    _, down = loops(kind, size, 10 * limit + 0.1)
    findings = Findings(loads=(*loops(Kind.RELAY, size, 10), up, down))
    name = f"CPU, {kind.value},"
    assert verdict(findings, f"{name} up, 4,096 B, to plain", size) is Verdict.HELD
    assert verdict(findings, f"{name} down, 4,096 B, to plain", size) is Verdict.MISSED


def test_a_variant_that_was_not_measured_and_a_short_message_have_no_such_goal() -> None:
    findings = Findings(loads=(*loops(Kind.RELAY, 200, 10), *loops(Kind.BETA, 200, 20)))
    assert not [goal for goal in goals(findings, [200]) if "beta" in goal.name or "strict" in goal.name]
    assert [goal.name for goal in goals(findings, [4096]) if "beta" in goal.name]
    assert not [goal for goal in goals(findings, [4096]) if "strict" in goal.name]


def test_what_a_variant_loses_misses_the_goal_too() -> None:
    lossy = LoadSample(Kind.BETA, Mode.UP, 200, Load(Window(100, 1.0, 1, 0.0), arrived=100, bad=1))
    findings = Findings(loads=(*loops(Kind.RELAY, 200, 10), lossy))
    assert verdict(findings, "messages and sessions lost") is Verdict.MISSED


def test_memory_is_held_to_35_kb_a_session() -> None:
    def idle(kib: float) -> Findings:
        return Findings(idle=(IdleSample(Kind.RELAY, Idle(100, 100, kib * 1024)),))

    assert verdict(idle(35), "memory") is Verdict.HELD
    assert verdict(idle(35.1), "memory") is Verdict.MISSED


def test_one_message_lost_misses_the_goal() -> None:
    load = Load(Window(100, 1.0, 1, 0.0), arrived=100, bad=1)
    findings = Findings(loads=(LoadSample(Kind.RELAY, Mode.UP, 200, load),))
    assert verdict(findings, "messages and sessions lost") is Verdict.MISSED
