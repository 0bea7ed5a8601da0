"""Where each key of a TOML document stands: key path -> line.

The standard reader gives values without their places. This walks a document that it has accepted
already, and so only has to tell keys, strings and brackets apart, never to judge them.

Rule: nothing here knows what a key means.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys, and indices into arrays: ("tenants", 0, "keys", 1)."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}'  # a closing delimiter may have two quotes of content before it
    r"|'''.*?''''{0,2}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(r"[^,\]}#\n]*")


class _Scanner:
    """One pass over one valid document."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._last_of: dict[Path, int] = {}
        """Array of tables -> the index of its newest: what `[array.key]` speaks of."""
        self.offsets: dict[Path, int] = {}

    def document(self) -> None:
        """Go through headers and pairs to the end."""
        table: Path = ()
        while self._skip_blank() < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip_blank(self) -> int:
        blank = _BLANK.match(self._text, self._at)
        assert blank is not None, "it matches the empty string"
        self._at = blank.end()
        return self._at

    def _header(self) -> Path:
        start = self._at
        of_array = self._text.startswith("[[", start)
        self._at += 2 if of_array else 1
        parts = self._key()
        path: Path = ()
        for part in parts[:-1]:
            path = self._newest((*path, part))
            self.offsets.setdefault(path, start)
        path = (*path, parts[-1])
        self.offsets.setdefault(path, start)
        if of_array:
            self._last_of[path] = self._last_of.get(path, -1) + 1
            path = self._newest(path)
            self.offsets.setdefault(path, start)
        self._skip_blank()
        self._at += 2 if of_array else 1
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self._last_of[path]) if path in self._last_of else path

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for part in self._key():
            path = (*path, part)
            self.offsets.setdefault(path, start)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip_blank()
            quoted = self._text[self._at] in "\"'"
            match = (_STRING if quoted else _BARE_KEY).match(self._text, self._at)
            assert match is not None, "the document is valid"
            self._at = match.end()
            # A quoted key has a string's escapes: let the standard reader undo them.
            parts.append(tomllib.loads(f"key = {match[0]}")["key"] if quoted else match[0])
            self._skip_blank()
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _value(self, path: Path) -> None:
        start = self._skip_blank()
        self.offsets.setdefault(path, start)
        if self._text[start] == "[":
            self._array(path)
        elif self._text[start] == "{":
            self._inline_table(path)
        else:
            match = _STRING.match(self._text, start) or _SCALAR.match(self._text, start)
            assert match is not None, "a scalar matches the empty string"
            self._at = match.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip_blank()] != "]":
            self._value((*path, index))
            index += 1
            self._skip_comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip_blank()] != "}":
            self._pair(path)
            self._skip_comma()
        self._at += 1

    def _skip_comma(self) -> None:
        if self._text[self._skip_blank()] == ",":
            self._at += 1


def lines_of(text: str) -> Mapping[Path, int]:
    """Return the line, from 1, of every key, table and array element of *text*, which is valid TOML.

    A key that stands in a header and again below it has the line where it came first.
    """
    scanner = _Scanner(text)
    scanner.document()
    newlines = [index for index, character in enumerate(text) if character == "\n"]
    return {path: bisect_right(newlines, offset) + 1 for path, offset in scanner.offsets.items()}
