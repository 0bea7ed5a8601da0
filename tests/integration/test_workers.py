"""Several workers: one address, one operator's port, one set of signals."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from relay.edge import sockets
from tests.kit.relays import ENVIRON, config, new_key
from tests.kit.rest import minted
from tests.kit.wire import closed, connected, event, eventually, refusal, say, until
from tests.kit.workers import Site, each_has_a_session, site, started

__all__ = ["site"]


async def gone(pid: int) -> None:
    """Wait until *pid* is no process, or one that its parent has not buried."""

    def ended() -> bool:
        try:
            return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return True

    await eventually(ended)


async def test_two_hundred_sessions_are_spread_over_two_workers_and_added_up(site: Site) -> None:
    async with site.fleet() as relay:
        async with contextlib.AsyncExitStack() as stack:
            opened = [connected(relay, site.key) for _ in range(200)]  # type: ignore[arg-type]
            clients = await asyncio.gather(*map(stack.enter_async_context, opened))
            samples = await relay.samples()
            assert samples["relay_sessions_open", "us", "acme"] == 200
            assert samples["relay_handshakes_total", "accepted"] == 200
            assert samples["relay_handshake_seconds_count",] == 200
            held = [worker["sessions"] for worker in await relay.workers()]
            assert sum(held) == 200
            assert min(held) >= 60  # 100 each, and 40 are 5.6 standard deviations
            for client in clients[:50]:
                await say(client, type="input_audio_buffer.clear")
                await event(client)
            samples = await relay.samples()
            assert samples["relay_events_total", "up", "buffer", "forwarded"] == 50
        async with asyncio.timeout(5):
            while (samples := await relay.samples())["relay_sessions_open", "other", "other"] != sum(
                value for key, value in samples.items() if key[0] == "relay_sessions_open"
            ):
                pass
        assert samples["relay_sessions_ended_total", "client", "client_left"] == 200
        relay.signal(signal.SIGTERM)
        assert await relay.code() == 0


async def test_sigterm_drains_every_worker_and_all_refuse_until_the_last_session_ends(site: Site) -> None:
    async with site.fleet() as relay:
        pids = await relay.pids()
        async with contextlib.AsyncExitStack() as stack:
            clients = await each_has_a_session(relay, site.key, stack)
            relay.signal(signal.SIGTERM)
            for slot in range(2):
                await relay.logged("relay draining", worker=slot)
            ready = await relay.get("/readyz")
            assert (ready.status_code, ready.json()["why"]) == (503, "draining")
            assert {worker["state"] for worker in ready.json()["workers"]} == {"draining"}
            assert (await relay.samples())["relay_draining",] == 1
            # One worker has nothing left to drain, and goes on refusing: nobody waits in its queue.
            for client in clients[1:]:
                await client.close()
            await relay.logged("relay drained")
            for _ in range(8):
                assert (await refusal(relay, site.key))[0] == 503  # type: ignore[arg-type]
            await say(clients[0], type="input_audio_buffer.clear")
            assert (await event(clients[0]))["type"] == "input_audio_buffer.cleared"
        assert await relay.code() == 0
        for pid in pids:
            await gone(pid)


async def test_a_second_signal_ends_all_sessions_at_once(site: Site) -> None:
    async with site.fleet() as relay, contextlib.AsyncExitStack() as stack:
        clients = await each_has_a_session(relay, site.key, stack)
        relay.signal(signal.SIGINT)
        for slot in range(2):
            await relay.logged("relay draining", worker=slot)
        relay.signal(signal.SIGINT)
        for client in clients:
            assert await closed(client) == (1012, "draining")
        assert await relay.code() == 0


async def test_sighup_reaches_every_worker_and_a_bad_file_none(site: Site) -> None:
    async with site.fleet() as relay, contextlib.AsyncExitStack() as stack:
        clients = await each_has_a_session(relay, site.key, stack)
        good = site.path.read_text()
        site.path.write_text(good.replace("concurrent", "concurent"))
        relay.signal(signal.SIGHUP)
        refused = await relay.logged("configuration refused: the last good one stays")
        assert any("concurent" in problem for problem in refused["problems"])
        assert "worker" not in refused
        # A worker that has to start now starts with what was good, whatever the file holds.
        os.kill((await relay.pids())[0], signal.SIGKILL)
        await relay.logged("worker ready", number=2, worker=0)
        async with connected(relay, site.key):  # type: ignore[arg-type]
            pass
        other = Site(site.sim, site.store, site.path)
        site.path.write_text(other.text())
        relay.signal(signal.SIGHUP)
        for slot in range(2):
            await relay.logged("configuration read again", worker=slot)
        ends = [await closed(client) for client in clients]
        assert set(ends) <= {(3000, "key_revoked"), (1006, "")}  # the latter were on the worker that was killed
        assert (3000, "key_revoked") in ends
        for _ in range(8):
            async with connected(relay, other.key):  # type: ignore[arg-type]
                pass
            assert (await refusal(relay, site.key))[0] == 401  # type: ignore[arg-type]


async def test_a_reload_that_takes_the_store_away_is_refused(site: Site) -> None:
    async with site.fleet() as relay:
        site.path.write_text(config(site.sim.url, site.line))
        relay.signal(signal.SIGHUP)
        refused = await relay.logged("configuration refused: the last good one stays")
        assert any("store.url" in problem for problem in refused["problems"])


async def test_a_rolling_restart_refuses_no_connection_and_ends_no_session(site: Site) -> None:
    async with site.fleet() as relay, contextlib.AsyncExitStack() as stack:
        before = await relay.pids()
        clients = await each_has_a_session(relay, site.key, stack)
        over = asyncio.Event()
        admitted = 0

        async def keep_coming() -> None:
            nonlocal admitted
            while not over.is_set():
                async with connected(relay, site.key):  # type: ignore[arg-type]
                    admitted += 1

        coming = [asyncio.create_task(keep_coming()) for _ in range(4)]
        relay.signal(signal.SIGUSR2)
        await relay.logged("workers replaced")
        during = admitted
        await eventually(lambda: admitted >= during + 20)
        over.set()
        await asyncio.gather(*coming)
        assert during > 20
        for client in clients:
            await say(client, type="input_audio_buffer.clear")
            assert (await event(client))["type"] == "input_audio_buffer.cleared"
        crew = await relay.workers()
        assert [worker["pid"] for worker in crew if worker["state"] == "retiring"] == before
        assert [worker["worker"] for worker in crew if worker["state"] == "ready"] == [0, 1]
        events = [line["event"] for line in relay.lines if line.get("worker") == 1]
        assert events.index("worker ready", events.index("worker ready") + 1) < events.index("relay draining")
        for client in clients:
            await client.close()
        for pid in before:
            await relay.logged("worker ended", pid=pid)
        samples = await relay.samples()
        accepted = samples["relay_handshakes_total", "accepted"]
        assert accepted == admitted + len(clients)  # those of the workers that are gone are in it
        assert samples["relay_refusals_total", "draining", "other"] == 0
        relay.signal(signal.SIGTERM)
        assert await relay.code() == 0


async def test_connections_that_wait_for_their_request_are_served_by_the_worker_that_leaves(site: Site) -> None:
    async with site.fleet() as relay:
        waiting = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in range(8)]
        relay.signal(signal.SIGUSR2)
        await relay.logged("workers replaced")
        for slot in range(2):
            await relay.logged("relay draining", worker=slot)
        for reader, writer in waiting:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_a_worker_that_is_told_to_end_is_replaced_first(site: Site) -> None:
    async with site.fleet() as relay:
        old = (await relay.pids())[1]
        os.kill(old, signal.SIGTERM)
        replaced = await relay.logged("worker replaced", worker=1, retiring=old)
        await relay.logged("worker ended", pid=old)
        assert (await relay.pids())[1] == replaced["pid"]
        assert (await relay.get("/readyz")).status_code == 200


async def test_a_successor_that_cannot_start_leaves_the_worker_in_its_place(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "upstream-key"
    secret.write_text("sk-of-a-file")
    async with site.fleet() as relay:
        text = site.text().replace("env:UPSTREAM_KEY", f"file:{secret}")
        site.path.write_text(text)
        relay.signal(signal.SIGHUP)
        for slot in range(2):
            await relay.logged("configuration read again", worker=slot)
        before = await relay.pids()
        secret.unlink()
        relay.signal(signal.SIGUSR2)
        await relay.logged("workers not replaced: those that were not stay")
        assert await relay.pids() == before
        async with connected(relay, site.key):  # type: ignore[arg-type]
            pass


async def test_one_worker_opens_the_client_secrets_of_another(site: Site) -> None:
    async with site.fleet() as relay:
        base, shown = f"http://127.0.0.1:{relay.port}", {"Authorization": f"Bearer {site.key}"}
        async with httpx.AsyncClient(base_url=base, headers=shown, trust_env=False) as client:
            secret = await minted(client)
        async with contextlib.AsyncExitStack() as stack:
            await each_has_a_session(relay, secret, stack)


async def test_workers_leave_when_their_supervisor_is_killed_and_end_no_session(site: Site) -> None:
    async with site.fleet() as relay, contextlib.AsyncExitStack() as stack:
        pids = await relay.pids()
        clients = await each_has_a_session(relay, site.key, stack)
        relay.signal(signal.SIGKILL)
        for slot in range(2):
            await relay.logged("relay draining", worker=slot)
        sockets.bind("127.0.0.1", relay.port).close()  # the address is free for the next supervisor
        for client in clients:
            await say(client, type="response.create", response={"output_modalities": ["text"]})
            await until(client, "response.done")
            await client.close()
        for pid in pids:
            await gone(pid)


async def ending(path: Path, workers: str) -> tuple[int | None, str]:
    """Run what cannot start. Return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "serve", "--config", str(path), "--workers", workers,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **ENVIRON},
    )  # fmt: skip
    out, said = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, (out + said).decode()


async def test_workers_without_a_store_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(config("ws://127.0.0.1:9/v1/realtime", new_key()[1]))
    code, said = await ending(path, "2")
    assert code == 1
    assert "store.url: is not set" in said
    assert "redis://" in said
    assert "--workers 1" in said


async def test_an_address_that_is_taken_is_told_although_sockets_can_share_one(site: Site) -> None:
    async with site.fleet() as relay:
        other = site.path.with_name("other.toml")
        other.write_text(site.text(listen={"port": relay.port}))
        code, said = await ending(other, "2")
        assert code == 1
        assert f"127.0.0.1:{relay.port}: Address already in use" in said
        assert "worker started" not in said


async def test_workers_that_cannot_start_end_the_supervisor_too(site: Site, tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_text("no certificate at all")
    site.path.write_text(site.text(listen={"tls_cert": str(certificate), "tls_key": str(certificate)}))
    code, said = await ending(site.path, "2")
    assert code == 1
    assert "A worker cannot start" in said
    assert "The relay cannot start" in said


@pytest.mark.parametrize("workers", ["0", "257", "many", "-1"])
async def test_a_number_of_workers_that_is_none_is_refused(site: Site, workers: str) -> None:
    site.path.write_text(site.text())
    code, said = await ending(site.path, workers)
    assert code == 2
    assert "--workers" in said


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


async def test_one_worker_is_one_process(site: Site) -> None:
    site.path.write_text(site.text())
    process = await started(site.path, "1")
    try:
        assert process.stdout is not None
        line = b""
        while b"relay serving" not in line:
            line = await asyncio.wait_for(process.stdout.readline(), 15)
        assert children_of(process.pid) == []
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
