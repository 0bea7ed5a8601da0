"""What a row of the matrix of clients is: one client, in one version, and how it is installed and run.

`python_rows.py` and `node_rows.py` hold the rows themselves; `matrix.py` runs them, and `table.py` shows
what came of it. Rule: a row says everything that is known of its client; nothing else knows one by name.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

HOST = "relay.example.com"
"""Stands for the relay's host in `Row.change` and in the page; what runs a snippet puts the real one there."""
KEY = "rlk_live_..."
"""Stands for the tenant's key, likewise."""
ORIGIN = "http://app.acme.example"
"""Where pages come from: the one origin that the relay's tenant allows. No host of it is ever looked up."""


class Step(StrEnum):
    """What is tried with every client, in this order."""

    CONNECT = "connect"
    """`session.created` is seen."""
    TEXT = "text"
    """A text turn: the reply contains what was said."""
    AUDIO = "audio"
    """Speech is streamed, server VAD ends the turn; audio and its transcript come back."""
    TOOL = "tool"
    """A function is called, its output is sent, and the answer speaks of that."""
    REFUSAL = "refusal"
    """A wrong key: the client reads the HTTP 401, or the `error` event and close code 3000."""
    RECONNECT = "reconnect"
    """After a close with 1012 a turn is held in a new session: by the client's means, or as users do."""


class Language(StrEnum):
    """What the client is written in, or where it runs; also the heading of its part of the page."""

    PYTHON = "Python"
    NODE = "Node.js"
    BROWSER = "Browser"


class Dialect(StrEnum):
    """The shapes of the events that the client speaks."""

    GA = "ga"
    BETA = "beta"


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a client is installed, apart from this project: `.clients/<name>/`.

    Rows whose pins are the same name the same environment, which is then installed once.
    """

    name: str
    stamps: tuple[str, ...]
    """Files, from the project's root, the pins among them: while none changes, nothing is installed again."""
    install: tuple[tuple[str, ...], ...]
    """Commands that install it, in order, inside its empty folder. Words are filled in as in `Row.command`."""
    needs: tuple[str, ...] = ()
    """Programs that have to be on the PATH. Where one is missing, the row is skipped and says so."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One client in one version."""

    id: str
    """Lower-case words with dashes: `openai-python-3-ga`."""
    title: str
    """The name that its users know it by, with what tells it from its neighbours in the table."""
    section: str
    """The heading of its part of the page (`###`). Rows that are changed in the same way share one."""
    package: str
    version: str
    """As pinned; a test compares it with the pins."""
    language: Language
    dialect: Dialect
    tls: bool = False
    """Whether the client can only speak `wss:`. The relay then serves TLS."""
    environment: Environment
    command: tuple[str, ...]
    """The program that does the steps, run inside `{place}`: the folder of the environment. `{clients}` is
    `tests/clients`, `{root}` the project, both absolute."""
    snippet: tuple[str, ...]
    """The command that runs a code block of the section, run inside `{place}` too; `{snippet}` is a file
    there that holds the block, with the real host and key."""
    variables: Mapping[str, str] = {}
    """Added to the program's environment: what turns a client's telemetry off, mostly."""
    change: str
    """The lines that a user changes, as code, with `HOST` and `KEY`. They stand in a block of the section."""
    notes: tuple[str, ...] = ()
    """What to know of it: limits, habits; a sentence each, in Markdown."""
    why: Mapping[Step, str] = {}
    """For each step that cannot work with this client, the reason, in a few words."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that are run: all but those that cannot work."""
        return tuple(step for step in Step if step not in self.why)


class Told(msgspec.Struct, frozen=True):
    """What a program prints of a step, as one line of JSON."""

    step: Step
    ok: bool
    detail: str = ""
    """What was seen; of a failure, what went wrong."""
