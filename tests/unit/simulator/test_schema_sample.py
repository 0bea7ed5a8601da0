from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.schema_sample import sample


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "example city"),
        ({"type": "string", "enum": ["red", "blue"]}, "red"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "minLength": 20}, "example cityxxxxxxxx"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "maximum": -4}, -4),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
        ({"type": "number", "exclusiveMinimum": 2, "exclusiveMaximum": 2.5}, 2.25),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"const": 5}, 5),
        ({"type": "string", "default": "here"}, "here"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"items": {"type": "integer"}}, [1]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
            {"a": 1, "b": 2},
        ),
        ({"$ref": "#/$defs/size", "$defs": {"size": {"enum": ["large"]}}}, "large"),
        ({"$ref": "#/nowhere/at/all"}, "example city"),
        ({"type": "object"}, {}),
        ({}, "example city"),
        (True, None),
    ],
)
def test_the_value_is_one_the_schema_allows(schema: Any, value: object) -> None:
    assert sample(schema, "city") == value


def test_a_schema_that_branches_into_itself_ends() -> None:
    branch = {"$ref": "#"}
    tree = {"type": "object", "properties": dict.fromkeys("abcdefghij", branch)}
    assert len(msgspec.json.encode(sample(tree))) < 100_000


def test_parts_that_branch_into_the_whole_end() -> None:
    assert sample({"allOf": [{"$ref": "#"}] * 10}) == "example value"


def test_parts_that_are_no_objects_are_left_out() -> None:
    assert sample({"allOf": [{"properties": True}, {"type": "integer"}, 5]}) == 1


def test_what_leads_in_a_circle_ends() -> None:
    ring = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert sample(ring) == "example value"


bounds = st.integers(-1000, 1000)
leaves = (
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more}, bounds, st.integers(0, 50)
    )
    | st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 40),
        st.integers(0, 40),
    )
    | st.sampled_from([{"type": "boolean"}, {"type": "number"}, {"type": "null"}, {"enum": [3, "x"]}])
)
schemas = st.recursive(
    leaves,
    lambda inner: (
        st.builds(
            lambda fields: {
                "type": "object",
                "properties": fields,
                "required": list(fields),
                "additionalProperties": False,
            },
            st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=4),
        )
        | st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least}, inner, st.integers(0, 4)
        )
    ),
    max_leaves=8,
)


@given(schemas)
def test_whatever_the_schema_the_value_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.validate(sample(schema), schema)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "enum",
                    "minimum",
                    "multipleOf",
                    "$ref",
                    "anyOf",
                    "allOf",
                    "minLength",
                    "required",
                    "maxLength",
                    "minItems",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_nonsense_instead_of_a_schema_is_survived(schema: object) -> None:
    msgspec.json.encode(sample(schema))
