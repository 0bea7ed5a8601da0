"""What a client meets is a relay that stands, and what it is told is what it needs."""

from pathlib import Path

import httpx
import pytest

from tests.clients.python_rows import ROWS
from tests.clients.rows import Dialect, Step
from tests.clients.standing import BETA_MODEL, SPEECH, standing
from tests.kit.relays import MODEL
from tests.kit.wire import closed, connected, refusal


async def test_the_control_closes_every_session_with_1012(tmp_path: Path) -> None:
    async with (
        standing(tmp_path, tls=False) as stands,
        connected(stands.relay, stands.key) as one,
        connected(stands.relay, stands.key) as other,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        answer = await http.post(f"{stands.control}/close")
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert [(await closed(client))[0] for client in (one, other)] == [1012, 1012]
        assert (await http.post(f"{stands.control}/open")).status_code == 404


async def test_the_wrong_key_is_one_that_could_be_right(tmp_path: Path) -> None:
    async with standing(tmp_path, tls=False) as stands:
        wrong = stands.variables(ROWS[0])["RELAY_BAD_KEY"]
        status, _, error = await refusal(stands.relay, wrong)
    assert (status, error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("tls", [True, False])
async def test_a_program_is_told_where_everything_is(tmp_path: Path, tls: bool) -> None:
    async with standing(tmp_path, tls=tls) as stands:
        row = next(row for row in ROWS if row.dialect is Dialect.BETA)
        told = stands.variables(row)
        assert told["RELAY_URL"] == f"http{'s' * tls}://{stands.host()}/v1"
        assert told["RELAY_WS_URL"] == f"ws{'s' * tls}://{stands.host()}/v1/realtime"
        assert (told["RELAY_KEY"], told["RELAY_MODEL"]) == (stands.key, BETA_MODEL)
        assert told["STEPS"].split(",") == list(Step)
        assert told["RELAY_SPEECH"] == str(SPEECH)
        assert "{" not in "".join(told.values())
        assert stands.variables(ROWS[0])["RELAY_MODEL"] == MODEL


async def test_nothing_of_the_environment_but_what_every_program_needs_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody's")
    async with standing(tmp_path, tls=False) as stands:
        assert "sk-somebody's" not in stands.variables(ROWS[0]).values()
