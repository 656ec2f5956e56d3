"""Traces of requests by OpenTelemetry, where the operator has asked for them (`--otel`; extra `otel`).

A request is a span with its route, method and status; the stages of its pictures are spans below it. No path, query,
name, address or reading is in them. Where they go say OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_SERVICE_NAME ...); the usual place is a collector on this machine, port 4318.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from mien.app.server.watch.stages import stages_of
from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["Traces"]


@final
class Traces:
    """Makes and sends spans.

    Args:
        exporter: where they go; None sends them as OTLP over HTTP.

    Raises:
        MissingExtraError: OpenTelemetry is not installed.

    """

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise MissingExtraError("--otel", error.name or "opentelemetry", "otel") from error
        self._trace = trace
        # What the environment says (OTEL_SERVICE_NAME) comes before our name.
        resource = Resource({SERVICE_NAME: "mien"}).merge(Resource.create())
        if resource.attributes.get(SERVICE_NAME) == "unknown_service":
            resource = resource.merge(Resource({SERVICE_NAME: "mien"}))
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter()) if exporter is None else SimpleSpanProcessor(exporter)
        )
        self._tracer = self._provider.get_tracer("mien")
        self._propagator = TraceContextTextMapPropagator()

    def record(
        self, scope: Mapping[str, Any], method: str, route: str, status: int, seconds: float, refused: str | None
    ) -> None:
        """A request that has just ended, below the span of the caller where its `traceparent` names one."""
        end = time.time_ns()
        carrier = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"] if k.startswith(b"trace")}
        span = self._tracer.start_span(
            f"{method} {route}",
            context=self._propagator.extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            start_time=end - int(seconds * 1e9),
            attributes={"http.request.method": method, "http.route": route, "http.response.status_code": status},
        )
        if refused is not None:
            span.set_attribute("mien.refused", refused)
        if status >= 500:
            span.set_status(self._trace.StatusCode.ERROR)
        below = self._trace.set_span_in_context(span)
        for done, stages in stages_of(scope):
            start = done - int(sum(stages.values()) * 1e9)
            for stage, stage_s in stages.items():
                child = self._tracer.start_span(stage, context=below, start_time=start)
                start += int(stage_s * 1e9)
                child.end(start)
        span.end(end)

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()
