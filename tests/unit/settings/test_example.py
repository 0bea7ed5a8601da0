"""The commented example: it shows every key, and each of its lines is one that the relay takes."""

import re
from collections.abc import Mapping
from pathlib import Path

from relay.settings import Settings, load, load_file
from relay.settings.reference import page

COMMENTED = Path(__file__).parents[3] / "deploy" / "examples" / "relay.toml"


def test_the_commented_example_is_right() -> None:
    settings = load_file(str(COMMENTED), {"OPENAI_API_KEY": "sk-x", "RELAY_KEY_PEPPER": "p" * 64})
    assert isinstance(settings, Settings), settings.text()
    assert settings.warnings == ()


def test_the_commented_example_shows_every_key() -> None:
    text = COMMENTED.read_text(encoding="utf-8")
    written = set(re.findall(r"^(?:# )?([a-z_]+) =", text, re.MULTILINE))
    headers = set(re.findall(r"^(?:# )?\[+([a-zA-Z._]+)", text, re.MULTILINE))
    in_headers = {part for header in headers for part in header.split(".")}
    assert set(re.findall(r"^\| `([a-z_]+)` \|", page(), re.MULTILINE)) - written - in_headers == set()


def test_what_the_commented_example_leaves_out_is_right_too(environ: Mapping[str, str]) -> None:
    """Uncommented, every line still is what the relay takes; only files and secrets are not at hand."""
    text = re.sub(r"^# (?=\[|[a-z_]+ = )", "", COMMENTED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    settings = load(text, environ=environ, look_around=False)
    assert isinstance(settings, Settings), settings.text()
    assert settings.listen.per_address == 100
