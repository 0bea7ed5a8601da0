import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relay.bench import machine

SMALL = ("--sizes", "200", "--seconds", "0.1", "--rounds", "1", "--idle", "5", "--sessions", "4")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "relay", "bench", *SMALL, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_small_campaign_prints_tables_and_writes_every_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = bench("--only", "relay", "--json", str(file))
    assert result.returncode == 0, result.stderr
    assert "latency added" in result.stdout
    document = json.loads(file.read_text())
    relay = document["sizes"][1]
    assert relay["subject"] == "relay"
    assert relay["up_cpu_us"] > 0
    assert relay["cpu_to_haproxy"] is None
    assert document["goals"][-1] == {
        "name": "messages and sessions lost",
        "unit": "",
        "measured": 0.0,
        "limit": 0.0,
        "verdict": "PASS",
    }
    assert document["sessions"][1]["lost"] == 0
    assert document["sessions"][1]["proved"] > 4 * 92


def test_beta_clients_and_a_strict_policy_are_measured_beside_plain_sessions(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = bench("--variants", "--sizes", "4096", "--json", str(file))
    assert result.returncode == 0, result.stdout + result.stderr
    document = json.loads(file.read_text())
    assert [row["subject"] for row in document["sizes"]] == ["direct", "relay", "beta", "strict"]
    ratios = {row["name"]: row["measured"] for row in document["goals"] if row["name"].endswith("to plain")}
    assert set(ratios) == {
        f"CPU, {kind}, {way}, 4,096 B, to plain" for kind in ("beta", "strict") for way in ("up", "down")
    }
    # On a machine that is busy with something else a short window may tell nothing.
    assert all(ratio is None or ratio > 0 for ratio in ratios.values())
    assert all(row["lost"] == 0 for row in document["sessions"])


def test_a_campaign_told_to_stop_ends_what_it_started() -> None:
    campaign = subprocess.Popen(
        [sys.executable, "-m", "relay", "bench", *SMALL, "--only", "websockets"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while len(started := machine.family(campaign.pid)) < 2:
        assert time.monotonic() < deadline
    campaign.terminate()
    _, said = campaign.communicate(timeout=20)
    assert campaign.returncode == 1
    assert said == b"Aborted!\n"
    assert [machine.spent(pid) for pid in started] == [machine.NOTHING_SPENT] * len(started)


def test_more_idle_sessions_than_descriptors_are_refused_in_a_sentence() -> None:
    result = bench("--only", "direct", "--idle", "100000")
    if result.returncode == 0:
        pytest.skip("this system allows 200,500 descriptors")
    assert result.returncode == 1
    assert "descriptors in a process" in result.stderr
    assert "Traceback" not in result.stderr
