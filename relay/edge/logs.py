"""Logs: one JSON object a line, and no secret in any of them.

Secrets are kept out by construction (`words.Secret` does not print itself) and, since others' words are logged
too, every string of every line passes a redactor.

Rule: nothing logs per frame. A session makes one line, at its end (`journal`).
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog


def configure(redact: Callable[[str], str], level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to *stream* (standard output), as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        lambda _logger, _method, line: _clean(line, redact),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _clean(line: MutableMapping[str, Any], redact: Callable[[str], str]) -> MutableMapping[str, Any]:
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = redact(value)
        elif not isinstance(value, int | float | bool | dict | list | tuple | None):
            line[name] = redact(str(value))
    return line
