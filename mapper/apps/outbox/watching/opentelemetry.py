"""What an outbox does, as metrics and spans of OpenTelemetry. The only door to it, and to its API only.

Knows the names. Must not put anything of anybody into an attribute, nor set up what exports them: that is the host's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from mapper.apps.outbox.watching import MissingExtraError
from mapper.delivery.states import MEANINGS, TERMINAL
from mapper.delivery.values import Claim, Ending, Receipt, Settled, Status, StoreError, Swept
from mapper.delivery.worker import Watcher

try:
    from opentelemetry import context, metrics, trace
except ImportError:
    raise MissingExtraError("otel") from None

_SCOPE = "mapper.outbox"


class HasStatus(Protocol):
    """An outbox, as far as this module needs one."""

    def status(self) -> Status:
        """The account at this moment. Raises StoreError."""


class OpenTelemetry(Watcher):
    """Counts, and one span for each try: what the transport does lies inside it.

    ``account``  an attribute that tells accounts apart, where a process has several
    ``meters``, ``tracers``  providers; those that are set for the process unless told otherwise

    ``show`` adds the gauges, which ask the store when they are looked at: do it in one process only.
    """

    def __init__(
        self,
        account: str = "",
        meters: metrics.MeterProvider | None = None,
        tracers: trace.TracerProvider | None = None,
    ) -> None:
        self._own = {"mapper.account": account} if account else {}
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracers)
        self._meter = meter = metrics.get_meter(_SCOPE, meter_provider=meters)
        self._accepted = meter.create_counter("mapper.events.accepted", "{event}", "Events that were taken in")
        self._repeated = meter.create_counter("mapper.events.repeated", "{event}", "Events taken in before")
        self._attempts = meter.create_counter("mapper.attempts", "{request}", "Requests that were sent")
        self._settled = meter.create_counter("mapper.jobs.settled", "{job}", "Where a try took its job")
        self._lapsed = meter.create_counter("mapper.jobs.lapsed", "{job}", "Jobs of workers that are gone")
        self._held = meter.create_counter("mapper.jobs.held", "{job}", "Jobs that were held beyond a cap")
        self._pauses = meter.create_counter("mapper.pauses", "{pause}", "Times for which nothing was sent")
        self._troubles = meter.create_counter("mapper.store.errors", "{error}", "The store could not be used")
        self._age = meter.create_histogram("mapper.job.age", "s", "From being accepted to the end")
        self._spans: dict[tuple[int, int], tuple[trace.Span, Any]] = {}

    def _with(self, **more: str) -> dict[str, str]:
        return {**self._own, **{f"mapper.{name}": value for name, value in more.items()}}

    def accepted(self, receipts: Sequence[Receipt]) -> None:
        """Fresh ones by state, the others by kind."""
        for receipt in receipts:
            if receipt.repeated:
                self._repeated.add(1, self._with(kind=receipt.repeated))
            else:
                self._accepted.add(1, self._with(state=receipt.state))

    def claimed(self, count: int, held: int) -> None:
        """What is beyond a cap."""
        del count
        if held:
            self._held.add(held, self._own)

    def begun(self, claim: Claim) -> None:
        """Open a span, and make it the present one of this task."""
        attributes: dict[str, str | int] = {**self._own, "mapper.job": claim.job, "mapper.attempt": claim.attempt}
        span = self._tracer.start_span("mapper.attempt", kind=trace.SpanKind.CLIENT, attributes=attributes)
        token = context.attach(trace.set_span_in_context(span))
        self._spans[claim.job, claim.attempt] = (span, token)

    def ended(self, claim: Claim, ending: Ending) -> None:
        """Close the span. Whatever was not delivered is an error; what is said of it names nobody."""
        span, token = self._spans.pop((claim.job, claim.attempt))
        context.detach(token)
        span.set_attribute("mapper.ending", ending.ending)
        if ending.status is not None:
            span.set_attribute("http.response.status_code", ending.status)
        if ending.ending != "delivered":
            span.set_status(trace.Status(trace.StatusCode.ERROR, ending.because))
        span.end()
        self._attempts.add(1, self._with(ending=ending.ending))

    def settled(self, ending: Ending, settled: Settled) -> None:
        """Count where it went; and its age, where that was the end."""
        del ending
        if settled.state is None:
            return
        self._settled.add(1, self._with(state=settled.state))
        if settled.state in TERMINAL:
            self._age.record(settled.age, self._with(state=settled.state))

    def swept(self, swept: Swept) -> None:
        """Count what a worker left that is gone."""
        for state, count in (("unknown", swept.unknown), ("ready", swept.again + swept.freed), ("dead", swept.dead)):
            if count:
                self._lapsed.add(count, self._with(state=state))

    def paused(self, until: float, because: str | None) -> None:
        """Count it."""
        del until, because
        self._pauses.add(1, self._own)

    def trouble(self, error: StoreError) -> None:
        """Count it."""
        del error
        self._troubles.add(1, self._own)

    def show(self, outbox: HasStatus) -> None:
        """Show how many jobs are in which state, asked each time that the metrics are collected."""

        def jobs(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            try:
                counts = outbox.status().counts
            except StoreError:
                return []
            return [metrics.Observation(counts.get(state, 0), self._with(state=state)) for state in MEANINGS]

        self._meter.create_observable_gauge("mapper.jobs", [jobs], "{job}", "Jobs, by state")
