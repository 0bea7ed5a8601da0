"""How each subject is run: its command line, its configuration, and the port it listens on.

The rule: a peer gets what its own manual recommends for a tunnel of WebSockets, one thread or one
worker, no log per connection, and room for every session. What is not installed is skipped, with the
line that installs it.
"""

import os
import shutil
import socket
import sys
from enum import Enum
from pathlib import Path
from typing import Final, assert_never

import msgspec

from relay.bench.tenancy import tenancy


class Kind(Enum):
    """What may be measured, in the order in which it is shown."""

    DIRECT = "direct"
    RELAY = "relay"
    BETA = "beta"
    STRICT = "strict"
    HAPROXY = "haproxy"
    NGINX = "nginx"
    WEBSOCKETS = "websockets"


VARIANTS: Final = (Kind.BETA, Kind.STRICT)
"""Sessions of the very process that is measured as the relay, which cost it more: those of clients that speak
the beta protocol, and those of a tenant whose policy restricts all there is."""

PEERS: Final = (Kind.HAPROXY, Kind.NGINX, Kind.WEBSOCKETS)
"""What the relay is compared with: two blind tunnels in C, and the plainest relay in Python."""

TUNNELS: Final = {Kind.HAPROXY: ("haproxy", "haproxy"), Kind.NGINX: ("nginx", "nginx-light")}
"""The peers from outside: the program, and the Debian package that brings it."""

_HAPROXY: Final = """\
global
    nbthread 1
    maxconn {sessions}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen tunnel
    bind 127.0.0.1:{port} backlog 4096
    server upstream 127.0.0.1:{upstream_port}
"""

_NGINX: Final = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
worker_rlimit_nofile {descriptors};
error_log stderr warn;
events {{ worker_connections {descriptors}; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{upstream_port};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }}
    }}
}}
"""


class Recipe(msgspec.Struct, frozen=True):
    """What to run, with what in its environment, and what its clients dial; no command for direct."""

    port: int
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    headers: dict[str, str] = {}
    variants: dict[Kind, dict[str, str]] = {}
    """What the clients of `VARIANTS` show instead of *headers*."""


def missing(kind: Kind) -> str | None:
    """Say how to get what *kind* needs, or None if it is here."""
    if kind not in TUNNELS or _found(kind) is not None:
        return None
    name, package = TUNNELS[kind]
    return f"{name} is not installed: apt-get install -y --no-install-recommends {package}"


def recipe(kind: Kind, directory: Path, *, upstream_port: int, descriptors: int) -> Recipe:
    """Write what *kind* needs into *directory* and say how to run it.

    *descriptors* is how many files a process may open: a session takes two. A variant has no recipe of its own.
    """
    if kind is Kind.DIRECT:
        return Recipe(port=upstream_port)
    port = free_port()
    match kind:
        case Kind.RELAY:
            ours = tenancy(port=port, ops_port=free_port(), upstream_port=upstream_port)
            file = _written(directory / "relay.toml", ours.toml)
            return Recipe(
                port=port,
                command=(sys.executable, "-m", "relay", "serve", "--config", file),
                environment=ours.environment,
                headers=ours.headers,
                variants={
                    Kind.BETA: {**ours.headers, "OpenAI-Beta": "realtime=v1"},
                    Kind.STRICT: ours.strict_headers,
                },
            )
        case Kind.BETA | Kind.STRICT:
            raise ValueError(f"{kind.value} is measured in the relay's own process")
        case Kind.HAPROXY:
            # It wants two descriptors a session and some of its own, and does not start without.
            text = _HAPROXY.format(port=port, upstream_port=upstream_port, sessions=(descriptors - 200) // 2)
            file = _written(directory / "haproxy.cfg", text)
            return Recipe(port=port, command=(program(kind), "-db", "-q", "-f", file))
        case Kind.NGINX:
            text = _NGINX.format(
                port=port, upstream_port=upstream_port, directory=directory, descriptors=descriptors
            )
            file = _written(directory / "nginx.conf", text)
            return Recipe(
                port=port,
                command=(program(kind), "-e", "stderr", "-p", str(directory), "-c", file),
            )
        case Kind.WEBSOCKETS:
            module = "relay.bench.plain_websockets"
            return Recipe(
                port=port,
                command=(sys.executable, "-m", module, str(port), str(upstream_port)),
            )
        case _:
            assert_never(kind)


def free_port() -> int:
    """Return a port of the loopback that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _written(file: Path, text: str) -> str:
    file.write_text(text)
    return str(file)


def program(kind: Kind) -> str:
    """Return the path of a tunnel's program. Raises FileNotFoundError with the line that installs it."""
    found = _found(kind)
    if found is None:
        raise FileNotFoundError(missing(kind))
    return found


def _found(kind: Kind) -> str | None:
    # Servers are often kept where a user's PATH does not reach.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))
    return shutil.which(TUNNELS[kind][0], path=path)
