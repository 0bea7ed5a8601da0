"""What is wrong with a configuration: one value a mistake, in words for the operator.

Rule: a problem never holds a secret; whoever finds one may show a value only where its form says so.
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

import msgspec

from relay.settings.lines import Path

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_NEAR: Final = 0.5
"""How like a known name a misspelling is, to difflib: one letter in two, since keys are as short as `id`."""


class Severity(StrEnum):
    """An error keeps the file from being used; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake, its place and its remedy."""

    severity: Severity
    file: str
    line: int
    """From 1; 0 where the file as a whole is meant."""
    key: str
    """As it would be written: `tenants[0].limits.chunk_bytes`; empty where no key is meant."""
    wrong: str
    allowed: str = ""
    """What the key may be: follows "must be"."""
    hint: str = ""
    """What to do."""

    def text(self) -> str:
        """Return it in a line: `relay.toml:12: listen.port: is 70000; must be an integer from 0 to 65535`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        mark = "warning" if self.severity is Severity.WARNING else ""
        must = f"must be {self.allowed}" if self.allowed else ""
        says = "; ".join(part for part in (self.wrong, must, self.hint) if part)
        return ": ".join(part for part in (place, mark, self.key, says) if part)


class Problems(msgspec.Struct, frozen=True):
    """Why a configuration is refused: at least one error, and the warnings beside."""

    all: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return those that keep the file from being used."""
        return tuple(problem for problem in self.all if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Return those that do not."""
        return tuple(problem for problem in self.all if problem.severity is Severity.WARNING)

    def text(self) -> str:
        """Return all of them, a line each."""
        return "\n".join(problem.text() for problem in self.all)


class Findings:
    """Gathers problems while a file is read, so that every mistake is told and not only the first."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self._found: list[Problem] = []
        self._blamed: set[Path] = set()

    def error(self, at: Path, wrong: str, *, allowed: str = "", hint: str = "") -> None:
        """Note a mistake at the key *at*."""
        self._blamed.add(at)
        self._note(Severity.ERROR, at, wrong, allowed, hint)

    def warning(self, at: Path, wrong: str, *, hint: str = "") -> None:
        """Note what is allowed and yet hardly meant."""
        self._note(Severity.WARNING, at, wrong, "", hint)

    def blamed(self, at: Path) -> bool:
        """Tell whether *at* itself was found wrong: what is said of its absence would be misleading."""
        return at in self._blamed

    def problems(self) -> Problems:
        """Return what was found, in the order of the file."""
        return Problems(tuple(sorted(self._found, key=lambda problem: (problem.line, problem.key))))

    def _note(self, severity: Severity, at: Path, wrong: str, allowed: str, hint: str) -> None:
        self._found.append(
            Problem(
                severity=severity,
                file=self._file,
                line=self.line(at),
                key=written(at),
                wrong=wrong,
                allowed=allowed,
                hint=hint,
            )
        )

    def line(self, at: Path) -> int:
        """Return the line of *at*; of what it would stand in, where it is what is missing."""
        for length in range(len(at), 0, -1):
            if at[:length] in self._lines:
                return self._lines[at[:length]]
        return 0


def written(at: Path) -> str:
    """Return a key path as an operator would write it."""
    parts: list[str] = []
    for part in at:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            key = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            parts.append(f".{key}" if parts else key)
    return "".join(parts)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *name* is most likely a misspelling of."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=_NEAR)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question that follows an unknown name, or nothing."""
    near = nearest(name, known)
    return f'did you mean "{near}"?' if near is not None else ""
