"""The admin API as tests ask it: every answer is held to the document that the relay serves."""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from relay.server import Relay
from tests.kit.relays import ENVIRON

TOKEN = ENVIRON["RELAY_ADMIN_TOKEN"]


class Admin:
    """A client with the token. An answer that is not as described fails the test."""

    def __init__(self, http: httpx.AsyncClient, described: dict[str, Any]) -> None:
        self.http = http
        self.described = described

    async def ask(self, method: str, path: str, status: int = 200) -> Any:
        response = await self.http.request(method, f"/admin/{path}")
        assert response.status_code == status, response.text
        body = response.json()
        schema = self._schema(method, f"/admin/{path}".partition("?")[0], status)
        Draft202012Validator({**schema, "components": self.described["components"]}).validate(body)
        assert response.headers["cache-control"] == "no-store"
        return body

    async def get(self, path: str, status: int = 200) -> Any:
        return await self.ask("GET", path, status)

    async def problem(self, path: str, status: int, method: str = "GET") -> dict[str, Any]:
        error: dict[str, Any] = (await self.ask(method, path, status))["error"]
        return error

    def _schema(self, method: str, path: str, status: int) -> dict[str, Any]:
        for template, operations in self.described["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                described = operations[method.lower()]["responses"][str(status)]
                schema: dict[str, Any] = described["content"]["application/json"]["schema"]
                return schema
        raise AssertionError(f"{path} is not described")


@contextlib.asynccontextmanager
async def administered(relay: Relay, token: str | None = TOKEN) -> AsyncIterator[Admin]:
    """Open a client to the relay's operator's port."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    base = f"http://127.0.0.1:{relay.ops_port}"
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=15) as http:
        described = await http.get("/admin/openapi.json")
        yield Admin(http, described.json() if described.status_code == 200 else {})
