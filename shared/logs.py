"""Logs: one JSON object a line with the trace and the event at work; in colour and for people on a terminal."""

import logging
import sys

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor

from shared import context


def configure(*, level: str = "INFO", human: bool | None = None) -> None:
    """Send every log line of this process, libraries' included, to standard error in one format.

    `human` says which; left out, a terminal gets the readable one.
    """
    readable = sys.stderr.isatty() if human is None else human
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if readable else "iso", utc=not readable),
        _what_is_at_work,
    ]
    # Plain tracebacks: the decorated ones print local variables, and with them what people wrote.
    last: list[Processor] = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    if not readable:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    output = logging.StreamHandler()
    output.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[output], force=True)
    for chatty in ("aiokafka", "alembic", "asyncio", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _what_is_at_work(_: object, __: str, line: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        line["trace_id"] = trace.format_trace_id(span.trace_id)
    if event_id := context.causation.get():
        line["event_id"] = str(event_id)
    if correlation := context.correlation.get():
        line["correlation_id"] = str(correlation)
    return line
