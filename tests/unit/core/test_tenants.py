"""The catalog finds whose key it is, and what they may reach."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.keys import ENTROPY_BYTES, PresentedKey, StoredKey, digest, mint
from relay.core.tenants import UNLIMITED, Catalog, Plan, Policy, Tenant, Upstream
from relay.core.words import Secret, TenantId

PEPPERS = {1: Secret("old"), 2: Secret("new")}
PLAN = Plan(name="standard")


def key(seed: int, version: int = 2) -> tuple[PresentedKey, StoredKey]:
    _, presented = mint(seed.to_bytes(ENTROPY_BYTES))
    return presented, StoredKey(presented.id, version, digest(PEPPERS[version], presented.secret))


def upstream(name: str, region: str) -> Upstream:
    return Upstream(name=name, region=region, url="wss://up.example/v1/realtime", keys=(Secret("sk"),))


def catalog(*tenants: Tenant) -> Catalog:
    shared = (upstream("us-1", "us"), upstream("eu-1", "eu"), upstream("eu-2", "eu"))
    return Catalog.of(tenants, shared, {"old-name": "new-name"}, PEPPERS)


def tenant(name: str, *keys: StoredKey, regions: frozenset[str] | None = None) -> Tenant:
    return Tenant(id=TenantId(name), plan=PLAN, keys=keys, regions=regions)


A, A_STORED = key(62**32 + 1)
B, B_STORED = key(2 * 62**32 + 2, version=1)


def test_a_key_finds_its_tenant() -> None:
    acme, globex = tenant("acme", A_STORED), tenant("globex", B_STORED)
    known = catalog(acme, globex)
    assert known.find(A) is acme
    assert known.find(B) is globex


def test_an_unknown_key_finds_nobody() -> None:
    assert catalog(tenant("acme", A_STORED)).find(B) is None


def test_a_known_id_with_another_secret_finds_nobody() -> None:
    assert catalog(tenant("acme", A_STORED)).find(PresentedKey(A.id, B.secret)) is None


def test_every_key_of_a_tenant_is_as_good_as_the_others() -> None:
    acme = tenant("acme", A_STORED, B_STORED)
    assert catalog(acme).find(A) is catalog(acme).find(B) is acme


def test_a_tenant_of_no_region_reaches_all_upstreams() -> None:
    acme = tenant("acme")
    assert [one.name for one in catalog(acme).upstreams_of(acme)] == ["us-1", "eu-1", "eu-2"]


def test_residency_leaves_only_its_regions() -> None:
    acme = tenant("acme", regions=frozenset({"eu"}))
    assert [one.name for one in catalog(acme).upstreams_of(acme)] == ["eu-1", "eu-2"]


def test_residency_fails_closed() -> None:
    acme = tenant("acme", regions=frozenset({"mars"}))
    assert catalog(acme).upstreams_of(acme) == ()


@pytest.mark.parametrize(("regions", "names"), [(None, ["own"]), (frozenset({"eu"}), [])])
def test_own_upstreams_take_the_place_of_the_shared_ones(
    regions: frozenset[str] | None, names: list[str]
) -> None:
    acme = Tenant(id=TenantId("acme"), plan=PLAN, upstreams=(upstream("own", "us"),), regions=regions)
    assert [one.name for one in catalog(acme).upstreams_of(acme)] == names


@given(
    st.lists(st.sampled_from(["us", "eu", "asia"])),
    st.frozensets(st.sampled_from(["us", "eu", "asia", "mars"])),
)
def test_no_session_of_a_tenant_ever_leaves_its_regions(served: list[str], regions: frozenset[str]) -> None:
    shared = tuple(upstream(f"up-{index}", region) for index, region in enumerate(served))
    acme = tenant("acme", regions=regions)
    reached = Catalog.of((acme,), shared, {}, {}).upstreams_of(acme)
    assert {one.region for one in reached} <= regions
    assert len(reached) == sum(region in regions for region in served)


def test_an_alias_is_followed_one_step() -> None:
    known = catalog()
    assert known.served_name("old-name") == "new-name"
    assert known.served_name("new-name") == "new-name"


def test_a_catalog_keeps_no_hold_on_what_it_was_made_of() -> None:
    aliases = {"a": "b"}
    known = Catalog.of((), (), aliases, {})
    aliases["a"] = "c"
    assert known.served_name("a") == "b"


@pytest.mark.parametrize("value", [PLAN, Policy(), tenant("acme"), upstream("u", "r"), catalog()])
def test_nothing_here_can_be_changed(value: object) -> None:
    with pytest.raises(AttributeError):
        setattr(value, "name", "x")  # noqa: B010 - every one of these types refuses it


def test_a_day_s_money_is_held_in_millionths() -> None:
    assert Plan(name="p", usd_per_day=2.5).micro_usd_per_day == 2_500_000
    assert PLAN.micro_usd_per_day == UNLIMITED == inf


def test_a_tenant_does_not_show_its_upstreams_keys() -> None:
    assert "sk" not in repr(upstream("u", "r"))


def test_every_upstream_is_a_shared_one_or_a_tenant_s_own() -> None:
    shared, own = upstream("shared", "us"), upstream("own", "eu")
    acme = Tenant(id=TenantId("acme"), plan=Plan(name="p"), upstreams=(own,))
    held = Catalog.of((acme, tenant("other")), (shared,), {}, {})
    assert held.every_upstream() == [shared, own]
