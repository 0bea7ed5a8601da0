"""A response that the plan does not allow begins and fails as the API's own do."""

from typing import Any

import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.unstarted import failed_response, failure

REFUSED = Refused(Refusal.TOO_MANY_RESPONSES, "Wait.")


def test_it_is_created_and_then_done() -> None:
    created, done = failed_response(REFUSED, {"type": "response.create"}, "resp_1")
    assert (created["type"], created["response"]["status"]) == ("response.created", "in_progress")
    assert (done["type"], done["response"]["status"]) == ("response.done", "failed")
    assert created["response"]["id"] == done["response"]["id"] == "resp_1"
    assert done["response"]["status_details"] == failure(REFUSED)


def test_the_failure_is_the_refusal_s() -> None:
    assert failure(REFUSED)["error"] == {
        "type": "rate_limit_error",
        "code": "rate_limit_exceeded",
        "message": "Wait.",
    }


@pytest.mark.parametrize(
    ("metadata", "echoed"),
    [
        ({"turn": "7"}, {"turn": "7"}),
        ({}, None),
        ({"turn": 7}, None),
        ({"k" * 65: "v"}, None),
        ({"k": "v" * 513}, None),
        ({str(number): "" for number in range(17)}, None),
    ],
)
def test_metadata_is_echoed_within_the_api_s_bounds(metadata: Any, echoed: Any) -> None:
    event = {"type": "response.create", "response": {"metadata": metadata}}
    assert failed_response(REFUSED, event, "resp_1")[0]["response"]["metadata"] == echoed
