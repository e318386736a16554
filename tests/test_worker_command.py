"""``mapper worker``: it sends what is accepted until it is stopped, says little, and gives nothing away."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from receiver import Behaviour, Receiver, answer, hang
from typer.testing import CliRunner, Result

from mapper import pipeline
from mapper.apps.cli import app
from mapper.apps.cli.sending.working import Log
from mapper.apps.outbox import Outbox, Sending
from mapper.delivery.ledger import turns
from mapper.delivery.values import StoreError

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-c", "from mapper.apps.cli import main; main()"]

#: Values that must be seen at the destination, and nowhere else.
CANARY, KEY = "1 Rocket Road", "k3y-of-the-house"

MAPPING = """
mapping: 1
destination: Letters
settings:
  key: {{env: TEST_KEY, required: true, secret: true}}
fields:
  template: {{from: traits.template, rules: {{required: true}}}}
  street: traits.street
send:
  url: {url}
  secrets: [{{in: body, name: token, value: settings.key}}]
"""


def call(number: int, user: str | None = None) -> dict[str, object]:
    """One Identify call that is ready."""
    traits = {"template": "T1", "street": f"{CANARY} {number}"}
    return {"type": "identify", "messageId": f"m-{number}", "userId": user or f"u-{number}", "traits": traits}


class Desk:
    """A directory with a store and the mapping of a receiver, and the command line over them."""

    def __init__(self, path: Path, receiver: Receiver) -> None:
        self.path = path
        self.receiver = receiver
        self.mapping = path / "letters.yaml"
        self.mapping.write_text(MAPPING.format(url=receiver.url), "utf-8")
        self.environ = {
            "TEST_KEY": KEY,
            "MAPPER_STORE": str(path / "mapper.db"),
            "MAPPER_MAPPING": str(self.mapping),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def outbox(self) -> Outbox:
        """The same store, for a look or for more events."""
        return Outbox(pipeline.load(str(self.mapping)), self.environ["MAPPER_STORE"])

    def accept(self, *numbers: int, user: str | None = None) -> None:
        """Accept events."""
        with self.outbox() as outbox:
            outbox.accept([call(number, user) for number in numbers])

    def send(self, *events: dict[str, object]) -> Result:
        """Run ``mapper send`` on a file of events."""
        file = self.path / "events.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
        return self.run("send", str(file), "--to", "live", "--yes")

    def run(self, *words: str) -> Result:
        """Run a command in this process."""
        return CliRunner().invoke(app, list(words), env=self.environ)

    @contextmanager
    def worker(self, *words: str, begun: str = "sending to") -> Iterator[subprocess.Popen[str]]:
        """A worker in a process of its own, which has said so much already."""
        log = self.path / "log"
        with (
            log.open("w") as stream,
            subprocess.Popen(
                [*COMMAND, "worker", *(words or ("--yes",))],
                cwd=ROOT,
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stderr=stream,
                text=True,
            ) as process,
        ):
            try:
                wait_for(lambda: begun in self.log or process.poll() is not None)
                yield process
            finally:
                process.kill()

    @property
    def log(self) -> str:
        """What a worker said."""
        return (self.path / "log").read_text("utf-8")

    def arrived(self) -> list[str]:
        """Which events reached the receiver, by the last word of their streets, sorted."""
        return sorted(json.loads(received.body)["street"].split()[-1] for received in self.receiver.received)


def wait_for(done: Callable[[], bool]) -> None:
    """Wait until something holds; ten seconds at most."""
    until = time.monotonic() + 10
    while not done():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


@contextmanager
def desk(path: Path, *script: Behaviour) -> Iterator[Desk]:
    """A desk whose receiver follows a script."""
    with Receiver(*script) as receiver:
        yield Desk(path, receiver)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_sends_what_waits_and_what_comes(tmp_path: Path, number: signal.Signals) -> None:
    """What was accepted before it and what is accepted meanwhile; a signal ends it with 0, and it says how it went."""
    with desk(tmp_path) as here:
        here.accept(1, 2)
        with here.worker() as process:
            wait_for(lambda: here.arrived() == ["1", "2"])
            here.accept(3)
            wait_for(lambda: here.arrived() == ["1", "2", "3"])
            time.sleep(0.2)
            process.send_signal(number)
            assert process.wait(10) == 0
        assert "stopping: what is under way" in here.log
        assert "stopped: 3 delivered in" in here.log
        assert all(re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z  ", line) for line in here.log.splitlines())


def test_a_signal_waits_for_what_is_under_way(tmp_path: Path) -> None:
    """The request that left gets its answer; nothing more leaves."""
    with desk(tmp_path, answer(202, after=0.4)) as here:
        here.accept(1, 2, user="u")
        with here.worker() as process:
            assert here.receiver.arrived.wait(10)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        with here.outbox() as outbox:
            counts = outbox.status().counts
        assert "stopped: 1 delivered in" in here.log
    assert (counts["delivered"], counts["ready"]) == (1, 1)
    assert here.arrived() == ["1"]


def test_a_second_signal_leaves_at_once(tmp_path: Path) -> None:
    """What hangs is left: the next worker finds that nobody knows how it ended, and says so."""
    with desk(tmp_path, hang(), answer(202)) as here:
        here.accept(1, 2, user="u")
        with here.worker() as process:
            assert here.receiver.arrived.wait(10)
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: "stopping" in here.log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 143
        with here.worker(begun="1 job unknown") as process:
            wait_for(lambda: here.arrived() == ["1", "2"])
            time.sleep(0.2)
            process.terminate()
            assert process.wait(10) == 0


def test_nobody_reads_what_it_says(tmp_path: Path) -> None:
    """As after Ctrl-C in `mapper worker | tee log`, which ends `tee` first: what is under way ends all the same."""
    with desk(tmp_path, answer(202, after=0.7)) as here:
        here.accept(1, 2, user="u")
        command = [*COMMAND, "worker", "--yes"]
        environ = {**os.environ, **here.environ}
        with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=-3, stderr=subprocess.PIPE) as process:
            assert here.receiver.arrived.wait(10)
            assert process.stderr
            process.stderr.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 141
        with here.outbox() as outbox:
            counts = outbox.status().counts
    assert (counts["delivered"], counts["ready"], counts["sending"]) == (1, 1, 0)


def test_killed_and_started_again(tmp_path: Path) -> None:
    """Nothing is lost and nothing sent twice."""
    with desk(tmp_path, answer(202, after=0.05)) as here:
        numbers = [str(number) for number in range(10, 30)]
        here.accept(*map(int, numbers), user="u")
        with here.worker() as process:
            wait_for(lambda: len(here.arrived()) >= 5)
            process.kill()
            process.wait(10)
        with here.worker() as process:
            wait_for(lambda: here.arrived() == numbers)
            time.sleep(0.3)
            process.terminate()
            assert process.wait(10) == 0
        with here.outbox() as outbox:
            counts = outbox.status().counts
    assert counts["delivered"] + counts["unknown"] == 20
    assert counts["unknown"] <= 1


def test_a_pause_is_told_with_its_reason(tmp_path: Path) -> None:
    """When it ends, too; and nothing of anybody, whatever the destination says."""
    limited = answer(429, f"{CANARY} {KEY}".encode(), headers={"Retry-After": "1"})
    with desk(tmp_path, limited, answer(202)) as here:
        here.accept(1)
        with here.worker() as process:
            wait_for(lambda: len(here.receiver.received) == 2)
            wait_for(lambda: "goes on" in here.log)
            process.terminate()
            assert process.wait(10) == 0
        assert re.search(r"Z  paused until [0-9:]{8}Z: the destination answered 429", here.log)
        assert here.log.count("paused until") == 1
        assert CANARY not in here.log
        assert KEY not in here.log


def test_one_worker_for_one_file(tmp_path: Path) -> None:
    """A second one is refused and told who is first; `send` accepts and leaves the sending to it."""
    with desk(tmp_path, answer(202, after=2)) as here, here.worker() as process:
        second = here.run("worker", "--yes")
        assert second.exit_code == 2
        assert f"process {process.pid}" in second.stderr
        sent = here.send(call(1))
        assert sent.exit_code == 0
        assert f"1 job kept in the store: process {process.pid} is its worker and sends them." in sent.stderr
        wait_for(lambda: here.arrived() == ["1"])


def test_what_a_worker_has_sent_already_waits_for_nobody(tmp_path: Path) -> None:
    """It is counted as delivered, and no job is said to be kept."""
    with desk(tmp_path) as here:
        here.accept(1)
        with here.worker():
            wait_for(lambda: here.arrived() == ["1"])
            time.sleep(0.2)
            sent = here.send(call(1))
            assert sent.exit_code == 0
            assert "1  delivered" in sent.stderr
            assert "kept in the store" not in sent.stderr


def test_a_worker_without_the_address_says_whose_jobs_wait(tmp_path: Path) -> None:
    """What was accepted for another address is another account's: a worker that forgot --to would wait for ever."""
    with desk(tmp_path) as here:
        elsewhere = Sending(url="http://127.0.0.1:9")
        with Outbox(pipeline.load(str(here.mapping)), here.environ["MAPPER_STORE"], sending=elsewhere) as outbox:
            outbox.accept([call(1), call(2)])
        said = "2 jobs to be sent for Letters at http://127.0.0.1:9: a worker with the same -m and --to does that."
        with here.worker():
            assert "sends for Letters, for which nothing was ever accepted in this store." in here.log
            assert said in here.log
        here.accept(3)
        with here.worker():
            assert said not in here.log


@pytest.mark.parametrize("account", ["Lob", 'odd "\n\ud800 name' * 100], ids=["plain", "odd"])
def test_a_worker_of_another_account_sends_nothing_of_this_one(tmp_path: Path, account: str) -> None:
    """`send` accepts, says who has the store and that nothing is sent, and does not exit as if all were well."""
    with desk(tmp_path) as here:
        with turns.only_worker(tmp_path / "mapper.db.worker", account):
            sent = here.send(call(1), call(2))
            assert sent.exit_code == 4
            assert "2 jobs kept in the store, and nothing sends them yet" in sent.stderr
            assert f"process {os.getpid()} is its worker, for {account.split(maxsplit=1)[0]}" in sent.stderr
            assert "or `mapper worker" in " ".join(sent.stderr.split())
            second = here.run("worker", "--yes")
            assert second.exit_code == 2
            assert f"for {account.split(maxsplit=1)[0]}" in second.stderr
            assert here.arrived() == []
        assert here.send(call(1), call(2)).exit_code == 0
        assert here.arrived() == ["1", "2"]


def test_a_worker_of_another_address_is_one_of_another_account(tmp_path: Path) -> None:
    """What is accepted for the mapping's own address is not sent by it, and that is said."""
    with desk(tmp_path) as here, Receiver() as other, here.worker("--to", other.url, "--yes") as process:
        sent = here.send(call(1))
        assert sent.exit_code == 4
        assert f"process {process.pid} is its worker, for Letters at {other.url}" in sent.stderr
        assert here.receiver.received == other.received == []


def test_nothing_to_send_is_nothing_to_wait_for(tmp_path: Path) -> None:
    """Whoever has the store."""
    with desk(tmp_path) as here, turns.only_worker(tmp_path / "mapper.db.worker", "Lob"):
        sent = here.send({"type": "page", "messageId": "p", "userId": "u"})
        assert sent.exit_code == 0
        assert "process" not in sent.stderr


def test_a_worker_that_ends_just_then_is_nobodys(tmp_path: Path) -> None:
    """It has looked for the last time already: `send` takes the store over instead of relying on it."""
    with desk(tmp_path) as here:
        here.accept()
        ends = threading.Event()

        def hold() -> None:
            with turns.only_worker(tmp_path / "mapper.db.worker", "Letters"):
                ends.wait(0.2)

        with ThreadPoolExecutor(1) as thread:
            holding = thread.submit(hold)
            wait_for(lambda: turns.holder(tmp_path / "mapper.db.worker") is not None)
            assert here.send(call(1)).exit_code == 0
            holding.result()
        assert here.arrived() == ["1"]


def test_who_cannot_work_is_asked_nothing(tmp_path: Path) -> None:
    """A second worker is refused before a person says yes to it."""
    with desk(tmp_path) as here, here.worker():
        ours, theirs = os.openpty()
        environ = {**os.environ, **here.environ}
        with subprocess.Popen(
            [*COMMAND, "worker"], cwd=ROOT, env=environ, stdin=theirs, stderr=subprocess.PIPE, text=True
        ) as process:
            _, err = process.communicate(timeout=10)
        os.close(ours)
        os.close(theirs)
        assert process.returncode == 2
        assert "another worker sends from this store" in err
        assert "Type yes" not in err


def test_what_was_in_vain_is_told_in_the_end(tmp_path: Path) -> None:
    """Whoever stops it reads the last line."""
    with desk(tmp_path, answer(400), answer(500), answer(202)) as here:
        here.accept(1, 2, 3, user="u")
        with here.worker() as process:
            wait_for(lambda: here.arrived() == ["1", "2", "3"])
            time.sleep(0.3)
            process.terminate()
            assert process.wait(10) == 0
        assert "stopped: 1 delivered, 1 unknown, 1 rejected in" in here.log


def test_it_sends_to_another_address(tmp_path: Path) -> None:
    """Those jobs that were accepted for it, and no others."""
    with desk(tmp_path) as here, Receiver() as other:
        here.accept(1)
        events = tmp_path / "events.ndjson"
        events.write_text(json.dumps(call(2)) + "\n", "utf-8")
        with here.worker("--to", other.url, "--yes") as process:
            assert here.run("send", str(events), "--to", other.url, "--yes").exit_code == 0
            wait_for(lambda: len(other.received) == 1)
            process.terminate()
            assert process.wait(10) == 0
        assert here.receiver.received == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say --yes"),
        (["--yes", "--to", "sandbox"], "--to"),
        (["--yes", "--to", "nowhere"], "--to"),
        (["--yes", "--rate", "fast"], "--rate"),
        (["--yes", "--setting", f"key={KEY}"], "--setting"),
    ],
)
def test_what_it_refuses(tmp_path: Path, words: list[str], says: str) -> None:
    """Before a store is made."""
    with desk(tmp_path) as here:
        result = here.run("worker", *words)
        assert result.exit_code == 2
        assert says in result.stderr
        assert KEY not in result.output
        assert not (tmp_path / "mapper.db").exists()


@pytest.mark.parametrize("store", ["", ".", "events.ndjson", "nowhere/mapper.db", "mysql://u@127.0.0.1/d"])
@pytest.mark.parametrize("command", ["worker", "send"])
def test_what_is_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, store: str) -> None:
    """Said in one line, and left as it was."""
    monkeypatch.chdir(tmp_path)
    with desk(tmp_path) as here:
        file = tmp_path / "events.ndjson"
        file.write_text(json.dumps(call(1)) + "\n", "utf-8")
        mode = tmp_path.stat().st_mode
        words = [str(file), "--to", "live"] if command == "send" else []
        result = here.run(command, *words, "--yes", "--store", store)
        assert result.exit_code == 2
        assert re.fullmatch(r"error: [^\n]+\n", result.stderr)
        assert tmp_path.stat().st_mode == mode
        assert file.read_text("utf-8") == json.dumps(call(1)) + "\n"
        assert {found.name for found in tmp_path.iterdir()} == {"events.ndjson", "letters.yaml"}


@pytest.mark.parametrize(("typed", "code"), [("no", 4), ("yes", 0)])
def test_a_person_says_yes(tmp_path: Path, typed: str, code: int) -> None:
    """What waits is said first; anything but yes sends nothing."""
    with desk(tmp_path) as here:
        here.accept(1)
        ours, theirs = os.openpty()
        environ = {**os.environ, **here.environ}
        with subprocess.Popen(
            [*COMMAND, "worker"], cwd=ROOT, env=environ, stdin=theirs, stderr=subprocess.PIPE, text=True
        ) as process:
            os.write(ours, f"{typed}\n".encode())
            if code == 0:
                assert here.receiver.arrived.wait(10)
                process.terminate()
            _, err = process.communicate(timeout=10)
        os.close(ours)
        os.close(theirs)
        assert "1 job waiting to be sent to" in err
        assert process.returncode == code
        assert here.arrived() == ["1"] * (typed == "yes")


def test_the_same_trouble_is_told_once_in_a_while() -> None:
    """A store that is away for an hour does not fill the log."""
    log = Log()
    for _ in range(5):
        log.trouble(StoreError("the disk is full"))
    log.trouble(StoreError("another"))
    lines = list(log.lines())
    assert len(lines) == 2
    assert "trouble with the store, trying again: the disk is full" in lines[0]
