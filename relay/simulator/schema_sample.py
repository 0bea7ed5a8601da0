"""Arguments for a function, made up from its JSON schema.

The rule: the same schema gives the same value, and a value that the schema allows, for the part of
JSON Schema that tools use: types, enum, const, default, bounds, formats, items, properties,
anyOf/oneOf/allOf and references within the schema.
"""

import math
from typing import Any, Final

from relay.simulator.errors import Json

DEPTH: Final = 16
"""Nesting after which a value is left out: recursive schemas end somewhere."""
NODES: Final = 1_000
"""Values in one sample: a schema that branches into itself would give billions."""
LARGEST: Final = 2.0**53
"""Bounds beyond are cut to it: past it a JSON number is not exact any more."""
FORMATS: Final = {
    "date": "2026-01-31",
    "time": "12:30:00Z",
    "date-time": "2026-01-31T12:30:00Z",
    "duration": "PT5M",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: object, name: str = "value") -> Any:  # noqa: ANN401 - a JSON value
    """Return a value for *schema*; *name* colours its strings."""
    return _Sampler(schema).value(schema, name, 0)


class _Sampler:
    def __init__(self, root: object) -> None:
        self._root = root
        self._left = NODES

    def value(self, schema: object, name: str, depth: int) -> Any:  # noqa: ANN401 - a JSON value
        self._left -= 1
        if not isinstance(schema, dict) or depth > DEPTH or self._left < 0:
            return None
        schema = self._resolved(schema, depth)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        return self._made(schema, name, depth)

    def _made(self, schema: Json, name: str, depth: int) -> Any:  # noqa: ANN401 - a JSON value
        match self._type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                count = max(_number(schema.get("minItems"), 1), 0)
                item = self.value(schema.get("items", {"type": "string"}), name, depth + 1)
                return [item] * int(min(count, DEPTH))
            case "string":
                return _string(schema, name)
            case "integer":
                return int(_bounded(schema, whole=True))
            case "number":
                return _bounded(schema, whole=False)
            case "boolean":
                return True
            case _:
                return None

    def _object(self, schema: Json, depth: int) -> Json:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required = schema.get("required")
        names = required if isinstance(required, list) and depth > DEPTH // 2 else properties
        return {name: self.value(properties[name], name, depth + 1) for name in names if name in properties}

    def _resolved(self, schema: Json, depth: int) -> Json:
        """Follow a reference, and fold the first choice of anyOf and every part of allOf in."""
        self._left -= 1
        if self._left < 0:
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            found: Any = self._root
            for step in reference.removeprefix("#").strip("/").split("/"):
                found = found.get(step) if step and isinstance(found, dict) else found
            if isinstance(found, dict) and depth < DEPTH and found.get("$ref") != reference:
                return self._resolved(found, depth + 1)
            return {}
        for key in ("anyOf", "oneOf"):
            choices = schema.get(key)
            if isinstance(choices, list) and choices and isinstance(choices[0], dict):
                return self._resolved(choices[0], depth + 1) if depth < DEPTH else {}
        parts = schema.get("allOf")
        if isinstance(parts, list) and depth < DEPTH:
            folded: Json = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                if isinstance(part, dict):
                    more = self._resolved(part, depth + 1)
                    both = _fields(folded.get("properties")) | _fields(more.get("properties"))
                    folded |= more | ({"properties": both} if both else {})
            return folded
        return schema

    @staticmethod
    def _type(schema: Json) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((name for name in kind if name != "null"), "null")
        if isinstance(kind, str):
            return kind
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema else "string"


def _fields(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _number(value: object, otherwise: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return otherwise
    return min(max(value, -LARGEST), LARGEST)


def _string(schema: Json, name: str) -> str:
    text = FORMATS.get(str(schema.get("format")), f"example {name}")
    least = int(min(_number(schema.get("minLength"), 0), 1000))
    most = int(max(_number(schema.get("maxLength"), 1000), 0))
    return text.ljust(least, "x")[:most]


def _bounded(schema: Json, *, whole: bool) -> float:
    """Return a number within the bounds: 1 where nothing speaks against it."""
    low = _number(schema.get("minimum"), -math.inf)
    high = _number(schema.get("maximum"), math.inf)
    step = _number(schema.get("multipleOf"), 0)
    edge = 1 if whole else 0.5
    low = max(low, _number(schema.get("exclusiveMinimum"), -math.inf) + edge)
    high = min(high, _number(schema.get("exclusiveMaximum"), math.inf) - edge)
    if not whole and low > high:
        # Exclusive bounds closer than one: their middle is inside.
        return (low + high) / 2
    value = min(max(1.0, low), high)
    if step > 1 / LARGEST:
        value = math.ceil(value / step) * step
    return math.ceil(value) if whole else value
