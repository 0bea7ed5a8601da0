"""What stands on the screen, and that all of it fits."""

import io

import pytest
from rich.console import Console

from relay.core.overload import Level
from relay.edge.admin_rows import Memory
from relay.top.asking import Snapshot
from relay.top.controls import VIEWS, Controls, View
from relay.top.rates import between
from relay.top.screen import Seen, age, frame, size
from tests.unit.top.looks import session, snapshot

MANY = snapshot(10.0, sessions=[session(f"sess_{number:020}", number) for number in range(40)])


def shown(
    snapshot_: Snapshot, view: View = View.SESSIONS, width: int = 80, height: int = 24, **more: object
) -> list[str]:
    seen = Seen(
        url="http://127.0.0.1:8081",
        snapshot=snapshot_,
        rates=between(
            snapshot(snapshot_.overview.uptime_seconds - 2, sessions=[session("sess_1", 0)]), snapshot_
        ),
        controls=Controls(view=view),
        **more,  # type: ignore[arg-type]
    )
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(frame(seen, width, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (40, 12)])
def test_every_table_fits_its_terminal(view: View, width: int, height: int) -> None:
    lines = shown(MANY, view, width, height)
    assert len(lines) <= height
    assert max(len(line.rstrip()) for line in lines) <= width


def test_a_sessions_id_can_be_read_whole_in_80_columns_and_what_is_cut_is_said() -> None:
    lines = shown(MANY)
    assert any(line.startswith("sess_00000000000000000000 ") for line in lines)
    assert "... and 25 more" in lines[-2]
    assert "... and" not in "\n".join(shown(MANY, height=60))


def test_the_whole_is_told_in_four_lines() -> None:
    one = snapshot(7384.0, 60, [session("sess_1", 40, unsent_down_bytes=256_000, paused=["client_pace"])])
    lines = shown(one, width=120)
    assert lines[0].startswith("relay 0.1.0  http://127.0.0.1:8081  up 2h03m  1 worker")
    assert lines[1].startswith("1 session  1 tenant  1 connection  memory 60.0 MB")
    assert "events ↑ 30 ↓ 60 /s" in lines[2]
    assert "audio ↑ 3.0 ↓ 1.5 s/s" in lines[2]
    assert "upstreams 1 of 2 healthy" in lines[3]
    row = next(line for line in lines if line.startswith("sess_1"))
    for cell in ("acme", "us-1", "1m01s", "20/40", "2.0/1.0", "256 kB", "gpt-realtime-2.1", "client_pace"):
        assert cell in row


def test_what_needs_the_operator_stands_out() -> None:
    memory = Memory(level=Level.SHED, used_bytes=960, limit_bytes=1000)
    lines = shown(snapshot(10.0, draining=True, memory=memory), trouble="http://x is not reached: refused.")
    assert "DRAINING" in lines[0]
    assert "memory 960 B of 1.0 kB (96 %)  SHED" in lines[1]
    assert lines[-1].strip() == "http://x is not reached: refused."


def test_names_are_text_and_never_markup() -> None:
    lines = shown(snapshot(10.0), View.TENANTS)
    assert any(line.startswith("[bold]globex[/] ") for line in lines)
    acme = next(line for line in lines if line.startswith("acme"))
    assert acme.split() == ["acme", "standard", "3/20", "0", "B", "12,345", "1.50", "1"]


def test_refusals_stand_in_the_order_of_how_many() -> None:
    lines = shown(snapshot(10.0, refusals={"draining": 1, "not_allowed": 5}), View.REFUSALS)
    rows = [line.split() for line in lines if line.startswith(("draining", "not_allowed"))]
    assert rows == [["not_allowed", "5", "150"], ["draining", "1", "30"]]


def test_a_resting_key_and_an_unhealthy_upstream_are_told() -> None:
    lines = shown(snapshot(10.0), View.UPSTREAMS)
    assert next(line for line in lines if line.startswith("eu-1")).split() == [
        "eu-1", "up.example", "us", "no", "2", "1", "42", "s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (256_000, "256 kB"), (1_500_000, "1.5 MB"), (2e9, "2.0 GB")],
)
def test_bytes_are_told_in_three_digits(count: float, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.9, "0s"), (59, "59s"), (187, "3m07s"), (7500, "2h05m"), (273_600, "3d04h")]
)
def test_durations_are_told_by_their_two_largest_units(seconds: float, told: str) -> None:
    assert age(seconds) == told
