"""Clocks that are wrong: processes whose system clock is an hour off, each in its own way, or is set while they run.

Knows how a process gets another clock. Must not know which clock the product believes.

    python -m faults.clocks --clock FILE --role worker --options JSON

is a process of that role for which the time is what it is, and so many seconds more as the file says at that moment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from . import checker, events, forks, programs
from .report import Options, Report
from .stage import JITTER, Part, Stage, postgres, told

_HOUR: Final = 3600
#: Seconds.
_LEASE: Final = 5.0
#: Which process is how many seconds off: the accepting one, the workers; and what both are set to while they run.
OFF: Final[Mapping[str, tuple[int, int, int | None]]] = {
    "acceptor ahead": (_HOUR, 0, None),
    "acceptor behind": (-_HOUR, 0, None),
    "worker ahead": (0, _HOUR, None),
    "worker behind": (0, -_HOUR, None),
    "apart": (_HOUR, -_HOUR, None),
    "set back": (_HOUR, _HOUR, -_HOUR),
    "set forward": (-_HOUR, -_HOUR, _HOUR),
}


def sqlite(
    *, ways: Mapping[str, tuple[int, int, int | None]] = OFF, most: int = 40, count: int = 40, brief: bool = False
) -> list[Part]:
    """An SQLite store whose accepting process and worker disagree by an hour or two, or whose clocks are set.

    ``most`` a second; ``count`` events, as many again, and as many after another worker has begun; the last two are
    left out where it is to be ``brief``. Nothing waits for the hour to pass, nothing leaves faster than the rate, a
    retry comes when it is due, and nothing is unknown but what a killed worker had.
    """
    return [_off(name, Scenery("", most, count, 1, brief), *off) for name, off in ways.items()]


def on_postgresql(*, server: Any = None, most: int = 40, count: int = 40) -> list[Part]:
    """PostgreSQL, with the accepting process and both workers an hour off, each way: the database's clock counts."""
    with postgres(server) as database:
        if database is None:
            return [Part("clock, PostgreSQL", skipped="PostgreSQL is not installed")]
        ways = {"ahead": (_HOUR, -_HOUR, None), "behind": (-_HOUR, _HOUR, None)}
        names = {name: Scenery(database.new_database(), most, count, 2, brief=False) for name in ways}
        return [_off(f"{name}, PostgreSQL", scene, *ways[name]) for name, scene in names.items()]


@dataclass(frozen=True, slots=True)
class Scenery:
    """A store, a rate, a number of events, and a number of workers."""

    store: str
    most: int
    count: int
    workers: int
    brief: bool


def _off(name: str, scene: Scenery, accepting: int, working: int, later: int | None) -> Part:
    part = Part(f"clock {name}")
    lines = [f"rate: {scene.most}/second", "once_per: {key: [userId], within: 24h}"]
    with Stage(scene.store, lines, lease=_LEASE, schedule={"steps": [1.0]}) as stage:
        clocks = [stage.room / "accepting", stage.room / "working"]
        for clock, seconds in zip(clocks, (accepting, working), strict=True):
            clock.write_text(str(seconds), "ascii")
        with process(stage, "service", clocks[0]):
            with contextlib.ExitStack() as workers:
                for _ in range(scene.workers):
                    workers.enter_context(process(stage, "worker", clocks[1]))
                _round(part, stage, scene)
                for clock in clocks if later is not None else []:
                    clock.write_text(str(later), "ascii")
                if not scene.brief:
                    _round(part, stage, scene)
                    workers.close()
                    _lapse(part, stage, clocks[1])
                    workers.enter_context(process(stage, "worker", clocks[1]))  # begins after the clock was set
                    _round(part, stage, scene)
                _guards(part, stage)
            stage.judge(part)
        found = checker.sends_in_any_window(stage.received(), 1.0 - JITTER)
        part.figures["most in 1 s"] = found
        part.due(found <= scene.most, f"{found} requests in 1 s")
    return part.ended()


def _round(part: Part, stage: Stage, scene: Scenery) -> None:
    """Post, and wait; some have to be tried again."""
    batch = [stage.event() for _ in range(scene.count)]
    again = [one.id for one in batch[::20]]
    before = len(stage.received())
    stage.control({one: ["503", "202"] for one in again})
    stage.driver.deliver(*batch)
    bound = scene.count / scene.most + 10.0
    part.due(stage.clear(bound) is not None, f"not done in {bound:.0f} s")
    lines = stage.received()[before:]
    waits = [[line["mono"] for line in lines if line["event"] == one] for one in again]
    part.due(all(len(each) == 2 and 0.7 <= each[1] - each[0] <= 6.0 for each in waits), "a retry came early or late")


def _lapse(part: Part, stage: Stage, clock: Path) -> None:
    """A worker is killed while it waits for an answer: what it had is unknown, not before its lease is over.

    In an SQLite store, which has one worker at a time, the next one knows at once.
    """
    one, before = stage.event(), len(stage.received())
    stage.control({one.id: ["hang"]})
    stage.driver.deliver(one)
    with process(stage, "worker", clock) as first:
        stage.until(lambda: len(stage.received()) > before, 10.0)
        first.kill()
        first.wait()
    began = time.monotonic()
    with process(stage, "worker", clock):
        took = stage.until(lambda: stage.states()[one.id] == "unknown", _LEASE * 3)
    part.due(took is not None, "what a dead worker had is not unknown")
    part.figures["lapsed after s"] = round(time.monotonic() - began, 1)
    least = 0.0 if stage.options["store"].startswith("/") else _LEASE * 0.5
    part.due((took or _LEASE) >= least, "a lease ended early")


def _guards(part: Part, stage: Stage) -> None:
    """What is 29 days old is sent, what is 31 days old is not; a second order of one person within a day is not."""
    now = datetime.now(UTC)
    calls = [_order("old", now - timedelta(days=31)), _order("fresh", now - timedelta(days=29))]
    calls += [_order("first", now), _order("second", now, person="first")]
    stage.control()
    receipts = stage.driver.deliver(*calls)
    stage.clear()
    states = [stage.states()[call.id] for call in calls]
    part.due(len(receipts) == len(calls), "a receipt is missing")
    part.due(states == ["suppressed", "delivered", "delivered", "suppressed"], f"guards: {states}")


def _order(name: str, moment: datetime, person: str | None = None) -> events.Event:
    """A call of a moment."""
    traits = {"event_id": name, "name": events.CANARY, "address": events.CANARY}
    call = {"type": "identify", "messageId": name, "userId": person or name, "timestamp": moment.isoformat()}
    raw, body = (json.dumps(each, separators=(",", ":")).encode() for each in ({**call, "traits": traits}, traits))
    return events.Event(name, name, person or name, events.CANARY, raw, body)


@contextlib.contextmanager
def process(stage: Stage, role: str, clock: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a role with a clock of its own for as long as the block runs. The scene's driver posts to it."""
    options = json.dumps(stage.options)
    words = programs.command("clocks", "--clock", clock, "--role", role, "--options", options)
    with (stage.room / "noise.txt").open("ab") as noise:
        one = subprocess.Popen(
            words, env=programs.environment(FAULTS_URL=stage.url), stdout=subprocess.PIPE, stderr=noise
        )
    with one:
        try:
            port = int(one.stdout.readline()) if one.stdout else 0
            if role == "service":
                stage.drive(port)
            yield one
        finally:
            one.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(30)
            one.kill()


def main() -> int:
    """Be a process with another clock."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clock", type=Path, required=True)
    parser.add_argument("--role", choices=[*forks.ROLES], required=True)
    parser.add_argument("--options", type=json.loads, required=True)
    options = parser.parse_args()
    shift(options.clock)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        return forks.ROLES[options.role](options.options, listener)


def shift(clock: Path) -> None:
    """From now on this process believes that it is so many seconds later as the file says."""
    true = time.time
    time.time = lambda: true() + int(clock.read_text("ascii"))


def _clocks(options: Options) -> Report:
    count = max(20, round(40 * options.scale))
    return told([*sqlite(count=count), *on_postgresql(server=options.server, count=count)])


#: For the campaign.
PARTS: Final = [("clocks", _clocks)]


if __name__ == "__main__":
    sys.exit(main())
