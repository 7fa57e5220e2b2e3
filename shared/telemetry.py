"""Traces and metrics: one trace from the request to the webhook, and the figures operators need."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import metrics, trace
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import Link, Span, SpanKind

tracer = trace.get_tracer("mithaq")
meter = metrics.get_meter("mithaq")

relay_batch = meter.create_histogram("mithaq.relay.batch", unit="{event}", description="events published in one page")
reaction_duration = meter.create_histogram("mithaq.reaction.duration", unit="s", description="time of one reaction")
reaction_failures = meter.create_counter("mithaq.reaction.failures", unit="{event}", description="attempts that failed")
reaction_parked = meter.create_counter("mithaq.reaction.parked", unit="{event}", description="events put aside")
delivery_attempts = meter.create_counter("mithaq.delivery.attempts", unit="{attempt}", description="sendings, by result")


def current_traceparent() -> str | None:
    """The W3C traceparent of the running span, to be stored with what continues it later; None outside any."""
    if not trace.get_current_span().get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(traceparent: str | None, name: str, *, kind: SpanKind, **attributes: str | int) -> Iterator[Span]:
    """A span that goes on where a stored traceparent left off; a new trace without one."""
    parent = extract({"traceparent": traceparent}) if traceparent else otel_context.Context()
    with tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as span:
        yield span


def link_to(traceparent: str | None) -> list[Link]:
    """A link to the span of a stored traceparent, for spans that handle many at once."""
    if not traceparent:
        return []
    return [Link(trace.get_current_span(extract({"traceparent": traceparent})).get_span_context())]
