"""Whatever is sent to the REST paths: an answer in the API's form, and never an exception."""

import json
import secrets
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from relay.core import keys
from relay.core.keys import ENTROPY_BYTES, StoredKey
from relay.core.tenants import UNLIMITED, Catalog, Plan, Policy, Tenant, Upstream
from relay.core.words import Secret, TenantId
from relay.edge.embedded import EmbeddedAllowances
from relay.edge.embedded_secrets import EmbeddedSecrets
from relay.edge.grants import Grants
from relay.edge.metrics import Metrics
from relay.edge.rest import Rest
from relay.edge.sealing import Sealer
from tests.property.test_client_secrets import JSON, NAMES

PEPPER = Secret("a-pepper-for-tests-that-is-long-enough")
TOKEN, PRESENTED = keys.mint(secrets.token_bytes(ENTROPY_BYTES))
POLICY = Policy(
    tools=frozenset({"look"}),
    voices=("marin", "ash"),
    instructions="prefixed",
    instructions_text="Be kind.",
    max_output_tokens=100,
    transcription_models=frozenset({"gpt-transcribe"}),
    locked=frozenset({"speed"}),
)
PATHS = st.sampled_from(
    ["client_secrets", "sessions", "transcription_sessions", "translations/client_secrets"]
).map(lambda path: f"/v1/realtime/{path}")


def client(policy: Policy) -> TestClient:
    key = StoredKey(PRESENTED.id, 1, keys.digest(PEPPER, PRESENTED.secret))
    tenant = Tenant(
        id=TenantId("acme"),
        plan=Plan(name="p", client_secrets_per_minute=UNLIMITED),
        keys=(key,),
        policy=policy,
    )
    upstream = Upstream(name="us-1", region="us", url="ws://x", keys=(Secret("k"),))
    catalog = Catalog.of((tenant,), (upstream,), {}, {1: PEPPER})
    rest = Rest(
        catalog=lambda: catalog,
        grants=Grants(Sealer.drawn(), EmbeddedSecrets()),
        allowances=EmbeddedAllowances(),
        metrics=Metrics(tuple, ()),
        priced=("gpt-realtime-2.1",),
        draining=lambda: False,
    )
    return TestClient(Starlette(routes=rest.routes()), headers={"Authorization": f"Bearer {TOKEN}"})


STRICT, FREE = client(POLICY), client(Policy(hosted_tools=True))


def answered(asked: TestClient, path: str, body: bytes) -> None:
    # The test client raises whatever the application raises.
    response = asked.post(path, content=body)
    told: dict[str, Any] = response.json()
    if response.status_code == 200:
        secret = told.get("value") or told["client_secret"]["value"]
        assert secret.startswith("ek_")
        assert "relay" not in told
    else:
        assert response.status_code in {400, 403}
        assert set(told["error"]) == {"type", "code", "message", "param"}
        assert len(response.content) < 2_000


@given(st.sampled_from([STRICT, FREE]), PATHS, st.dictionaries(NAMES, JSON, max_size=6))
def test_any_object_is_answered_or_refused(asked: TestClient, path: str, body: dict[str, Any]) -> None:
    answered(asked, path, json.dumps(body).encode())


@given(
    st.sampled_from([STRICT, FREE]),
    PATHS,
    st.sampled_from(["realtime", "transcription", "translation"]),
    st.dictionaries(NAMES, JSON, max_size=6),
)
def test_any_session_is_answered_or_refused(
    asked: TestClient, path: str, kind: str, session: dict[str, Any]
) -> None:
    whole = (
        {"type": kind, **session} if kind != "translation" else {"model": "gpt-realtime-translate", **session}
    )
    answered(asked, path, json.dumps({"session": whole}).encode())


@given(PATHS, st.binary(max_size=100))
def test_any_bytes_are_answered_or_refused(path: str, body: bytes) -> None:
    answered(STRICT, path, body)


@given(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40))
def test_any_model_is_found_or_not(name: str) -> None:
    response = STRICT.get("/v1/models/" + "".join(f"%{byte:02X}" for byte in name.encode()))
    assert response.status_code in {200, 404}
    assert response.json()
