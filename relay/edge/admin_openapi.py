"""The admin API described: an OpenAPI 3.1 document, made of the very table that the routes are made of.

Rule: nothing is described that is not in the table, and no schema is written by hand but that of an error.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from relay import __version__

ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "code", "message", "param"],
            "properties": {
                "type": {"type": "string"},
                "code": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "problems": {"type": "array", "items": {"type": "string"}},
            },
            "additionalProperties": False,
        }
    },
}
LONGEST: Final = 128
"""Characters of an id or a name that is asked for: more than any that can be configured."""
TEXT: Final = "^[ -~]+$"
"""What may be asked for: printable ASCII, as ids and names are."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One query parameter: a text, a choice of *among*, a day, or a whole number of *least* to *most*."""

    name: str
    about: str
    required: bool = False
    among: tuple[str, ...] = ()
    least: int | None = None
    most: int = 0
    day: bool = False
    """Whether it is a day, as YYYY-MM-DD."""
    default: str | int | None = None

    def schema(self) -> dict[str, Any]:
        """Return its form."""
        plain: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": TEXT}
        if self.among:
            plain = {"type": "string", "enum": list(self.among)}
        elif self.day:
            plain = {"type": "string", "format": "date"}
        elif self.least is not None:
            plain = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return plain if self.default is None else {**plain, "default": self.default}


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of one call."""

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    about: str
    answer: type
    query: tuple[Parameter, ...] = ()
    paged: bool = False
    status: int = 200
    refusals: tuple[int, ...] = ()
    """Statuses other than 400 and 401."""


_WHY: Final = {
    400: "The query is not as described.",
    401: "The bearer token is missing or wrong.",
    404: "There is no such thing here.",
    409: "The configuration was refused: the last good one stays.",
    503: "It cannot be known for now: the store is away.",
}


def document(calls: Iterable[Described]) -> dict[str, Any]:
    """Return the document that describes *calls*."""
    table = list(calls)
    _, components = msgspec.json.schema_components(
        [call.answer for call in table], ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, Any] = {}
    for call in table:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Realtime relay: admin API",
            "version": __version__,
            "description": "What an operator may see and do. Ids of keys are public; no secret is ever told.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**components, "Error": ERROR},
        },
    }


def _operation(call: Described) -> dict[str, Any]:
    taken = [
        {"name": name, "in": "path", "required": True, "schema": Parameter(name=name, about="").schema()}
        for name in (part[1:-1] for part in call.path.split("/") if part.startswith("{"))
    ]
    asked = [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.about,
            "schema": parameter.schema(),
        }
        for parameter in call.query
    ]
    return {
        "operationId": call.name,
        "summary": call.about,
        "parameters": [*taken, *asked],
        "responses": {
            str(call.status): {"description": "Done.", "content": _json(_answer(call))},
            **{
                str(status): {
                    "description": _WHY[status],
                    "content": _json({"$ref": "#/components/schemas/Error"}),
                }
                for status in (400, 401, *call.refusals)
            },
        },
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answer(call: Described) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{call.answer.__name__}"}
    if not call.paged:
        return one
    return {
        "type": "object",
        "required": ["object", "data", "has_more", "next_cursor"],
        "additionalProperties": False,
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": one},
            "has_more": {"type": "boolean"},
            "next_cursor": {"type": ["string", "null"]},
        },
    }
