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
import re
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from contracts.transport import TransportContract, order
from receiver import Behaviour, Receiver, answer

import mapper
from mapper.delivery.ledger import Ledger
from mapper.outcome import Failure, Reply
from mapper.request import Request
from mapper.transports import http

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
    """Execute a section's blocks one after the other, and give what they defined, and ``printed``."""
    chosen = parts or [block for block in PYTHON if block.section == section]
    alone = any(_COMPLETE.search(block.code) for block in chosen)
    # Each run is a module of its own: none of them is the main program.
    namespace = {"__name__": f"postcards_{next(_NUMBERS)}"} if alone else run(SCRIPT)
    for block in chosen:
        execute(block, namespace)
    return namespace


def execute(block: Block, namespace: dict[str, Any]) -> None:
    """Execute one block in a namespace, add what it printed to the namespace's ``printed``, and compare that."""
    printed = io.StringIO()
    # The empty lines make a traceback show the page's own lines.
    code = compile("\n" * (block.line - 1) + block.code, str(ROOT / block.page), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)  # noqa: S102 - running the page is what this file is for
    agrees(block, printed.getvalue().splitlines())
    namespace.setdefault("printed", []).extend(printed.getvalue().splitlines())


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
        """The real transport. What would leave this machine it sends to the newest receiver instead."""

        async def send(self, request: Request) -> Reply | Failure:
            near = urlsplit(request.url).hostname == "127.0.0.1"
            return await super().send(request if near else replace(request, url=there[-1].url))

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


def test_the_page_in_order_in_one_directory(destination: Destination) -> None:
    """As a reader goes through it, with a key in the environment: what it says holds, and nothing of it is live."""
    receiver = destination(answer(202))
    namespace: dict[str, Any] = {"__name__": f"postcards_{next(_NUMBERS)}"}
    for section in SECTIONS:
        parts = [block for block in PYTHON if block.section == section]
        if section != SCRIPT and any(_COMPLETE.search(block.code) for block in parts):
            run(section)
        else:
            for block in parts:
                execute(block, namespace)
    assert receiver.connections == 0


def test_nothing_is_left_out() -> None:
    """A block is run, or says that it is not; each host that was asked for has one; each comment is compared."""
    assert [b.section for b in EMBED if b.language != "python" and not b.marked] == []
    assert [b.section for b in EMBED if b.language == "python" and b.marked] == []
    hosts = {SCRIPT, "One process that does both", "A worker of its own", "AWS Lambda", "What others hear of it"}
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


@pytest.mark.parametrize("section", [SCRIPT, "The outbox", "Threads and asyncio", "What others hear of it"])
def test_what_is_not_live_sends_nothing_and_needs_no_key(
    section: str, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is not the world, and neither is a sandbox: the blocks work as they are pasted."""
    monkeypatch.delenv("INKIT_API_KEY")
    receiver = destination(answer(202))
    run(section)
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


def test_the_table_of_the_outbox_is_complete() -> None:
    """What it names is there, and so are the asynchronous twins that the page speaks of."""
    page = (ROOT / "docs/embed.md").read_text(encoding="utf-8")
    table = page.partition("## The outbox")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    methods = {re.findall(r"`(\w+)", row)[0] for row in rows}
    assert methods == {"accept", "run", "drain", "stop", "status", "close"}
    twins = ("aaccept", "arun", "adrain", "aclose")
    assert [name for name in (*methods, *twins) if not callable(getattr(mapper.Outbox, name))] == []


@pytest.mark.usefixtures("destination")
def test_watchers_hear_of_an_unknown_and_of_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """The page's own watcher calls somebody; the logs and the metrics name a job by its number."""
    namespace = run("What others hear of it")
    text = importlib.import_module("prometheus_client").generate_latest().decode()
    assert "look at job 1" in namespace["printed"]
    assert "job 1, try 1: unknown: the destination answered 500" in caplog.text
    assert re.search(r'mapper_attempts_total\{account="postcards",ending="unknown"\} [1-9]', text)
    words = (STREET, "Ada", "King", "u-1", "m-1")
    assert [word for word in words if word in caplog.text or word in text] == []


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


@contextlib.contextmanager
def working(section: str, namespace: dict[str, Any]) -> Iterator[None]:
    """The worker beside the service, where the service has none: the page's own program, until a signal ends it."""
    if section == "One process that does both":
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    outboxes: list[mapper.Outbox] = []

    class Seen(mapper.Outbox):
        def __enter__(self) -> Any:
            outboxes.append(self)
            return self

    with mock.patch.object(signal, "signal") as heard, mock.patch.object(mapper, "Outbox", Seen, create=True):
        worker = Thread(target=namespace["work"])
        worker.start()
        assert eventually(lambda: heard.call_count == 2)
        yield
        for call in heard.call_args_list:
            call.args[1](call.args[0], None)
        worker.join(10)
    assert not worker.is_alive()
    assert {number: signal.getsignal(number) for number in kept} == kept


SERVICES = ["One process that does both", "A worker of its own"]


@pytest.mark.parametrize("section", SERVICES)
class TestFastAPI:
    """Both services give the same answers."""

    def test_takes_in_and_sends_once(self, section: str, destination: Destination) -> None:
        """The caller hears of it at once, twice where it calls twice; the destination gets one request."""
        namespace = run(section)
        receiver = destination(answer(202))
        with client(namespace) as service, working(section, namespace):
            answers = [service.post("/postcards", json=an_event(1)) for _ in range(2)]
            assert eventually(lambda: len(receiver.received) == 1)
        assert [(a.status_code, a.json()["repeated"], a.json()["job"]) for a in answers] == [
            (202, "", 1),
            (202, "same", 1),
        ]
        assert [json.loads(received.body)["api_token"] for received in receiver.received] == [KEY]
        assert [STREET in a.text or KEY in a.text for a in answers] == [False] * 2

    def test_what_is_no_order_is_taken_and_not_sent(self, section: str, destination: Destination) -> None:
        """Invalid: with its reason; skipped: with its own; not JSON, a list, nothing at all: invalid too."""
        namespace = run(section)
        receiver = destination(answer(202))
        with client(namespace) as service, working(section, namespace):
            invalid = service.post("/postcards", json=an_event(1, country="Narnia"))
            skipped = service.post("/postcards", json=an_event(2, template_id=None))
            others = [service.post("/postcards", content=body) for body in (b"{", b"[]", b"", b'{"a":1,"a":2}')]
        assert (invalid.status_code, invalid.json()["status"]) == (202, "invalid")
        assert "address_country" in invalid.json()["because"]
        assert "Narnia" not in invalid.text
        assert skipped.json()["because"] == "an update of the profile, not an order to print"
        assert [other.json()["status"] for other in others] == ["invalid"] * 4
        assert receiver.connections == 0

    def test_serves_many_at_once(self, section: str, destination: Destination) -> None:
        """One mapping and one store for all of them; each event becomes its own job."""
        namespace = run(section)
        destination(answer(202))
        events = [{**an_event(n), "userId": f"u-{n}"} for n in range(24)]
        with client(namespace) as service, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda event: service.post("/postcards", json=event), events))
        assert {a.status_code for a in answers} == {202}
        assert sorted(a.json()["job"] for a in answers) == list(range(1, 25))

    @pytest.mark.usefixtures("destination")
    def test_a_store_that_fails_is_told_the_caller(self, section: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing was taken: it is to send it again."""
        namespace = run(section)
        with client(namespace) as service:
            monkeypatch.setattr(Ledger, "accept", mock.Mock(side_effect=mapper.StoreError("the disk is full")))
            refused = service.post("/postcards", json=an_event())
            assert (refused.status_code, refused.json()) == (503, {"status": "not taken"})
            monkeypatch.undo()


def test_the_service_that_sends_does_not_start_without_its_key(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than keep what it takes for a day on which there is one; the other one needs none."""
    del destination
    monkeypatch.delenv("INKIT_API_KEY")
    with pytest.raises(mapper.SettingsError, match="INKIT_API_KEY"):
        run(SERVICES[0])
    with client(run(SERVICES[1])) as service:
        assert service.post("/postcards", json=an_event()).json()["status"] == "ready"


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it holds before the time is up."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)
    return holds()


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
