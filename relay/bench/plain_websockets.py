"""A peer: the relay one writes in an afternoon, with `websockets` on uvloop. It checks nothing and counts
nothing.

Run as a program of its own: `python -m relay.bench.plain_websockets LISTEN_PORT UPSTREAM_PORT`.
"""

import asyncio
import sys
from functools import partial

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def pump(source: Connection, sink: Connection) -> None:
    """Carry messages until one of the two is gone, then close the other."""
    try:
        async for message in source:
            await sink.send(message)
    except ConnectionClosed:
        pass
    await sink.close()


async def relayed(client: ServerConnection, *, upstream: int) -> None:
    """Carry one session to the program that listens on port *upstream* of this machine."""
    assert client.request is not None
    url = f"ws://127.0.0.1:{upstream}{client.request.path}"
    async with (
        connect(url, compression=None, max_size=None, ping_interval=None, proxy=None) as server,
        asyncio.TaskGroup() as pumps,
    ):
        pumps.create_task(pump(client, server), name="up")
        pumps.create_task(pump(server, client), name="down")


async def main(port: int, upstream: int) -> None:
    """Listen on *port* of the loopback until the process is ended."""
    handler = partial(relayed, upstream=upstream)
    async with serve(handler, "127.0.0.1", port, compression=None, max_size=None, ping_interval=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
