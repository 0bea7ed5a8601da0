"""Client secrets over real sockets: what was minted starts sessions, as it was bound and no further."""

import json
from typing import Any

import msgspec

from relay.simulator.server import Simulator
from tests.kit.relays import relay_and_simulator, relay_to
from tests.kit.rest import OPAQUE, ORIGIN, SPEECH, asking, minted
from tests.kit.wire import closed, connected, event, knock, refusal, say, until


def first_update(sim: Simulator) -> dict[str, Any]:
    """Return the session of the first update that the upstream of the last session got."""
    updates = [json.loads(message) for message in sim.sessions[-1].messages if "session.update" in message]
    session = updates[0]["session"]
    assert isinstance(session, dict)
    return session


async def test_a_secret_starts_a_session_with_its_settings() -> None:
    async with relay_and_simulator() as (relay, key, sim), asking(relay, key) as client:
        secret = await minted(
            client, {**SPEECH, "instructions": "Be brief.", "audio": {"output": {"speed": 1.2}}}
        )
        async with connected(relay, secret):
            update = first_update(sim)
            assert update["instructions"] == "Be brief."
            assert update["audio"] == {"output": {"speed": 1.2}}
        assert secret not in json.dumps(sim.sessions[-1].shown())


async def test_a_browser_starts_a_session_by_subprotocol_and_never_hears_the_secret_back() -> None:
    async with (
        relay_and_simulator(tenant={"origins": [ORIGIN]}) as (relay, key, _),
        asking(relay, key) as client,
    ):
        secret = await minted(client, origin=ORIGIN)
        protocols = ["realtime", f"openai-insecure-api-key.{secret}"]
        async with connected(relay, None, subprotocols=protocols, origin=ORIGIN) as page:
            assert page.subprotocol == "realtime"


async def test_a_secret_for_one_origin_opens_nothing_elsewhere() -> None:
    async with (
        relay_and_simulator(tenant={"origins": [ORIGIN, "https://b.example"]}) as (relay, key, sim),
        asking(relay, key) as client,
    ):
        secret = await minted(client, origin=ORIGIN)
        async with knock(relay, secret, origin="https://b.example") as page:
            error = (await event(page))["error"]
            assert (error["code"], error["param"]) == ("not_allowed", "origin")
            assert await closed(page) == (4003, "invalid_request_error.not_allowed")
        status, _, _ = await refusal(relay, secret)
        assert status == 403
        assert not sim.sessions


async def test_a_session_too_large_for_a_secret_starts_all_the_same() -> None:
    async with relay_and_simulator() as (relay, key, _), asking(relay, key) as client:
        instructions = "The vault opens at nine. " * 4_000
        secret = await minted(client, {**SPEECH, "instructions": instructions})
        assert len(secret) < 300
        async with knock(relay, secret) as session:
            assert (await event(session))["session"]["instructions"] == instructions


async def test_a_secret_for_one_use_is_used_once_by_a_wish_and_by_the_plan() -> None:
    for plan, once in (({}, True), ({"client_secret_uses": 1}, False)):
        async with relay_and_simulator(plan=plan) as (relay, key, _), asking(relay, key) as client:
            secret = await (minted(client, max_uses=1) if once else minted(client))
            async with connected(relay, secret):
                pass
            status, _, error = await refusal(relay, secret)
            assert status == 401
            assert "used once" in error["message"]


async def test_a_locked_field_is_refused_and_the_session_lives() -> None:
    async with relay_and_simulator() as (relay, key, _), asking(relay, key) as client:
        secret = await minted(client, {**SPEECH, "instructions": "Be brief."}, locked=["instructions"])
        async with connected(relay, secret) as session:
            await say(session, type="session.update", session={"type": "realtime", "instructions": "Ramble."})
            error = (await until(session, "error"))["error"]
            assert (error["code"], error["param"]) == ("not_allowed", "session.instructions")


async def test_a_secret_dies_with_the_key_that_minted_it() -> None:
    async with relay_and_simulator() as (relay, key, _), asking(relay, key) as client:
        secret = await minted(client)
        acme = next(iter(relay.settings.catalog.tenants.values()))
        orphan = msgspec.structs.replace(acme, keys=())
        catalog = relay.settings.catalog
        emptied = type(catalog).of((orphan,), catalog.upstreams, catalog.aliases, catalog.peppers)
        relay.reload(msgspec.structs.replace(relay.settings, catalog=emptied))
        status, _, error = await refusal(relay, secret)
        assert status == 401
        assert "revoked" in error["message"]


async def test_a_secret_of_another_relay_is_none_here() -> None:
    async with relay_to(OPAQUE) as (there, key), asking(there, key) as client:
        secret = await minted(client)
    async with relay_and_simulator() as (relay, _, _):
        status, _, error = await refusal(relay, secret)
        assert (status, error["code"]) == (401, "invalid_api_key")
