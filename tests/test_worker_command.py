"""``mapper worker``: it sends what is accepted until it is stopped, says little, and gives nothing away."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from receiver import Behaviour, Receiver, answer, hang
from typer.testing import CliRunner, Result

from mapper import pipeline
from mapper.apps.cli import app
from mapper.apps.cli.sending.working import Log
from mapper.apps.outbox import Outbox
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
    with desk(tmp_path) as here, here.worker() as process:
        second = here.run("worker", "--yes")
        assert second.exit_code == 2
        assert f"process {process.pid}" in second.stderr
        events = tmp_path / "events.ndjson"
        events.write_text(json.dumps(call(1)) + "\n", "utf-8")
        sent = here.run("send", str(events), "--to", "live", "--yes")
        assert sent.exit_code == 0
        assert f"process {process.pid} is its worker and sends them" in sent.stderr
        wait_for(lambda: here.arrived() == ["1"])


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
