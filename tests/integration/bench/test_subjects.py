import os
import signal
import sys

import pytest

from relay.bench import campaign, machine, subjects, traffic
from relay.bench.campaign import Plan
from relay.bench.figures import Mode
from relay.bench.legs import Ends
from relay.bench.measures import closed_loop
from relay.bench.messages import Direction
from relay.bench.recipes import Kind, Recipe, free_port, missing
from relay.bench.subjects import SubjectError, started, version


async def carried(kind: Kind) -> None:
    async with (
        Ends().listening() as ends,
        started(kind, ends, core=machine.cores().subject, descriptors=4_000) as subject,
    ):
        pair = await subject.pair()
        load = await closed_loop([pair], Direction.DOWN, 4096, seconds=0.1, clock=subject.spent)
        assert (load.bad, load.window.count > 0, load.window.cpu_us > 0) == (0, True, True)
        assert subject.rss_bytes() > 1_000_000
        assert subject.pid is not None
        assert os.sched_getaffinity(subject.pid) == {machine.cores().subject}
    assert machine.spent(subject.pid) == machine.NOTHING_SPENT, "it still runs"


async def test_the_relay_carries_sessions_on_its_core_and_is_ended() -> None:
    await carried(Kind.RELAY)


async def test_the_plain_relay_carries_sessions_on_its_core_and_is_ended() -> None:
    await carried(Kind.WEBSOCKETS)


@pytest.mark.parametrize("kind", [Kind.HAPROXY, Kind.NGINX])
async def test_a_tunnel_carries_sessions_on_its_core_and_is_ended(kind: Kind) -> None:
    if reason := missing(kind):
        pytest.skip(reason)
    assert await version(kind) != "unknown"
    await carried(kind)


async def test_a_subject_that_ends_at_once_says_its_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no such thing')")
    monkeypatch.setattr(subjects, "recipe", lambda *_, **__: Recipe(port=free_port(), command=command))
    with pytest.raises(SubjectError, match=r"ended with status 1\nno such thing"):
        async with Ends().listening() as ends:
            await carried_by_nobody(ends)


async def test_a_subject_that_listens_nowhere_is_given_up_and_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch.setattr(subjects, "START_SECONDS", 0.3)
    monkeypatch.setattr(subjects, "recipe", lambda *_, **__: Recipe(port=free_port(), command=command))
    with pytest.raises(SubjectError, match="no session in"):
        async with Ends().listening() as ends:
            await carried_by_nobody(ends)
    assert machine.family(os.getpid()) == (os.getpid(),)


async def test_a_subject_that_lets_go_of_its_sessions_is_no_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traffic, "DRAIN_SECONDS", 0.05)
    plan = Plan(subjects=(Kind.WEBSOCKETS,), sizes=(200,), sessions=1, seconds=0.05, rounds=1, idle=1)
    core = machine.cores().subject
    async with (
        Ends().listening() as ends,
        started(Kind.WEBSOCKETS, ends, core=core, descriptors=4_000) as subject,
    ):
        pair = await subject.pair()
        assert subject.pid is not None
        os.kill(subject.pid, signal.SIGKILL)
        await pair.client.gone
        with pytest.raises(SubjectError, match="let go of a session during 200 B up"):
            await campaign._traffic(plan, subject, [pair], Mode.UP, 200)


async def carried_by_nobody(ends: Ends) -> None:
    async with started(Kind.WEBSOCKETS, ends, core=machine.cores().subject, descriptors=4_000):
        pytest.fail("it started")
