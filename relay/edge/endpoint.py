"""What is known of one upstream as long as the process lives: its health, its keys, how many sessions it holds.

Rule: a change of configuration changes what it goes by, and never what is open.
"""

import ssl

from relay.core.health import Health, KeyPool
from relay.core.pacing import Pacer
from relay.core.tenants import Upstream


class Endpoint:
    """What is known of one upstream as long as the process lives."""

    def __init__(self, upstream: Upstream, tls: ssl.SSLContext | None) -> None:
        self.open = 0
        """Sessions, from the dial on."""
        self.configure(upstream, tls)

    def configure(self, upstream: Upstream, tls: ssl.SSLContext | None) -> None:
        """Go by *upstream* from now on. The sessions that are open still count."""
        self.upstream = upstream
        self.health = Health()
        self.keys = KeyPool(upstream.keys)
        self.starts = Pacer(upstream.starts_per_minute / 60, max(1.0, upstream.starts_per_minute))
        self.tls = tls

    def full(self) -> bool:
        """Whether it has as many sessions as it may."""
        return self.open >= self.upstream.max_sessions


def trust(upstream: Upstream) -> ssl.SSLContext | None:
    """Return whom to trust in dialing *upstream*; None where it is dialed in the clear.

    Raises `OSError` where its `ca` cannot be read.
    """
    if not upstream.url.startswith("wss:"):
        return None
    return ssl.create_default_context(cafile=upstream.ca)
