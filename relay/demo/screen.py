"""The demonstration on a terminal: short, and in the order in which a newcomer asks.

Rule: text only. Whatever decides whether the demonstration succeeded is elsewhere.
"""

import shlex
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay import __version__
from relay.core.words import Seconds
from relay.demo.certificates import Certificates
from relay.demo.metering import Metered
from relay.demo.stage import MODEL, Stage

_CODE: Final = """\
from openai import OpenAI
client = OpenAI(base_url="{base_url}", api_key="{key}")
with client.realtime.connect(model="{model}") as connection:
    connection.response.create(response={{"output_modalities": ["text"]}})
    while (event := connection.recv()).type != "response.done": print(event.type)
"""


def code(stage: Stage) -> str:
    """Return a program of five lines that holds a session through the relay with the official SDK."""
    return _CODE.format(base_url=stage.base_url, key=stage.key.reveal(), model=MODEL)


def opening(console: Console, stage: Stage, *, stays: bool) -> None:
    """Show where everything is, and what of it is gone when the demonstration ends."""
    console.print(
        Text.assemble(("realtime-relay", "bold"), f" {__version__}: a simulated Realtime API, the relay")
    )
    console.print('in front of it and the tenant "demo", all in this process.')
    heading(console, "Where it is")
    places = Table.grid(padding=(0, 2))
    places.add_row("  url", Text(stage.url, "cyan"))
    places.add_row("  key", Text(stage.key.reveal(), "cyan", overflow="fold"))
    places.add_row("  metrics", Text(stage.metrics_url, "cyan"))
    console.print(places)
    if stage.certificates is not None:
        _trusting(console, stage.origin, stage.certificates)
        _lasting(console, stage.certificates, stays=stays)
    heading(console, "The same from Python, with the official SDK (pip install 'openai[realtime]')")
    shown = Text(code(stage).rstrip())
    shown.highlight_regex(r'"[^"]*"', "cyan")
    console.print(shown, soft_wrap=True)


def _trusting(console: Console, origin: str, certificates: Certificates) -> None:
    """Show how to trust the certificate, in lines that can be pasted."""
    ca = shlex.quote(str(certificates.ca))
    heading(console, "How to trust its certificate" + ("" if certificates.new else ", the one of last time"))
    for who, line in (
        ("curl", f"curl --cacert {ca} {origin}/healthz"),
        ("Python", f"export SSL_CERT_FILE={ca}"),
        ("Node", f"export NODE_EXTRA_CA_CERTS={ca}"),
    ):
        console.print(Text.assemble(f"  {who:<10}", (line, "cyan")), soft_wrap=True)
    console.print(
        "  browsers  import that file as an authority: it vouches for no other machine", soft_wrap=True
    )


def _lasting(console: Console, certificates: Certificates, *, stays: bool) -> None:
    """Say what of the lines above is of no use afterwards: files, or whoever would answer."""
    match certificates.kept, stays:
        case False, False:
            told = "All of this is gone when this ends; --serve keeps it up, --tls-dir DIR keeps the files."
        case False, True:
            told = "The file is gone when this ends; --tls-dir DIR keeps it."
        case True, False:
            told = "The file stays. The relay is gone when this ends; --serve keeps it up."
        case _:
            return
    console.print(Text(f"  {told}", "bold"), soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Show that something new begins."""
    console.print()
    console.print(Text(text, "bold yellow"))


def metered(console: Console, metrics: Metered, journal: Metered) -> None:
    """Show what the relay carried, as both of its tools tell it."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("")
    table.add_column("/metrics", justify="right")
    table.add_column("journal", justify="right")
    for name, one, other in (
        ("audio, up", _seconds(metrics.audio_up), _seconds(journal.audio_up)),
        ("audio, down", _seconds(metrics.audio_down), _seconds(journal.audio_down)),
        ("events, up", f"{metrics.events_up}", f"{journal.events_up}"),
        ("events, down", f"{metrics.events_down}", f"{journal.events_down}"),
        ("bytes, up", f"{metrics.bytes_up:,}", f"{journal.bytes_up:,}"),
        ("bytes, down", f"{metrics.bytes_down:,}", f"{journal.bytes_down:,}"),
        ("tokens", f"{metrics.tokens}", f"{journal.tokens}"),
        ("money", f"${metrics.usd:.6f}", f"${journal.usd:.6f}"),
        ("refusals", f"{metrics.refusals}", f"{journal.refusals}"),
    ):
        table.add_row(name, one, other)
    console.print(table)


def closing(console: Console, sound: Seconds) -> None:
    """Say that all is well."""
    console.print()
    console.print(
        Text.assemble(
            ("✓ ", "bold green"),
            f"What was said came back: {sound:.2f} s of sound, byte for byte, twice through the relay.",
        )
    )


def serving(console: Console, stage: Stage) -> None:
    """Say that it goes on, and what to do with it."""
    heading(console, "It stays up until ctrl-C")
    console.print("From another terminal:")
    ca = f" --ca {shlex.quote(str(stage.certificates.ca))}" if stage.certificates is not None else ""
    console.print(
        Text(f"  relay talk --url {stage.url} --key {stage.key.reveal()}{ca} --text Hello"), soft_wrap=True
    )
    console.print("What the relay logs, a line a session:")


def failing(console: Console, message: str) -> None:
    """Say what went wrong."""
    console.print(Text.assemble(("✗ ", "bold red"), message))


def _seconds(duration: Seconds) -> str:
    return f"{duration:.2f} s"
