"""Watchers: what a host's logs, Prometheus and OpenTelemetry hear of an outbox, and that none of it is anybody's.

The outbox is real, its store is a file, and its destination answers as the test says.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

import mapper
from mapper.apps.outbox import Habits, Outbox, Sending, StoreError, Watcher, Watchers, of_plan
from mapper.apps.outbox.watching import MissingExtraError
from mapper.apps.outbox.watching.logs import Logs
from mapper.apps.outbox.watching.opentelemetry import OpenTelemetry
from mapper.apps.outbox.watching.prometheus import Prometheus
from mapper.delivery.values import Claim, Ending, Settled, Swept
from mapper.frozen import replace
from mapper.outcome import Failure, Reply
from mapper.request import Request
from mapper.transports.memory import Memory

INKIT = mapper.load("inkit", environ={})
POLICY = replace(of_plan(INKIT.plan), rate=None, stale_after=None)
#: In each trait, id and answer; none of it may be told to anybody.
CANARY = "c4n4ry"


def event(number: int, **traits: Any) -> dict[str, Any]:
    """An order full of what must not be told."""
    known = {"template_id": f"{CANARY}T", "name": f"{CANARY} King", "address": f"1 {CANARY} St", "city": CANARY}
    whole = {**known, "state": "MA", "zip": "02134", "country": "US", "secret": CANARY, **traits}
    return {"type": "identify", "messageId": f"{CANARY}-{number}", "userId": f"{CANARY}-u{number}", "traits": whole}


def gossip(status: int) -> Reply:
    """An answer that repeats what it was sent."""
    return Reply(status, body=f'{{"error": "{CANARY}"}}'.encode(), headers={"x-echo": CANARY})


#: One of each ending that concerns a job alone, and what the account is refused for.
ANSWERS = [gossip(202), gossip(422), gossip(500), gossip(401)]

Make = Callable[..., Outbox]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes outboxes that are watched."""
    made: list[Outbox] = []

    def one(watcher: Watcher, transport: Any = None, **policy: Any) -> Outbox:
        said = Sending(
            transport=transport or Memory(answers=ANSWERS),
            policy=replace(POLICY, **policy),
            watcher=watcher,
            habits=Habits(slots=1),  # one after the other, so that the answers are those of the events
        )
        made.append(Outbox(INKIT, tmp_path / "mapper.db", sending=said))
        return made[-1]

    yield one
    for outbox in made:
        outbox.close()


def use(outbox: Outbox) -> None:
    """Four events that end in four ways, the last of them in a pause; one that is invalid; one that comes twice."""
    outbox.accept([event(n) for n in range(4)])
    outbox.accept([event(0), event(9, country=f"{CANARY}land")])
    outbox.drain(0)
    assert {s: n for s, n in outbox.status().counts.items() if n} == {
        "delivered": 1,
        "rejected": 1,
        "unknown": 1,
        "ready": 1,
        "invalid": 1,
    }


# ------------------------------------------------------------------------------------------------------------- several


class Broken(Watcher):
    """Fails at everything that it is told, with what it was told in the text."""

    def __init__(self) -> None:
        self.told: list[str] = []
        for name in ("accepted", "claimed", "begun", "ended", "settled", "swept", "paused", "trouble"):
            setattr(self, name, self._fails(name))

    def _fails(self, name: str) -> Callable[..., None]:
        def fail(*of: Any) -> None:
            self.told.append(name)
            raise ValueError(f"{CANARY} {of}")

        return fail


def test_a_watcher_that_fails_hurts_nobody(make: Make) -> None:
    """Neither the sending nor the other watchers; it is warned of once for each thing, without what it says."""
    broken, heard = Broken(), Broken()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        use(make(Watchers(broken, Watchers(heard))))
    assert {"accepted", "claimed", "begun", "ended", "settled", "paused"} == set(broken.told) == set(heard.told)
    assert broken.told.count("settled") == 4
    texts = [str(w.message) for w in warned if "Broken" in str(w.message)]
    assert len(texts) == 12
    assert "the watcher Broken failed in 'settled': ValueError" in texts
    assert CANARY not in "".join(texts)


def test_where_warnings_are_errors_it_still_hurts_nobody(make: Make) -> None:
    """As here: the tests run so."""
    use(make(Broken()))


def test_the_page_names_all_that_a_watcher_hears() -> None:
    """Whoever writes one of their own finds each method there; and several are told whatever one is."""
    page = Path(__file__).parent.parent.joinpath("docs", "embed.md").read_text("utf-8")
    _, _, section = page.partition("## What others hear of it")
    methods = {name for name in vars(Watcher) if not name.startswith("_")}
    assert "recovered" in methods
    assert {name for name in methods if f"`{name}`" not in section.partition("\n## ")[0]} == set()
    assert methods <= vars(Watchers).keys()


def test_begun_and_ended_are_told_in_the_task_that_sends(make: Make) -> None:
    """So that what a watcher makes the present span is that of the transport."""
    seen: list[tuple[str, Any]] = []

    class Tasks(Watcher):
        def begun(self, claim: Claim) -> None:
            seen.append((f"begun {claim.attempt}", asyncio.current_task()))

        def ended(self, claim: Claim, ending: Ending) -> None:
            seen.append((f"ended {claim.attempt} {ending.ending}", asyncio.current_task()))

    class Transport:
        async def send(self, request: Request) -> Reply | Failure:
            del request
            seen.append(("sent", asyncio.current_task()))
            return Reply(202)

    outbox = make(Tasks(), Transport())
    outbox.accept(event(1))
    outbox.drain()
    assert [what for what, _ in seen] == ["begun 1", "sent", "ended 1 delivered"]
    assert len({task for _, task in seen}) == 1


def test_what_a_worker_left_is_told_to_the_next(make: Make) -> None:
    """One was killed in the middle of a send: the next one finds it, and whoever watches hears of it."""
    told: list[Swept] = []

    class Sweeps(Watcher):
        def swept(self, swept: Swept) -> None:
            told.append(swept)

    outbox = make(Sweeps())
    outbox.accept([event(1), event(2)])
    from mapper.delivery.ledger import Wish  # noqa: PLC0415 - what a worker does, by hand, once

    claims = outbox.ledger.claim(Wish("gone", 2)).claims
    outbox.ledger.start("gone", frozenset([claims[0].job]))
    outbox.drain()
    assert told == [Swept(freed=1, unknown=1)]


# ---------------------------------------------------------------------------------------------------------------- logs


def test_logs(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each thing that somebody has to look at; a job is its number."""
    caplog.set_level(logging.DEBUG, "mapper.outbox")
    use(make(Logs()))
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert loud[:2] == [
        "job 2, try 1: rejected: the destination answered 422",
        "job 3, try 1: unknown: the destination answered 500",
    ]
    assert re.fullmatch(r"paused until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00: the destination answered 401.*", loud[2])
    assert len(loud) == 3
    assert "accepted: 1 invalid, 1 same" in caplog.text
    assert CANARY not in caplog.text


def test_logs_of_a_cap_a_death_and_trouble(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The others that are to be looked at."""
    outbox = make(Logs(), cap_day=1)
    outbox.accept([event(n) for n in range(3)])
    outbox.drain(0)
    logs = Logs(logging.getLogger("mine"))
    logs.swept(Swept(1, 2, 3, 4))
    logs.settled(Ending(7, 12, "retry", "no"), Settled(7, "dead"))
    logs.trouble(StoreError("the disk is full"))
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("mapper.outbox", "WARNING", "2 held: a cap is reached; they wait for a person to release them"),
        ("mine", "WARNING", "a worker is gone: 2 unknown, 3 sent again, 4 dead, 1 not begun"),
        ("mine", "WARNING", "job 7, try 12: dead: no"),
        ("mine", "ERROR", "the store cannot be used: the disk is full"),
    ]


# ---------------------------------------------------------------------------------------------------------- Prometheus


def test_prometheus(make: Make) -> None:
    """Counters, times, and gauges that are the store's own counts; no label but states, endings and the account."""
    registry = CollectorRegistry()
    watcher = Prometheus("postcards", registry)
    outbox = make(watcher)
    watcher.show(outbox)
    use(outbox)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"mapper_{name}", {"account": "postcards", **labels})

    assert value("events_accepted_total", state="ready") == 4
    assert value("events_accepted_total", state="invalid") == 1
    assert value("events_repeated_total", kind="same") == 1
    endings = {name: value("attempts_total", ending=name) for name in ("delivered", "rejected", "unknown", "pause")}
    assert endings == dict.fromkeys(endings, 1)
    assert value("attempt_seconds_count", ending="delivered") == 1
    assert value("job_age_seconds_count", state="delivered") == 1
    assert 0 < value("job_age_seconds_sum", state="delivered") < 60  # type: ignore[operator]
    assert value("job_age_seconds_count", state="unknown") is None  # that is no end
    assert value("pauses_total") == 1
    assert value("store_up") == 1
    assert value("oldest_job_age_seconds") > 0  # type: ignore[operator]
    assert 0 < value("pause_left_seconds") <= 30  # type: ignore[operator]
    counts = outbox.status().counts
    assert {state: value("jobs", state=state) for state in counts} == counts
    text = generate_latest(registry).decode()
    assert CANARY not in text
    assert set(re.findall(r'[{,](\w+)="', text)) == {"account", "state", "kind", "ending", "le"}


def test_prometheus_while_the_store_is_away(make: Make) -> None:
    """The page of metrics is still there, and says so; nothing else is made up."""
    registry = CollectorRegistry()
    watcher = Prometheus(registry=registry)
    outbox = make(watcher)
    watcher.show(outbox)
    outbox.close()
    assert registry.get_sample_value("mapper_store_up", {"account": ""}) == 0
    assert "mapper_jobs{" not in generate_latest(registry).decode()


def test_two_accounts_in_one_process() -> None:
    """They share the metrics, and are told apart by the names that they were given."""
    registry = CollectorRegistry()
    for name in ("us", "eu", "us"):
        Prometheus(name, registry).settled(Ending(1, 1, "delivered"), Settled(1, "delivered", age=2.0))
    counts = [
        registry.get_sample_value("mapper_job_age_seconds_sum", {"account": a, "state": "delivered"})
        for a in ("us", "eu")
    ]
    assert counts == [4.0, 2.0]


# ------------------------------------------------------------------------------------------------------- OpenTelemetry


@pytest.fixture
def telemetry() -> Iterator[tuple[OpenTelemetry, InMemorySpanExporter, InMemoryMetricReader]]:
    """A watcher, and the memory in which a host's exporters would find what it says."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    yield OpenTelemetry("postcards", meters, tracers), spans, reader
    meters.shutdown()
    tracers.shutdown()


def points(reader: InMemoryMetricReader) -> dict[str, dict[str, float]]:
    """What was measured: by metric, and by what tells its points apart."""
    found: dict[str, dict[str, float]] = {}
    read: Any = reader.get_metrics_data()
    for metric in read.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            attributes = dict(point.attributes)
            assert attributes.pop("mapper.account") == "postcards"
            (key,) = attributes.values() or [""]
            found.setdefault(metric.name, {})[key] = point.value if hasattr(point, "value") else point.count
    return found


def test_opentelemetry(make: Make, telemetry: tuple[OpenTelemetry, InMemorySpanExporter, InMemoryMetricReader]) -> None:
    """A span for each try, the present one while the transport sends; counters as for Prometheus; nobody's value."""
    watcher, spans, reader = telemetry
    inside: list[int] = []

    class Transport(Memory):
        async def send(self, request: Request) -> Reply | Failure:
            inside.append(trace.get_current_span().get_span_context().span_id)
            return await super().send(request)

    class After(Watcher):
        def settled(self, ending: Ending, settled: Settled) -> None:
            del ending, settled
            outside.append(trace.get_current_span().get_span_context().is_valid)

    outside: list[bool] = []
    outbox = make(Watchers(watcher, After()), Transport(answers=ANSWERS))
    watcher.show(outbox)
    use(outbox)
    finished = spans.get_finished_spans()
    assert [span.context.span_id for span in finished] == inside
    assert [
        (s.attributes["mapper.ending"], s.attributes["http.response.status_code"], s.status.is_ok)
        for s in finished
        if s.attributes
    ] == [
        ("delivered", 202, True),
        ("rejected", 422, False),
        ("unknown", 500, False),
        ("pause", 401, False),
    ]
    found = points(reader)
    assert found["mapper.events.accepted"] == {"ready": 4, "invalid": 1}
    assert found["mapper.events.repeated"] == {"same": 1}
    assert found["mapper.attempts"] == {"delivered": 1, "rejected": 1, "unknown": 1, "pause": 1}
    assert found["mapper.job.age"] == {"delivered": 1, "rejected": 1}
    assert found["mapper.pauses"] == {"": 1}
    assert found["mapper.jobs"] == outbox.status().counts
    assert CANARY not in "".join(span.to_json() for span in finished) + str(found)
    assert outside == [False] * 4


# ----------------------------------------------------------------------------------------------------- missing extras


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [("prometheus", "prometheus_client", "prometheus"), ("opentelemetry", "opentelemetry", "otel")],
)
def test_without_its_library_a_watcher_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str, library: str, extra: str
) -> None:
    """When it is imported; the outbox itself needs neither."""
    name = f"mapper.apps.outbox.watching.{module}"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=re.escape(f"segment-mapper[{extra}]")) as raised:
        importlib.import_module(name)
    assert isinstance(raised.value, ImportError)
    assert isinstance(raised.value, mapper.MapperError)


def test_a_watcher_costs_the_idle_worker_nothing(make: Make) -> None:
    """Nothing is told where nothing happens."""
    broken = Broken()
    outbox = make(broken)
    thread = threading.Thread(target=outbox.run)
    thread.start()
    time.sleep(0.1)
    outbox.stop()
    thread.join()
    assert broken.told == []
