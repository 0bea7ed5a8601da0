import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.bench import legs as legs_module
from relay.bench import measures
from relay.bench.legs import Ends, Pair, hang_up
from relay.bench.machine import NOTHING_SPENT, Spent
from relay.bench.measures import closed_loop, idle, integrity, paced, setups
from relay.bench.messages import SESSION_CREATED, Direction
from relay.bench.traffic import Traffic, lanes_of


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    async with Ends().listening() as listening:
        yield listening


def url(ends: Ends) -> str:
    return f"ws://127.0.0.1:{ends.port}/v1/realtime?model=any"


async def pairs(ends: Ends, count: int) -> list[Pair]:
    return [await ends.pair(url(ends), {}) for _ in range(count)]


@asynccontextmanager
async def tunnel(port: int, *, spoil: bool) -> AsyncIterator[str]:
    """A TCP tunnel that may change one byte in each large piece it carries."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := bytearray(await reader.read(1 << 16)):
            if spoil and len(piece) > 1000:
                piece[-20] ^= 1
            writer.write(piece)
        writer.close()

    async def carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(carried, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_client_sees_the_upstreams_first_event(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    monkeypatch.setattr(legs_module, "ignore", seen.append)
    pair = await ends.pair(url(ends), {})
    pair.upstream.send(SESSION_CREATED)
    pair.upstream.send(b"{}")
    pair.client.close()
    await pair.client.gone
    assert seen == [SESSION_CREATED, b"{}"]


async def test_each_client_finds_its_own_other_end(ends: Ends) -> None:
    made = await asyncio.gather(*(ends.pair(url(ends), {}) for _ in range(20)))
    heard: list[tuple[int, bytes]] = []

    def listen(pair: Pair) -> None:
        pair.upstream.inlet = lambda payload: heard.append((pair.session, payload))

    for pair in made:
        listen(pair)
        pair.client.send(b"%d" % pair.session)
        pair.client.close()
        await pair.client.gone
    assert heard == [(pair.session, b"%d" % pair.session) for pair in made]


async def test_hanging_up_ends_both_ends(ends: Ends) -> None:
    made = await pairs(ends, 3)
    assert all(pair.alive for pair in made)
    await hang_up([pair.client for pair in made])
    await asyncio.gather(*(pair.upstream.gone for pair in made))
    assert not any(pair.alive for pair in made)
    assert {pair.upstream.farewell for pair in made} == {"1000"}


async def test_nobody_listening_is_an_error_of_the_network(ends: Ends) -> None:
    port = ends.port
    async with Ends().listening() as other:
        port = other.port
    with pytest.raises(OSError, match=r"refused|Connect"):
        await ends.dial(f"ws://127.0.0.1:{port}/", {})


@pytest.mark.parametrize("direction", Direction)
async def test_a_closed_loop_carries_messages_and_proves_each(ends: Ends, direction: Direction) -> None:
    load = await closed_loop(await pairs(ends, 4), direction, 300, seconds=0.1, clock=lambda: NOTHING_SPENT)
    assert load.window.count > 100
    assert load.arrived >= load.window.count
    assert load.bad == 0


async def test_a_paced_flow_keeps_its_pace_and_tells_latency(ends: Ends) -> None:
    load = await paced(await pairs(ends, 10), 200, seconds=0.3, clock=lambda: NOTHING_SPENT)
    assert 300 < load.window.count < 900
    assert load.bad == 0
    assert load.p50_us is not None
    assert load.p99_us is not None
    assert 0 < load.p50_us <= load.p99_us


async def test_cpu_is_told_per_message(ends: Ends) -> None:
    ticks = iter((Spent(1_000_000, 0), Spent(3_000_000, 7_000_000)))
    load = await closed_loop(await pairs(ends, 1), Direction.UP, 200, seconds=0.05, clock=lambda: next(ticks))
    assert load.window.cpu_us == pytest.approx(2_000 / load.window.count)
    assert load.window.disturbed > 0.007 / (2 * 0.05)


async def test_set_ups_are_counted_and_leave_nothing_open(ends: Ends) -> None:
    run = await setups(lambda: ends.dial(url(ends), {}), seconds=0.2, clock=lambda: NOTHING_SPENT)
    assert run.window.count > 10
    assert run.failed == 0


async def test_idle_sessions_are_held_and_weighed(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "IDLE_SETTLE_SECONDS", 0.05)
    weights = iter((1_000, 21_000))
    held = await idle(lambda: ends.dial(url(ends), {}), 20, memory=lambda: next(weights))
    assert (held.sessions, held.alive, held.bytes_each) == (20, 20, 1_000)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("slow", [False, True])
async def test_large_messages_arrive_intact_at_fast_and_slow_readers(
    ends: Ends, direction: Direction, *, slow: bool
) -> None:
    (pair,) = await pairs(ends, 1)
    seen = await integrity(pair, direction, slow=slow)
    assert seen.sent == seen.intact > 50


@pytest.mark.parametrize(("spoil", "bad"), [(False, 0), (True, 8)])
async def test_a_byte_changed_on_the_way_is_noticed(ends: Ends, *, spoil: bool, bad: int) -> None:
    async with tunnel(ends.port, spoil=spoil) as tunnelled:
        pair = await ends.pair(tunnelled, {})
        traffic = Traffic()
        (down,) = lanes_of([pair], Direction.DOWN, 4096, traffic)
        down.sink.inlet = down.arrived_in_loop
        arrived = asyncio.Event()
        original = down.arrived

        def watched(payload: bytes) -> None:
            original(payload)
            if traffic.received == 8:
                traffic.again = False
                arrived.set()

        down.arrived = watched  # type: ignore[method-assign]
        down.send()
        await arrived.wait()
        await hang_up([pair.client])
    assert traffic.bad == bad
