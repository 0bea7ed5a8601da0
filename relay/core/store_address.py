"""Where the store is: one URL, read strictly.

    redis://[user[:password]@]host[:port][/db]                      rediss:// with TLS
    unix://[user[:password]@]/path/to/socket[?db=0]
    redis+sentinel://[user[:password]@]host[:port],…/service[/db]   rediss+sentinel:// with TLS
    redis+cluster://[user[:password]@]host[:port],…                 rediss+cluster:// with TLS

`?ca=FILE` names the certificates to trust in place of the system's; `?sentinel_user=` and `?sentinel_password=`
are for Sentinels that want their own. User, password and service are percent-decoded.

Rule: pure. What a URL may not hold is a `ValueError` whose message shows nothing of what it holds.
"""

import re
from typing import Final, Literal, TypeAlias, assert_never
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from relay.core.words import Secret

Kind: TypeAlias = Literal["server", "socket", "sentinel", "cluster"]

_KINDS: Final[dict[str, Kind]] = {
    "redis": "server",
    "rediss": "server",
    "unix": "socket",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_PORTS: Final[dict[Kind, int]] = {"server": 6379, "socket": 0, "sentinel": 26379, "cluster": 6379}
"""The ones that Redis and Sentinel listen on unless told otherwise."""
_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A store's URL, read."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    """One server's, or those of Sentinels or cluster nodes to begin with. Empty for a socket."""
    path: str = ""
    """Of the socket."""
    service: str = ""
    """What Sentinel calls the group of servers."""
    db: int = 0
    user: str | None = None
    password: Secret | None = None
    tls: bool = False
    ca: str | None = None
    sentinel_user: str | None = None
    sentinel_password: Secret | None = None


def parse(url: Secret) -> Address:
    """Read *url*. Raises `ValueError`, which says what to write instead."""
    try:
        parts = urlsplit(url.reveal())
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError("this is no URL") from None
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise ValueError(f"its scheme is one of {', '.join(_KINDS)}")
    tls = parts.scheme.startswith("rediss")
    if unknown := sorted(query.keys() - _options(kind, tls=tls)):
        raise ValueError(f"its query may not hold {unknown[0]!r}")
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    service, db = _place(kind, parts.path, query)
    return Address(
        kind=kind,
        hosts=_hosts(kind, hosts),
        path=unquote(parts.path) if kind == "socket" else "",
        service=service,
        db=db,
        user=unquote(user) or None,
        password=Secret(unquote(password)) if password else None,
        tls=tls,
        ca=query.get("ca"),
        sentinel_user=query.get("sentinel_user"),
        sentinel_password=Secret(query["sentinel_password"]) if "sentinel_password" in query else None,
    )


def _options(kind: Kind, *, tls: bool) -> set[str]:
    known = {"ca"} if tls else set[str]()
    if kind == "socket":
        known.add("db")
    if kind == "sentinel":
        known |= {"sentinel_user", "sentinel_password"}
    return known


def _hosts(kind: Kind, netloc: str) -> tuple[tuple[str, int], ...]:
    if kind == "socket":
        if netloc:
            raise ValueError("a socket's path begins with a slash: unix:///path/to/socket")
        return ()
    found: list[tuple[str, int]] = []
    for text in netloc.split(","):
        host = _HOST.fullmatch(text)
        if host is None or not 0 <= int(host["port"] or 0) < 1 << 16:
            raise ValueError("it names hosts as host:port, and an IPv6 address in brackets")
        found.append((host["six"] or host["name"], int(host["port"] or _PORTS[kind])))
    if kind == "server" and len(found) > 1:
        raise ValueError("several hosts are Sentinels, redis+sentinel://, or a cluster, redis+cluster://")
    return tuple(found)


def _place(kind: Kind, path: str, query: dict[str, str]) -> tuple[str, int]:
    """Return the service and the database."""
    match kind:
        case "socket":
            if not path.strip("/"):
                raise ValueError("a socket has a path: unix:///path/to/socket")
            return "", _db(query.get("db", ""))
        case "server":
            return "", _db(path[1:])
        case "cluster":
            if path.strip("/"):
                raise ValueError("a cluster has one database, and no path")
            return "", 0
        case "sentinel":
            service, _, db = path[1:].partition("/")
            if not service:
                raise ValueError("Sentinel wants the service's name: redis+sentinel://host:26379/service")
            return unquote(service), _db(db)
        case _:
            assert_never(kind)


def _db(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("its database is a number")
    return int(text or 0)
