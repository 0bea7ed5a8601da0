"""What a session that a client secret started may do, and what the secret costs its tenant."""

from typing import Any

import httpx

from relay.server import Relay
from tests.kit.relays import MODEL, relay_and_simulator, relay_to
from tests.kit.wire import connected, event, knock, refusal, say, until


async def minted(relay: Relay, key: str, session: dict[str, Any] | None = None, **wishes: Any) -> str:
    """Return a client secret."""
    body: dict[str, Any] = {"session": session} if session is not None else {}
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{relay.url}/realtime/client_secrets",
            headers={"Authorization": f"Bearer {key}"},
            json={**body, "relay": wishes},
        )
    assert answer.status_code == 200, answer.text
    value: str = answer.json()["value"]
    return value


async def test_a_secret_that_is_used_up_costs_its_tenant_nothing() -> None:
    async with relay_and_simulator(plan={"session_starts_per_minute": 4}) as (relay, key, _):
        secret = await minted(relay, key, max_uses=1)
        async with connected(relay, secret):
            pass
        for _try in range(8):
            status, _headers, error = await refusal(relay, secret)
            assert (status, error["code"]) == (401, "invalid_api_key")
        async with connected(relay, key):
            pass


async def test_a_use_comes_back_when_no_session_came_of_it() -> None:
    async with relay_to("ws://127.0.0.1:9/v1/realtime") as (relay, key):
        secret = await minted(relay, key, max_uses=1)
        for _try in range(3):
            assert (await refusal(relay, secret))[0] == 502


async def test_a_secret_attaches_to_no_call() -> None:
    own = [{"name": "own", "region": "us", "url": "ws://127.0.0.1:9/v1", "keys": ["env:UPSTREAM_KEY"]}]
    async with relay_to("ws://127.0.0.1:9/v1/realtime", tenant={"upstreams": own}) as (relay, key):
        secret = await minted(relay, key)
        status, _headers, error = await refusal(relay, secret, "?call_id=rtc_1")
        assert (status, error["param"]) == (403, "call_id")


async def test_a_locked_model_is_the_only_one() -> None:
    async with relay_and_simulator() as (relay, key, _):
        secret = await minted(relay, key, {"type": "realtime", "model": MODEL}, locked=["model"])
        status, _headers, error = await refusal(relay, secret, "?model=gpt-realtime-mini")
        assert (status, error["param"]) == (403, "model")
        async with connected(relay, secret):
            pass


async def test_locked_instructions_hold_and_are_not_shown() -> None:
    session = {"type": "realtime", "model": MODEL, "instructions": "You sell shoes."}
    async with relay_and_simulator() as (relay, key, sim):
        secret = await minted(relay, key, session, locked=True)
        async with knock(relay, secret) as client:
            assert (await event(client))["session"]["instructions"] == ""
            assert sim.sessions[-1].session is not None
            assert sim.sessions[-1].session["instructions"] == "You sell shoes."
            await say(client, type="session.update", session={"type": "realtime", "instructions": "Hats."})
            assert (await until(client, "error"))["error"]["param"] == "session.instructions"
            await say(client, type="session.update", session={"type": "realtime"})
            assert (await until(client, "session.updated"))["session"]["instructions"] == ""
        free = await minted(relay, key, session)
        async with knock(relay, free) as client:
            assert (await event(client))["session"]["instructions"] == "You sell shoes."


async def test_end_users_of_one_tenant_do_not_take_each_other_s_names() -> None:
    async with relay_and_simulator() as (relay, key, _):
        first, second = await minted(relay, key), await minted(relay, key)
        query = f"?model={MODEL}&relay_session=desk"
        async with (
            connected(relay, key, query),
            connected(relay, first, query),
            connected(relay, second, query),
        ):
            assert len(relay.sessions) == 3
            assert (await refusal(relay, first, query))[0] == 409


async def test_a_latency_hint_of_the_secret_is_the_session_s() -> None:
    session = {"type": "realtime", "model": MODEL, "latency_hints": "low"}
    async with relay_and_simulator() as (relay, key, _):
        secret = await minted(relay, key, session)
        async with connected(relay, secret):
            (live,) = relay.sessions
            assert live.latency == "low"
