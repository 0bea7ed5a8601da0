"""The admin API on the operator's port: what an operator sees."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from jsonschema import Draft202012Validator

from relay.edge.admin_calls import CALLS
from relay.server import Relay
from tests.kit.admin import TOKEN, Admin, administered
from tests.kit.relays import MODEL, PEPPER, UPSTREAM_KEY, config, new_key, relay_and_simulator, settings
from tests.kit.rest import OPAQUE, asking
from tests.kit.wire import connected, refusal, say, until

READS = [call for call in CALLS if call.method == "GET"]


@contextlib.asynccontextmanager
async def running(**parts: object) -> AsyncIterator[tuple[Relay, str, Admin]]:
    async with relay_and_simulator(**parts) as (relay, key, _), administered(relay) as admin:  # type: ignore[arg-type]
        yield relay, key, admin


# --- who may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [None, "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), "ümlaut".encode()])
async def test_nobody_is_told_anything_without_the_token(shown: str | bytes | None) -> None:
    async with running() as (relay, _, admin):
        del relay
        value = b"Bearer " + (shown.encode() if isinstance(shown, str) else shown or b"")
        headers = {b"Authorization": value} if shown is not None else {b"Authorization": b"Basic eDp5"}
        for path in ("/admin/overview", "/admin/nothing", "/admin", "/admin/openapi.json"):
            response = await admin.http.get(path, headers=headers)
            assert response.status_code == 401, path
            assert response.json()["error"]["code"] == "invalid_api_key"
            assert response.headers["www-authenticate"].startswith("Bearer")


async def test_without_a_token_in_the_configuration_there_is_no_admin_api() -> None:
    _, line = new_key()
    text = config(OPAQUE, line).replace('token = "env:RELAY_ADMIN_TOKEN"\n', "")
    async with Relay(settings(text)).running() as relay, administered(relay) as admin:
        for call in CALLS:
            response = await admin.http.request(call.method, call.path.replace("{id}", "acme"))
            assert (response.status_code, response.text) == (404, "Not Found")
        assert (await admin.http.get("/livez")).status_code == 200


async def test_the_public_port_has_no_admin_api() -> None:
    async with running() as (relay, _, _), asking(relay, TOKEN) as client:
        for call in CALLS:
            response = await client.request(call.method, call.path.replace("{id}", "acme"))
            assert response.status_code == 404


# --- how it is described --------------------------------------------------------------------------


async def test_every_call_is_described_and_every_schema_is_one() -> None:
    async with running() as (_, _, admin):
        described = admin.described
        assert described["openapi"] == "3.1.0"
        operations = {
            (method.upper(), path): operation
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        }
        assert set(operations) == {(call.method, call.path) for call in CALLS}
        assert len({operation["operationId"] for operation in operations.values()}) == len(CALLS)
        for schema in described["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)
        for operation in operations.values():
            for parameter in operation["parameters"]:
                Draft202012Validator.check_schema(parameter["schema"])


@pytest.mark.parametrize("call", READS, ids=lambda call: call.name)
async def test_every_answer_is_as_it_is_described(call: object) -> None:
    async with running() as (relay, key, admin), connected(relay, key) as client:
        await say(client, type="response.create")
        await until(client, "response.done")
        path = call.path.removeprefix("/admin/").replace("{id}", "acme")  # type: ignore[attr-defined]
        await admin.get(path + ("?tenant=acme" if call.name in {"usage", "explain"} else ""))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("sessions?limit=0", "limit"),
        ("sessions?limit=501", "limit"),
        ("sessions?limit=ten", "limit"),
        ("sessions?limit=%D9%A1", "limit"),
        ("sessions?limit=", "limit"),
        ("sessions?limit=1&limit=2", "limit"),
        ("sessions?order=colour", "order"),
        ("sessions?tenant=", "tenant"),
        ("sessions?cursor=%0A", "cursor"),
        ("keys?tenant=" + "x" * 129, "tenant"),
        ("overview?colour=red", "colour"),
        ("usage", "tenant"),
        ("usage?tenant=acme&since=yesterday", "since"),
        ("usage?tenant=acme&since=2026-02-30", "since"),
        ("explain?model=m", "tenant"),
        ("explain?tenant=acme&latency=none", "latency"),
    ],
)
async def test_a_query_that_is_not_understood_is_refused_by_name(path: str, param: str) -> None:
    async with running() as (_, _, admin):
        error = await admin.problem(path, 400)
        assert (error["param"], error["code"]) == (param, "invalid_request")


async def test_other_methods_are_told_which_to_use_and_other_paths_that_they_are_none() -> None:
    async with running() as (_, _, admin):
        for call in CALLS:
            for method in ("PUT", "HEAD", "OPTIONS", "PATCH"):
                response = await admin.http.request(method, call.path.replace("{id}", "acme"))
                assert response.status_code == 405
                assert call.method in response.headers["allow"].split(", ")
        for path in ("", "/", "/nothing", "/sessions/a/b", "/tenants/"):
            response = await admin.http.get(f"/admin{path}")
            assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "tenants/nobody",
        "tenants/%EF%BF%BD",
        "tenants/" + "x" * 129,
        "usage?tenant=nobody",
        "explain?tenant=nobody",
    ],
)
async def test_who_does_not_exist_is_not_found(path: str) -> None:
    async with running() as (_, _, admin):
        assert (await admin.problem(path, 404))["code"] == "not_found"


async def test_no_answer_holds_a_secret() -> None:
    async with running() as (relay, key, admin), connected(relay, key):
        await refusal(relay, key, f"?model={MODEL}&relay_region=eu")
        told = ""
        for call in READS:
            path = call.path.replace("{id}", "acme")
            told += (await admin.http.get(path)).text
            told += (await admin.http.get(path + "?tenant=acme")).text
        secret = key.rpartition("_")[2]
        for word in (secret, UPSTREAM_KEY, PEPPER, TOKEN):
            assert word not in told
        assert key.split("_")[2] in told  # the public id is


# --- what is seen ---------------------------------------------------------------------------------


async def test_a_session_is_seen_with_all_that_it_does() -> None:
    async with running() as (relay, key, admin):
        query = f"?model={MODEL}&relay_session=call-7&relay_latency=low"
        async with connected(relay, key, query) as client:
            await say(client, type="response.create")
            await until(client, "response.done")
            (row,) = (await admin.get("sessions"))["data"]
            live = next(iter(relay.sessions))
            assert row["id"] == live.id
            assert (row["name"], row["tenant"], row["latency"]) == ("call-7", "acme", "low")
            assert (row["model"], row["upstream"], row["region"]) == (MODEL, "sim-1", "us")
            assert (row["dialect"], row["key"]) == ("ga", live.terms.key_id)
            assert row["traffic"]["events_up"] == 1
            assert row["traffic"]["bytes_down"] == live.bytes(1)  # type: ignore[arg-type]
            assert row["paused"] == []
            whole = await admin.get("overview")
            assert (whole["sessions"], whole["connections"], whole["tenants"]) == (1, 1, 1)
            assert whole["traffic"]["events_down"] == row["traffic"]["events_down"]
            (tenant,) = (await admin.get("tenants"))["data"]
            assert tenant["used"]["sessions"] == 1
            assert tenant["used"]["tokens_today"] > 0
            (upstream,) = (await admin.get("upstreams"))["data"]
            assert (upstream["id"], upstream["healthy"], upstream["sessions"]) == ("sim-1", True, 1)
            assert (await admin.get("sessions?tenant=other"))["data"] == []


async def test_what_ended_sessions_did_stays_in_the_sums() -> None:
    async with running() as (relay, key, admin):
        for _ in range(2):
            async with connected(relay, key) as client:
                await say(client, type="response.create")
                await until(client, "response.done")
            await relay.sessions.empty()
        whole = await admin.get("overview")
        assert whole["traffic"]["events_up"] == 2
        assert whole["sessions"] == 0
        usage = await admin.get("usage?tenant=acme&since=2026-01-01")
        (row,) = usage["rows"]
        assert (row["model"], row["responses"]) == (MODEL, 2)
        assert row["tokens"] == usage["tokens"] > 0
        assert (await admin.get("usage?tenant=acme&since=9999-12-31"))["rows"] == []


async def test_pages_show_every_session_once_in_the_order_of_ids() -> None:
    async with running() as (relay, key, admin), contextlib.AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(connected(relay, key))
        seen: list[str] = []
        page = await admin.get("sessions?limit=2")
        while True:
            seen += [row["id"] for row in page["data"]]
            assert len(page["data"]) <= 2
            assert page["has_more"] is (page["next_cursor"] is not None)
            if not page["has_more"]:
                break
            page = await admin.get(f"sessions?limit=2&cursor={page['next_cursor']}")
        assert seen == sorted(live.id for live in relay.sessions)
        assert len(seen) == 5


async def test_the_largest_come_first_where_that_is_asked_for() -> None:
    plan = {"session_starts_per_minute": "unlimited"}
    others = [{"id": name, "plan": "standard"} for name in ("a", "z")]
    async with (
        running(plan=plan, more_tenants=others) as (relay, key, admin),
        contextlib.AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(connected(relay, key)) for _ in range(3)]
        for number, client in enumerate(clients):
            for _ in range(number):
                await say(client, type="input_audio_buffer.clear")
                await until(client, "input_audio_buffer.cleared")
        for order in ("events", "bytes"):
            page = await admin.get(f"sessions?order={order}&limit=2")
            assert [row["traffic"]["events_up"] for row in page["data"]] == [2, 1]
            assert page["next_cursor"] is None
        ages = [row["age_seconds"] for row in (await admin.get("sessions?order=age"))["data"]]
        assert ages == sorted(ages, reverse=True)
        tenants = [row["id"] for row in (await admin.get("tenants?order=sessions"))["data"]]
        assert tenants == ["acme", "a", "z"]
        assert [row["id"] for row in (await admin.get("tenants"))["data"]] == ["a", "acme", "z"]


# --- why was I refused? ---------------------------------------------------------------------------


async def test_it_is_explained_why_a_tenant_is_refused_and_what_it_was_refused_for() -> None:
    plan = {"concurrent_sessions": 1, "patience": 7}
    async with running(plan=plan) as (relay, key, admin):
        before = await admin.get(f"explain?tenant=acme&model={MODEL}")
        assert before["answer"]["admitted"]
        assert before["lately"] == []
        async with connected(relay, key) as client:
            await refusal(relay, key)
            await client.send("this is no JSON")
            await until(client, "error")
            after = await admin.get("explain?tenant=acme&origin=https://evil.example")
            answer = after["answer"]
            assert not answer["admitted"]
            assert answer["refusal"]["refusal"] == "not_allowed"  # the door asks for the origin first
            failed = [check["check"] for check in answer["checks"] if not check["passed"]]
            assert failed == ["origin", "sessions"]
            (incident,) = after["lately"]
            assert incident["refused"]["refusal"] == "too_many_sessions"
            assert incident["ask"]["model"] == MODEL
            assert after["in_sessions"] == {"invalid_json": 1}
            limits = {limit["limit"]: (limit["value"], limit["source"]) for limit in after["limits"]}
            assert limits["patience"] == (7, "plan")
            assert limits["tokens_per_day"] == ("unlimited", "default")


async def test_a_region_that_a_tenant_may_not_use_is_explained() -> None:
    async with running(tenant={"regions": ["eu"]}) as (relay, key, admin):
        await refusal(relay, key, f"?model={MODEL}&relay_region=us")
        told = await admin.get(f"explain?tenant=acme&model={MODEL}&region=us")
        assert told["answer"]["refusal"]["param"] == "relay_region"
        assert told["answer"]["ways"] == []
        assert told["lately"][0]["ask"] == {"model": MODEL, "region": "us", "origin": None}
