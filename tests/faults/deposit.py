"""Power cuts on the product's own store: a program that tells each promise, and what has to be left of it on any disk.

    python -m faults.deposit DIRECTORY/mapper.db --synchronous FULL --events 100

Knows the tables that hold promises, to read them with plain SQLite. Must not read a disk with the product.

The program accepts events, one and two by turns, while a worker sends them to nobody. A single one is started with its
claim; of two only one may leave at once, so they are claimed, and started one after the other. It prints as its own
promises::

    acked N:ready       accepted: it has to be there for ever
    acked N:sending     its request leaves: after a power cut it may not look as if none had left
    acked N:delivered   settled: it may not look as if anybody had to do anything
    acked N:forgotten   its person is erased: no byte of it may come back

What is ``corrupt``, ``lost`` (accepted and not there), ``unmarked`` (a second card), ``sums`` (accepted is not what
there is), ``residue`` (a byte of a person that was forgotten).
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from . import canaries, events, powercut, programs, syscalls
from .report import Options, Report

_SEED: Final = "deposit"
#: Requests, and seconds of a window that holds no more of them.
_RATE: Final = (300, 1)
#: Every so many events one's person is forgotten.
_FORGET: Final = 10
#: Seconds for a job to be settled.
_PATIENCE: Final = 30.0
#: Pages of the log after which it is written into the file: so few that it happens often.
_CHECKPOINT: Final = 40
_NUMBER: Final = re.compile(rb"-(\d+)-id")
#: How far a job has come. What is unknown has been sending; what is forgotten stays what it was.
_FAR: Final = {"ready": 0, "waiting": 0, "sending": 1, "unknown": 1, "delivered": 2}
#: Disks that an event, and an operation, give at least; and the fewest events of which one is forgotten.
_OF_AN_EVENT, _OF_AN_OPERATION, _FEWEST = 280, 6, 12


# ------------------------------------------------------------------------------------------------------ the program


def main() -> None:
    """Accept events, send them to nobody, forget some; print what is promised."""
    from . import worker  # noqa: PLC0415 - the judge does not need the driver program

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--events", type=int, default=100)
    options = parser.parse_args()
    pragmas = {"synchronous": options.synchronous, "wal_autocheckpoint": str(_CHECKPOINT)}
    mapping = str(programs.HERE / "mapping.yaml")
    settled = _Settled()
    told = {"product": "mapper", "store": options.file, "mapping": mapping, "lease": 60.0, "pragmas": pragmas}
    told["policy"] = {"rate": _RATE}
    box = worker.outbox(told, settled.tell)
    working = threading.Thread(target=box.run)
    working.start()
    try:
        for numbers in _batches(options.events):
            _accept(box, numbers)
            for number in numbers:
                if number % _FORGET == 0:
                    _forget(box, settled, number - 1)
        settled.wait(options.events)
    finally:
        box.stop()
        working.join()
        box.close()


def _batches(count: int) -> Iterator[list[int]]:
    """The numbers of the events that are accepted together: 1, then 2 and 3, then 4, then 5 and 6."""
    for first in range(1, count + 1, 3):
        yield [first]
        if first < count:
            yield list(range(first + 1, min(first + 2, count) + 1))


def _accept(box: Any, numbers: Sequence[int]) -> None:
    receipts = box.accept([events.event(_SEED, number).raw for number in numbers])
    for number, receipt in zip(numbers, receipts, strict=True):
        if receipt.job != number:
            raise RuntimeError(f"event {number} is job {receipt.job}: the printed promises would be of others")
        _say(f"{number}:ready")


def _forget(box: Any, settled: _Settled, number: int) -> None:
    settled.wait(number)
    if not box.forget(events.event(_SEED, number).user_id):
        raise RuntimeError("the files were not scrubbed")
    _say(f"{number}:forgotten")


class _Settled:
    """Which jobs are settled: all of the events before a number once that many are."""

    def __init__(self) -> None:
        self._jobs: set[int] = set()
        self._more = threading.Condition()

    def tell(self, what: bytes | int, state: str) -> None:
        """Print what leaves, or what is settled."""
        if isinstance(what, bytes):
            found = _NUMBER.search(what)
            _say(f"{int(found[1]) if found else 0}:{state}")
            return
        _say(f"{what}:{state}")
        with self._more:
            self._jobs.add(what)
            self._more.notify()

    def wait(self, number: int) -> None:
        """Until the first so many are."""
        with self._more:
            if not self._more.wait_for(lambda: self._jobs.issuperset(range(1, number + 1)), _PATIENCE):
                raise TimeoutError("not settled")


def _say(text: str) -> None:
    sys.stdout.write(f"acked {text}\n")
    sys.stdout.flush()


# -------------------------------------------------------------------------------------------------------- the verdict


def verdict(directory: Path, acked: tuple[str, ...]) -> str | None:
    """What is wrong with a disk, given what was printed before the power cut; None where nothing is."""
    promised: dict[int, int] = {}
    forgotten = []
    for each in acked:
        number, _, state = each.partition(":")
        if state == "forgotten":
            forgotten.append(int(number))
        else:
            promised[int(number)] = max(promised.get(int(number), 0), _FAR[state])
    try:
        with contextlib.closing(sqlite3.connect(directory / "mapper.db", isolation_level=None)) as database:
            found = _wrong(database, promised)
    except sqlite3.DatabaseError:
        return "corrupt"
    return found or _residue(directory, forgotten)


def _wrong(database: sqlite3.Connection, promised: dict[int, int]) -> str | None:
    if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
        return "corrupt"
    there = database.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('job', 'intake')").fetchone()[0]
    if there != 2:
        return "lost" if promised else None
    states = dict(database.execute("SELECT id, state FROM job").fetchall())
    if not states.keys() >= promised.keys():
        return "lost"
    if any(_FAR[states[number]] < far for number, far in promised.items()):
        return "unmarked"
    accepted = database.execute("SELECT coalesce(sum(accepted), 0) FROM intake").fetchone()[0]
    return "sums" if accepted != len(states) else None


def _residue(directory: Path, forgotten: Sequence[int]) -> str | None:
    """Files are read after SQLite has: it leaves no byte where one comes back that it does not know of."""
    texts = [path.read_bytes() for path in directory.iterdir()] if forgotten else []
    secrets = [events.event(_SEED, number).secret.encode() for number in forgotten]
    return "residue" if any(secret in text for secret in secrets for text in texts) else None


# ----------------------------------------------------------------------------------------------------------- the part


def power_cuts(options: Options) -> Report:
    """The part of ``all``: with the product's settings no disk is wrong; with NORMAL, the control, some have to be."""
    count = max(_FEWEST, options.states // _OF_AN_EVENT)
    full, leaked = _explored(options, "FULL", count)
    control, _ = _explored(options, "NORMAL", count)
    faults = dict(full.faults)
    if not {"lost", "unmarked"} & set(control.faults):
        faults["toothless"] = 1
    if leaked:
        faults["leaked"] = leaked
    wrong = ", ".join(f"{count} {what}" for what, count in sorted(control.faults.items()))
    found = ", ".join(f"{what} {full.faults[what]}" for what in ("lost", "unmarked", "corrupt", "sums", "residue"))
    return Report(
        f"{full.states:,} disks after {full.acks} promises: {found}; "
        f"control at synchronous=NORMAL: {sum(control.faults.values()):,} of {control.states:,} are wrong ({wrong})",
        faults,
    )


def _explored(options: Options, synchronous: str, count: int) -> tuple[powercut.Report, int]:
    """The disks of a run, from its begin to its end; and in how many of the program's outputs a canary stands."""
    operations, leaked = _recorded(options.room / synchronous, synchronous, count)
    started = time.monotonic()
    every = max(1, len(operations) * _OF_AN_OPERATION // options.states)
    report = powercut.explore(operations, verdict, seed=options.seed, every=every)
    options.tell(f"    {synchronous}: {report.states} disks in {time.monotonic() - started:.0f} s")
    return report, leaked


def _recorded(room: Path, synchronous: str, count: int) -> tuple[list[syscalls.Operation], int]:
    root, trace = room / "disk", room / "trace"
    root.mkdir(parents=True)
    words = programs.command("deposit", root / "mapper.db", "--synchronous", synchronous, "--events", str(count))
    environ = programs.environment(FAULTS_URL="http://127.0.0.1:1/orders")
    syscalls.record(words, trace, environ=environ, timeout=600, noise=room / "noise.txt")
    with trace.open(encoding="ascii") as lines:
        operations = syscalls.parse(lines, root)
    trace.unlink()  # hundreds of megabytes, and made again by the same command
    return operations, len(canaries.leaks(room / "noise.txt"))


if __name__ == "__main__":
    main()
