"""What a policy sets is set before the client comes in: the relay's own update, seen on both wires."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from relay.simulator.server import Simulator
from tests.kit.relays import relay_and_simulator, relay_to
from tests.kit.upstreams import scripted
from tests.kit.wire import append, closed, connected, event, knock, refusal, say, until

STRICT: dict[str, Any] = {
    "instructions": "locked",
    "instructions_text": "You sell shoes.",
    "voices": ["cedar", "marin"],
    "turn_detection": "server_vad",
    "max_output_tokens": 500,
    "locked": ["turn_detection"],
}


def heard(sim: Simulator) -> list[dict[str, Any]]:
    """Return what the upstream was told, appends left out."""
    return [json.loads(message) for message in sim.sessions[-1].shown()["messages"]]


async def test_the_client_s_first_event_shows_the_session_as_the_policy_has_it() -> None:
    async with relay_and_simulator(tenant={"policy": STRICT}) as (relay, key, sim), knock(relay, key) as client:
        created = await event(client)
        assert created["type"] == "session.created"
        session = created["session"]
        assert session["instructions"] == "You sell shoes."
        assert session["audio"]["output"]["voice"] == "cedar"
        assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert session["max_output_tokens"] == 500
        # The acknowledgement is the relay's affair: the next thing the client hears is the answer to its own.
        await say(client, type="session.update", session={"type": "realtime", "output_modalities": ["text"]})
        assert (await event(client))["session"]["output_modalities"] == ["text"]
        first, second = heard(sim)
        assert first["event_id"] == "relay_preset"
        assert first["session"]["type"] == "realtime"
        assert second["session"] == {"type": "realtime", "output_modalities": ["text"]}


async def test_nobody_else_pays_for_an_update() -> None:
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key) as client:
        await say(client, type="input_audio_buffer.clear")
        await until(client, "input_audio_buffer.cleared")
        assert [said["type"] for said in heard(sim)] == ["input_audio_buffer.clear"]


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"instructions": "You sell hats."}, "session.instructions"),
        ({"audio": {"output": {"voice": "alloy"}}}, "session.audio.output.voice"),
        ({"audio": {"input": {"turn_detection": None}}}, "session.audio.input.turn_detection"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools[0].type"),
    ],
)
async def test_what_is_locked_cannot_be_said_later_and_the_session_lives(
    session: dict[str, Any], param: str
) -> None:
    async with (
        relay_and_simulator(tenant={"policy": STRICT}) as (relay, key, sim),
        connected(relay, key) as client,
    ):
        await say(client, type="session.update", event_id="e1", session={"type": "realtime", **session})
        error = (await until(client, "error"))["error"]
        assert (error["code"], error["param"], error["event_id"]) == ("not_allowed", param, "e1")
        await say(client, type="input_audio_buffer.clear")
        await until(client, "input_audio_buffer.cleared")
        assert [said["type"] for said in heard(sim)] == ["session.update", "input_audio_buffer.clear"]


async def test_a_number_and_a_trace_are_made_to_fit() -> None:
    async with (
        relay_and_simulator(tenant={"policy": STRICT}) as (relay, key, _),
        connected(relay, key) as client,
    ):
        await say(
            client,
            type="session.update",
            session={"type": "realtime", "max_output_tokens": "inf", "tracing": "auto"},
        )
        session = (await until(client, "session.updated"))["session"]
        assert (session["max_output_tokens"], session["tracing"]) == (500, None)


async def test_a_prefix_stands_before_whatever_the_client_says() -> None:
    policy = {"instructions": "prefixed", "instructions_text": "Never swear."}
    async with relay_and_simulator(tenant={"policy": policy}) as (relay, key, _), knock(relay, key) as client:
        assert (await event(client))["session"]["instructions"] == "Never swear."
        await say(client, type="session.update", session={"type": "realtime", "instructions": "Be a pirate."})
        told = (await until(client, "session.updated"))["session"]["instructions"]
        assert told == "Never swear.\n\nBe a pirate."
        # Clients send back what they were shown.
        await say(client, type="session.update", session={"type": "realtime", "instructions": told})
        assert (await until(client, "session.updated"))["session"]["instructions"] == told


async def test_a_beta_client_sees_the_preset_in_its_own_words() -> None:
    async with (
        relay_and_simulator(tenant={"policy": STRICT}) as (relay, key, sim),
        knock(relay, key, headers={"OpenAI-Beta": "realtime=v1"}) as client,
    ):
        session = (await event(client))["session"]
        assert (session["voice"], session["instructions"]) == ("cedar", "You sell shoes.")
        await say(client, type="session.update", session={"voice": "alloy"})
        assert (await until(client, "error"))["error"]["param"] == "session.voice"
        assert "openai-beta" not in sim.sessions[-1].headers


async def test_an_upstream_that_refuses_the_preset_is_told_at_the_door() -> None:
    policy = {"voices": ["no-such-voice"]}
    async with relay_and_simulator(tenant={"policy": policy}) as (relay, key, _):
        status, _headers, error = await refusal(relay, key)
        assert status == 400
        assert "voice" in error["message"]
        assert not len(relay.sessions)


def refusing(code: str, **more: Any) -> Any:
    """Make an upstream that answers the relay's settings with an error."""

    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        error = {"type": "invalid_request_error", "code": code, "message": "No.", "param": None, **more}
        await connection.send(json.dumps({"type": "error", "event_id": "e", "error": error}))
        await connection.wait_closed()

    return refuse


@pytest.mark.parametrize(
    ("code", "more", "status"),
    [
        ("insufficient_quota", {}, 502),
        ("invalid_api_key", {"event_id": "relay_preset"}, 502),
        ("rate_limit_exceeded", {}, 503),
        ("oops", {"type": "server_error"}, 503),
        ("invalid_value", {"event_id": "evt_of_its_own", "param": "session.audio.output.voice"}, 400),
    ],
)
async def test_an_error_in_place_of_the_acknowledgement_is_told_for_what_it_is(
    code: str, more: dict[str, Any], status: int
) -> None:
    async with (
        scripted(refusing(code, **more)) as url,
        relay_to(url, tenant={"policy": STRICT}) as (relay, key),
    ):
        beta = {"OpenAI-Beta": "realtime=v1"}
        told = await refusal(relay, key, headers=beta)
        assert told[0] == status
        if status == 400:
            assert told[2]["param"] == "session.voice"


async def test_another_upstream_is_tried_where_one_s_key_has_no_quota_for_the_preset() -> None:
    async with (
        scripted(refusing("insufficient_quota")) as poor,
        relay_and_simulator() as (_, _key, sim),
    ):
        upstreams = [
            {"name": "poor", "region": "us", "url": poor, "priority": 0},
            {"name": "rich", "region": "us", "url": sim.url, "priority": 1},
        ]
        async with relay_to(upstreams, tenant={"policy": STRICT}) as (relay, key), knock(relay, key) as client:
            assert (await event(client))["session"]["instructions"] == "You sell shoes."


async def test_the_session_is_shown_as_set_wherever_its_creation_is_told() -> None:
    async def late(connection: ServerConnection) -> None:
        asked = json.loads(await connection.recv())
        created = {"type": "session.created", "event_id": "e", "session": {"id": "sess_1", "instructions": "?"}}
        await connection.send(json.dumps(created))
        session = {"id": "sess_1", **asked["session"]}
        await connection.send(json.dumps({"type": "session.updated", "session": session}))
        await connection.wait_closed()

    async with (
        scripted(late) as url,
        relay_to(url, tenant={"policy": STRICT}) as (relay, key),
        knock(relay, key) as client,
    ):
        first, second = await event(client), await event(client)
        assert {first["type"], second["type"]} == {"session.created"}
        assert second["session"]["instructions"] == "You sell shoes."


async def test_a_large_session_is_acknowledged_without_being_held() -> None:
    async def generous(connection: ServerConnection) -> None:
        await connection.recv()
        session = {"id": "sess_1", "instructions": "y" * 1_500_000}
        await connection.send(json.dumps({"type": "session.updated", "session": session}))
        await connection.wait_closed()

    async with (
        scripted(generous) as url,
        relay_to(url, tenant={"policy": STRICT}) as (relay, key),
        knock(relay, key) as client,
    ):
        assert len((await event(client))["session"]["instructions"]) == 1_500_000


async def test_an_upstream_that_never_answers_the_preset_is_late() -> None:
    async def deaf(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with scripted(deaf) as url, relay_to(url, tenant={"policy": STRICT}) as (relay, key):
        status, _headers, error = await refusal(relay, key)
        assert (status, error["code"]) == (504, "upstream_unavailable")


async def test_an_upstream_that_hangs_up_on_the_preset_has_failed() -> None:
    async def rude(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1011)

    async with scripted(rude) as url, relay_to(url, tenant={"policy": STRICT}) as (relay, key):
        assert (await refusal(relay, key))[0] == 502


async def test_what_is_said_before_the_acknowledgement_reaches_the_client_in_order() -> None:
    async def chatty(connection: ServerConnection) -> None:
        asked = json.loads(await connection.recv())
        await connection.send(json.dumps({"type": "conversation.created", "conversation": {"id": "c"}}))
        session = {"id": "sess_1", **asked["session"]}
        await connection.send(json.dumps({"type": "session.updated", "session": session}))
        await connection.send(json.dumps({"type": "rate_limits.updated", "rate_limits": []}))
        await connection.wait_closed()

    async with (
        scripted(chatty) as url,
        relay_to(url, tenant={"policy": STRICT}) as (relay, key),
        knock(relay, key) as client,
    ):
        created, *others = [await event(client) for _ in range(3)]
        assert created["session"]["instructions"] == "You sell shoes."
        assert [other["type"] for other in others] == ["conversation.created", "rate_limits.updated"]


async def test_a_client_that_leaves_during_the_preset_leaves_nothing_behind() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def slow(connection: ServerConnection) -> None:
        await connection.recv()
        asked.set()
        await connection.wait_closed()
        left.set()

    async with scripted(slow) as url, relay_to(url, tenant={"policy": STRICT}) as (relay, key):
        knocking = asyncio.ensure_future(knock(relay, key).__aenter__())
        async with asyncio.timeout(5):
            await asked.wait()
            knocking.cancel()
            await left.wait()
        assert not len(relay.sessions)


async def test_a_wav_file_is_refused_with_the_remedy_and_raw_samples_after_it_are_heard() -> None:
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key) as client:
        await client.send(
            append(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00" + bytes(99))
        )
        error = (await until(client, "error"))["error"]
        assert error["code"] == "unsupported_audio_format"
        assert "resample from 16000 Hz" in error["message"]
        await client.send(append(bytes(4800)))
        await say(client, type="input_audio_buffer.clear")
        await until(client, "input_audio_buffer.cleared")
        assert sim.sessions[-1].shown()["received"]["input_audio_buffer.append"] == 1


async def test_a_browser_with_a_secret_that_is_none_is_told_in_band() -> None:
    async with (
        relay_and_simulator() as (relay, _, _sim),
        knock(relay, "ek_nonsense", origin="https://app.example") as client,
    ):
        assert (await event(client))["error"]["code"] == "invalid_api_key"
        assert (await closed(client))[0] == 3000
