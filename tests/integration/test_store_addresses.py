"""A store is reached at every kind of address, by whoever may."""

import asyncio
from pathlib import Path

import pytest
import structlog

from relay.core.tenants import Plan, Tenant
from relay.core.words import Secret, SessionId, SessionName, TenantId
from relay.edge.store.connection import WITHIN
from relay.edge.store.permits import StorePermits
from relay.edge.store.scripts import Script
from relay.edge.store.workers import Workers
from relay.ports import Permit
from tests.kit.certificates import Certificate
from tests.kit.stores import (
    Server,
    behind_tls,
    cluster,
    cluster_url,
    newest,
    running,
    sentinel,
    server,
    serving,
    session_server,
    until,
)

__all__ = ["server", "session_server"]
COUNT = Script("return redis.call('INCR', KEYS[1])")
KEY = "{acme}:count"
ACME = Tenant(id=TenantId("acme"), plan=Plan(name="p"))
ONE, TWO = SessionId("one"), SessionId("two")


async def test_a_store_behind_tls_is_trusted_by_its_certificate_alone(server: Server, tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    async with behind_tls(server, certificate.server()) as port:
        trusted = Secret(f"rediss://localhost:{port}/0?ca={certificate.cert}")
        async with running(trusted) as store:
            await until(lambda: not store.degraded)  # a handshake on a busy machine may take a second try
            assert await store.run("count", COUNT, (KEY,)) == 1
        async with running(Secret(f"rediss://localhost:{port}/0")) as store:
            assert store.degraded


async def test_a_password_that_is_wrong_is_trouble_and_is_not_told(server: Server) -> None:
    server.do("ACL", "SETUSER", "guarded", "on", ">the-right-one", "allkeys", "allcommands")
    url = Secret(f"redis://guarded:the-wrong-one@127.0.0.1:{server.port}/0")
    with structlog.testing.capture_logs() as lines:
        async with running(url) as store:
            assert store.degraded
    assert "wrong-one" not in str(lines)


async def test_an_acl_user_of_few_rights_and_a_socket_are_enough(server: Server) -> None:
    rights = ["~{*", "+@read", "+@write", "+@scripting", "+time"]
    server.do("ACL", "SETUSER", "relay", "on", ">pass/word", *rights)
    async with running(Secret(f"unix://relay:pass%2Fword@{server.path}?db=0")) as store:
        permits = StorePermits(store, Workers(store))
        assert isinstance(await permits.take(ACME, ONE, SessionName("n")), Permit)
        assert not store.degraded


@pytest.mark.slow
async def test_each_shard_of_a_cluster_answers_for_its_own_keys() -> None:
    with cluster(newest()) as nodes:
        async with running(cluster_url(nodes[:1])) as store:
            for tag in range(50):
                assert await store.run("count", COUNT, (f"{{{tag}}}:count",)) == 1
        assert min(node.do("DBSIZE") for node in nodes) > 0


@pytest.mark.slow
async def test_after_a_failover_what_is_held_is_held_at_the_new_master(tmp_path: Path) -> None:
    program = newest()
    with (
        serving(program) as master,
        serving(program, "--replicaof", f"127.0.0.1 {master.port}") as replica,
        sentinel(program, master, tmp_path) as url,
    ):
        await until(lambda: replica.do("INFO", "replication")["master_link_status"] == "up")
        await until(lambda: master.do("INFO", "replication")["connected_slaves"] == 1)
        async with running(url, WITHIN) as store, StorePermits(store, Workers(store)).running() as permits:
            await until(lambda: not store.degraded)
            assert isinstance(await permits.take(ACME, ONE, None), Permit)
            master.kill()
            async with asyncio.timeout(10):
                while not store.degraded:
                    await store.run("count", COUNT, (KEY,))
            assert isinstance(await permits.take(ACME, TWO, None), Permit)
            await until(lambda: replica.do("INFO", "replication")["role"] == "master", 30)
            await until(lambda: replica.do("ZCARD", "{acme}:sessions") == 2, 5.0)
            assert not store.degraded
