"""What the store does in one step: Lua, a file each beside this one.

A script reads the server's clock (`TIME`), never ours: clocks of many hosts do not agree. Its keys share a hash
tag, `{…}`, so that they lie in one slot of a cluster. It runs on Redis 6.2 and everything newer.

Rule: a script is sent once. Whether one ran whose answer was lost is not known, so its caller must be able to
say the same again, or the opposite, without harm.
"""

import hashlib
from importlib import resources


class Script:
    """A Lua program, known to the server by its digest."""

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def packaged(cls, name: str) -> "Script":
        """Return the one in `<name>.lua` of this package."""
        return cls(resources.files(__package__).joinpath(f"{name}.lua").read_text("utf-8"))


def key(tag: str, *rest: str) -> str:
    """Return the key `{tag}:rest…`: all of one tag lie in one slot."""
    return ":".join((f"{{{tag}}}", *rest))
