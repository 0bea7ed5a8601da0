"""The program in the README is one that runs, against a relay as the README has it, and ends."""

import asyncio
import os
import sys
from pathlib import Path

from relay.demo import stage

README = Path(__file__).parents[2] / "README.md"
BASE_URL = "http://127.0.0.1:8080/v1"
KEY = "rlk_live_..."


def program() -> str:
    text = README.read_text(encoding="utf-8")
    shown = text.split("```python\n")[1].split("```")[0]
    assert f'base_url="{BASE_URL}"' in shown
    assert f'api_key="{KEY}"' in shown
    return shown


async def test_the_program_in_the_readme_runs_to_the_end_of_its_response() -> None:
    async with asyncio.timeout(40), stage.standing(port=0, ops_port=0, prepare=lambda _: None) as where:
        code = program().replace(BASE_URL, where.base_url).replace(KEY, where.key.reveal())
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        )  # fmt: skip
        try:
            out, err = (stream.decode() for stream in await client.communicate())
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()
    assert (client.returncode, err) == (0, "")
    events = out.split()
    assert events[:2] == ["session.created", "response.created"]
    assert events[-1] == "response.done"
