"""The REST paths over real sockets, as the official client sees them; every refusal has the API's form."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openai.types.realtime import RealtimeSessionCreateResponse

from relay.edge import rest
from relay.edge.rest import BODY_BYTES, ROOTS
from tests.kit.relays import MODEL, new_key, relay_to
from tests.kit.rest import OPAQUE, ORIGIN, SECRETS, SPEECH, asking, minted, official, rest_of, told
from tests.kit.wire import eventually

# --- minting, as the official client sees it ------------------------------------------------------


async def test_the_official_client_mints_a_secret() -> None:
    async with relay_to(OPAQUE) as (relay, key), official(relay, key) as client:
        before = time.time()  # noqa: TID251 - what the client itself would compare with
        made = await client.realtime.client_secrets.create(
            session={"type": "realtime", "model": MODEL, "instructions": "Be brief."},
            expires_after={"anchor": "created_at", "seconds": 60},
        )
        assert made.value.startswith("ek_")
        assert before + 58 < made.expires_at < before + 70
        assert isinstance(made.session, RealtimeSessionCreateResponse)
        assert made.session.instructions == "Be brief."
        assert made.session.model == MODEL
        assert made.session.id.startswith("sess_")
        assert made.session.audio is not None


async def test_the_official_client_mints_secrets_of_the_beta() -> None:
    async with relay_to(OPAQUE) as (relay, key), official(relay, key) as client:
        beta = await client.beta.realtime.sessions.create(modalities=["text"], voice="sage", temperature=0.9)
        assert beta.client_secret.value.startswith("ek_")
        assert (beta.modalities, beta.voice, beta.temperature) == (["text"], "sage", 0.9)
        assert beta.input_audio_format == "pcm16"
        heard = await client.beta.realtime.transcription_sessions.create(
            input_audio_transcription={"model": "whisper-1"}
        )
        assert heard.client_secret.value.startswith("ek_")
        assert heard.input_audio_transcription is not None
        assert heard.input_audio_transcription.model == "whisper-1"


async def test_the_official_client_mints_a_translations_secret() -> None:
    async with relay_to(OPAQUE) as (relay, key), official(relay, key) as client:
        made = await client.realtime.translations.client_secrets.create(
            session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "de"}}}
        )
        assert made.value.startswith("ek_")
        assert made.session.type == "translation"
        assert made.session.audio.output is not None
        assert made.session.audio.output.language == "de"


@pytest.mark.parametrize("root", ROOTS)
async def test_every_path_is_there_under_every_root(root: str) -> None:
    async with rest_of() as (_, client):
        for path, body in (
            ("client_secrets", {}),
            ("sessions", {}),
            ("transcription_sessions", {}),
            ("translations/client_secrets", {"session": {"model": "gpt-realtime-translate"}}),
        ):
            response = await client.post(f"{root}/realtime/{path}", json=body)
            assert response.status_code == 200, path
            assert response.headers["cache-control"] == "no-store"
        assert (await client.get(f"{root}/models")).status_code == 200
        assert (await client.get(f"{root}/models/{MODEL}")).status_code == 200


async def test_a_request_without_a_body_gets_a_secret_of_defaults() -> None:
    async with rest_of() as (_, client):
        response = await client.post(SECRETS)
        assert response.status_code == 200
        assert response.json()["session"]["type"] == "realtime"


async def test_nothing_of_the_relays_own_wishes_is_echoed() -> None:
    async with rest_of(tenant={"origins": [ORIGIN]}) as (_, client):
        body = {"session": SPEECH, "relay": {"origin": ORIGIN, "locked": ["voice"], "max_uses": 1}}
        response = await client.post(SECRETS, json=body)
        assert set(response.json()) == {"value", "expires_at", "session"}
        assert "app.acme" not in response.text
        assert "locked" not in response.text


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", [None, "sk-somebody-elses", "ek_11111111.AAAA", pytest.param(new_key()[0], id="nobody's")]
)
async def test_a_key_that_is_none_here_is_401(key: str | None) -> None:
    async with relay_to(OPAQUE) as (relay, _), asking(relay, key) as client:
        for method, path in (("POST", SECRETS), ("GET", "/v1/models"), ("GET", "/v1/models/x")):
            error = told(await client.request(method, path), 401)
            assert error["code"] == "invalid_api_key"
            assert key is None or key not in error["message"]


async def test_a_client_secret_mints_nothing() -> None:
    async with rest_of() as (relay, client), asking(relay, await minted(client)) as page:
        assert "does nothing else" in told(await page.post(SECRETS), 401)["message"]
        told(await page.get("/v1/models"), 401)


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"session": {"type": "realtime", "model": "gpt-other"}}, 403, "not_allowed", "session.model"),
        ({"session": {**SPEECH, "prompt": {"id": "pmpt_1"}}}, 403, "not_allowed", "session.prompt"),
        (
            {"session": {**SPEECH, "tools": [{"type": "mcp", "server_label": "x"}]}},
            403,
            "not_allowed",
            "session.tools[0].type",
        ),
        ({"session": SPEECH, "relay": {"origin": "https://evil.example"}}, 403, "not_allowed", "relay.origin"),
        (
            {"session": {**SPEECH, "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}}},
            400,
            "unsupported_audio_format",
            "session.audio.input.format.rate",
        ),
        ({"session": {"model": MODEL}}, 400, "missing_required_parameter", "session.type"),
    ],
)
async def test_what_a_secret_may_not_hold_is_refused_by_name(
    body: dict[str, Any], status: int, code: str, param: str
) -> None:
    async with rest_of(tenant={"models": [MODEL], "origins": [ORIGIN]}) as (_, client):
        error = told(await client.post(SECRETS, json=body), status)
        assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("sessions", {"model": MODEL, "voice": "ash"}, "voice"),
        ("sessions", {"model": "gpt-other"}, "model"),
        ("translations/client_secrets", {"session": {"model": "gpt-realtime-translate"}}, "session.model"),
    ],
)
async def test_a_refusal_on_the_other_paths_calls_the_field_as_the_body_does(
    path: str, body: dict[str, Any], param: str
) -> None:
    tenant = {"models": [MODEL], "policy": {"voices": ["marin"]}}
    async with rest_of(tenant=tenant) as (_, client):
        assert told(await client.post(f"/v1/realtime/{path}", json=body), 403)["param"] == param


async def test_a_translation_is_held_to_the_policy() -> None:
    async with rest_of(tenant={"policy": {"transcription_models": ["gpt-transcribe"]}}) as (_, client):
        audio = {"input": {"transcription": {"model": "whisper-1"}}}
        body = {"session": {"model": "gpt-realtime-translate", "audio": audio}}
        error = told(await client.post("/v1/realtime/translations/client_secrets", json=body), 403)
        assert error["param"] == "session.audio.input.transcription.model"


async def test_the_answer_shows_what_the_policy_makes_of_the_session() -> None:
    policy = {"voices": ["cedar", "ash"], "max_output_tokens": 500, "instructions_text": "Be kind."}
    async with rest_of(tenant={"policy": policy}) as (_, client):
        response = await client.post(SECRETS, json={"session": {**SPEECH, "max_output_tokens": 4_000}})
        shown = response.json()["session"]
        assert shown["audio"]["output"]["voice"] == "cedar"
        assert shown["max_output_tokens"] == 500
        assert shown["instructions"] == "Be kind."
        assert shown["model"] == MODEL


async def test_an_origin_may_be_named_freely_where_the_tenant_has_no_list() -> None:
    async with rest_of() as (_, client):
        assert await minted(client, origin="https://anywhere.example")


async def test_a_spent_budget_mints_nothing() -> None:
    async with rest_of(plan={"usd_per_day": 1}) as (relay, client):
        acme = next(iter(relay.settings.catalog.tenants.values()))
        allowances = relay._door._allowances
        allowances.of(acme).debit(0, 2_000_000, 0, time.time())  # noqa: TID251 - a day that is today
        response = await client.post(SECRETS, json={})
        assert told(response, 429)["code"] == "insufficient_quota"
        assert int(response.headers["retry-after"]) > 0


async def test_a_body_that_is_no_strict_json_is_400() -> None:
    async with rest_of() as (_, client):
        for body in (b"[]", b"\xff\xfe", b'{"session": 1, "session": 2}', b"{", b"NaN"):
            assert told(await client.post(SECRETS, content=body), 400)["code"] == "invalid_json"


async def test_a_body_that_is_too_large_is_413_and_no_more_of_it_is_read() -> None:
    async with rest_of() as (_, client):
        fits = json.dumps({"session": SPEECH}).encode().ljust(BODY_BYTES)
        assert (await client.post(SECRETS, content=fits)).status_code == 200

        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 64 * BODY_BYTES:
                sent += len(fits) // 16
                yield bytes(len(fits) // 16)

        with contextlib.suppress(httpx.TransportError):  # the relay may hang up while it is still being sent
            assert told(await client.post(SECRETS, content=endless()), 413)["code"] == "request_too_large"
        assert sent < 64 * BODY_BYTES
        assert told(await client.post(SECRETS, content=fits + b" "), 413)["code"] == "request_too_large"


async def test_a_body_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BODY_WITHIN", 0.1)
    async with relay_to(OPAQUE) as (relay, key):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        head = f"POST {SECRETS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode() + b"{")
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"request_timeout" in answer
        writer.close()


async def test_a_client_that_leaves_while_it_sends_leaves_no_trace_but_a_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with relay_to(OPAQUE) as (relay, key):
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        head = f"POST {SECRETS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode() + b"{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        counted = b'relay_refusals_total{refusal="bad_request",tenant="acme"} 1'
        await eventually(lambda: counted in relay.metrics.exposition())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_another_method_is_told_which_one_is_taken() -> None:
    async with rest_of() as (_, client):
        for method, path in (
            ("GET", SECRETS),
            ("DELETE", SECRETS),
            ("POST", "/v1/models"),
            ("PATCH", "/models/x"),
        ):
            answer = await client.request(method, path)
            error = told(answer, 405)
            assert answer.headers["allow"] == ("POST, OPTIONS" if path == SECRETS else "GET, OPTIONS")
            assert error["code"] == "method_not_supported"
            assert "This path takes" in error["message"]


async def test_refusals_are_counted_by_tenant() -> None:
    async with rest_of() as (relay, client):
        await client.post(SECRETS, content=b"[]")
        async with asking(relay) as stranger:
            await stranger.post(SECRETS)
        series = relay.metrics.exposition()
        assert b'relay_refusals_total{refusal="invalid_json",tenant="acme"} 1.0' in series
        assert b'relay_refusals_total{refusal="invalid_key",tenant="other"} 1.0' in series


STRANGE: list[Any] = [
    {"session": {"type": "realtime", "audio": [{}]}},
    {"session": {"type": {"type": "realtime"}}},
    {"relay": [True]},
    {"session": {"type": "realtime", "tools": [[], None, {"type": {}}]}},
    {"session": {"type": "realtime", "tool_choice": {"type": "function", "name": {}}}},
    {"session": {"type": "realtime", "max_output_tokens": 1e300}},
    {"session": {"type": "transcription", "audio": {"input": {"transcription": {"model": None}}}}},
    {"session": {"type": "realtime", "of_next_year": [[[[[{"model": {"type": "mcp"}}]]]]]}},
]


async def test_no_body_makes_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async with rest_of(tenant={"policy": {"voices": ["ash"], "tools": ["look"]}}) as (_, client):
        for body in STRANGE:
            for path in ("client_secrets", "sessions", "transcription_sessions", "translations/client_secrets"):
                for sent in (body, body.get("session", body)):
                    response = await client.post(f"/v1/realtime/{path}", json=sent)
                    assert response.status_code in {200, 400, 403}, response.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
