"""Logs: one JSON object a line, and no secret in any of them.

Secrets are kept out by construction (`words.Secret` does not print itself) and, since others' words are logged
too, every string of every line passes a redactor.

Rule: nothing logs per frame. A session makes one line, at its end (`journal`).
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TextIO

import structlog


class _Redaction:
    """What every line passes, whoever made its logger and when: a reload puts another in its place."""

    def __init__(self) -> None:
        self.redact: Callable[[str], str] = str

    def __call__(
        self, _logger: object, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for name, value in line.items():
            line[name] = self._clean(value)
        return line

    def _clean(self, value: Any) -> Any:  # noqa: ANN401 - whatever is logged
        match value:
            case str():
                return self.redact(value)
            case dict():
                return {name: self._clean(inner) for name, inner in value.items()}
            case list() | tuple():
                return [self._clean(inner) for inner in value]
            case int() | float() | None:
                return value
            case _:
                return self.redact(str(value))


_redaction: Final = _Redaction()


def redact_with(redact: Callable[[str], str]) -> None:
    """Mask what *redact* masks from now on."""
    _redaction.redact = redact


def configure(redact: Callable[[str], str], level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to *stream* (standard output), as JSON."""
    redact_with(redact)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redaction,
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
    logging.getLogger("uvicorn.error").setLevel(max(level, logging.WARNING))  # it tells of each listener's end
