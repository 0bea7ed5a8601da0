"""What every home of `Secrets` promises, in one process and in a store; and the bounds of the former."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from relay.core import minting
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Plan
from relay.core.words import TenantId, UnixSeconds
from relay.edge import embedded_secrets
from relay.edge.clock import wall
from relay.edge.embedded_secrets import EmbeddedSecrets
from relay.edge.store.connection import Store
from relay.edge.store.secrets import StoreSecrets
from relay.ports import Secrets
from tests.kit.stores import Server, cluster, cluster_url, newest, oldest, running, serving

ACME, OTHER_CO = TenantId("acme"), TenantId("other-co")
SOON = 600.0


class SecretsContract:
    secrets: Secrets

    async def test_what_is_kept_is_found_under_its_secret_alone(self) -> None:
        assert await self.secrets.keep("one", ACME, b"\x00\xff sealed", wall() + SOON) is None
        assert await self.secrets.find("one") == b"\x00\xff sealed"
        assert await self.secrets.find("two") is None

    async def test_what_is_found_stays(self) -> None:
        await self.secrets.keep("one", ACME, b"sealed", wall() + SOON)
        assert await self.secrets.find("one") == await self.secrets.find("one") == b"sealed"

    async def test_what_has_expired_is_not_found(self) -> None:
        assert await self.secrets.keep("one", ACME, b"sealed", wall() - 1) is None
        assert await self.secrets.find("one") is None

    async def test_keeping_again_replaces(self) -> None:
        await self.secrets.keep("one", ACME, b"first", wall() + SOON)
        await self.secrets.keep("one", ACME, b"second", wall() + SOON)
        assert await self.secrets.find("one") == b"second"

    async def test_a_secret_is_used_as_often_as_it_may_be_and_no_more(self) -> None:
        for _ in range(2):
            assert await self.secrets.use("one", ACME, 2, wall() + SOON) is None
        for _ in range(2):
            refused = await self.secrets.use("one", ACME, 2, wall() + SOON)
            assert refused is not None
            assert refused.refusal is Refusal.INVALID_KEY

    async def test_secrets_are_counted_apart(self) -> None:
        assert await self.secrets.use("one", ACME, 1, wall() + SOON) is None
        assert await self.secrets.use("two", ACME, 1, wall() + SOON) is None

    async def test_a_use_that_is_taken_back_is_free_again_and_only_that(self) -> None:
        await self.secrets.use("one", ACME, 1, wall() + SOON)
        await self.secrets.unuse("one")
        assert await self.secrets.use("one", ACME, 1, wall() + SOON) is None
        assert await self.secrets.use("one", ACME, 1, wall() + SOON) is not None

    async def test_taking_back_what_was_not_used_changes_nothing(self) -> None:
        await self.secrets.unuse("one")
        await self.secrets.use("one", ACME, 1, wall() + SOON)
        await self.secrets.unuse("one")
        await self.secrets.unuse("one")
        assert await self.secrets.use("one", ACME, 1, wall() + SOON) is None
        assert await self.secrets.use("one", ACME, 1, wall() + SOON) is not None

    async def test_a_secret_that_has_expired_is_used_no_more(self) -> None:
        refused = await self.secrets.use("one", ACME, 1, wall() - 1)
        assert refused is not None
        assert refused.refusal is Refusal.INVALID_KEY


class TestEmbedded(SecretsContract):
    @pytest.fixture(autouse=True)
    def home(self) -> None:
        self.secrets = EmbeddedSecrets()


class TestStore(SecretsContract):
    @pytest.fixture(autouse=True)
    def home(self, store: Store) -> None:
        self.secrets = StoreSecrets(store)


@pytest.mark.slow
class TestOldestStore(SecretsContract):
    @pytest.fixture(scope="class")
    @staticmethod
    def old() -> Iterator[Server]:
        with serving(oldest()) as server:
            yield server

    @pytest.fixture(autouse=True)
    async def home(self, old: Server) -> AsyncIterator[None]:
        old.flush()
        async with running(old.url) as store:
            self.secrets = StoreSecrets(store)
            yield


@pytest.mark.slow
class TestCluster(SecretsContract):
    @pytest.fixture(scope="class")
    @staticmethod
    def nodes() -> Iterator[list[Server]]:
        with cluster(newest()) as nodes:
            yield nodes

    @pytest.fixture(autouse=True)
    async def home(self, nodes: list[Server]) -> AsyncIterator[None]:
        for node in nodes:
            node.flush()
        async with running(cluster_url(nodes)) as store:
            self.secrets = StoreSecrets(store)
            yield


# --- the bounds of the home in this process -------------------------------------------------------


class Clock:
    """A clock that stands until it is set."""

    now: UnixSeconds = 1_000.0

    def __call__(self) -> UnixSeconds:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(clock: Clock) -> EmbeddedSecrets:
    return EmbeddedSecrets(clock)


def told(refused: Refused | None) -> tuple[Refusal, float | None]:
    assert refused is not None
    return refused.refusal, refused.retry_after


async def test_a_tenant_keeps_so_many_sessions_and_another_is_not_in_its_way(
    home: EmbeddedSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_SESSIONS", 2)
    await home.keep("one", ACME, b"", 1_030.0)
    await home.keep("two", ACME, b"", 1_060.0)
    assert told(await home.keep("three", ACME, b"", 1_090.0)) == (Refusal.TOO_MANY_SESSIONS, 30.0)
    assert await home.find("one") == b""
    assert await home.keep("three", OTHER_CO, b"", 1_090.0) is None
    clock.now = 1_030.0
    assert await home.keep("four", ACME, b"", 1_090.0) is None


async def test_a_tenant_keeps_so_many_bytes(home: EmbeddedSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_BYTES", 10)
    assert await home.keep("one", ACME, b"12345", 1_060.0) is None
    assert told(await home.keep("two", ACME, b"123456", 1_060.0))[0] is Refusal.TOO_MANY_SESSIONS
    assert await home.keep("two", ACME, b"12345", 1_060.0) is None


async def test_all_tenants_together_keep_so_many_bytes(
    home: EmbeddedSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_BYTES_IN_ALL", 10)
    assert await home.keep("one", ACME, b"1234567890", 1_060.0) is None
    assert told(await home.keep("two", OTHER_CO, b"1", 1_060.0)) == (Refusal.RELAY_FULL, 60.0)
    clock.now = 1_060.0
    assert await home.keep("two", OTHER_CO, b"1", 1_120.0) is None


async def test_a_session_larger_than_the_bound_is_refused_by_an_empty_home(
    home: EmbeddedSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_BYTES", 10)
    assert told(await home.keep("one", ACME, b"12345678901", 1_060.0)) == (Refusal.TOO_MANY_SESSIONS, 1.0)


async def test_what_is_kept_again_counts_once(home: EmbeddedSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_SESSIONS", 2)
    for _ in range(2):
        await home.keep("one", ACME, b"1", 1_060.0)
    assert await home.keep("two", ACME, b"1", 1_060.0) is None


async def test_a_tenant_has_so_many_secrets_counted(
    home: EmbeddedSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_COUNTS", 1)
    assert await home.use("one", ACME, 5, 1_060.0) is None
    assert told(await home.use("two", ACME, 5, 1_090.0)) == (Refusal.TOO_MANY_SESSIONS, 60.0)
    assert await home.use("one", ACME, 5, 1_060.0) is None
    assert await home.use("two", OTHER_CO, 5, 1_060.0) is None
    clock.now = 1_060.0
    assert await home.use("two", ACME, 5, 1_120.0) is None


async def test_all_tenants_together_have_so_many_secrets_counted(
    home: EmbeddedSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_COUNTS_IN_ALL", 1)
    assert await home.use("one", ACME, 1, 1_060.0) is None
    assert told(await home.use("two", OTHER_CO, 1, 1_060.0)) == (Refusal.RELAY_FULL, 60.0)


async def test_nothing_is_left_of_what_has_expired(home: EmbeddedSecrets, clock: Clock) -> None:
    for number in range(50):
        await home.keep(f"kept-{number}", ACME, b"sealed", 1_000.0 + number)
        await home.use(f"used-{number}", OTHER_CO, 1, 1_000.0 + number)
        await home.use(f"kept-{number}", ACME, 1, 1_000.0 + number)
    clock.now = 1_100.0
    assert await home.find("kept-49") is None
    for shelf in (home._kept, home._counts):
        assert not any(vars(shelf).values()), vars(shelf)


async def test_a_use_after_the_end_begins_no_fresh_count(home: EmbeddedSecrets, clock: Clock) -> None:
    assert await home.use("one", ACME, 1, 1_060.0) is None
    for clock.now in (1_060.0, 1_060.5, 2_000.0):
        assert told(await home.use("one", ACME, 1, 1_060.0)) == (Refusal.INVALID_KEY, None)
    assert not home._counts.things


async def test_the_wait_is_for_the_tenants_own_to_expire_and_for_one_of_the_same_kind(
    home: EmbeddedSecrets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_secrets, "MOST_COUNTS", 2)
    monkeypatch.setattr(embedded_secrets, "MOST_SESSIONS", 1)
    await home.use("others", OTHER_CO, 1, 1_010.0)
    await home.keep("others", OTHER_CO, b"", 1_010.0)
    await home.keep("one", ACME, b"", 1_020.0)
    for secret, end in (("one", 1_060.0), ("two", 1_030.0)):
        await home.use(secret, ACME, 1, end)
    assert told(await home.use("three", ACME, 1, 1_090.0)) == (Refusal.TOO_MANY_SESSIONS, 30.0)
    assert told(await home.keep("two", ACME, b"", 1_090.0)) == (Refusal.TOO_MANY_SESSIONS, 20.0)
    clock.now = 1_030.0
    assert await home.use("three", ACME, 1, 1_090.0) is None
    assert told(await home.use("four", ACME, 1, 1_090.0)) == (Refusal.TOO_MANY_SESSIONS, 30.0)


async def test_one_tenant_has_room_for_what_a_plan_mints_by_default_and_cannot_fill_it_for_others() -> None:
    minted = Plan(name="p").client_secrets_per_minute * minting.LONGEST / 60
    assert minted <= embedded_secrets.MOST_COUNTS <= embedded_secrets.MOST_COUNTS_IN_ALL / 4


async def test_what_a_tenant_had_leaves_nothing_behind_while_it_goes_on(
    home: EmbeddedSecrets, clock: Clock
) -> None:
    for number in range(1_000):
        clock.now = 1_000.0 + number
        await home.use(f"used-{number}", ACME, 1, clock.now + 10)
    assert len(home._counts.of(ACME).ends) == 10


async def test_expiring_one_takes_as_long_however_many_tenants_have_some(
    home: EmbeddedSecrets, clock: Clock
) -> None:
    for number in range(30_000):
        await home.use(f"used-{number}", TenantId(f"tenant-{number}"), 1, 1_060.0)
    clock.now = 1_060.0
    started = time.process_time()
    await home.find("any")
    # Some 0.1 s; a scan of every tenant for each of them takes over ten.
    assert time.process_time() - started < 2
