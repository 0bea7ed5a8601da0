"""`relay simulate`: run the stand-in Realtime API until interrupted.

The rule: options say only what `SimulatorSettings` has; nothing is decided here, but that the sample which
`relay talk` speaks is known by its words.
"""

import asyncio
import signal
import ssl
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import uvloop

from relay.simulator.faults import grammar

if TYPE_CHECKING:
    from relay.simulator.settings import SimulatorSettings

EPILOG: Final = f"""\b
Try it:
  relay simulate --instant &
  relay talk --url ws://127.0.0.1:8090/v1/realtime --key any --text "Good morning"

The answer's audio is the caller's own audio, byte for byte; its words name what was said. Calls of
tools are made when the user's words name the tool, with arguments made up from its schema.

Faults are asked for with a session (?sim_fault=..., or the header x-sim-fault), or laid down for
sessions to come (POST /sim/faults {{"fault": "refuse:503", "sessions": 1}}). Several are separated by
commas; "@N" lets one strike after N events were sent.

\b
{textwrap.indent(grammar(), "  ")}

What arrived is to be seen at GET /sim/sessions and /sim/sessions/ID. More: docs/simulator.md.
"""


@click.command(
    epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed repeats the same run.")
@click.option("--instant", is_flag=True, help="No waits: answers come at once, pings not at all.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Accept this key and no other (repeatable). Default: any without `invalid` in it.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="Serve this model and no other (repeatable). Default: the current ones.",
)
@click.option(
    "--azure",
    is_flag=True,
    help="Be an Azure resource, whose deployments --model names: its path, api-key, refusals before the 101.",
)
@click.option(
    "--ping-interval",
    type=click.FloatRange(min=0),
    help="Seconds between the server's own pings; 0 for none. [default: 20]",
)
@click.option(
    "--session-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=3600.0,
    show_default=True,
    help="Age at which a session expires.",
)
@click.option(
    "--tls-cert",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve wss:// with this certificate (PEM).",
)
@click.option(
    "--tls-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The certificate's private key, where it is not in the same file.",
)
def command(
    *,
    host: str,
    port: int,
    seed: int,
    instant: bool,
    keys: tuple[str, ...],
    models: tuple[str, ...],
    azure: bool,
    ping_interval: float | None,
    session_seconds: float,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    """Run a stand-in for the Realtime API: for trying, testing, loading and breaking things.

    It speaks the GA WebSocket protocol in full, needs no network and no account, and costs nothing.
    Ctrl-C ends it.
    """
    from msgspec import structs

    from relay.simulator.settings import KnownSpeech, SimulatorSettings
    from relay.voice import pcm, sample

    if tls_key is not None and tls_cert is None:
        raise click.UsageError("--tls-key needs --tls-cert.")
    base = SimulatorSettings.instant() if instant else SimulatorSettings()
    settings = structs.replace(
        base,
        seed=seed,
        known_speech=(KnownSpeech(sample.words(), pcm.seconds(sample.speech())),),
        keys=frozenset(keys),
        models=models or base.models,
        azure=azure,
        session_seconds=session_seconds,
        ping_interval_seconds=base.ping_interval_seconds if ping_interval is None else ping_interval,
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, host, port, tls_cert, tls_key))
    except (OSError, ssl.SSLError) as error:
        raise click.ClickException(f"Cannot serve on {host}:{port}: {error}.") from None


async def _serve(
    settings: "SimulatorSettings", host: str, port: int, cert: Path | None, key: Path | None
) -> None:
    """Serve until SIGINT or SIGTERM."""
    from relay.simulator.server import Simulator

    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_stop.set)
    async with Simulator(settings).running(host, port, cert, key) as simulator:
        model = settings.models[0]
        click.echo(f"A stand-in Realtime API is at {simulator.url}")
        # What `relay talk` transcribes with unless told otherwise is the name of no deployment.
        plain = " --transcription off" if settings.azure else ""
        click.echo(f"  relay talk --url {simulator.url} --key any --model {model} --text Hello{plain}")
        click.echo(f"  what it received: {simulator.http_url}/sim/sessions   Ctrl-C ends it.")
        await asked_to_stop.wait()
    click.echo("Stopped.")
