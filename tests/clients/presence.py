"""Whether a row can run on this machine.

Rule: a developer without Node or Chromium goes without its rows, and is told; CI does not.
"""

import os

import pytest

from tests.clients.environments import missing
from tests.clients.rows import Row


def skip_without(row: Row) -> None:
    """Skip the test where a program that *row* needs is missing. On CI that is a failure."""
    lacking = missing(row.environment)
    if not lacking:
        return
    message = f"not on this machine: {', '.join(lacking)}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
