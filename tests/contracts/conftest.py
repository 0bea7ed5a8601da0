"""The store that contract tests run on."""

from tests.kit.stores import server, session_server, store

__all__ = ["server", "session_server", "store"]
