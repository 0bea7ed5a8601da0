import io
import json

from rich.console import Console

from relay.bench.campaign import Plan
from relay.bench.figures import Findings, LoadSample, Mode
from relay.bench.machine import PACKAGES, Cores, Machine
from relay.bench.measures import Load, Window
from relay.bench.recipes import Kind
from relay.bench.report import Report, report, show

MACHINE = Machine(
    cpu="a processor",
    cores=2,
    kernel="6.1",
    python="3.11",
    packages=dict.fromkeys(PACKAGES, "1.0"),
)


def made(*subjects: Kind, cores: Cores = Cores(0, 1), taken: float = 0.0) -> Report:  # noqa: B008 - a frozen value
    load = Load(Window(100, 1.0, 12.34, taken), arrived=100, bad=3)
    loads = tuple(LoadSample(kind, mode, 200, load) for kind in subjects for mode in (Mode.UP, Mode.DOWN))
    plan = Plan(subjects=subjects, sizes=(200,), sessions=64, seconds=0.5, rounds=3, idle=1000)
    return report(plan, Findings(loads=loads), machine=MACHINE, cores=cores, peers={"nginx": "1.22"})


def printed(shown: Report) -> str:
    out = io.StringIO()
    show(Console(file=out, width=80), shown)
    return out.getvalue()


def test_the_tables_fit_80_columns_and_lose_nothing() -> None:
    text = printed(made(*Kind))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_every_subject_has_its_row() -> None:
    text = printed(made(*Kind))
    for kind in Kind:
        assert text.count(kind.value) >= 2
    assert "12.3" in text


def test_goals_are_shown_where_the_relay_was_measured() -> None:
    assert "PASS" in printed(made(Kind.RELAY, Kind.HAPROXY))
    assert "Goals" not in printed(made(Kind.DIRECT, Kind.HAPROXY))


def test_messages_lost_are_shown() -> None:
    assert "miss" in printed(made(Kind.RELAY))


def test_a_machine_that_was_not_quiet_is_told() -> None:
    assert "waiting for up to 30% of the time" in printed(made(Kind.DIRECT, taken=0.3))
    assert "measure again" not in printed(made(Kind.DIRECT, taken=0.01))


def test_a_machine_of_one_core_is_told() -> None:
    assert "ONE CORE" in printed(made(Kind.DIRECT, cores=Cores(0, 0)))


def test_the_document_holds_machine_versions_rows_and_samples() -> None:
    document = json.loads(made(Kind.DIRECT, Kind.RELAY).document())
    assert document["schema"] == 1
    assert document["machine"]["cpu"] == "a processor"
    assert document["peers"] == {"nginx": "1.22"}
    assert [row["subject"] for row in document["sizes"]] == ["direct", "relay"]
    assert document["sizes"][1]["up_cpu_us"] == 12.34
    assert len(document["samples"]["loads"]) == 4


def test_what_was_not_measured_is_null_in_the_document() -> None:
    document = json.loads(made(Kind.RELAY).document())
    assert document["sizes"][0]["cpu_to_haproxy"] is None
    assert document["goals"][0]["verdict"] == "not measured"
