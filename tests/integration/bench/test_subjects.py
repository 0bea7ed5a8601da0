import asyncio
import os
import signal
import sys

import pytest

from relay.bench import campaign, machine, measures, subjects, traffic
from relay.bench.campaign import Plan
from relay.bench.figures import Findings, Mode
from relay.bench.legs import Ends
from relay.bench.measures import closed_loop, misheard
from relay.bench.messages import Direction
from relay.bench.recipes import VARIANTS, Kind, Recipe, free_port, missing
from relay.bench.subjects import Subject, SubjectError, started, version


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


async def test_the_variants_are_carried_by_the_same_process_each_as_its_clients_know_it() -> None:
    async with (
        Ends().listening() as ends,
        started(Kind.RELAY, ends, core=machine.cores().subject, descriptors=4_000) as relay,
    ):
        beta, strict = (relay.variant(kind) for kind in VARIANTS)
        assert beta.pid == strict.pid == relay.pid
        for subject in (relay, beta, strict):
            pair = await subject.pair()
            assert pair.beta is (subject is beta)
            assert await misheard(pair) is None
            for direction in Direction:
                load = await closed_loop([pair], direction, 4096, seconds=0.1, clock=subject.spent)
                assert (load.bad, load.window.count > 0) == (0, True)
            told = asyncio.get_running_loop().create_future()
            pair.client.inlet = told.set_result
            pair.client.send(b'{"type":"session.update","session":{"type":"realtime","instructions":"x"}}')
            if subject is strict:  # nobody else's update is answered by this upstream
                assert b"not_allowed" in await told
        with pytest.raises(KeyError):
            beta.variant(Kind.HAPROXY)


async def test_a_beta_client_that_is_told_ga_names_is_no_figure() -> None:
    async with Ends().listening() as ends:
        direct = Subject(kind=Kind.BETA, ends=ends, recipe=Recipe(port=ends.port))
        wrong = await misheard(await direct.pair())
    assert wrong is not None
    assert "arrived as response.output_audio.delta and not as the response.audio.delta due" in wrong


async def test_a_session_that_carries_nothing_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "DRAIN_SECONDS", 0.05)
    async with Ends().listening() as ends:
        direct = Subject(kind=Kind.DIRECT, ends=ends, recipe=Recipe(port=ends.port))
        pair, gone = await direct.pair(), await direct.pair()
        monkeypatch.setattr(pair.client, "send", lambda _: None)
        assert await misheard(pair) == "carried nothing up in 0 s"
        gone.upstream.close()
        await gone.upstream.gone
        assert str(await misheard(gone)).startswith("let go of a session that carried one message up: ")


async def test_a_campaign_stops_where_a_message_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Ends().listening() as ends:
        beta = Subject(kind=Kind.BETA, ends=ends, recipe=Recipe(port=ends.port))
        with pytest.raises(SubjectError, match=r"^beta carried a message down that arrived as"):
            await campaign._integrity([beta], Findings(), lambda _: None)


def test_a_step_is_told_for_every_measure() -> None:
    once = Plan(subjects=(Kind.DIRECT, Kind.RELAY), sizes=(200,), sessions=1, seconds=1, rounds=2, idle=1)
    more = Plan(
        subjects=(Kind.DIRECT, Kind.RELAY, *VARIANTS), sizes=(200,), sessions=1, seconds=1, rounds=2, idle=1
    )
    assert once.steps == 2 * (1 + 4 + 2 * 4)
    assert more.steps == 2 + 4 * (4 + 2 * 4)


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
    assert machine.family(os.getpid())[0] == os.getpid()  # others of this process may run beside


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
