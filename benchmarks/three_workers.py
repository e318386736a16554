"""Three workers on one PostgreSQL: one is killed, a fourth takes its place, and the receiver says what came.

    python benchmarks/three_workers.py

Knows the commands that a person would give, a private PostgreSQL and a sandbox. Must not look into the ledger for what
was sent: the sandbox's own list is the judge. What it prints stands in docs/scale.md.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import driver
from ledger_rig import events, postgres

import mapper
from mapper.apps.outbox import Outbox, Sending
from mapper.apps.sandbox import Sandbox

COUNT = 1600
#: A minute, in the copy of the shipped mapping, which has 300: then this would take as long as a lunch.
RATE = 1200
_MINUTE = 60
#: Seconds. What a killed worker had comes back when its lease has lapsed: 180, and up to 15 until the next look.
_PATIENCE = 300.0


def main() -> None:
    """Show it."""
    mapping = driver.workshop() / "postcards.yaml"
    mapping.write_text(_faster((driver.ROOT / "mappings" / "inkit.yaml").read_text("utf-8")), "utf-8")
    cards = mapper.load(mapping, environ={"INKIT_API_KEY": "sandbox"})
    with postgres() as server, Sandbox(cards) as receiver:
        store = server.new_database()
        with Outbox(cards, store, sending=Sending(url=receiver.url)) as box:
            show(mapping, store, box, receiver)


def _faster(text: str) -> str:
    """The mapping with another rate."""
    changed = text.replace("rate: 300/minute", f"rate: {RATE}/minute")
    assert changed != text, "the shipped mapping names its rate"
    return changed


def show(mapping: Path, store: str, box: Outbox, receiver: Sandbox) -> None:
    """Accept, start three, kill one, start another, and count."""
    assert box.ledger.policy.rate == (RATE, _MINUTE), "all workers share it"
    ready = sum(receipt.state == "ready" for receipt in box.accept(events(COUNT)))
    print(f"accepted {ready}, at most {RATE} a minute may leave")
    environ = os.environ | {"INKIT_API_KEY": "sandbox", "MAPPER_STORE": store}
    command = [sys.executable, str(driver.ROOT / "cli.py"), "worker", "--to", receiver.url, "-m", str(mapping), "--yes"]
    workers = [_started(command, environ) for _ in range(3)]
    print("$ mapper worker --to URL -m postcards.yaml --yes      (three times)")
    try:
        _until(lambda: len(receiver.received) >= COUNT // 2)
        workers[1].send_signal(signal.SIGKILL)
        print(f"after {len(receiver.received)} arrivals the second worker is killed with SIGKILL; a fourth is started")
        workers.append(_started(command, environ))
        _until(lambda: _resting(box))
    finally:
        for worker in workers:
            worker.terminate()
    codes = [worker.wait() for worker in workers]
    print(f"exit codes after SIGTERM: {', '.join(map(str, codes))}")
    report(box, receiver)


def _started(command: Sequence[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def _resting(box: Outbox) -> bool:
    """Whether nothing is left that a worker could send, now or later."""
    counts = box.status().counts
    return not counts["ready"] + counts["waiting"] + counts["sending"]


def report(box: Outbox, receiver: Sandbox) -> None:
    """What the receiver says, and what the ledger says."""
    arrivals = receiver.received
    print(f"the receiver: {len(arrivals)} arrivals, {receiver.counts['repeated']} of them a second time")
    print(f"most arrivals in any 60 seconds: {_crowd([arrival.time for arrival in arrivals])}")
    counts = Counter({state: count for state, count in box.status().counts.items() if count})
    print(f"the ledger: {', '.join(f'{count} {state}' for state, count in counts.most_common())}")


def _crowd(moments: list[datetime]) -> int:
    """The most that came within any minute."""
    return max(sum(0 <= (other - one).total_seconds() < _MINUTE for other in moments) for one in moments)


if __name__ == "__main__":
    main()
