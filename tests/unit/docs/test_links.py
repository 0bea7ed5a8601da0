"""What the pages point to exists: pages, headings, targets of make, commands of relay and their options."""

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from relay.cli import main
from relay.settings import Settings, load
from tests.unit.docs import pages
from tests.unit.docs.pages import ALL, ROOT, blocks, prose, read, spans

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
SHELL = ("sh", "bash", "console")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(read(page)), flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {slug if not n else f"{slug}-{n}" for slug, most in found.items() for n in range(most + 1)}


def links(page: Path) -> list[str]:
    return LINK.findall(re.sub(r"`[^`\n]*`", "", prose(read(page))))


def commands(page: Path) -> list[list[str]]:
    """Return the commands that a page tells its reader to run."""
    lines = [line for block in blocks(read(page), *SHELL) for line in block.replace("\\\n", " ").splitlines()]
    told = [line.removeprefix("$ ").partition("  #")[0] for line in lines] + spans(read(page))
    found = []
    for line in told:
        for part in re.split(r"&&|\|\||[|;&]", line):
            words = part.split()
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words.pop(0)
            if words and words[0] in {"make", "relay"}:
                found.append(words)
    return found


@pytest.mark.parametrize("page", ALL, ids=pages.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", ALL, ids=pages.name)
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), flags=re.MULTILINE))
    for words in commands(page):
        if words[0] == "make":
            asked = [word for word in words[1:] if "=" not in word and re.fullmatch(r"[a-z-]+", word)]
            assert set(asked) <= targets, " ".join(words)


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Follow *words*, after `relay`, down to a command. Returns it and what is left of them."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z]+", rest[0]):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"there is no command {rest[0]!r}"
        command = found
        rest.pop(0)
    return command, rest


@pytest.mark.parametrize("page", ALL, ids=pages.name)
def test_every_command_of_relay_and_each_option_exists(page: Path) -> None:
    for words in commands(page):
        if words[0] != "relay":
            continue
        command, rest = resolve(words[1:])
        params = command.get_params(click.Context(command))
        known = {option for param in params for option in (*param.opts, *param.secondary_opts)}
        asked = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert asked <= known, " ".join(words)


def test_the_readers_of_commands_find_some() -> None:
    told = [" ".join(words[:2]) for words in commands(ROOT / "README.md")]
    assert {"make demo", "make test", "relay serve", "relay check", "relay keys"} <= set(told)


def test_the_configuration_in_the_readme_is_one_that_the_relay_takes() -> None:
    examples = blocks(read(ROOT / "README.md"), "toml")
    assert examples
    for example in examples:
        settings = load(example, environ={"RELAY_KEY_PEPPER": "p" * 32, "OPENAI_API_KEY": "sk"})
        assert isinstance(settings, Settings), settings


@pytest.mark.parametrize("page", ALL, ids=pages.name)
def test_shell_blocks_are_well_formed(page: Path) -> None:
    for block in blocks(read(page), *SHELL):
        shlex.split(block, comments=True)


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = {path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
    listed = set(re.findall(r"\(adr/(\d{4}-[\w-]+\.md)\)", read(ROOT / "docs" / "architecture.md")))
    assert listed == decisions
