"""The WebSocket itself: who is let in and how, frames, pings, closes."""

import asyncio
import base64
import hashlib

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from relay.simulator.audio import Encoding, tone
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.integration.simulator.client import MODEL, spoken, talking

SPEECH = tone(600, Encoding.PCM)


async def test_the_audio_that_comes_back_is_the_audio_that_went_in(sim: Simulator) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        await client.update(audio={"input": {"turn_detection": None}})
        for offset in range(0, len(SPEECH), 4_800):
            await client.append(SPEECH[offset : offset + 4_800])
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("rate_limits.updated")
        assert spoken(client.seen) == SPEECH
    record = sim.sessions[-1]
    digest = hashlib.sha256(SPEECH).hexdigest()
    assert record.shown()["audio_received"] == {"bytes": len(SPEECH), "sha256": digest}
    assert record.shown()["audio_sent"] == {"bytes": len(SPEECH), "sha256": digest}
    assert list(record.order)[-2:] == ["input_audio_buffer.commit", "response.create"]
    assert (record.close_code, record.open) == (1000, False)


@pytest.mark.parametrize(
    ("query", "key", "headers", "code", "close"),
    [
        (f"model={MODEL}", "invalid-key", {}, "invalid_api_key", 3000),
        (f"model={MODEL}", "", {}, "invalid_api_key", 3000),
        (f"model={MODEL}", "ek_unknown", {}, "invalid_api_key", 3000),
        ("", "sk-test", {}, "missing_model", 4000),
        ("model=gpt-4o", "sk-test", {}, "invalid_model", 4000),
        (f"model={MODEL}&intent=transcription", "sk-test", {}, "invalid_model", 4000),
        (
            f"model={MODEL}",
            "sk-test",
            {"OpenAI-Beta": "realtime=v1"},
            "beta_api_shape_disabled",
            4000,
        ),
    ],
)
async def test_who_may_not_come_in_is_told_so_after_the_101(
    sim: Simulator, query: str, key: str, headers: dict[str, str], code: str, close: int
) -> None:
    async with talking(sim, query, key=key, headers=headers) as client:
        error = await client.until("error")
        assert error["error"]["code"] == code
        assert await client.closed() == (close, f"invalid_request_error.{code}")
    assert client.types() == ["error"]


@pytest.mark.parametrize(
    ("headers", "subprotocols"),
    [
        ({"Authorization": "Bearer sk-1"}, []),
        ({"api-key": "sk-1"}, []),
        ({}, ["realtime", "openai-insecure-api-key.sk-1"]),
    ],
)
async def test_a_key_may_be_carried_in_three_ways(
    sim: Simulator, headers: dict[str, str], subprotocols: list[str]
) -> None:
    async with talking(sim, key="", headers=headers, subprotocols=subprotocols) as client:
        await client.until("session.created")
        assert client.socket.subprotocol == ("realtime" if subprotocols else None)
    assert sim.sessions[-1].key == "sk-1"


async def test_the_beta_subprotocol_is_refused_as_the_header_is(sim: Simulator) -> None:
    offered = ["realtime", "openai-beta.realtime-v1"]
    async with talking(sim, subprotocols=offered) as client:
        assert (await client.until("error"))["error"]["code"] == "beta_api_shape_disabled"


async def test_another_path_is_not_there(sim: Simulator) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(sim.url.replace("/v1/realtime", "/v1/elsewhere"), proxy=None):
            pass
    assert caught.value.response.status_code == 404


async def test_an_upgrade_that_is_none_is_refused(sim: Simulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    head = f"GET /v1/realtime?model={MODEL} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    writer.write(f"{head}Connection: Upgrade\r\nAuthorization: Bearer k\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()
    await writer.wait_closed()
    assert sim.sessions[-1].status == 400


async def test_what_is_said_after_a_refusal_is_not_heard(sim: Simulator) -> None:
    async with talking(sim, "sim_fault=delay:0.1") as client:
        await client.send("response.create")
        await client.until("error")
        await client.closed()
    assert client.types() == ["error"]
    assert sim.sessions[-1].received["response.create"] == 1


async def test_a_binary_frame_and_broken_json_do_not_end_the_session(sim: Simulator) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        await client.socket.send(b"\x00")
        assert (await client.until("error"))["error"]["code"] == "invalid_event"
        await client.socket.send("{")
        assert (await client.until("error"))["error"]["code"] == "invalid_json"
        await client.update(instructions="alive")
    assert sim.sessions[-1].received["(not an event)"] == 2


async def test_fragments_are_one_message(sim: Simulator) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        await client.socket.send(['{"type":', '"input_audio_', 'buffer.clear"}'])
        await client.until("input_audio_buffer.cleared")


async def test_bad_utf8_is_a_close_of_its_own(sim: Simulator) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        await client.socket.send(b"\xff\xfe", text=True)
        assert (await client.closed())[0] == 1007


MASK = bytes(4)
TOO_BIG = b"\x81\xff" + (33 * 1024 * 1024).to_bytes(8, "big") + MASK


@pytest.mark.parametrize(
    ("frame", "close"),
    [
        (TOO_BIG, 1009),
        (b"\xc1\x80" + MASK, 1002),  # a reserved bit
        (b"\x81\x00", 1002),  # a client's frame without a mask
        (b"\x80\x80" + MASK, 1002),  # a continuation of nothing
    ],
)
async def test_broken_framing_is_a_close_of_its_own(sim: Simulator, frame: bytes, close: int) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        client.socket.transport.write(frame)
        assert (await client.closed())[0] == close


async def test_the_largest_append_is_taken(sim: Simulator) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        await client.update(audio={"input": {"turn_detection": None}})
        await client.append(bytes(15 * 1024 * 1024))
        await client.send("input_audio_buffer.commit")
        await client.until("input_audio_buffer.committed")
        await client.append(bytes(15 * 1024 * 1024 + 3))
        assert (await client.until("error"))["error"]["param"] == "audio"


async def test_the_server_pings_and_counts_the_answers() -> None:
    settings = SimulatorSettings.instant(ping_interval_seconds=0.05)
    async with Simulator(settings).running() as sim, talking(sim) as client:
        await client.until("session.created")
        record = sim.sessions[-1]
        async with asyncio.timeout(5):
            while record.pongs_received < 2:
                await (await client.socket.ping())
        assert record.pings_sent >= 2
        assert record.pings_received >= 1


async def test_an_old_session_is_told_so_and_closed() -> None:
    settings = SimulatorSettings.instant(session_seconds=0.06)
    async with Simulator(settings).running() as sim, talking(sim) as client:
        error = await client.until("error")
        assert error["error"]["code"] == "session_expired"
        assert await client.closed() == (1001, error["error"]["message"])


async def test_a_close_code_of_the_clients_is_recorded(sim: Simulator) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        await client.socket.close(4321, "enough")
    record = sim.sessions[-1]
    assert (record.close_code, record.close_reason) == (4321, "enough")


async def test_stopping_cuts_what_is_open_at_once() -> None:
    async with asyncio.timeout(5):
        async with Simulator(SimulatorSettings.instant()).running() as sim:
            clients = [
                await connect(
                    f"{sim.url}?model={MODEL}",
                    additional_headers={"Authorization": "Bearer k"},
                    proxy=None,
                )
                for _ in range(3)
            ]
        for client in clients:
            await client.wait_closed()
            assert client.close_code == 1006


async def test_a_client_that_never_reads_does_not_fill_the_memory(sim: Simulator) -> None:
    async with talking(sim, max_queue=1, ping_interval=None) as client:
        await client.until("session.created")
        await client.update(audio={"input": {"turn_detection": None}}, output_modalities=["text"])
        audio = base64.b64encode(bytes(960_000)).decode()
        part = {"type": "input_audio", "audio": audio}
        message = {"type": "message", "role": "user", "content": [part], "id": "big"}
        await client.send("conversation.item.create", item=message)

        async def ask_and_never_listen() -> None:
            while True:
                await client.send("conversation.item.retrieve", item_id="big")
                await client.socket.send("x" * 60_000)

        # Each answer has 1.3 MB: they pile up until the simulator reads no more.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask_and_never_listen(), 1)
        assert sim.sessions[-1].sent["conversation.item.retrieved"] < 100
        client.socket.transport.abort()
