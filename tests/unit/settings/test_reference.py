"""The reference page holds every key, and is the one that the rows give today."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from relay.settings import Settings, load
from relay.settings.forms import Pairs, whole
from relay.settings.reference import _default, page
from relay.settings.schema import LIMITS, UPSTREAM
from relay.settings.tables import Key

COMMITTED = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_committed_page_is_fresh() -> None:
    """If not: python -m relay.settings.reference > docs/configuration.md"""
    assert COMMITTED.read_text(encoding="utf-8") == page()


def test_the_module_prints_the_page() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "relay.settings.reference"], capture_output=True, check=True, text=True
    )
    assert printed.stdout == page()


@pytest.mark.parametrize("key", [*LIMITS, *UPSTREAM.keys, "sealing_key", "unknown_events", "per_address"])
def test_every_key_has_a_row(key: str) -> None:
    assert f"| `{key}` |" in page()


def test_defaults_are_those_that_hold() -> None:
    text = page()
    assert "| `port` | integer | `8080` | an integer from 0 to 65535 |" in text
    assert '| `tokens_per_day` | integer or "unlimited" | `"unlimited"` |' in text
    assert "| `url` | URL | **required** |" in text
    assert "| `hosted_tools` | boolean | `false` |" in text


def test_no_row_breaks_its_table() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)


def test_the_least_that_runs_is_right() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page(), re.DOTALL)
    settings = load(example, environ={"RELAY_KEY_PEPPER": "p" * 32, "OPENAI_API_KEY": "sk"})
    assert isinstance(settings, Settings)
    assert [warning.key for warning in settings.warnings] == ["tenants[0]"], "its key is yet to be made"


def test_a_default_that_nothing_explains_is_refused() -> None:
    key = Key(shape=Pairs(key=whole(1), of=whole(1)), about="X.")
    with pytest.raises(AssertionError, match="say in `absent` what leaving it out means: X"):
        _default(key, {})
