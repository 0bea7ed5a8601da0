"""The page `docs/configuration.md`, written from the rows that files are read by.

    python -m relay.settings.reference > docs/configuration.md

Rule: no key is described anywhere but in `relay.settings.schema`; this only lays the rows out.
"""

import sys
from collections.abc import Iterator
from typing import Any, Final, assert_never

from msgspec import NODEFAULT
from msgspec.structs import fields

from relay.core.tenants import UNLIMITED
from relay.settings.forms import Form, Listing, Pairs
from relay.settings.schema import FILE_TABLE, LIMITS, UPSTREAM
from relay.settings.tables import Key, NamedTables, Shape, Table, Tables

_INTRODUCTION: Final = """\
# The configuration file

<!-- Written by `python -m relay.settings.reference`; edit `relay/settings/schema.py` instead. -->

One TOML file, `relay.toml` by custom, and the environment for secrets. A complete commented example is
[deploy/examples/relay.toml](../deploy/examples/relay.toml).

- **Check before you run.** `relay check FILE` tells everything that is wrong, with line and hint, and exits 1
  if the relay would refuse the file. `--json` is for programs; `--without-secrets` for a machine that has
  none of the secrets, such as a build.
- **Secrets never stand in the file.** Where a secret is wanted, write `"env:NAME"` for an environment variable
  or `"file:/path"` for a file's content; white space around it is dropped. Tenants' keys are digests.
- **Unknown keys are errors**, so that a misspelt limit is not a limit unset.
- **Reload** with SIGHUP. A bad file is refused whole and the one before stays. A key that is gone closes its
  live sessions; changed plans hold for new sessions.
- Times are in seconds, sizes in bytes, money in US dollars. Relative paths start where the relay was started.

The least that runs:

```toml
[keys]
peppers = { 1 = "env:RELAY_KEY_PEPPER" }

[[upstreams]]
name = "us-1"
region = "us"
url = "wss://us.api.openai.com/v1/realtime"
keys = ["env:OPENAI_API_KEY"]

[[tenants]]
id = "acme"
```

`relay keys new --tenant acme --config relay.toml` then makes the tenant's first key.
"""


def page() -> str:
    """Return the whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for name, key in FILE_TABLE.keys.items():
        if isinstance(key.shape, Table):
            yield from _section(f"## `[{name}]`", key.shape)
        elif isinstance(key.shape, Tables):
            yield from _section(f"## `[[{name}]]`", key.shape.of)
            yield from _nested(name, key.shape.of)
        else:
            assert isinstance(key.shape, NamedTables), "the file's own keys are tables"
            yield from _section(f"## `[{name}.NAME]`", key.shape.of)


def _nested(parent: str, table: Table) -> Iterator[str]:
    """Write the tables inside a table, but for those that stand elsewhere already."""
    for name, key in table.keys.items():
        if isinstance(key.shape, Table):
            if key.shape.keys is LIMITS:
                yield f"### `[{parent}.{name}]`\n\n{key.shape.about} One left out is as in the plan.\n"
            else:
                yield from _section(f"### `[{parent}.{name}]`", key.shape)
        elif isinstance(key.shape, Tables):
            assert key.shape.of is UPSTREAM
            yield f"### `[[{parent}.{name}]]`\n\n{key.about} The keys are those of `[[upstreams]]`.\n"


def _section(heading: str, table: Table) -> Iterator[str]:
    yield f"{heading}\n\n{table.about}\n"
    yield "| key | type | default | allowed | meaning |\n|---|---|---|---|---|"
    defaults = _defaults(table)
    for name, key in table.keys.items():
        kind, allowed = _words(key.shape)
        default = _default(key, defaults.get(name))
        yield f"| `{name}` | {kind} | {default} | {_escaped(allowed)} | {_escaped(key.about)} |"
    yield ""


def _defaults(table: Table) -> dict[str, Any]:
    """Return what each field of the table's struct is when it is left out."""
    found: dict[str, Any] = {}
    for field in fields(table.of) if table.of else ():
        if field.default is not NODEFAULT:
            found[field.encode_name] = field.default
        elif field.default_factory is not NODEFAULT:
            found[field.encode_name] = field.default_factory()
    return found


def _default(key: Key, value: object) -> str:
    if key.required:
        return "**required**"
    if key.absent:
        return key.absent
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case float() if value == UNLIMITED:
            return '`"unlimited"`'
        case int() | float():
            return f"`{value}`"
        case str():
            return f'`"{value}"`'
        case tuple() | frozenset() if not value:
            return "`[]`"
        case _:
            raise AssertionError(f"say in `absent` what leaving it out means: {key.about}")


def _words(shape: Shape) -> tuple[str, str]:
    """Return a shape's type and what it allows."""
    match shape:
        case Form():
            return shape.kind, shape.allowed
        case Listing():
            least = f"at least {shape.least}; each " if shape.least else "each "
            return f"array of {shape.of.kind}s", least + shape.of.allowed
        case Pairs():
            return f"table, {shape.key.kind} → {shape.of.kind}", shape.of.allowed
        case Table() | NamedTables():
            return "table", "see below"
        case Tables():
            return "array of tables", "see below"
        case _:
            assert_never(shape)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(page())
