"""Every refusal in a session, over a real socket and asserted whole: event, close, what went upstream."""

import asyncio
import base64
import json
import random
from array import array
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode

from relay.server import Relay
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import MODEL, config, new_key, relay_and_simulator, settings
from tests.kit.wire import append, closed, connected, event, eventually, knock, refusal, say, until

INVALID = "invalid_request_error"


def seen(sim: Simulator) -> dict[str, int]:
    """Return what the upstream counted of its last session, by event type."""
    counts: dict[str, int] = sim.sessions[-1].shown()["received"]
    return counts


async def lives(client: ClientConnection) -> None:
    """Show that the session goes on: the upstream still answers."""
    await say(client, type="input_audio_buffer.clear")
    assert (await until(client, "input_audio_buffer.cleared"))["type"]


def raw(client: ClientConnection, data: bytes) -> None:
    """Write bytes past the client library."""
    client.transport.write(data)


def frame(opcode: int, payload: bytes, fin: bool = True, rsv: int = 0) -> bytes:
    """Return one masked frame of under 126 bytes, whatever the RFC says of it. The mask is zero."""
    return bytes([fin << 7 | rsv << 4 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def test_a_chunk_over_the_plans_size_is_413_and_the_session_lives() -> None:
    async with (
        relay_and_simulator(plan={"chunk_bytes": 3000}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        await client.send(append(bytes(3000)))
        await client.send(append(bytes(3001)))
        told = (await until(client, "error"))["error"]
        assert (told["type"], told["code"], told["param"]) == (INVALID, "audio_chunk_too_large", "audio")
        assert (told["status"], told["event_id"]) == (413, None)
        assert "3001" in told["message"]
        assert "3000" in told["message"]
        await lives(client)
        assert seen(sim)["input_audio_buffer.append"] == 1


@pytest.mark.parametrize(
    "dodge",
    [
        lambda audio: f'{{"type":"input_audio_buffer.append","audio":"{audio}","audio":""}}',
        lambda audio: f'{{"type":"input_audio_buffer.append","audio":"","\\u0061udio":"{audio}"}}',
        lambda audio: f'{{"type":"input_audio_buffer.append","audio":"{audio[:-1]}\\u{ord(audio[-1]):04x}"}}',
        lambda audio: f'{{"type":"input_audio_buffer.append","audio":"{audio}===="}}',
        lambda audio: f'{{"type":"input_audio_buffer.append","audio":"{" ".join(audio)}"}}',
        lambda audio: f'{{"type":"x","type":"input_audio_buffer.append","audio":"{audio}"}}',
        lambda audio: f'{{"audio":"{audio}","type":"\\u0069nput_audio_buffer.append"}}',
        lambda audio: json.dumps(
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_audio", "audio": audio}],
                },
            }
        ),
    ],
)
async def test_the_chunk_limit_cannot_be_slipped_under(dodge: Any) -> None:
    audio = base64.b64encode(random.Random(1).randbytes(3003)).decode()
    async with (
        relay_and_simulator(plan={"chunk_bytes": 3000}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        await client.send(dodge(audio))
        told = (await until(client, "error"))["error"]
        assert told["code"] in {"audio_chunk_too_large", "invalid_json"}
        await lives(client)
        assert set(seen(sim)) == {"input_audio_buffer.clear"}


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("not json", "invalid_json", None),
        ("[1, 2]", "invalid_json", None),
        ('{"type":"response.cancel","a":1,"a":2}', "invalid_json", None),
        ('{"type":"response.cancel","a":NaN}', "invalid_json", None),
        ('{"type":"response.cancel","a":1e999}', "invalid_json", None),
        ('{"type":"response.cancel","a":"\\ud800"}', "invalid_json", None),
        ('{"type":"response.cancel","a":' + "[" * 40 + "]" * 40 + "}", "invalid_json", None),
        ('{"type":"response.cancel","a":' + "[" * 90_000 + "]" * 90_000 + "}", "invalid_json", None),
        ('\ufeff{"type":"response.cancel"}', "invalid_json", None),
        ('{"event":"response.cancel"}', "invalid_event", "type"),
        ('{"type":7}', "invalid_event", "type"),
        (b'{"type":"response.cancel"}', "invalid_event", None),
    ],
)
async def test_what_is_no_event_is_refused_and_never_forwarded(
    message: str | bytes, code: str, param: str | None
) -> None:
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key) as client:
        await client.send(message)
        told = (await event(client))["error"]
        assert (told["type"], told["code"], told["param"]) == (INVALID, code, param)
        assert told["status"] == 400
        await lives(client)
        assert set(seen(sim)) == {"input_audio_buffer.clear"}


async def test_the_plans_patience_ends_with_1008() -> None:
    async with (
        relay_and_simulator(plan={"patience": 3}) as (relay, key, _),
        connected(relay, key) as client,
    ):
        for _ in range(4):
            await client.send("no")
        for _ in range(4):
            assert (await event(client))["error"]["code"] == "invalid_json"
        assert await closed(client) == (1008, "too_many_refused")


async def test_too_many_control_events_are_refused_and_the_session_lives() -> None:
    async with (
        relay_and_simulator(plan={"events_per_second": 1}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        for number in range(6):
            await say(client, type="input_audio_buffer.clear", event_id=f"mine_{number}")
        told = [await event(client) for _ in range(6)]
        refused = [one["error"] for one in told if one["type"] == "error"]
        assert [one["event_id"] for one in refused] == ["mine_4", "mine_5"]
        for one in refused:
            assert (one["type"], one["code"]) == ("rate_limit_error", "rate_limit_exceeded")
            assert one["status"] == 429
            assert 0 < one["retry_after_ms"] <= 2000
        assert seen(sim)["input_audio_buffer.clear"] == 4


async def test_a_response_over_the_rate_fails_in_the_upstreams_own_form() -> None:
    async with (
        relay_and_simulator(plan={"responses_per_minute": 1}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        await say(client, type="response.create", response={"output_modalities": ["text"]})
        assert (await until(client, "response.done"))["response"]["status"] == "completed"
        await say(client, type="response.create", response={"metadata": {"turn": "2"}})
        created = await until(client, "response.created")
        done = await event(client)
        assert done["type"] == "response.done"
        assert done["response"]["id"] == created["response"]["id"]
        assert done["response"]["status"] == "failed"
        assert done["response"]["metadata"] == {"turn": "2"}
        assert done["response"]["status_details"]["error"]["code"] == "rate_limit_exceeded"
        await lives(client)
        assert seen(sim)["response.create"] == 1


def spoken() -> bytes:
    """Return speech between silences, as voice detection wants it."""
    dice = random.Random(5)
    noise = array("h", (dice.randint(-9000, 9000) for _ in range(24_000))).tobytes()
    return bytes(24_000) + noise + bytes(48_000)


async def test_a_response_that_voice_began_over_the_rate_is_cancelled_upstream() -> None:
    unhurried = SimulatorSettings.instant(audio_pace=1.0)
    async with (
        relay_and_simulator(unhurried, plan={"responses_per_minute": 1}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        await say(client, type="response.create", response={"output_modalities": ["text"]})
        await until(client, "response.done")
        await client.send(append(spoken()))
        created = await until(client, "response.created")
        done = await until(client, "response.done")
        assert done["response"]["id"] == created["response"]["id"]
        assert done["response"]["status"] == "failed"
        assert done["response"]["status_details"]["error"]["code"] == "rate_limit_exceeded"
        assert seen(sim)["response.cancel"] == 1
        await lives(client)


async def test_tokens_of_the_minute_are_post_paid_and_then_responses_fail() -> None:
    async with (
        relay_and_simulator(plan={"tokens_per_minute": 5}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        await say(client, type="response.create", response={"output_modalities": ["text"]})
        assert (await until(client, "response.done"))["response"]["usage"]["total_tokens"] > 5
        await say(client, type="response.create")
        failed = (await until(client, "response.done"))["response"]
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["code"] == "rate_limit_exceeded"
        await lives(client)
        assert seen(sim)["response.create"] == 1


@pytest.mark.parametrize("budget", [{"tokens_per_day": 5}, {"usd_per_day": 0.00001}])
async def test_the_days_budget_ends_the_session_after_the_response_was_delivered(budget: Any) -> None:
    async with relay_and_simulator(plan=budget) as (relay, key, _):
        async with connected(relay, key) as client:
            await say(client, type="response.create", response={"output_modalities": ["text"]})
            assert (await until(client, "response.done"))["response"]["status"] == "completed"
            told = (await until(client, "error"))["error"]
            assert (told["type"], told["code"]) == ("insufficient_quota", "insufficient_quota")
            assert told["status"] == 429
            assert await closed(client) == (1008, "budget_spent")
        status, headers, error = await refusal(relay, key)
        assert (status, error["type"], error["code"]) == (429, "insufficient_quota", "insufficient_quota")
        assert int(headers["retry-after"]) >= 1


async def test_a_session_that_is_too_old_is_told_and_closed_1001() -> None:
    async with (
        relay_and_simulator(plan={"session_seconds": 1}) as (relay, key, _),
        connected(relay, key) as client,
    ):
        told = (await until(client, "error"))["error"]
        assert (told["type"], told["code"], told["status"]) == (INVALID, "session_expired", 408)
        assert "maximum duration" in told["message"]
        assert await closed(client) == (1001, "too_old")


async def test_a_session_that_is_idle_is_told_and_closed_1001() -> None:
    async with (
        relay_and_simulator(plan={"idle_seconds": 1}) as (relay, key, _),
        connected(relay, key) as client,
    ):
        told = (await until(client, "error"))["error"]
        assert (told["code"], told["status"]) == ("session_expired", 408)
        assert "idle" in told["message"]
        assert await closed(client) == (1001, "idle")


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (frame(Opcode.TEXT, b"{}", rsv=4), 1002),
        (frame(Opcode.TEXT, b"{}", rsv=2), 1002),
        (frame(Opcode.CONT, b"{}"), 1002),
        (frame(Opcode.TEXT, b"{", fin=False) + frame(Opcode.TEXT, b"}"), 1002),
        (frame(Opcode.PING, b"x", fin=False), 1002),
        (frame(Opcode.CLOSE, b"\x03"), 1002),
        (frame(Opcode.CLOSE, b"\x03\xed"), 1002),
        (frame(Opcode.CLOSE, b"\x03\xe8\xff"), 1007),
        (frame(Opcode.TEXT, b'{"type":"\xff"}'), 1007),
        (frame(Opcode.TEXT, b'{"type":"input_audio_buffer.append","audio":"\xc0\x80"}'), 1007),
        (frame(3, b""), 1002),
    ],
)
async def test_broken_framing_and_bad_text_close_with_the_rfcs_code(broken: bytes, code: int) -> None:
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key) as client:
        raw(client, broken)
        assert (await closed(client))[0] == code
        await eventually(lambda: not sim.sessions[-1].shown()["open"])
        assert not seen(sim)


async def test_a_message_over_the_hard_cap_closes_1009_whole_or_in_pieces() -> None:
    async with relay_and_simulator(plan={"message_bytes": 20_000, "chunk_bytes": 10_000}) as (relay, key, sim):
        async with connected(relay, key) as client:
            await client.send("x" * 20_001)
            assert (await closed(client))[0] == 1009
        async with connected(relay, key) as client:
            await client.send(["x" * 9_000, "x" * 9_000, "x" * 9_000])
            assert (await closed(client))[0] == 1009
        await eventually(lambda: len(relay.sessions) == 0)
        assert not seen(sim)


async def test_an_upstream_that_dies_is_told_at_once_and_closed_1011() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("drop:rst@1", sessions=1)
        async with knock(relay, key) as client:
            asked = asyncio.get_running_loop().time()
            told = (await until(client, "error"))["error"]
            assert (told["type"], told["code"]) == ("server_error", "upstream_unavailable")
            assert told["status"] == 502
            assert await closed(client) == (1011, "upstream_lost")
            assert asyncio.get_running_loop().time() - asked < 1


async def test_the_upstreams_close_is_carried_across_without_secrets() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("close:4321:gone with sk-upstream-key-of-the-tests@1", sessions=1)
        async with knock(relay, key) as client:
            assert await closed(client) == (4321, "gone with ***")


async def test_the_clients_close_is_carried_across() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        async with connected(relay, key) as client:
            await client.close(4321, "my own reasons")
        await eventually(lambda: not sim.sessions[-1].shown()["open"])
        assert sim.sessions[-1].shown()["close_code"] == 4321


async def test_a_model_that_was_not_connected_with_is_refused_and_the_session_lives() -> None:
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key) as client:
        await say(
            client,
            type="session.update",
            event_id="mine",
            session={"type": "realtime", "model": "gpt-realtime-mini"},
        )
        told = (await event(client))["error"]
        assert (told["code"], told["param"], told["event_id"]) == ("not_allowed", "session.model", "mine")
        assert told["status"] == 403
        await lives(client)
        assert "session.update" not in seen(sim)


async def test_a_hosted_tool_is_refused_by_name_unless_the_policy_allows_it() -> None:
    async with relay_and_simulator() as (relay, key, _), connected(relay, key) as client:
        tool = {"type": "mcp", "server_label": "x", "server_url": "https://evil.example"}
        await say(client, type="session.update", session={"type": "realtime", "tools": [tool]})
        told = (await event(client))["error"]
        assert (told["code"], told["param"]) == ("not_allowed", "session.tools[0].type")


async def test_a_key_that_is_revoked_ends_its_sessions_and_no_others() -> None:
    (token, line), (other, other_line) = new_key(), new_key()
    async with Simulator(SimulatorSettings.instant()).running() as sim:
        both = settings(config(sim.url, line, tenant={"keys": [line, other_line]}))
        async with (
            Relay(both).running() as relay,
            connected(relay, token) as revoked,
            connected(relay, other) as kept,
        ):
            assert relay.reload(settings(config(sim.url, other_line))) == 1
            told = (await until(revoked, "error"))["error"]
            assert (told["type"], told["code"]) == (INVALID, "invalid_api_key")
            assert await closed(revoked) == (3000, "key_revoked")
            await lives(kept)
            assert (await refusal(relay, token))[0] == 401


async def test_a_drain_closes_what_is_left_with_1012() -> None:
    listen = {"drain_seconds": 0.2, "drain_spread_seconds": 0.2}
    async with (
        relay_and_simulator(listen=listen) as (relay, key, _),
        connected(relay, key) as one,
        connected(relay, key) as two,
    ):
        draining = asyncio.create_task(relay.drain())
        assert await closed(one) == (1012, "draining")
        assert await closed(two) == (1012, "draining")
        await asyncio.wait_for(draining, 5)


async def test_a_name_whose_holder_does_not_answer_passes_to_the_newcomer() -> None:
    async with relay_and_simulator() as (relay, key, _):
        query = f"?model={MODEL}&relay_session=call-7"
        async with connected(relay, key, query) as first:
            first.transport.pause_reading()
            async with connected(relay, key, query) as second:
                await lives(second)
            first.transport.resume_reading()
            told = (await until(first, "error"))["error"]
            assert (told["type"], told["code"], told["status"]) == (INVALID, "session_conflict", 409)
            assert await closed(first) == (4009, "replaced")
