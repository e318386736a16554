"""The one door to the ways out: whatever a transport does, there is an account of the send. Also Memory and File."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from contracts.transport import BODY, KEY, TransportContract, order, secret
from receiver import Receiver, answer, close

from mapper import transports
from mapper.errors import PluginError, SettingsError
from mapper.outcome import AnswerRule, Answers, Failure, Outcome, Reply
from mapper.request import Request
from mapper.transports import asend, send
from mapper.transports.file import DEFAULT, File
from mapper.transports.http import Http
from mapper.transports.memory import Memory

KEYED = (secret("header", "X-Key"),)


class TestMemory(TransportContract):
    """Memory keeps the contract of every transport."""

    def make(self, settings: Mapping[str, Any], deadline: float) -> Memory:
        """Ours; it never waits."""
        del deadline
        return Memory(settings)


class TestFile(TransportContract):
    """File keeps the contract of every transport."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.path = tmp_path / "out.ndjson"

    def make(self, settings: Mapping[str, Any], deadline: float) -> File:
        """Ours; it waits for the disk alone."""
        del settings, deadline
        return File(self.path)


# -------------------------------------------------------------------------------------------------- the two doors


def test_both_doors_give_the_same() -> None:
    """An Outcome of the reply, by the request's own answer table."""
    with Receiver(answer(409), answer(409), answer(202)) as receiver:
        request = order(receiver.url, answers=Answers((AnswerRule("delivered", 409, 409),)))
        first, second, third = send(request), asyncio.run(asend(request)), send(request)
    assert first == second
    assert (first.ending, first.status, third.ending) == ("delivered", 409, "delivered")


def test_without_a_transport_it_is_http_with_the_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the variables that the request names."""
    monkeypatch.setenv("TEST_API_KEY", KEY)
    with Receiver() as receiver:
        outcomes = [send(order(receiver.url, KEYED)), send(order(receiver.url, KEYED), "http")]
    assert [outcome.ending for outcome in outcomes] == ["delivered", "delivered"]
    assert [received.headers["x-key"] for received in receiver.received] == [KEY, KEY]


@pytest.mark.parametrize("value", [None, ""])
def test_a_key_that_the_environment_lacks(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """The operator's fault, said before anything is sent, with what to do."""
    monkeypatch.delenv("TEST_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TEST_API_KEY", value)
    with Receiver() as receiver, pytest.raises(SettingsError, match="TEST_API_KEY"):
        send(order(receiver.url, KEYED))
    assert receiver.connections == 0


def test_a_dry_run_needs_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what sends asks for secrets."""
    monkeypatch.delenv("TEST_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert [send(order(secrets=KEYED), name).status for name in ("memory", "file")] == [202, 200]
    assert json.loads(Path(DEFAULT).read_text("utf-8"))["body"] == BODY


def test_the_synchronous_door_inside_a_running_loop() -> None:
    """It works there too, on a thread of its own."""

    async def inside() -> Outcome:
        return send(order(receiver.url), Http())

    with Receiver() as receiver:
        assert asyncio.run(inside()).ending == "delivered"


def test_one_object_serves_many_synchronous_sends() -> None:
    """Each on a private loop; no connection of an earlier one is touched."""
    http = Http({"api_key": KEY})
    with Receiver() as receiver:
        assert [send(order(receiver.url, KEYED), http).ending for _ in range(3)] == ["delivered"] * 3
    assert len(receiver.received) == 3


def test_one_object_serves_many_asynchronous_sends_over_one_connection() -> None:
    """The door leaves an object open that it did not make."""

    async def many() -> list[str]:
        async with Http() as http:
            return [(await asend(order(receiver.url), http)).ending for _ in range(3)]

    with Receiver() as receiver:
        assert asyncio.run(many()) == ["delivered"] * 3
    assert receiver.connections == 1


class Closing(Memory):
    """Counts how often it is closed, and fails at it."""

    closed = 0

    async def aclose(self) -> None:
        """Go wrong."""
        self.closed += 1
        raise OSError(KEY)


def test_a_transport_that_cannot_close_changes_no_outcome() -> None:
    """The request was taken; what happens afterwards is another matter."""
    transport = Closing()
    assert send(order(), transport).ending == "delivered"
    assert transport.closed == 1


# ---------------------------------------------------------------------------------------------- broken transports


class Broken:
    """Sends, and then does something else than it should."""

    def __init__(self, act: Any) -> None:
        self.act = act

    async def send(self, request: Request) -> Any:
        """Whatever it was told."""
        return self.act(request)


def fail(error: BaseException) -> Any:
    """A way to raise."""

    def act(_: Request) -> None:
        raise error

    return act


@pytest.mark.parametrize(
    "error",
    [
        ValueError(KEY),
        TimeoutError(KEY),
        TypeError(KEY),
        ExceptionGroup(KEY, [OSError(KEY)]),
        PluginError(KEY),
        RecursionError(KEY),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_transport_that_raises(error: Exception) -> None:
    """It may have sent before it broke: held, with the type's name and nothing of the text."""
    outcome = send(order(), Broken(fail(error)))
    assert (outcome.ending, outcome.kind) == ("unknown", "transport_failed")
    assert type(error).__name__ in outcome.message
    assert "Broken" in outcome.message
    assert KEY not in repr(outcome)


@pytest.mark.parametrize("gives", [None, 202, "ok", {"status": 202}, Reply, (Reply(202),)])
def test_a_transport_that_gives_something_else(gives: Any) -> None:
    """Not a success: what was not understood was not accepted."""
    outcome = send(order(), Broken(lambda _: gives))
    assert (outcome.ending, outcome.kind) == ("unknown", "transport_failed")


@pytest.mark.parametrize("reply", [Reply("202"), Reply(None), Reply(202, None), Reply(422, {"a": "b"}, None)])  # type: ignore[arg-type]
def test_a_reply_that_is_filled_wrongly(reply: Any) -> None:
    """Its types are not what they are declared to be: that is no acceptance either."""
    request = order(answers=Answers((AnswerRule("rejected", expression=Anything()),)))
    assert send(request, Broken(lambda _: reply)).ending == "unknown"


class Anything:
    """An expression that no reply matches."""

    text = "`false`"

    def search(self, document: Any) -> bool:
        """False."""
        del document
        return False


def test_a_transport_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's transport does not hold a worker for ever."""

    class Hanging:
        async def send(self, _: Request) -> Reply:
            await asyncio.sleep(60)
            return Reply(202)

    monkeypatch.setattr(transports, "PATIENCE", 0.05)
    outcome = send(order(), Hanging())
    assert (outcome.ending, outcome.kind) == ("unknown", "transport_failed")


@pytest.mark.parametrize("thing", [object(), Http, {"send": None}, 7])
def test_what_is_no_transport_at_all(thing: Any) -> None:
    """Nothing was sent, so it is no outcome: it is told to who wrote it."""
    with pytest.raises(PluginError, match="is not a transport"):
        send(order(), thing)


def test_a_name_that_nobody_installed() -> None:
    """With what there is instead."""
    with pytest.raises(PluginError, match="file, http, memory"):
        send(order(), "pigeon")


def test_a_missing_secret_is_not_a_broken_transport() -> None:
    """SettingsError leaves the door as it is: by contract nothing was sent."""
    with pytest.raises(SettingsError):
        send(order(secrets=KEYED), Http({}))


def test_cancelling_is_not_an_outcome() -> None:
    """A worker that is told to stop stops."""

    async def act() -> None:
        sending = asyncio.create_task(asend(order(), Broken(fail(asyncio.CancelledError()))))
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(act())


def test_a_lost_connection_through_the_door() -> None:
    """One sentence from the network to the account: it may have been taken, so it is held."""
    with Receiver(close(reset=True)) as receiver:
        outcome = send(order(receiver.url))
    assert outcome == Outcome("unknown", "the connection broke; it may have been taken", kind="network")


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    """A dry run pays for no HTTP client."""
    program = (
        "import sys; from mapper.transports import send; from mapper.request import Request\n"
        "send(Request('POST', 'https://x.example', {}, {}, b'{}'), 'memory')\n"
        "print('httpx' in sys.modules, 'ssl' in sys.modules and 'httpcore' in sys.modules)"
    )
    root = Path(__file__).parent.parent
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


# --------------------------------------------------------------------------------------------------------- Memory


def test_memory_answers_as_told() -> None:
    """One after the other; then 202. It remembers the requests themselves."""
    lost = Failure("timeout", maybe_sent=True)
    memory = Memory(answers=[429, lost, Reply(404)])
    requests = [order(message_id=f"m-{n}") for n in range(5)]
    outcomes = [send(request, memory) for request in requests]
    assert [outcome.ending for outcome in outcomes] == ["retry", "unknown", "rejected", "delivered", "delivered"]
    assert memory.requests == requests


# ----------------------------------------------------------------------------------------------------------- File


def test_a_line_makes_the_request_again(tmp_path: Path) -> None:
    """What was written can be sent later; a line says where the secret goes and does not hold it."""
    path = tmp_path / "out.ndjson"
    requests = [order(secrets=KEYED, message_id=f"m-{n}") for n in range(3)]
    assert [send(request, File(path)).status for request in requests] == [200] * 3
    lines = path.read_bytes().splitlines()
    assert [Request.from_dict(json.loads(line)) for line in lines] == requests
    assert json.loads(lines[0])["secrets"][0]["in"] == "header"
    assert KEY.encode() not in path.read_bytes()


def test_lines_of_many_writers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Each line goes to the end, wherever that is by then."""
    path = tmp_path / "out.ndjson"

    def write(writer: int) -> None:
        for n in range(50):
            assert send(order(message_id=f"{writer}-{n}"), File(path)).ending == "delivered"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    written = {json.loads(line)["message_id"] for line in path.read_bytes().splitlines()}
    assert written == {f"{writer}-{n}" for writer in range(8) for n in range(50)}


def test_a_file_of_addresses_is_its_owners_alone(tmp_path: Path) -> None:
    """A new one is 0600, whatever the umask; an old one keeps what its owner chose."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch()
    old.chmod(0o640)
    umask = os.umask(0)
    try:
        send(order(), File(new, fsync=True))
        send(order(), File(old))
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (new, old)] == [0o600, 0o640]


def test_a_stream_stays_its_owners() -> None:
    """It is written to and left open; a closed one is bad weather, not an exception."""
    stream = io.BytesIO()
    file = File(stream)
    assert [send(order(), file).ending for _ in range(2)] == ["delivered", "delivered"]
    assert len(stream.getvalue().splitlines()) == 2
    stream.close()
    closed = send(order(), file)
    assert (closed.ending, closed.kind) == ("unknown", "file")


def test_a_file_that_cannot_be_opened_took_nothing(tmp_path: Path) -> None:
    """It may be sent again; the path is not quoted."""
    outcome = send(order(), File(tmp_path / "absent" / "out.ndjson"))
    assert (outcome.ending, outcome.kind) == ("retry", "file")
    assert str(tmp_path) not in outcome.message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is played by /dev/full")
def test_a_full_disk() -> None:
    """A part of the line may stand there."""
    outcome = send(order(), File("/dev/full"))
    assert (outcome.ending, outcome.kind) == ("unknown", "file")


class Short(io.RawIOBase):
    """A stream that takes half of what it is given."""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: Any) -> int:
        """Half."""
        return len(text) // 2


def test_half_a_line_is_not_written() -> None:
    """Nor is half an address."""
    assert send(order(), File(Short())).ending == "unknown"  # type: ignore[arg-type]
