"""The REST side over real sockets."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from relay.simulator.server import Simulator
from tests.integration.simulator.client import MODEL, talking

KEY = {"Authorization": "Bearer sk-test"}


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        yield client


async def test_models_are_listed(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/v1/models", headers=KEY)).json()
    assert MODEL in [model["id"] for model in listed["data"]]


async def test_a_bad_key_is_a_401_in_the_apis_form(http: httpx.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Bearer invalid"}):
        answer = await http.get("/v1/models", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_a_client_secret_opens_sessions_as_it_was_configured(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    session = {"type": "realtime", "model": "gpt-realtime-2", "instructions": "from the secret"}
    body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": session}
    secret = (await http.post("/v1/realtime/client_secrets", headers=KEY, json=body)).json()
    assert secret["value"].startswith("ek_")
    assert secret["session"]["object"] == "realtime.session"
    assert secret["session"]["expires_at"] == 0
    for _ in range(2):
        async with talking(sim, "", key=secret["value"]) as client:
            created = await client.until("session.created")
            assert created["session"]["instructions"] == "from the secret"
            assert created["session"]["model"] == "gpt-realtime-2"


async def test_a_secret_for_transcription_opens_a_transcription_session(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    body = {"session": {"type": "transcription"}}
    secret = (await http.post("/v1/realtime/client_secrets", headers=KEY, json=body)).json()
    async with talking(sim, "", key=secret["value"]) as client:
        created = await client.until("session.created")
    assert created["session"]["type"] == "transcription"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (
            {"expires_after": {"anchor": "created_at", "seconds": 5}},
            "integer_below_min_value",
            "expires_after.seconds",
        ),
        ({"expires_after": {"seconds": 60}}, "missing_required_parameter", "expires_after.anchor"),
        ({"session": {"type": "realtime", "voice": "x"}}, "unknown_parameter", "session.voice"),
        ({"session": {}}, "missing_required_parameter", "session.type"),
        ({"secret": 1}, "unknown_parameter", "secret"),
    ],
)
async def test_a_secret_that_cannot_be_is_a_400(
    http: httpx.AsyncClient, body: dict[str, Any], code: str, param: str
) -> None:
    answer = await http.post("/v1/realtime/client_secrets", headers=KEY, json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)


async def test_a_body_that_is_no_json_is_a_400(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/realtime/client_secrets", headers=KEY, content=b"{")
    assert answer.json()["error"]["code"] == "invalid_json"


async def test_faults_are_laid_down_shown_and_taken_back(sim: Simulator, http: httpx.AsyncClient) -> None:
    laid = await http.post("/sim/faults", json={"fault": "close:4001:bye", "sessions": 2})
    assert laid.status_code == 201
    assert laid.json() == {"faults": [{"fault": "close:4001:bye", "sessions": 2}]}
    async with talking(sim) as client:
        assert await client.closed() == (4001, "bye")
    assert (await http.get("/sim/faults")).json()["faults"][0]["sessions"] == 1
    assert (await http.delete("/sim/faults")).json() == {"faults": []}


@pytest.mark.parametrize("body", [{"fault": "explode"}, {"fault": "drop", "sessions": 0}, {}])
async def test_a_malformed_fault_is_a_400(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await http.post("/sim/faults", json=body)).status_code == 400


async def test_sessions_show_what_arrived(sim: Simulator, http: httpx.AsyncClient) -> None:
    async with talking(sim, f"model={MODEL}&color=blue", headers={"X-Mark": "7"}) as client:
        await client.until("session.created")
        await client.update(instructions="as told")
        [listed] = (await http.get("/sim/sessions")).json()["sessions"]
        assert listed["open"] is True
    shown = (await http.get(f"/sim/sessions/{listed['session']['id']}")).json()
    assert shown["query"] == {"model": [MODEL], "color": ["blue"]}
    assert shown["headers"]["x-mark"] == ["7"]
    assert shown["received"] == {"session.update": 1}
    assert shown["session"]["instructions"] == "as told"
    assert '"instructions":"as told"' in shown["messages"][0]
    assert shown["open"] is False
    assert (await http.get("/sim/sessions/session-1")).json()["number"] == 1
    assert (await http.get("/sim/sessions/9")).status_code == 404


async def test_the_last_sessions_may_be_asked_for_alone(sim: Simulator, http: httpx.AsyncClient) -> None:
    for _ in range(3):
        async with talking(sim) as client:
            await client.until("session.created")
    shown = (await http.get("/sim/sessions?last=2")).json()["sessions"]
    assert [session["number"] for session in shown] == [2, 3]
    assert len((await http.get("/sim/sessions?last=9")).json()["sessions"]) == 3
    assert (await http.get("/sim/sessions?last=few")).status_code == 400


async def test_any_text_can_be_sent_to_a_client(sim: Simulator, http: httpx.AsyncClient) -> None:
    async with talking(sim) as client:
        await client.until("session.created")
        sent = await http.post("/sim/sessions/1/events", content=b'{"type":"never.heard.of"}')
        assert sent.status_code == 202
        assert await client.socket.recv() == '{"type":"never.heard.of"}'
    gone = await http.post("/sim/sessions/1/events", content=b"{}")
    assert gone.status_code == 409


async def test_a_body_past_all_measure_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/sim/faults", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
