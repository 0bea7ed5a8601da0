"""The client library, and which of its clients an address asks for.

Rule: the library is known to this module alone. It holds no deadline and repeats nothing: `connection` decides
how long an answer may take, and what was not answered is its caller's to ask again.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from relay.core.store_address import Address
from relay.core.words import Secret
from relay.edge.store.scripts import Script

CONNECTIONS: Final = 8
"""Held open to a server. One carries some thousand scripts a second; no frame waits for any of them."""

Word: TypeAlias = str | bytes | int | float


class Client:
    """Connections to the store at one address, made as they are needed.

    A store that is away, slow, full, loading, read-only or elsewhere by now is told of by `RedisError` and
    `OSError`, and, where a connection goes in the middle of something, by what the library and the event loop
    stumble over then: `RuntimeError`, `AttributeError`, `ValueError`. All of it is trouble of the store.
    """

    def __init__(self, at: Address) -> None:
        self._sentinels: Any = None
        self._client: Redis | RedisCluster
        options = _options(at.user, at.password, at.ca, tls=at.tls)
        match at.kind:
            case "server":
                ((host, port),) = at.hosts
                self._client = Redis(host=host, port=port, db=at.db, retry=_ONCE, **options)
            case "socket":
                self._client = Redis(unix_socket_path=at.path, db=at.db, retry=_ONCE, **options)
            case "sentinel":
                ask = _options(at.sentinel_user, at.sentinel_password, at.ca, tls=at.tls)
                build: Any = Sentinel  # which the library did not type
                self._sentinels = build(at.hosts, sentinel_kwargs={"retry": _ONCE, **ask})
                self._client = self._sentinels.master_for(at.service, db=at.db, retry=_ONCE, **options)
            case "cluster":
                self._client = RedisCluster(
                    startup_nodes=[ClusterNode(host, port) for host, port in at.hosts],
                    retry=Retry(NoBackoff(), 1),  # a slot that has moved is asked for where it is
                    **options,
                )

    async def evaluate(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> object:
        """Run *script*, sent whole only to a server that does not know it."""
        try:
            return await self.execute("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self.execute("EVAL", script.source, len(keys), *keys, *args)

    async def execute(self, *words: Word) -> object:
        """Run one command. Raises `TROUBLE`."""
        return await self._client.execute_command(*words)

    async def drop(self) -> None:
        """Close every connection; the next command opens one."""
        await self._client.aclose()

    async def close(self) -> None:
        """Close every connection, for good."""
        await self._client.aclose()
        if self._sentinels is not None:
            await self._sentinels.aclose()


_ONCE: Final = Retry(NoBackoff(), 0)


def _options(user: str | None, password: Secret | None, ca: str | None, *, tls: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "username": user,
        "password": password.reveal() if password is not None else None,
        "protocol": 2,  # the older one does without a handshake
        "driver_info": None,  # and so does a client that does not introduce itself
        "socket_timeout": None,  # the deadline is the caller's
        "socket_connect_timeout": None,
        "max_connections": CONNECTIONS + 1,
    }
    if tls:
        options |= {"ssl": True, "ssl_ca_certs": ca}
    return options
