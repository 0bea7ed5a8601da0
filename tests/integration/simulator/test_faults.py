"""Each fault, seen from the other end of a real socket."""

import asyncio
import time

import msgspec
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings, Span
from tests.integration.simulator.client import MODEL, Client, talking

CREATED = "session.created"


async def nothing_comes(client: Client) -> None:
    """The other end says nothing for a while: long after an instant answer would have come."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.socket.recv()


async def refused(sim: Simulator, query: str, **options: str) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as caught:
        async with talking(sim, query, headers=options):
            pass
    return caught.value


async def test_refuse_answers_with_that_status_and_the_apis_body(sim: Simulator) -> None:
    error = await refused(sim, f"model={MODEL}&sim_fault=refuse:503:2")
    assert error.response.status_code == 503
    assert error.response.headers["Retry-After"] == "2"
    assert msgspec.json.decode(error.response.body)["error"]["type"] == "server_error"
    assert sim.sessions[-1].status == 503


async def test_a_status_nobody_knows_can_be_answered_too(sim: Simulator) -> None:
    error = await refused(sim, f"model={MODEL}&sim_fault=refuse:599")
    assert error.response.status_code == 599


async def test_a_fault_may_come_by_header(sim: Simulator) -> None:
    error = await refused(sim, f"model={MODEL}", **{"x-sim-fault": "refuse:429"})
    assert error.response.status_code == 429


async def test_a_fault_that_cannot_be_read_is_a_400(sim: Simulator) -> None:
    error = await refused(sim, f"model={MODEL}&sim_fault=explode")
    assert error.response.status_code == 400
    assert msgspec.json.decode(error.response.body)["error"]["code"] == "bad_fault"


async def test_handshake_lets_the_101_wait(sim: Simulator) -> None:
    began = time.monotonic()
    async with talking(sim, f"model={MODEL}&sim_fault=handshake:0.2") as client:
        assert time.monotonic() - began >= 0.2
        await client.until(CREATED)


@pytest.mark.parametrize(
    ("fault", "code", "close"),
    [
        ("reject:insufficient_quota", "insufficient_quota", 4000),
        ("reject:invalid_api_key", "invalid_api_key", 3000),
        ("reject:server_error:1013", "server_error", 1013),
    ],
)
async def test_reject_says_why_in_band_and_closes(sim: Simulator, fault: str, code: str, close: int) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault={fault}") as client:
        error = await client.until("error")
        assert error["error"]["code"] == code
        assert await client.closed() == (close, f"{error['error']['type']}.{code}")


async def test_silent_says_nothing_but_answers_pings_and_closes(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=silent") as client:
        await (await client.socket.ping())
        await client.send("response.create")
        await nothing_comes(client)
        await client.socket.close()
        assert client.socket.close_code == 1000
    assert sim.sessions[-1].received["response.create"] == 1


async def test_delay_lets_every_event_wait(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=delay:0.15") as client:
        began = time.monotonic()
        await client.until(CREATED)
        await client.update(instructions="")
        assert time.monotonic() - began >= 0.3


async def test_fail_ends_every_response_as_failed(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=fail:rate_limit_exceeded") as client:
        await client.send("response.create")
        done = await client.until("response.done")
    assert done["response"]["status"] == "failed"
    assert done["response"]["status_details"]["error"]["code"] == "rate_limit_exceeded"


async def test_close_carries_its_code_and_reason(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=close:4321:going%20home@2") as client:
        await client.until(CREATED)
        await client.update(instructions="")
        assert await client.closed() == (4321, "going home")


@pytest.mark.parametrize("fault", ["drop:1", "drop@1", "drop:rst@1", "drop:fin@1"])
async def test_drop_ends_without_a_close(sim: Simulator, fault: str) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault={fault}") as client:
        await client.until(CREATED)
        with pytest.raises(ConnectionClosedError) as caught:
            await client.next()
        assert caught.value.rcvd is None


async def test_drop_counts_the_events_before_it(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=drop:fin@4") as client:
        await client.send("response.create")
        for _ in range(4):
            await client.next()
        with pytest.raises(ConnectionClosedError):
            await client.next()
    assert sim.sessions[-1].sent.total() == 4


async def test_drop_resets_the_connection(sim: Simulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(
        f"GET /v1/realtime?model={MODEL}&sim_fault=drop@1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer k\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    with pytest.raises(ConnectionResetError):
        # The end of the stream would be an IncompleteReadError instead.
        await reader.readexactly(1_000_000)
    writer.close()


async def test_deaf_stops_reading_and_goes_on_writing(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=deaf@2", ping_interval=None) as client:
        await client.until(CREATED)
        await client.update(instructions="")
        await client.send("response.create")
        await nothing_comes(client)
        assert sim.sessions[-1].received["response.create"] == 0
        client.socket.transport.abort()


async def test_mute_reads_on_and_writes_nothing(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=mute") as client:
        await client.until(CREATED)
        pong = await client.socket.ping()
        await client.send("response.create")
        await nothing_comes(client)
        assert not asyncio.ensure_future(pong).done()
        assert sim.sessions[-1].received["response.create"] == 1
        client.socket.transport.abort()


async def test_vanish_leaves_the_connection_open_and_dead(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=vanish") as client:
        await client.until(CREATED)
        pong = await client.socket.ping()
        await client.send("response.create")
        await nothing_comes(client)
        assert not asyncio.ensure_future(pong).done()
        assert sim.sessions[-1].open
        assert sim.sessions[-1].received.total() == 0
        client.socket.transport.abort()


async def test_stall_goes_on_where_it_stopped(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=stall:0.2@2") as client:
        await client.until(CREATED)
        await client.send("response.create")
        assert (await client.next())["type"] == "response.created"
        began = time.monotonic()
        await client.until("rate_limits.updated")
        assert time.monotonic() - began >= 0.15
        await client.update(instructions="")


@pytest.mark.parametrize(("how", "close"), [("utf8", 1007), ("frame", None)])
async def test_mangle_breaks_the_next_event(sim: Simulator, how: str, close: int | None) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=mangle:{how}") as client:
        await client.until(CREATED)
        await client.send("input_audio_buffer.clear")
        with pytest.raises(ConnectionClosedError) as caught:
            await client.next()
        assert (caught.value.sent.code if caught.value.sent else None) == close


async def test_mangled_json_is_one_broken_event_and_the_session_goes_on(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=mangle:json") as client:
        await client.until(CREATED)
        await client.send("response.create")
        with pytest.raises(msgspec.DecodeError):
            await client.next()
        await client.until("response.done")


async def test_a_flood_comes_whole_and_every_event_is_another(sim: Simulator) -> None:
    async with talking(sim, f"model={MODEL}&sim_fault=flood:2000:5001") as client:
        await client.until(CREATED)
        ids = set()
        for _ in range(2000):
            message = await client.socket.recv(decode=False)
            assert len(message) == 5001
            ids.add(msgspec.json.decode(message)["event_id"])
        assert len(ids) == 2000
        await client.update(instructions="afterwards the session goes on")


async def test_a_flood_stops_where_nobody_reads(sim: Simulator) -> None:
    async with talking(
        sim, f"model={MODEL}&sim_fault=flood:100000:100000", max_queue=1, ping_interval=None
    ) as client:
        await client.until(CREATED)
        for _ in range(200):
            await asyncio.sleep(0)  # turns of the loop, for which the flood asks each time
        # Kernel buffers take some megabytes; the flood would be ten gigabytes.
        assert 1 < sim.sessions[-1].sent.total() < 1000
        client.socket.transport.abort()


async def test_faults_laid_down_hold_for_so_many_sessions(sim: Simulator) -> None:
    sim.faults.add("refuse:500", sessions=1)
    await refused(sim, f"model={MODEL}")
    async with talking(sim) as client:
        await client.until(CREATED)


async def test_waits_are_real_where_they_are_set() -> None:
    settings = SimulatorSettings.instant(first_token_seconds=Span(0.2, 0.2))
    async with Simulator(settings).running() as sim, talking(sim) as client:
        await client.until(CREATED)
        await client.send("response.create", response={"output_modalities": ["text"]})
        await client.until("response.created")
        began = time.monotonic()
        await client.until("response.output_text.delta")
        assert 0.15 < time.monotonic() - began < 2
