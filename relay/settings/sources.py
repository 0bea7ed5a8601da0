"""Where secrets come from: `env:NAME` and `file:/path`, never the file itself.

Rule: what is read here leaves as a `Secret`, or as a sentence that does not hold it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

_ENV: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_FILE: Final = re.compile(r"file:(.+)", re.DOTALL)
REFERENCE: Final = '"env:NAME" or "file:/path"'
UNREAD: Final = "unread"
"""What a secret is held as when the surroundings are not looked at."""


class Wrong(msgspec.Struct, frozen=True):
    """Why a value is refused; shown to the operator after the key's name."""

    what: str
    hint: str = ""
    misformed: bool = True
    """Whether saying what the form allows would help."""


class World(msgspec.Struct, frozen=True):
    """What surrounds the file: the environment, and other files."""

    environ: Mapping[str, str]
    read: Callable[[str], str]
    """Returns a file's text; raises OSError, or ValueError where it is not text."""
    looked_at: bool = True
    """False checks the form of references only: for editing a file where its secrets are not at hand."""


def is_reference(text: str) -> bool:
    """Tell whether *text* names a place rather than being the thing itself."""
    return text.startswith(("env:", "file:"))


def resolve(text: str, world: World) -> str | Wrong:
    """Return what the reference *text* stands for, without the white space around it."""
    if match := _ENV.fullmatch(text):
        return _from_environment(match[1], world)
    if match := _FILE.fullmatch(text):
        return _from_file(match[1], world)
    return Wrong("is not a reference to a secret", "secrets are not kept in this file")


def _from_environment(name: str, world: World) -> str | Wrong:
    if not world.looked_at:
        return UNREAD
    if name not in world.environ:
        return _unusable(f"the environment variable {name} is not set", f"set {name} where the relay starts")
    return world.environ[name].strip() or _unusable(f"the environment variable {name} is empty")


def _from_file(path: str, world: World) -> str | Wrong:
    text = read_text(path, world)
    if isinstance(text, Wrong):
        return text
    return text.strip() or _unusable(f"the file {path} is empty")


def read_text(path: str, world: World) -> str | Wrong:
    """Return the text of the file at *path*, or why it cannot be had."""
    if not world.looked_at:
        return UNREAD
    try:
        return world.read(path)
    except OSError as error:
        return _unusable(f"the file {path} cannot be read: {error.strerror or error}")
    except ValueError:
        return _unusable(f"the file {path} is not text")


def _unusable(what: str, hint: str = "") -> Wrong:
    return Wrong(what, hint, misformed=False)
