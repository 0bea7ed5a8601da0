"""Items and the parts of their content are told apart by role on the way up, and by kind on the way down."""

from typing import Any

import pytest

from relay.core.dialects.beta_items import (
    each,
    is_hosted,
    item_from_ga,
    item_to_ga,
    items_from_ga,
    items_to_ga,
    part_from_ga,
)

ODD: list[Any] = [None, 7, "x", [], {}, {"content": None}, {"role": ["user"], "content": [{"type": "text"}]}]
HOSTED = ["mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"]


def message(role: str, *kinds: str) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "i",
        "role": role,
        "content": [{"type": kind, "text": kind} for kind in kinds],
    }


def kinds(item: Any) -> list[str]:
    return [part["type"] for part in item["content"]]


@pytest.mark.parametrize(
    ("role", "beta", "ga"),
    [
        ("assistant", "text", "output_text"),
        ("assistant", "audio", "output_audio"),
        ("user", "text", "input_text"),
        ("system", "text", "input_text"),
    ],
)
def test_a_part_that_a_client_sends_has_the_name_that_ga_has_for_its_role(
    role: str, beta: str, ga: str
) -> None:
    item = message(role, beta, ga)
    sent = item_to_ga(item)
    assert kinds(sent) == [ga, ga]
    assert sent == {**item, "content": [{"type": ga, "text": beta}, {"type": ga, "text": ga}]}
    assert kinds(item) == [beta, ga], "the client's item is as it was"


@pytest.mark.parametrize(
    "item",
    [
        message("user", "input_text", "input_audio", "input_image", "audio"),
        message("assistant", "output_text", "input_text"),
        message("tool", "text"),
        {"type": "function_call_output", "call_id": "c", "output": "text"},
        {"type": "item_reference", "id": "i"},
        *ODD,
    ],
)
def test_an_item_that_says_the_same_in_ga_is_the_very_object(item: Any) -> None:
    assert item_to_ga(item) is item


def test_only_a_part_that_is_one_is_renamed() -> None:
    odd = [None, "text", {"type": ["text"]}, {"text": "text"}]
    sent = item_to_ga({"role": "user", "content": [*odd, {"type": "text"}]})
    assert sent == {"role": "user", "content": [*odd, {"type": "input_text"}]}


def test_the_items_of_a_response_create_are_items_like_any() -> None:
    reference = {"type": "item_reference", "id": "i"}
    sent = items_to_ga([reference, message("assistant", "text")])
    assert sent == [reference, {**message("assistant"), "content": [{"type": "output_text", "text": "text"}]}]
    assert items_to_ga(same := [reference]) is same


def test_an_item_that_is_told_of_has_the_beta_s_parts() -> None:
    item = message("assistant", "output_text", "output_audio", "input_text")
    assert kinds(item_from_ga(item)) == ["text", "audio", "input_text"]
    assert kinds(item) == ["output_text", "output_audio", "input_text"]


@pytest.mark.parametrize(
    "item", [message("user", "input_text", "input_audio"), {"type": "function_call"}, *ODD]
)
def test_an_item_that_says_the_same_in_the_beta_is_the_very_object(item: Any) -> None:
    assert item_from_ga(item) is item


@pytest.mark.parametrize("kind", HOSTED)
def test_items_of_hosted_tools_are_left_out_of_an_output(kind: str) -> None:
    hosted = {"type": kind, "id": "h"}
    assert is_hosted(hosted)
    output = [hosted, message("assistant", "output_text"), hosted]
    assert items_from_ga(output) == [
        {**message("assistant"), "content": [{"type": "text", "text": "output_text"}]}
    ]
    assert len(output) == 3
    assert items_from_ga([hosted]) == []


@pytest.mark.parametrize(
    "item", [*ODD, {"type": "message"}, {"type": ["mcp_call"]}, {"type": "item_of_tomorrow"}]
)
def test_no_other_item_is_left_out(item: Any) -> None:
    assert not is_hosted(item)
    assert items_from_ga(same := [item]) is same


@pytest.mark.parametrize("items", [None, 7, "x", {}, []])
def test_what_is_no_list_of_items_is_left_alone(items: Any) -> None:
    assert items_to_ga(items) is items
    assert items_from_ga(items) is items


def test_a_part_is_told_in_the_beta_s_words() -> None:
    assert part_from_ga({"type": "output_audio", "transcript": ""}) == {"type": "audio", "transcript": ""}
    for same in ({"type": "audio"}, {"type": 7}, None, "output_text"):
        assert part_from_ga(same) is same


def test_a_list_of_which_nothing_changes_is_the_very_list() -> None:
    assert each(lambda value: value, same := [1, 2]) is same
    assert each(lambda _: 0, [1, 2]) == [0, 0]
    assert each(lambda _: 0, "no list") == "no list"
