"""The store that the model is compared with."""

from tests.kit.stores import server, session_server, store

__all__ = ["server", "session_server", "store"]
