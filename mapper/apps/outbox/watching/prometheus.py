"""What an outbox does, as metrics for Prometheus. The only door to prometheus_client.

Knows the metrics' names. Must not put anything of anybody into a label: states, endings, and the name that whoever
runs it gave the account.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol
from weakref import WeakKeyDictionary

from mapper.apps.outbox.watching import MissingExtraError
from mapper.delivery.states import MEANINGS, TERMINAL
from mapper.delivery.values import Claim, Ending, Receipt, Settled, Status, StoreError, Swept
from mapper.delivery.worker import Watcher

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
    from prometheus_client.metrics_core import GaugeMetricFamily, Metric
except ImportError:
    raise MissingExtraError("prometheus") from None

#: Seconds. A queue that keeps to a rate holds jobs for hours, so the steps reach from a moment to a week.
AGES = (0.05, 0.25, 1, 5, 30, 120, 600, 3600, 14_400, 43_200, 86_400, 259_200, 604_800)
#: Seconds of one try.
TRIES = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class HasStatus(Protocol):
    """An outbox, as far as this module needs one."""

    def status(self) -> Status:
        """The account at this moment. Raises StoreError."""


class _Families:
    """The metrics of one registry, each with the account as its first label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, says: str, *labels: str) -> Counter:
            return Counter(f"mapper_{name}", says, ["account", *labels], registry=registry)

        def histogram(name: str, says: str, label: str, steps: tuple[float, ...]) -> Histogram:
            return Histogram(f"mapper_{name}", says, ["account", label], registry=registry, buckets=steps)

        self.accepted = counter("events_accepted", "Events that were taken in, by the state they began in.", "state")
        self.repeated = counter("events_repeated", "Events that had been taken in before: same, conflict.", "kind")
        self.attempts = counter("attempts", "Requests that were sent, by how that ended.", "ending")
        self.settled = counter("jobs_settled", "Where a try took its job.", "state")
        self.lapsed = counter("jobs_lapsed", "Jobs of workers that are gone, by what became of them.", "state")
        self.held = counter("jobs_held", "Jobs that were held beyond a cap.")
        self.pauses = counter("pauses", "Times for which the account sent nothing.")
        self.troubles = counter("store_errors", "Times that the store could not be used.")
        self.seconds = histogram("attempt_seconds", "How long a request took.", "ending", TRIES)
        self.age = histogram("job_age_seconds", "From being accepted to the end, by how it ended.", "state", AGES)


_families: WeakKeyDictionary[CollectorRegistry, _Families] = WeakKeyDictionary()


class Prometheus(Watcher):
    """Counts and times. Several with one registry share their metrics: give each account its name.

    ``account``   the label that tells accounts apart, where a process has several
    ``registry``  the library's own unless told otherwise

    ``show`` adds the gauges, which ask the store when they are looked at: do it in one process only.
    """

    def __init__(self, account: str = "", registry: CollectorRegistry = REGISTRY) -> None:
        if registry not in _families:
            _families[registry] = _Families(registry)
        self._account = account
        self._registry = registry
        self._to = _families[registry]
        self._since: dict[tuple[int, int], float] = {}

    def accepted(self, receipts: Sequence[Receipt]) -> None:
        """Fresh ones by state, the others by kind."""
        for receipt in receipts:
            if receipt.repeated:
                self._to.repeated.labels(self._account, receipt.repeated).inc()
            else:
                self._to.accepted.labels(self._account, receipt.state).inc()

    def claimed(self, count: int, held: int) -> None:
        """What is beyond a cap."""
        del count
        self._to.held.labels(self._account).inc(held)

    def begun(self, claim: Claim) -> None:
        """Take the time."""
        self._since[claim.job, claim.attempt] = time.perf_counter()

    def ended(self, claim: Claim, ending: Ending) -> None:
        """Count the try, and how long it took."""
        seconds = time.perf_counter() - self._since.pop((claim.job, claim.attempt))
        self._to.attempts.labels(self._account, ending.ending).inc()
        self._to.seconds.labels(self._account, ending.ending).observe(seconds)

    def settled(self, ending: Ending, settled: Settled) -> None:
        """Count where it went; and its age, where that was the end."""
        del ending
        if settled.state is None:
            return
        self._to.settled.labels(self._account, settled.state).inc()
        if settled.state in TERMINAL:
            self._to.age.labels(self._account, settled.state).observe(settled.age)

    def swept(self, swept: Swept) -> None:
        """Count what a worker left that is gone."""
        for state, count in (("unknown", swept.unknown), ("ready", swept.again + swept.freed), ("dead", swept.dead)):
            self._to.lapsed.labels(self._account, state).inc(count)

    def paused(self, until: float, because: str | None) -> None:
        """Count it."""
        del until, because
        self._to.pauses.labels(self._account).inc()

    def trouble(self, error: StoreError) -> None:
        """Count it."""
        del error
        self._to.troubles.labels(self._account).inc()

    def show(self, outbox: HasStatus) -> None:
        """Show how things stand in an outbox's store, asked each time that the metrics are collected."""
        self._registry.register(_Standing(outbox, self._account))


class _Standing:
    """The gauges of one outbox, as a collector."""

    def __init__(self, outbox: HasStatus, account: str) -> None:
        self._outbox = outbox
        self._account = account

    def describe(self) -> Iterator[Metric]:
        """Nothing: without this the library would collect once to find out."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Ask the store. Where it does not answer only ``mapper_store_up`` is there, and says so."""
        try:
            status = self._outbox.status()
        except StoreError:
            yield self._gauge("store_up", "Whether the store answers.", 0)
            return
        yield self._gauge("store_up", "Whether the store answers.", 1)
        jobs = GaugeMetricFamily("mapper_jobs", "Jobs, by state.", labels=["account", "state"])
        for state in MEANINGS:
            jobs.add_metric([self._account, state], status.counts.get(state, 0))
        yield jobs
        age = 0.0 if status.oldest is None else max(0.0, status.now - status.oldest)
        yield self._gauge("oldest_job_age_seconds", "Age of the job that has waited longest to be sent.", age)
        pause = 0.0 if status.paused is None else max(0.0, status.paused - status.now)
        yield self._gauge("pause_left_seconds", "For how long the account still sends nothing.", pause)

    def _gauge(self, name: str, says: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"mapper_{name}", says, labels=["account"])
        family.add_metric([self._account], value)
        return family
