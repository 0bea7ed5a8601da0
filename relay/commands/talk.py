"""`relay talk`: speak a WAV or a microphone through any Realtime URL.

Rule: standard output holds the call, or its JSON, and nothing else; what went wrong goes to standard error.
"""

import asyncio
import os
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console

from relay.core.words import Seconds, Secret
from relay.voice import address, report, sample, soundcard, terminal, wav
from relay.voice.call import (
    DEFAULT_MODEL,
    DEFAULT_TRANSCRIPTION,
    Call,
    Live,
    Recorded,
    Typed,
    Utterance,
    at_once,
    hold,
)
from relay.voice.failures import CallFailedError
from relay.voice.line import Key, Tls
from relay.voice.outcome import Outcome, Sight
from relay.voice.turn import Noticed, Sounded

RELAY_KEY: Final = "RELAY_KEY"
API_KEY: Final = "OPENAI_API_KEY"
"""Where the key is looked for: the second for the API's own hosts, the first for all others. A relay is not to
see the provider's key, nor the provider a relay's."""
ENDLESS: Final = sys.maxsize
"""Turns of a call by microphone: whoever speaks hangs up."""
NO_ANSWER: Final = 1
HUNG_UP: Final = 130
"""What shells expect of a program that ctrl-C ended: 128 and the signal's number."""

EPILOG: Final = """
\b
Examples:
  relay talk                                 the bundled sample, to a relay on this machine
  relay talk question.wav --save answer.wav  a WAV file, and its answer
  relay talk --text "What is a relay?"       typed, not spoken
  relay talk --microphone --play             by mouth and ear (wear headphones); ctrl-C hangs up
  relay talk --url wss://api.openai.com/v1/realtime
                                             the API itself, with OPENAI_API_KEY

The key is --key, or from the environment: OPENAI_API_KEY for hosts of openai.com, RELAY_KEY for all others.

The exit code is 0 when every turn was answered, 1 when one was not, 2 when the command is wrong, and 130 when
ctrl-C came before the first answer.
"""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The command's options, as click has checked them."""

    file: Path | None
    url: str
    key: str | None
    model: str | None
    text: str | None
    microphone: bool
    voice: str | None
    instructions: str | None
    transcription: str
    manual: bool
    turns: int | None
    speed: float
    timeout: Seconds
    save: Path | None
    play: bool
    ca: Path | None
    insecure: bool
    as_json: bool


_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EPILOG)
@click.argument("file", required=False, type=_FILE)
@click.option(
    "--url",
    envvar="RELAY_URL",
    default="ws://127.0.0.1:8080/v1/realtime",
    show_default=True,
    show_envvar=True,
    help="Whom to call: a relay, the simulator, or the API itself.",
)
@click.option(
    "--key", help="The key; better kept in the environment, as RELAY_KEY or, for openai.com, OPENAI_API_KEY."
)
@click.option("--model", help=f"The model to ask for; {DEFAULT_MODEL} where the URL names none.")
@click.option("--text", help="Type this, and speak nothing.")
@click.option("--microphone", is_flag=True, help="Speak into the microphone; ctrl-C hangs up.")
@click.option("--voice", help="The voice of the answer.")
@click.option("--instructions", help="What the model is told of its part.")
@click.option(
    "--transcription",
    default=DEFAULT_TRANSCRIPTION,
    show_default=True,
    metavar="MODEL|off",
    help="The model that writes down what you say.",
)
@click.option(
    "--manual",
    is_flag=True,
    help="Commit by hand and ask for the answer, where the server would detect the end of speech.",
)
@click.option(
    "--turns", type=click.IntRange(1, 1000), help="How often to say it: once, or by microphone until ctrl-C."
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=1.0,
    show_default=True,
    help="How many times faster than speech to send a WAV.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=15.0,
    show_default=True,
    help="Seconds to wait for anything that the server owes.",
)
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the answers' sound to this WAV."
)
@click.option("--play", is_flag=True, help="Play the answers.")
@click.option("--ca", type=_FILE, help="Trust the authorities in this PEM file too.")
@click.option("--insecure", is_flag=True, help="Trust any certificate: for your own machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(**options: Any) -> None:  # noqa: ANN401 - click hands over a bag; Wish gives it types
    """Speak FILE, a WAV of 16-bit PCM, through a Realtime URL; show the answer and how long it took.

    Without FILE a bundled sample of three seconds is spoken.
    """
    wish = Wish(**options)
    call = _call(wish)
    utterance = _utterance(wish)
    console = Console(highlight=False, quiet=wish.as_json)
    if call.key is not None and address.exposes_key(call.url):
        click.echo("Warning: the key crosses the network in the clear; wss:// would hide it.", err=True)
    try:
        outcome = asyncio.run(_talk(call, utterance, console, play=wish.play))
    except CallFailedError as error:  # the sound card
        raise click.ClickException(" ".join(filter(None, (str(error), error.failure.advice)))) from None
    except KeyboardInterrupt:
        click.echo("Hung up.", err=True)
        sys.exit(HUNG_UP)
    sys.exit(_told(outcome, wish, console))


async def _talk(call: Call, utterance: Utterance | None, console: Console, *, play: bool) -> Outcome:
    """Hold the call; *utterance* is None for the microphone. Raises `CallFailedError` without a sound card."""
    async with AsyncExitStack() as stack:
        speaker = stack.enter_context(soundcard.loudspeaker()) if play else None
        if utterance is None:
            hang_up = asyncio.Event()
            utterance = Live(await stack.enter_async_context(soundcard.microphone(hang_up)))
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, hang_up.set)
        console.print(f"calling {address.shown(call.url)}", markup=False)
        draw = stack.enter_context(terminal.Terminal(console))

        def show(sight: Sight) -> None:
            draw(sight)
            if speaker is not None and isinstance(sight, Sounded):
                speaker.play(sight.sound)
            elif speaker is not None and isinstance(sight, Noticed):
                speaker.hush()

        # A recording waits for the end of the answer; whoever speaks may interrupt it.
        rest = speaker.played if speaker is not None and not isinstance(utterance, Live) else at_once
        return await hold(call, utterance, show, rest)


def _told(outcome: Outcome, wish: Wish, console: Console) -> int:
    """Show what came of the call, keep its sound, and return the exit code."""
    sound = b"".join(reply.sound for reply in outcome.replies)
    if wish.save is not None and sound:
        try:
            wav.write(wish.save, sound)
        except OSError as error:
            raise click.ClickException(f"The answer could not be saved: {error}.") from None
    if wish.as_json:
        click.echo(report.as_json(outcome))
    elif outcome.connected is not None:
        console.print()
        console.print(terminal.timings(outcome))
        if wish.save is not None:
            console.print(f"\nsaved to {wish.save}" if sound else "\nno sound to save", markup=False)
    if outcome.failure is not None:
        console.print()
        Console(stderr=True, highlight=False, quiet=wish.as_json).print(terminal.failed(outcome.failure))
        return NO_ANSWER
    return 0 if outcome.replies else HUNG_UP


def _call(wish: Wish) -> Call:
    """Return whom to call, and how. Raises `click.UsageError` for what contradicts itself."""
    try:
        url = address.dialed(wish.url, model=wish.model, default_model=DEFAULT_MODEL)
    except address.UnusableUrlError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    if wish.save is not None and not wish.save.parent.is_dir():
        raise click.BadParameter(f"there is no directory {wish.save.parent}", param_hint="--save")
    return Call(
        url=url,
        key=_key(wish.key, url),
        tls=_tls(wish, url),
        voice=wish.voice,
        instructions=wish.instructions,
        transcription=None if wish.transcription == "off" else wish.transcription,
        manual=wish.manual,
        speed=wish.speed,
        turns=wish.turns or (ENDLESS if wish.microphone else 1),
        timeout=wish.timeout,
    )


def _utterance(wish: Wish) -> Utterance | None:
    """Return what to say; None for the microphone, which is opened when the call begins."""
    if sum((wish.file is not None, wish.text is not None, wish.microphone)) > 1:
        raise click.UsageError("Say one thing: a FILE, --text, or --microphone.")
    if wish.microphone and (wish.manual or wish.speed != 1):
        raise click.UsageError("A microphone goes with neither --manual nor --speed.")
    if wish.microphone:
        return None
    if wish.text is not None:
        return Typed(wish.text)
    if wish.file is None:
        return Recorded(sample.speech())
    try:
        return Recorded(wav.read(wish.file))
    except wav.UnusableWavError as error:
        raise click.BadParameter(str(error), param_hint="FILE") from None
    except OSError as error:
        raise click.BadParameter(f"{wish.file}: {error.strerror}", param_hint="FILE") from None


def _key(given: str | None, url: str) -> Key:
    text = (given or os.environ.get(API_KEY if address.is_openai(url) else RELAY_KEY, "")).strip()
    if not text:
        return None
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise click.BadParameter("the key holds characters that no key has", param_hint="--key")
    return Secret(text)


def _tls(wish: Wish, url: str) -> Tls:
    if not url.startswith("wss:"):
        if wish.ca is not None or wish.insecure:
            raise click.UsageError("--ca and --insecure are for wss:// URLs.")
        return None
    context = ssl.create_default_context()
    if wish.ca is not None:
        try:
            context.load_verify_locations(wish.ca)
        except (ssl.SSLError, OSError):
            raise click.BadParameter(f"{wish.ca} holds no certificate in PEM", param_hint="--ca") from None
    if wish.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
