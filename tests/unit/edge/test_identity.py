"""Who is asking: every carrier of a key is read, none is guessed between, and nothing is given away."""

import secrets

import pytest

from relay.core import keys
from relay.core.client_secrets import Grant
from relay.core.keys import ENTROPY_BYTES, StoredKey
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Plan, Tenant
from relay.core.words import Secret, TenantId
from relay.edge import identity
from relay.edge.sealing import Sealer

PEPPER = Secret("a-pepper-for-tests-that-is-long-enough")
TOKEN, PRESENTED = keys.mint(secrets.token_bytes(ENTROPY_BYTES))
STRANGER, _ = keys.mint(secrets.token_bytes(ENTROPY_BYTES))
ACME = Tenant(
    id=TenantId("acme"),
    plan=Plan(name="p"),
    keys=(StoredKey(PRESENTED.id, 1, keys.digest(PEPPER, PRESENTED.secret)),),
)
CATALOG = Catalog.of((ACME, Tenant(id=TenantId("other-co"), plan=Plan(name="p"))), (), {}, {1: PEPPER})
BEARER = ("authorization", f"Bearer {TOKEN}")


def refused(headers: list[tuple[str, str]], query: str = "") -> Refused:
    answer = identity.who(headers, query, CATALOG)
    assert isinstance(answer, Refused)
    return answer


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([BEARER], ""),
        ([("authorization", f"bearer  {TOKEN} ")], ""),
        ([("api-key", TOKEN)], ""),
        ([("x-api-key", f" {TOKEN}")], ""),
        pytest.param([], f"api-version=2025-04-01-preview&api-key={TOKEN}", id="query"),
        ([("authorization", "Basic eDp5"), ("api-key", TOKEN)], ""),
        ([BEARER, ("api-key", "sk-other")], "api-key=sk-other"),
    ],
)
def test_a_key_is_found_in_every_carrier_headers_first(headers: list[tuple[str, str]], query: str) -> None:
    assert identity.who(headers, query, CATALOG) == (ACME, PRESENTED)


@pytest.mark.parametrize(
    ("headers", "query", "says"),
    [
        ([], "", "No API key was provided"),
        ([], "api-key=", "No API key was provided"),
        ([("authorization", f"Bearer {STRANGER}")], "", "unknown or was revoked"),
        ([("api-key", "sk-somebody-elses")], "", "this relay's keys begin with rlk_live_"),
    ],
)
def test_a_key_that_is_missing_or_unknown_is_told_as_at_the_door(
    headers: list[tuple[str, str]], query: str, says: str
) -> None:
    answer = refused(headers, query)
    assert answer.refusal is Refusal.INVALID_KEY
    assert says in answer.message
    assert "somebody" not in answer.message


def test_a_client_secret_is_no_key() -> None:
    grant = Grant(id="g", tenant=ACME.id, key_id=PRESENTED.id, expires_at=2**40)
    answer = refused([("authorization", f"Bearer {Sealer.drawn().seal(grant)}")])
    assert answer.refusal is Refusal.INVALID_KEY
    assert "starts sessions and does nothing else" in answer.message


@pytest.mark.parametrize("twice", ["authorization", "api-key", "x-api-key", "origin"])
def test_a_header_that_stands_twice_is_not_guessed_between(twice: str) -> None:
    answer = refused([BEARER, (twice, "a"), (twice, "b")])
    assert answer.refusal is Refusal.BAD_REQUEST
    assert twice in answer.message


def test_other_headers_may_stand_twice() -> None:
    assert identity.who([("accept", "a"), ("accept", "b"), BEARER], "", CATALOG) == (ACME, PRESENTED)


@pytest.mark.parametrize("query", [f"api-key={TOKEN}&api-key={TOKEN}", "api-key=%ff"])
def test_a_query_that_can_be_read_in_two_ways_is_refused(query: str) -> None:
    assert refused([], query).refusal is Refusal.BAD_REQUEST


def test_a_secret_lives_no_longer_than_the_key_that_minted_it() -> None:
    grant = Grant(id="g", tenant=ACME.id, key_id=PRESENTED.id, expires_at=2**40)
    assert identity.minter(grant, CATALOG) is ACME
    gone = Catalog.of((Tenant(id=ACME.id, plan=ACME.plan),), (), {}, {1: PEPPER})
    answer = identity.minter(grant, gone)
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.INVALID_KEY
    assert "revoked" in answer.message


def test_a_secret_of_a_key_that_moved_to_another_tenant_is_worth_nothing() -> None:
    grant = Grant(id="g", tenant=TenantId("other-co"), key_id=PRESENTED.id, expires_at=2**40)
    assert isinstance(identity.minter(grant, CATALOG), Refused)
