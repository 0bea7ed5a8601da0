"""`relay demo --tls`: what it makes is trusted by real clients, kept, and of no use for anything else."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import ssl
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from relay.demo import stage
from relay.demo.certificates import LIFETIME, CertificateError, Certificates, provided
from relay.edge.clock import wall

DAY = 86_400.0


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Certificates]:
    with provided(tmp_path / "tls", wall()) as certificates:
        yield certificates


# --- what is made -----------------------------------------------------------------------------------


def test_the_key_is_its_owners_alone(made: Certificates) -> None:
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "relay-demo-ca.pem",
        "relay-demo-cert.pem",
        "relay-demo-key.pem",
    ]


def test_the_authority_vouches_for_this_machine_alone_and_its_key_is_nowhere(made: Certificates) -> None:
    ca = x509.load_pem_x509_certificate(made.ca.read_bytes())
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = [str(name.value) for name in constraints.value.permitted_subtrees or ()]
    assert permitted == ["localhost", "127.0.0.1/32", "::1/128"]
    limits = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    cert = x509.load_pem_x509_certificate(made.cert.read_bytes())
    cert.verify_directly_issued_by(ca)
    assert ca.public_key() != cert.public_key()
    texts = [path.read_text() for path in made.folder.iterdir()]
    assert sum(text.count("PRIVATE KEY") for text in texts) == 2  # its first line and its last


def test_without_a_folder_it_is_gone_afterwards() -> None:
    with provided(None, wall()) as certificates:
        assert certificates.new
        assert certificates.key.exists()
    assert not certificates.folder.exists()


# --- what is kept -----------------------------------------------------------------------------------


def test_it_is_used_again_while_it_holds(tmp_path: Path) -> None:
    now = wall()
    with provided(tmp_path, now) as first:
        assert first.new
        before = first.cert.read_bytes()
    first.key.chmod(0o644)
    with provided(tmp_path, now + LIFETIME.total_seconds() - 2 * DAY) as again:
        assert not again.new
    assert again.cert.read_bytes() == before
    assert stat.S_IMODE(again.key.stat().st_mode) == 0o600
    with provided(tmp_path, now + LIFETIME.total_seconds() - DAY / 2) as later:
        assert later.new
    assert later.cert.read_bytes() != before


@pytest.mark.parametrize("name", ["relay-demo-ca.pem", "relay-demo-cert.pem", "relay-demo-key.pem"])
@pytest.mark.parametrize("text", [b"", b"no certificate", None])
def test_what_is_broken_or_missing_is_made_anew(tmp_path: Path, name: str, text: bytes | None) -> None:
    with provided(tmp_path, wall()) as first:
        pass
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(text)
    with provided(tmp_path, wall()) as again:
        assert again.new
        again.trust()
    assert first.folder == again.folder


def test_what_does_not_belong_together_is_made_anew(tmp_path: Path) -> None:
    with provided(tmp_path / "one", wall()) as one, provided(tmp_path / "other", wall()) as other:
        for path in ("ca", "key"):
            shutil.copy(getattr(other, path), getattr(one, path))
            with provided(tmp_path / "one", wall()) as again:
                assert again.new


def test_what_else_is_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem", "ca.pem"):
        (tmp_path / name).write_text("somebody's")
    with provided(tmp_path, wall()):
        pass
    for name in ("cert.pem", "key.pem", "ca.pem"):
        assert (tmp_path / name).read_text() == "somebody's"
    assert len(list(tmp_path.iterdir())) == 6


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(CertificateError, match=r"^No certificate can be kept in .*file/tls: Not a directory\.$"),
        provided(tmp_path / "file" / "tls", wall()),
    ):
        pass


# --- what it is good for ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
async def test_a_client_that_trusts_the_authority_gets_through_by_every_name(
    made: Certificates, name: str
) -> None:
    trust = made.trust()
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    async with stage.standing(port=0, ops_port=0, prepare=lambda _: None, certificates=made) as where:
        reader, writer = await asyncio.open_connection(stage.HOST, where.port, ssl=trust, server_hostname=name)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_does_not_trust_it_is_warned(made: Certificates) -> None:
    async with stage.standing(port=0, ops_port=0, prepare=lambda _: None, certificates=made) as where:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(f"{where.origin}/healthz")
        with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
            await asyncio.open_connection(
                stage.HOST, where.port, ssl=made.trust(), server_hostname="elsewhere.example"
            )


# --- in a process of its own ------------------------------------------------------------------------

NODE = """
const https = require("node:https");
const [origin, key] = process.argv.slice(1);
const request = https.request(`${origin}/v1/realtime?model=gpt-realtime-2.1`, {
  headers: {
    Authorization: `Bearer ${key}`, Connection: "Upgrade", Upgrade: "websocket",
    "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
  },
});
request.on("upgrade", (response, socket) => { console.log(response.statusCode); socket.destroy(); });
request.on("response", (response) => { console.log(response.statusCode); response.resume(); });
request.on("error", (error) => { console.error(error.code); process.exitCode = 1; });
request.end();
"""


@asynccontextmanager
async def serving(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run `relay demo --serve` until it says that it stays up. Yields it and what it showed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "demo", "--serve", "--port", "0", "--ops-port", "0", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    assert process.stdout is not None
    shown = ""
    try:
        async for line in process.stdout:
            shown += line.decode()
            if "What the relay logs" in shown:
                break
        yield process, shown
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.communicate()


async def run(*command: str, **environment: str) -> tuple[int | None, str, str]:
    """Run a program as a user would who pasted *environment*'s lines before. Return status and output."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        out, err = (stream.decode() for stream in await process.communicate())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out, err


def pasted(shown: str, variable: str) -> dict[str, str]:
    """Return what the line that exports *variable* exports."""
    found = re.search(rf"export ({variable}=.*)$", shown, re.MULTILINE)
    assert found is not None, shown
    name, _, value = shlex.split(found[1])[0].partition("=")
    return {name: value}


def names_in(folder: Path) -> set[str]:
    """Return the names of all that is in *folder* and below; nothing where there is no such folder."""
    return {path.name for path in folder.rglob("*")}


async def test_every_line_that_it_shows_works_when_it_is_pasted(tmp_path: Path) -> None:
    async with asyncio.timeout(60), serving("--tls-dir", str(tmp_path / "it's kept")) as (process, shown):
        origin = re.search(r"https://127\.0\.0\.1:\d+", shown)
        key = re.search(r"rlk_live_\w+", shown)
        assert origin is not None
        assert key is not None
        assert f"url      wss{origin[0].removeprefix('https')}/v1/realtime" in shown

        talk = re.search(r"^ +(relay talk .*)$", shown, re.MULTILINE)
        assert talk is not None
        status, out, err = await run(sys.executable, "-m", *shlex.split(talk[1]))
        assert (status, err) == (0, ""), out
        assert "You said: Hello" in out

        code = shown[shown.index("from openai") : shown.index("\nA spoken")].strip()
        status, out, err = await run(sys.executable, "-c", code, **pasted(shown, "SSL_CERT_FILE"))
        assert (status, err) == (0, "")
        assert out.split()[0] == "session.created"

        if shutil.which("curl") is not None:
            curl = re.search(r"(curl --cacert .*)$", shown, re.MULTILINE)
            assert curl is not None
            status, out, err = await run(*shlex.split(curl[1]), "--silent", "--show-error", "--noproxy", "*")
            assert (status, err) == (0, "")

        process.send_signal(signal.SIGINT)
        _, err_bytes = await process.communicate()
    assert (process.returncode, err_bytes) == (0, b"")
    assert len(list((tmp_path / "it's kept").iterdir())) == 3


async def test_node_gets_through_with_the_line_for_node_and_not_without() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    async with asyncio.timeout(60), serving("--tls") as (_, shown):
        origin = re.search(r"https://127\.0\.0\.1:\d+", shown)
        key = re.search(r"rlk_live_\w+", shown)
        assert origin is not None
        assert key is not None
        trusting = pasted(shown, "NODE_EXTRA_CA_CERTS")
        assert await run(node, "-e", NODE, origin[0], key[0], **trusting) == (0, "101\n", "")
        status, _, err = await run(node, "-e", NODE, origin[0], key[0])
        assert status == 1
        assert "CERT" in err or "SIGNATURE" in err
        (authority,) = trusting.values()
        folder = Path(authority).parent
        assert "relay-demo-ca.pem" in names_in(folder)
    assert not names_in(folder)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_demonstration_that_is_ended_early_leaves_no_key_behind(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "demo", "--tls",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            async for line in process.stdout:
                if b"A spoken conversation" in line:
                    break
            assert "relay-demo-key.pem" in names_in(tmp_path)
            process.send_signal(number)
            _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, err) == (status, b"")
    assert not names_in(tmp_path)


async def test_a_folder_that_cannot_be_ends_the_command_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    where = str(tmp_path / "file" / "tls")
    status, out, err = await run(sys.executable, "-m", "relay", "demo", "--tls-dir", where)
    assert (status, out) == (1, "")
    assert err.startswith("✗ No certificate can be kept in")
    assert "Traceback" not in err
