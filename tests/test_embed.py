"""``docs/embed.md`` is true: every Python block of it runs, prints what it says, and ends as its text says.

The blocks of a section share one namespace. Sections that load no mapping themselves go on from the page's first
script, as the page says. What they send over HTTP is led to a receiver on this machine, by the real transport.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from contracts.transport import TransportContract, order
from receiver import Behaviour, Receiver, answer, hang

import mapper
from mapper.outcome import Failure, Reply
from mapper.request import Request
from mapper.transports import http
from mapper.transports.memory import Memory

ROOT = Path(__file__).resolve().parent.parent
KEY = "k3y-of-the-house"
STREET = "1 Main St"
NOT_RUN = "(not run by a test)"
SCRIPT = "A plain script"

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PRINTED = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)
_COMPLETE = re.compile(r"^postcards = mapper\.load\(", re.MULTILINE)

_NUMBERS = itertools.count()

#: Leads what the blocks send to a new receiver that behaves like this, one behaviour for each request.
Destination = Callable[..., Receiver]


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the section it stands in, the words before it, and where its code begins."""

    page: str
    section: str
    language: str
    before: str
    code: str
    line: int

    @property
    def marked(self) -> bool:
        """Whether the paragraph before it says that no test runs it."""
        return NOT_RUN in self.before


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in _FENCED.finditer(text):
        above = text[: match.start()].rstrip("\n")
        heading = re.findall(r"^#{1,6} (.+)$", _FENCED.sub("", above), re.MULTILINE)[-1]
        line = text.count("\n", 0, match.start(2)) + 1
        found.append(Block(page, heading, match[1], above.rpartition("\n\n")[2], match[2], line))
    return found


EMBED = blocks("docs/embed.md")
PYTHON = [block for block in EMBED if block.language == "python" and not block.marked]
SECTIONS = list(dict.fromkeys(block.section for block in PYTHON))


def run(section: str, parts: list[Block] | None = None) -> dict[str, Any]:
    """Execute a section's blocks one after the other, and give what they defined."""
    chosen = parts or [block for block in PYTHON if block.section == section]
    alone = any(_COMPLETE.search(block.code) for block in chosen)
    # Each run is a module of its own: Celery knows tasks by their module's name.
    namespace = {"__name__": f"postcards_{next(_NUMBERS)}"} if alone else run(SCRIPT)
    for block in chosen:
        printed = io.StringIO()
        # The empty lines make a traceback show the page's own lines.
        code = compile("\n" * (block.line - 1) + block.code, str(ROOT / block.page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)  # noqa: S102 - running the page is what this file is for
        agrees(block, printed.getvalue().splitlines())
    return namespace


def agrees(block: Block, printed: list[str]) -> None:
    """Fail unless the comments beside ``print`` are among what was printed, in order."""
    rest = iter(printed)
    for said in _PRINTED.findall(block.code):
        assert said in rest, f"{block.page}, {block.section}: it says {said!r} and printed {printed}"


@pytest.fixture
def destination(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Destination]:
    """The destination on this machine, and a working directory and a key for the blocks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INKIT_API_KEY", KEY)
    there: list[Receiver] = []

    class Nearby(http.Http):
        """The real transport, which sends to the newest receiver instead of the mapping's address."""

        async def send(self, request: Request) -> Reply | Failure:
            return await super().send(replace(request, url=there[-1].url))

    monkeypatch.setattr(http, "Http", Nearby)
    log = logging.getLogger("postcards")
    log.setLevel(logging.DEBUG)
    with ExitStack() as stack:

        def behaves(*script: Behaviour) -> Receiver:
            there.append(stack.enter_context(Receiver(*script)))
            return there[-1]

        behaves(answer(202))
        yield behaves
    log.setLevel(logging.NOTSET)


def an_event(number: int = 1, **traits: Any) -> dict[str, Any]:
    """An order; its traits are complete unless told otherwise."""
    complete = {"template_id": "T1", "name": "Ada King", "address": STREET, "city": "Boston", "state": "MA"}
    known = {**complete, "zip": "02134", "country": "US", **traits}
    return {"type": "identify", "messageId": f"m-{number}", "userId": "u-1", "traits": known}


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.usefixtures("destination")
def test_every_section_runs(section: str) -> None:
    """And what it says that it prints, it prints."""
    run(section)


def test_nothing_is_left_out() -> None:
    """A block is run, or says that it is not; each host that was asked for has one; each comment is compared."""
    assert [b.section for b in EMBED if b.language != "python" and not b.marked] == []
    assert [b.section for b in EMBED if b.language == "python" and b.marked] == []
    hosts = {SCRIPT, "An endpoint in a thread", "An asynchronous endpoint", "AWS Lambda", "Celery"}
    assert hosts <= set(SECTIONS)
    text = (ROOT / "docs/embed.md").read_text(encoding="utf-8")
    assert len(EMBED) == text.count("```") // 2
    assert sum(len(_PRINTED.findall(block.code)) for block in PYTHON) >= 15


def test_a_wrong_comment_is_noticed() -> None:
    """The comparison above can fail."""
    block = Block("page", "section", "python", "", "print(1)  # 2\n", 1)
    with pytest.raises(AssertionError, match="it says '2'"):
        agrees(block, ["1"])


def test_readme(destination: Destination) -> None:
    """The block of the front page, which is given an event."""
    receiver = destination(answer(202))
    (block,) = [block for block in blocks("README.md") if block.language == "python"]
    namespace = {"event": an_event()}
    exec(block.code, namespace)  # noqa: S102 - as above
    assert namespace["outcome"].ending == "delivered"  # type: ignore[attr-defined]
    assert json.loads(receiver.received[0].body)["api_token"] == KEY


def test_the_script_sends_nothing_and_needs_no_key(destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is not the world: the script works as it is pasted."""
    monkeypatch.delenv("INKIT_API_KEY")
    receiver = destination(answer(202))
    run(SCRIPT)
    assert receiver.connections == 0


@pytest.mark.usefixtures("destination")
def test_the_table_of_a_result_is_complete() -> None:
    """Every member of the table is one, and what the page says of a Problem and an Account holds."""
    namespace = run("What comes back")
    page = (ROOT / "docs/embed.md").read_text(encoding="utf-8")
    table = page.partition("## What comes back")[2].partition("## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    members = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert members == {"status", "because", "request", "fields", "custom_fields", "problems", "warnings", "accounts"}
    assert all(hasattr(namespace["result"], name) for name in members)
    assert namespace["result"].warnings[0].code == "zip_restored"
    assert {problem.code for problem in namespace["incomplete"].problems} == {"missing"}


def test_the_table_of_endings_is_complete() -> None:
    """It has the five that there are, and the first line of advice on unknown is not to repeat it."""
    page = (ROOT / "docs/embed.md").read_text(encoding="utf-8")
    table = page.partition("## The five endings")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) - {"outcome"} == set(mapper.outcome.ENDINGS)


class TestTheSameEventTwice:
    """What the page offers until the engine remembers by itself."""

    def test_threads_send_one(self, destination: Destination) -> None:
        """Eight that ask at once."""
        receiver = destination(answer(202))
        namespace = run("The same event twice")
        request = namespace["postcards"].transform(an_event(2)).request
        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(lambda _: namespace["send_once"](request, http.Http({"api_key": KEY})), range(8)))
        assert sum(outcome is not None for outcome in outcomes) == 1
        assert len(receiver.received) == 1

    @pytest.mark.usefixtures("destination")
    def test_only_what_was_not_taken_may_come_again(self) -> None:
        """A retry and a pause free the messageId; an unknown and a rejection do not."""
        namespace = run("The same event twice")

        def twice(number: int, status: int) -> bool:
            request = namespace["postcards"].transform(an_event(number)).request
            memory = Memory(answers=[status])
            namespace["send_once"](request, memory)
            namespace["send_once"](request, memory)
            return len(memory.requests) == 2

        statuses = (202, 422, 429, 401, 500)
        assert [twice(n, status) for n, status in enumerate(statuses, 3)] == [False, False, True, True, False]

    @pytest.mark.usefixtures("destination")
    def test_without_a_message_id_it_is_not_sent(self) -> None:
        """It could not be recognised."""
        namespace = run("The same event twice")
        memory = Memory()
        assert namespace["send_once"](replace(namespace["result"].request, message_id=None), memory) is None
        assert memory.requests == []


class TestFolder(TransportContract):
    """The page's own transport keeps the contract that the page speaks of."""

    @pytest.fixture(autouse=True)
    def _folder(self, destination: Destination, tmp_path: Path) -> None:
        """Where it writes, and the class itself."""
        del destination  # its key and its directory
        self._made = run("A transport of your own")["Folder"]
        self._path = tmp_path / "contract"
        self._path.mkdir()

    def make(self, settings: Any, deadline: float) -> Any:
        """A new one, which needs neither."""
        del settings, deadline
        return self._made(str(self._path))

    def test_a_message_id_is_no_path(self) -> None:
        """It comes from outside."""
        self.sent(order(message_id="../../escaped"))
        (written,) = self._path.iterdir()
        assert json.loads(written.read_text(encoding="utf-8"))["message_id"] == "../../escaped"

    def test_a_folder_that_is_not_there(self) -> None:
        """Weather, and no exception."""
        self._path.rmdir()
        assert isinstance(self.sent(order()), Failure)


@pytest.mark.usefixtures("destination")
def test_logs_hold_no_personal_data(caplog: pytest.LogCaptureFixture) -> None:
    """Also at the lowest level, where reprs are written."""
    caplog.set_level(logging.DEBUG)
    run("Logging without personal data")
    assert "m-1 ready ['" not in caplog.text
    assert "m-1 delivered: the destination answered 202" in caplog.text
    assert "Result(status='ready'" in caplog.text
    assert [word for word in (STREET, "Ada", "King", "gold", "Boston", KEY) if word in caplog.text] == []


def client(namespace: dict[str, Any]) -> Any:
    """A test client for the section's app."""
    with warnings.catch_warnings():
        # Starlette asks for httpx2 in its place and works with httpx, which is here anyway.
        warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
        made = importlib.import_module("fastapi.testclient")
    return made.TestClient(namespace["app"])


@pytest.mark.parametrize("section", ["An endpoint in a thread", "An asynchronous endpoint"])
class TestFastAPI:
    """Both endpoints give the same answers."""

    def test_answers_as_the_page_says(self, section: str, destination: Destination) -> None:
        """The statuses that make a caller send again stand for what was surely not taken, and for nothing else."""
        namespace = run(section)
        receiver = destination(*map(answer, (202, 422, 429, 401, 500)))
        with client(namespace) as service:
            answers = [service.post("/postcards", json=an_event(n)) for n in range(5)]
        assert [(a.status_code, a.json()["status"]) for a in answers] == [
            (200, "delivered"),
            (422, "rejected"),
            (503, "retry"),
            (503, "pause"),
            (202, "unknown"),
        ]
        assert [json.loads(received.body)["api_token"] for received in receiver.received] == [KEY] * 5
        assert [STREET in a.text or KEY in a.text for a in answers] == [False] * 5

    def test_what_is_no_order_is_not_sent(self, section: str, destination: Destination) -> None:
        """Invalid: with its problems; skipped: with its reason; not JSON, a list, nothing at all: invalid too."""
        namespace = run(section)
        receiver = destination(answer(202))
        with client(namespace) as service:
            invalid = service.post("/postcards", json=an_event(country="Narnia"))
            skipped = service.post("/postcards", json=an_event(template_id=None))
            others = [service.post("/postcards", content=body) for body in (b"{", b"[]", b"", b'{"a":1,"a":2}')]
        assert (invalid.status_code, invalid.json()["status"]) == (422, "invalid")
        assert {"not_understood", "missing"} >= {problem["code"] for problem in invalid.json()["problems"]}
        assert (skipped.status_code, skipped.json()["status"]) == (200, "skipped")
        assert skipped.json()["because"] == "an update of the profile, not an order to print"
        assert [other.json()["problems"][0]["code"] for other in others] == ["not_an_event"] * 4
        assert receiver.connections == 0

    def test_serves_many_at_once(self, section: str, destination: Destination) -> None:
        """One mapping for all of them; each event becomes its own request."""
        namespace = run(section)
        receiver = destination(answer(202, after=0.02))
        events = [an_event(n, first_name=f"Ada{n}") if n % 2 else an_event(n, city=None) for n in range(24)]
        with client(namespace) as service, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda event: service.post("/postcards", json=event), events))
        assert [a.status_code for a in answers] == [422, 200] * 12
        names = sorted(json.loads(received.body)["first_name"] for received in receiver.received)
        assert names == sorted(f"Ada{n}" for n in range(1, 24, 2))

    @pytest.mark.usefixtures("destination")
    def test_does_not_start_without_its_key(self, section: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rather than fail at the first event."""
        monkeypatch.delenv("INKIT_API_KEY")
        with pytest.raises(mapper.SettingsError, match="INKIT_API_KEY"), client(run(section)):
            pass


def test_the_deadline_of_the_endpoints_is_shorter_than_their_caller_waits(
    monkeypatch: pytest.MonkeyPatch, destination: Destination
) -> None:
    """Four seconds, of which the test waits a tenth of one: the caller hears ``unknown``."""
    namespace = run("An endpoint in a thread")
    shorter = namespace["Http"]
    asked: list[float] = []

    def impatient(secrets: Any, *, deadline: float) -> Any:
        asked.append(deadline)
        return shorter(secrets, deadline=deadline / 40)

    monkeypatch.setitem(namespace, "Http", impatient)
    destination(hang())
    with client(namespace) as service:
        late = service.post("/postcards", json=an_event())
    assert (late.status_code, late.json()["status"], asked) == (202, "unknown", [4])


class TestLambda:
    """The handler, called as AWS calls it."""

    def batch(self, *events: Any) -> dict[str, Any]:
        """A batch of messages, as SQS hands them over."""
        return {"Records": [{"messageId": f"sqs-{n}", "body": json.dumps(event)} for n, event in enumerate(events)]}

    def test_names_what_is_to_come_again(self, destination: Destination, caplog: pytest.LogCaptureFixture) -> None:
        """What was surely not taken; and nothing after a pause is sent."""
        namespace = run("AWS Lambda")
        receiver = destination(*map(answer, (202, 429, 500, 422, 401)))
        events = [*map(an_event, range(5)), an_event(5), {"type": "track"}, an_event(7, city="")]
        given = namespace["handler"](self.batch(*events), None)
        assert given == {"batchItemFailures": [{"itemIdentifier": f"sqs-{n}"} for n in (1, 4, 5)]}
        assert len(receiver.received) == 5
        loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
        assert [line.split(":")[0] for line in loud] == ["sqs-2 unknown", "sqs-3 rejected"]
        assert STREET not in caplog.text
        assert KEY not in caplog.text

    @pytest.mark.usefixtures("destination")
    def test_is_called_again_and_again(self) -> None:
        """A container lives for many batches, each with an event loop of its own."""
        namespace = run("AWS Lambda")
        given = [namespace["handler"](self.batch(an_event(n)), None) for n in range(3)]
        assert given == [{"batchItemFailures": []}] * 3


@pytest.fixture
def celery(destination: Destination, caplog: pytest.LogCaptureFixture) -> Iterator[SimpleNamespace]:
    """The section, with a broker in memory and a real worker in a thread instead of Redis and processes."""
    del destination  # its key and its directory
    caplog.set_level(logging.DEBUG)  # a worker looks at the level when it starts
    namespace = run("Celery")
    app = namespace["app"]
    app.conf.update(broker_url="memory://", broker_transport_options={"polling_interval": 0.01})
    app.conf.worker_disable_rate_limits = True  # 300 a minute is a fifth of a second for each
    start = importlib.import_module("celery.contrib.testing.worker").start_worker
    with unconfigured(app), start(app, pool="solo", perform_ping_check=False) as worker:
        worker.timer.call_repeatedly(0.01, lambda: None)  # a timer that is idle notices its end after a second
        names = ("order", "send_postcard", "wait")
        yield SimpleNamespace(app=app, worker=worker, **{name: namespace[name] for name in names})
        app.control.shutdown()  # wakes it: by itself it would look up every two seconds


@contextlib.contextmanager
def unconfigured(app: Any) -> Iterator[None]:
    """Keep a worker from setting up the logs, the output and the environment of the test process as its own."""

    def as_it_is(**_: Any) -> None:
        """Leave the logs alone: Celery does where somebody else says that they see to it."""

    app.conf.worker_redirect_stdouts = False
    setup_logging = importlib.import_module("celery.signals").setup_logging
    setup_logging.connect(as_it_is)
    with mock.patch.dict(os.environ):
        yield
    setup_logging.disconnect(as_it_is)


def put_aside(app: Any, ending: str, seconds: float = 10.0) -> list[Any]:
    """The messages in the queue of an ending: waits for the first."""
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue(f"postcards-{ending}")
        found = [queue.get(timeout=seconds)]
        found += [queue.get() for _ in range(queue.qsize())]
        for message in found:
            message.ack()
        return found


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it holds before the time is up."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


class TestCelery:
    """A worker sends what a web process ordered."""

    def test_tries_again_only_what_was_not_taken(
        self, celery: SimpleNamespace, destination: Destination, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Twice refused for now, then taken; an unknown, a rejection and a pause are put aside after one attempt."""
        soon = answer(429, headers={"Retry-After": "0"})
        receiver = destination(soon, soon, answer(202))
        assert celery.order(an_event(1)).status == "ready"
        assert eventually(lambda: "m-1 delivered" in caplog.text)
        assert [json.loads(r.body)["api_token"] for r in receiver.received] == [KEY] * 3
        assert len({received.body for received in receiver.received}) == 1
        for number, (ending, status) in enumerate({"unknown": 500, "rejected": 422, "pause": 401}.items(), 2):
            receiver = destination(answer(status))
            celery.order(an_event(number))
            (message,) = put_aside(celery.app, ending)
            stored = Request.from_dict(message.payload[0][0])
            assert (stored.message_id, len(receiver.received)) == (f"m-{number}", 1)
            assert message.headers["argsrepr"] == "(one request)"
            assert KEY not in str(message.body)
        assert "send_postcard" in caplog.text
        assert STREET not in caplog.text
        assert KEY not in caplog.text

    def test_a_worker_without_a_key_loses_nothing(
        self, celery: SimpleNamespace, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing was sent: it waits for the key."""
        receiver = destination(answer(202))
        monkeypatch.delenv("INKIT_API_KEY")
        celery.order(an_event(9))
        assert len(put_aside(celery.app, "pause")) == 1
        assert receiver.connections == 0

    def test_orders_only_what_is_ready(self, celery: SimpleNamespace, destination: Destination) -> None:
        """The web process hears of the rest at once."""
        receiver = destination(answer(202))
        assert [celery.order(event).status for event in ({"type": "track"}, an_event(city=""))] == [
            "skipped",
            "invalid",
        ]
        assert receiver.connections == 0

    def test_waits_as_the_page_says(self, celery: SimpleNamespace) -> None:
        """What the destination asks for, else growing minutes; never so long that the broker hands it out twice."""

        def waits(asked: str | None, retries: int = 0) -> int:
            return int(celery.wait(mapper.Outcome("retry", "", retry_after=asked), retries))

        assert [waits(None, n) for n in range(6)] == [60, 120, 240, 480, 900, 900]
        assert [waits("7"), waits("99999"), waits("9" * 5000)] == [7, 900, 900]
        assert [waits("Wed, 21 Oct 2026 07:28:00 GMT"), waits("²")] == [60, 60]

    def test_puts_aside_what_is_refused_for_now_again_and_again(
        self, celery: SimpleNamespace, destination: Destination
    ) -> None:
        """After eight repetitions the request is still there."""
        receiver = destination(answer(503))
        ready = mapper.load("inkit").transform(an_event(10)).request
        assert ready is not None
        celery.send_postcard.apply([ready.as_dict()], retries=7)  # at once and here: it is the eighth attempt
        (message,) = put_aside(celery.app, "retry")
        assert (Request.from_dict(message.payload[0][0]), len(receiver.received)) == (ready, 2)

    def test_a_pause_stops_the_queue(self, celery: SimpleNamespace, destination: Destination) -> None:
        """What comes after it waits: every request would be refused."""
        receiver = destination(answer(403))
        celery.order(an_event(11))
        assert len(put_aside(celery.app, "pause")) == 1
        assert eventually(lambda: not celery.worker.consumer.task_consumer.consuming_from("celery"))
        celery.order(an_event(12))
        with celery.app.connection_for_read() as connection:
            (waiting,) = [connection.SimpleQueue("celery").get(timeout=10)]
            waiting.ack()
        assert waiting.payload[0][0]["message_id"] == "m-12"
        assert len(receiver.received) == 1
