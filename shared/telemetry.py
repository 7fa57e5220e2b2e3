"""Traces and metrics: one trace from the request to the webhook, and the figures operators need.

Nothing leaves the process unless OTEL_EXPORTER_OTLP_ENDPOINT is set; the metrics can always be scraped.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import metrics, trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult
from opentelemetry.trace import Link, Span, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from shared import logs
from shared.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

tracer = trace.get_tracer("mithaq")
meter = metrics.get_meter("mithaq")

relay_batch = meter.create_histogram("mithaq.relay.batch", unit="{event}", description="events published in one page")
reaction_duration = meter.create_histogram(
    "mithaq.reaction.duration",
    unit="s",
    description="time of one reaction",
    explicit_bucket_boundaries_advisory=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
)
reaction_failures = meter.create_counter("mithaq.reaction.failures", unit="{event}", description="attempts that failed")
reaction_parked = meter.create_counter("mithaq.reaction.parked", unit="{event}", description="events put aside")
delivery_attempts = meter.create_counter(
    "mithaq.delivery.attempts", unit="{attempt}", description="sendings, by result"
)
notices_unheard = meter.create_counter(
    "mithaq.notices.unheard", unit="{notice}", description="statutory notices of which nobody there was told"
)
journal_lag = meter.create_gauge("mithaq.journal.lag", unit="s", description="age of the oldest unpublished event")
consumer_lag = meter.create_gauge("mithaq.consumer.lag", unit="{event}", description="events a reaction has yet to see")
parked_events = meter.create_gauge("mithaq.reaction.waiting", unit="{event}", description="events that are parked now")
restarts = meter.create_counter("mithaq.loop.restarts", unit="{restart}", description="background loops that crashed")

LAST_WORDS = 2.0
"""Seconds that a process which ends gives each of its exporters."""
HTTP: "TelemetryConfig" = {
    "operation_spans": False,
    "logs": False,
    "exclude": lambda scope: scope["path"] in ("/livez", "/readyz", "/metrics"),
}
"""What FastAPI measures by itself: one span per request, and none for what the probes fetch all day."""


def configure(service: str, settings: ServiceSettings) -> None:
    """Set up logs, traces and metrics of this process, once; later calls change nothing.

    Spans are exported over OTLP/HTTP when OTEL_EXPORTER_OTLP_ENDPOINT is set. Metrics wait to be scraped (see
    `exposition`), and are pushed as well when the endpoint is set.
    """
    if _provider() is not None:
        return
    logs.configure()
    exporting = bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    resource = Resource.create(
        {"service.name": f"mithaq-{service}", "deployment.environment.name": settings.platform.profile}
    )
    _trace_with(resource, exporting=exporting)
    _measure_with(resource, exporting=exporting)


def exposition() -> tuple[bytes, str]:
    """All metrics of this process in Prometheus' text format, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(), CONTENT_TYPE_LATEST


@contextmanager
def recorded() -> Iterator[InMemorySpanExporter]:
    """Keep the spans that end inside the block, for tests to read: `.get_finished_spans()`."""
    provider = _provider()
    if provider is None:
        provider = _trace_with(Resource.create({"service.name": "mithaq"}), exporting=False)
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    WHERE_READ.readers += 1
    try:
        yield exporter
    finally:
        WHERE_READ.readers -= 1
        # A provider cannot drop a processor: one that is shut down ignores what it is handed.
        processor.shutdown()


def flush() -> None:
    """Send what is still unsent, before the process ends; a collector that is away holds nobody up."""
    providers = trace.get_tracer_provider(), metrics.get_meter_provider()
    # Exporters go on retrying beyond the time that they are given.
    sending = [
        Thread(target=provider.force_flush, daemon=True)
        for provider in providers
        if isinstance(provider, TracerProvider | MeterProvider)
    ]
    for each in sending:
        each.start()
    for each in sending:
        each.join(LAST_WORDS)


def current_traceparent() -> str | None:
    """The W3C traceparent of the running span, to be stored with what continues it later; None outside any."""
    if not trace.get_current_span().get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


class WhereRead(Sampler):
    """Samples spans as long as somebody reads them; without a reader a trace has its ids, and nothing else is kept."""

    def __init__(self) -> None:
        self.readers = 0

    def should_sample(
        self,
        parent_context: otel_context.Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """All or nothing."""
        sampler = ALWAYS_ON if self.readers else ALWAYS_OFF
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """How it is called."""
        return "WhereRead"


WHERE_READ = WhereRead()


@contextmanager
def continued(traceparent: str | None, name: str, *, kind: SpanKind, **attributes: str | int) -> Iterator[Span]:
    """A span that goes on where a stored traceparent left off; a new trace without one."""
    with tracer.start_as_current_span(name, context=_parent(traceparent), kind=kind, attributes=attributes) as span:
        yield span


def begun(traceparent: str | None, name: str, *, kind: SpanKind) -> Span:
    """The same, but nothing else that happens meanwhile belongs to it; it is to be ended. For what is done most.

    Where nobody reads spans it is the stored one again: the trace is handed on as it came.
    """
    parent = _parent(traceparent)
    return tracer.start_span(name, context=parent, kind=kind) if WHERE_READ.readers else trace.get_current_span(parent)


def traceparent_of(span: Span) -> str | None:
    """The W3C traceparent of a span, for what it sends; None if there is no trace."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def link_to(traceparent: str | None) -> list[Link]:
    """A link to the span of a stored traceparent, for spans that handle many at once."""
    if not traceparent:
        return []
    return [Link(trace.get_current_span(extract({"traceparent": traceparent})).get_span_context())]


@lru_cache(maxsize=4096)
def _parent(traceparent: str | None) -> otel_context.Context:
    """The context of a stored traceparent; many webhooks continue the same one."""
    return extract({"traceparent": traceparent}) if traceparent else otel_context.Context()


def _provider() -> TracerProvider | None:
    provider = trace.get_tracer_provider()
    return provider if isinstance(provider, TracerProvider) else None


def _trace_with(resource: Resource, *, exporting: bool) -> TracerProvider:
    provider = TracerProvider(resource=resource, sampler=WHERE_READ, shutdown_on_exit=False)
    if exporting:
        WHERE_READ.readers += 1
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _measure_with(resource: Resource, *, exporting: bool) -> None:
    from opentelemetry.exporter.prometheus import PrometheusMetricReader

    readers: list[MetricReader] = [PrometheusMetricReader(scope_info_enabled=False)]
    if exporting:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    metrics.set_meter_provider(MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False))
