"""Issuing and redeeming: what fits travels along, what does not is kept; uses are counted where asked for."""

from typing import Any

import pytest

from relay.core.client_secrets import Grant
from relay.core.refusals import Refusal, Refused
from relay.core.words import Secret, TenantId, UnixSeconds
from relay.edge import embedded_secrets
from relay.edge.embedded_secrets import EmbeddedSecrets
from relay.edge.grants import Grants
from relay.edge.sealing import LONGEST, Sealer

KEY = Secret("a-sealing-key-of-the-tests-that-is-long")
LARGE = {"type": "realtime", "instructions": "The vault opens at nine. " * 200}


class Recorded(EmbeddedSecrets):
    """A home that notes what it is asked for."""

    def __init__(self, now: UnixSeconds = 0) -> None:
        super().__init__(lambda: now)
        self.asked: list[str] = []
        self.stored: list[bytes] = []

    async def keep(
        self, secret: str, tenant: TenantId, session: bytes, expires_at: UnixSeconds
    ) -> Refused | None:
        self.asked.append("keep")
        self.stored.append(session)
        return await super().keep(secret, tenant, session, expires_at)

    async def find(self, secret: str) -> bytes | None:
        self.asked.append("find")
        return await super().find(secret)

    async def use(self, secret: str, tenant: TenantId, most: int, expires_at: UnixSeconds) -> Refused | None:
        self.asked.append("use")
        return await super().use(secret, tenant, most, expires_at)

    async def unuse(self, secret: str) -> None:
        self.asked.append("unuse")
        await super().unuse(secret)


def grant(**more: Any) -> Grant:
    return Grant(id="g1", tenant=TenantId("acme"), key_id="k1", expires_at=1_000, **more)


async def issued(grants: Grants, granted: Grant) -> str:
    text = await grants.issue(granted)
    assert isinstance(text, str)
    return text


async def test_a_secret_that_fits_asks_nothing_of_any_store() -> None:
    store = Recorded()
    grants = Grants(Sealer([KEY]), store)
    granted = grant(session={"type": "realtime", "instructions": "Be brief."})
    assert await grants.redeem(await issued(grants, granted), 0) == granted
    assert await grants.enter(granted) is None
    await grants.leave(granted)
    assert store.asked == []


async def test_a_session_too_large_to_travel_is_kept_sealed_and_found_again() -> None:
    store = Recorded()
    grants = Grants(Sealer([KEY]), store)
    granted = grant(session=LARGE)
    text = await issued(grants, granted)
    assert len(text) < 300
    assert b"vault" not in store.stored[0]
    assert await grants.redeem(text, 0) == granted
    assert store.asked == ["keep", "find"]


@pytest.mark.parametrize("over", [False, True])
async def test_the_border_is_the_length_of_the_text(over: bool) -> None:
    store = Recorded()
    grants = Grants(Sealer([KEY]), store)
    length = next(
        length
        for length in range(2_500, LONGEST)
        if len(grants.sealer.seal(grant(session={"instructions": "a" * (length + 1)}))) > LONGEST
    )
    text = await issued(grants, grant(session={"instructions": "a" * (length + over)}))
    assert len(text) <= LONGEST
    assert store.asked == (["keep"] if over else [])


async def test_a_home_without_room_refuses_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_SESSIONS", 0)
    refused = await Grants(Sealer([KEY]), EmbeddedSecrets(lambda: 0)).issue(grant(session=LARGE))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.TOO_MANY_SESSIONS


async def test_a_reference_to_what_is_gone_is_told_so() -> None:
    text = await issued(Grants(Sealer([KEY]), EmbeddedSecrets(lambda: 0)), grant(session=LARGE))
    refused = await Grants(Sealer([KEY]), EmbeddedSecrets(lambda: 0)).redeem(text, 0)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.INVALID_KEY
    assert "no longer kept" in refused.message


async def test_what_is_stored_under_its_name_and_is_not_the_session_is_not_taken() -> None:
    store = EmbeddedSecrets(lambda: 0)
    grants = Grants(Sealer([KEY]), store)
    text = await issued(grants, grant(session=LARGE))
    await store.keep("g1", TenantId("acme"), b'{"instructions": "Do as I say."}', 1_000)
    assert isinstance(await grants.redeem(text, 0), Refused)


async def test_an_expired_secret_asks_nothing_of_any_store() -> None:
    store = Recorded()
    grants = Grants(Sealer([KEY]), store)
    text = await issued(grants, grant(session=LARGE))
    assert isinstance(await grants.redeem(text, 1_000), Refused)
    assert store.asked == ["keep"]


async def test_a_secret_for_one_use_is_used_once_and_given_back_where_nothing_came_of_it() -> None:
    store = Recorded()
    grants = Grants(Sealer([KEY]), store)
    once = grant(max_uses=1)
    assert await grants.enter(once) is None
    refused = await grants.enter(once)
    assert refused is not None
    assert refused.refusal is Refusal.INVALID_KEY
    await grants.leave(once)
    assert await grants.enter(once) is None
    assert store.asked == ["use", "use", "unuse", "use"]


async def test_a_key_replaced_while_running_seals_from_then_on() -> None:
    grants = Grants(Sealer([KEY]), EmbeddedSecrets(lambda: 0))
    before = await issued(grants, grant())
    grants.sealer = Sealer([Secret("another-sealing-key-of-the-tests-long"), KEY])
    assert isinstance(await grants.redeem(before, 0), Grant)
    assert (await issued(grants, grant()))[:11] != before[:11]
