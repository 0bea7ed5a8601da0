"""`relay simulate`, as a program."""

import asyncio
import re
import signal
import subprocess
import sys

import httpx

from relay.core.words import Secret
from relay.simulator.faults import Kind
from relay.voice import sample
from relay.voice.call import Call, Recorded, hold

RELAY = (sys.executable, "-m", "relay", "simulate")
PATIENCE = 20


def test_it_says_where_it_is_and_ends_cleanly_when_interrupted() -> None:
    options = ("--port", "0", "--instant", "--key", "sk-only", "--model", "one-model")
    with subprocess.Popen([*RELAY, *options], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            first = program.stdout.readline()
            found = re.search(r"ws://127\.0\.0\.1:(\d+)/v1/realtime", first)
            assert found is not None, first
            listed = httpx.get(
                f"http://127.0.0.1:{found[1]}/v1/models",
                headers={"Authorization": "Bearer sk-only"},
                trust_env=False,
            ).json()
            assert [model["id"] for model in listed["data"]] == ["one-model"]
            program.send_signal(signal.SIGINT)
            assert program.wait(PATIENCE) == 0
            assert "Stopped." in program.stdout.read()
        finally:
            program.kill()


def test_as_azure_it_is_found_at_azures_path() -> None:
    options = ("--port", "0", "--instant", "--azure", "--model", "my-voice")
    with subprocess.Popen([*RELAY, *options], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            assert re.search(r"ws://\S+/openai/v1/realtime", program.stdout.readline())
            advice = program.stdout.readline().split()
            talk = subprocess.run(
                [sys.executable, "-m", *advice], check=False, capture_output=True, text=True, timeout=PATIENCE
            )
        finally:
            program.kill()
    assert talk.returncode == 0, talk.stdout + talk.stderr


def test_it_knows_the_words_of_the_sample_that_is_spoken_to_it() -> None:
    with subprocess.Popen([*RELAY, "--port", "0", "--instant"], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            found = re.search(r"ws://\S+", program.stdout.readline())
            assert found is not None
            url = f"{found[0]}?model=gpt-realtime-2.1"
            call = Call(url=url, key=Secret("any"), speed=100, timeout=PATIENCE)
            outcome = asyncio.run(hold(call, Recorded(sample.speech()), lambda _: None))
        finally:
            program.kill()
    assert outcome.failure is None
    assert [reply.heard for reply in outcome.replies] == [sample.words()]


def refused(*options: str) -> str:
    done = subprocess.run([*RELAY, *options], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_what_cannot_be_served_is_said_in_a_sentence() -> None:
    assert "--tls-key needs --tls-cert" in refused("--tls-key", __file__)
    assert "Cannot serve on 127.0.0.1:0" in refused("--port", "0", "--tls-cert", __file__)


def test_the_help_teaches_every_fault() -> None:
    done = subprocess.run([*RELAY, "--help"], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0
    for kind in Kind:
        assert f"  {kind.label}{kind.form}  " in done.stdout
