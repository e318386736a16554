"""The command line: ``python -m tests.teeth [NAME ...] [--jobs N]``.

Knows the options and the order: all tests pass without a bug, then each bug has to be noticed. Plants nothing itself.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from . import planting
from .planting import Bug, Copy, Engine, Verdict

T = TypeVar("T")


def main(arguments: Sequence[str]) -> int:
    """Hunt; 1 where a bug was not noticed, or where a test fails without any."""
    parser = argparse.ArgumentParser(prog="python -m tests.teeth", description="Seeded bugs, which the tests notice.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs; or a part of their names")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--verbose", action="store_true", help="say which tests noticed, and how")
    parser.add_argument("--list", action="store_true", help="print the list, as docs/testing.md has it")
    options = parser.parse_args(arguments)
    chosen = [bug for bug in planting.bugs() if not options.names or any(name in bug.name for name in options.names)]
    if not chosen:
        parser.error("there is no such bug")
    if options.list:
        tell(planting.table(chosen).rstrip())
        return 0
    with tempfile.TemporaryDirectory(prefix="teeth-") as room:
        return _Hunt(Path(room), max(1, options.jobs), verbose=options.verbose).all_of(chosen)


class _Hunt:
    """Some copies, each with one bug at a time."""

    def __init__(self, room: Path, jobs: int, *, verbose: bool) -> None:
        self._verbose = verbose
        self._jobs = jobs
        self._copies: queue.Queue[Copy] = queue.Queue()
        for number in range(jobs):
            (room / str(number)).mkdir()
            self._copies.put(Copy(room / str(number)))

    def all_of(self, bugs: list[Bug]) -> int:
        """Run everything and say a line for each bug."""
        before = time.monotonic()
        if not self._with(Copy.is_used):
            tell("the tests would not run on the copy but on what is installed")
            return 1
        with ThreadPoolExecutor(self._jobs) as threads:
            red = {test for failed in threads.map(self._without, self._parts(bugs)) for test in failed}
            verdicts = []
            for verdict in threads.map(lambda bug: self._hunted(bug, red), bugs):
                self._tell(verdict)
                verdicts.append(verdict)
        kinds = [verdict.kind for verdict in verdicts]
        skipped = f", {kinds.count('skipped')} skipped" if "skipped" in kinds else ""
        tell(f"{kinds.count('caught')} of {len(bugs)} bugs caught{skipped}, in {time.monotonic() - before:.0f} s")
        return int("missed" in kinds)

    def _parts(self, bugs: list[Bug]) -> list[tuple[Engine, list[str]]]:
        """The tests of all bugs, each once, in as many parts as there are copies; those on PostgreSQL in one."""
        here, there = (sorted({t for bug in bugs if bug.engine == e for t in bug.tests}) for e in planting.ENGINES)
        parts: list[tuple[Engine, list[str]]] = [("postgresql", there)]
        parts += [("sqlite", here[number :: self._jobs]) for number in range(self._jobs)]
        return [part for part in parts if part[1]]

    def _without(self, part: tuple[Engine, list[str]]) -> list[str]:
        """Those of some tests that fail where there is no bug."""
        engine, tests = part
        run = self._with(lambda copy: copy.run(tests, engine, patience=10 * planting.PATIENCE))
        if run.code != 0:
            tell(f"without a bug, on {engine}:\n{run.text}")
        return [test for test in tests if run.code not in (0, 1) or run.has_failed(test)]

    def _hunted(self, bug: Bug, red: set[str]) -> Verdict:
        """What becomes of a bug. A test that is red without it shows nothing."""
        useless = [test for test in bug.tests if test in red]
        if useless:
            return Verdict(bug, "missed", f"{', '.join(useless)} fails without it")
        return self._with(lambda copy: planting.hunt(copy, bug))

    def _with(self, work: Callable[[Copy], T]) -> T:
        """Do something with a copy that nobody uses."""
        copy = self._copies.get()
        try:
            return work(copy)
        finally:
            self._copies.put(copy)

    def _tell(self, verdict: Verdict) -> None:
        tell(f"{verdict.kind:8}{verdict.bug.name:50}{verdict.seconds:5.1f} s")
        if self._verbose or verdict.kind == "missed":
            tell("        " + verdict.why.replace("\n", "\n        "))


def tell(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
