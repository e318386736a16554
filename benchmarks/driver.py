"""Starts engines as warmed processes, compares what they make, and times them side by side.

Knows the protocol of an engine (``engines/protocol.py`` is its other side) and how a fair ratio is taken. Must not
know which engines there are.

A ratio is the median over rounds of two rates taken in the same round, on CPU time (user and system, all threads).
Absolute rates move with whatever else the machine does, and a ratio of medians moves with it; this does not.
"""

from __future__ import annotations

import atexit
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import corpus

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
MAPPING = ROOT / "benchmarks" / "mapping.yaml"
ENGINES = ROOT / "benchmarks" / "engines"


class CannotRunError(Exception):
    """An engine did not start, or stopped. ``str()`` says why."""


def keep(key: str, value: Any) -> None:
    """Put a JSON value under a key of out/bench.json; the other keys stay as they are."""
    OUT.mkdir(exist_ok=True)
    path = OUT / "bench.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[key] = value
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@cache
def workshop() -> Path:
    """A folder of this run's own for its corpora and what engines write. It is removed at the end."""
    OUT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=OUT))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def lines_file(count: int, kind: corpus.Kind = "mixed", seed: int = 1) -> Path:
    """A file of the corpus, written once a run: the first lines of a longer one are those of a shorter one."""
    path = workshop() / f"{kind}-{seed}-{count}.ndjson"
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in corpus.events(count, seed, kind))
    return path


@dataclass(frozen=True, slots=True)
class Engine:
    """How an engine is started: ``command`` without the corpus. ``lines`` is how many events one pass has."""

    name: str
    command: tuple[str, ...]
    lines: int
    kind: corpus.Kind = "mixed"


def python_engine(name: str, lines: int, kind: corpus.Kind = "mixed", title: str = "") -> Engine:
    """An engine of benchmarks/engines, on this Python."""
    return Engine(title or name, (sys.executable, str(ENGINES / f"{name}.py")), lines, kind)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a corpus. ``cpu`` and ``wall`` in seconds."""

    cpu: float
    wall: float
    events: int
    ready: int

    @property
    def rate(self) -> float:
        """Events in a second of CPU time."""
        return self.events / self.cpu


class Running:
    """A started engine. Its corpus is in memory and one pass has warmed it."""

    def __init__(self, engine: Engine, process: subprocess.Popen[str]) -> None:
        self.engine = engine
        self._process = process
        if self._read() != "ready":
            raise CannotRunError(f"{engine.name} did not get ready")

    def run(self) -> Pass:
        """Time one pass."""
        return Pass(**json.loads(self._ask("run")))

    def write(self, path: Path) -> None:
        """Let it write what it makes, one line for each event."""
        self._ask(f"write {path}")

    def _ask(self, request: str) -> str:
        if self._process.stdin is None:  # never: `started` gives it a pipe
            raise CannotRunError("no pipe")
        try:
            print(request, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise CannotRunError(f"{self.engine.name} stopped") from None
        return self._read()

    def _read(self) -> str:
        answer = self._process.stdout.readline() if self._process.stdout else ""
        if not answer:
            raise CannotRunError(f"{self.engine.name} stopped: {self._last_words()}")
        return answer.strip()

    def _last_words(self) -> str:
        self._process.wait()
        said = self._process.stderr.read() if self._process.stderr else ""
        return said.strip().splitlines()[-1] if said.strip() else f"exit code {self._process.returncode}"


@contextmanager
def started(engine: Engine) -> Iterator[Running]:
    """Start an engine and stop it at the end. Raises CannotRunError."""
    command = [*engine.command, str(lines_file(engine.lines, engine.kind))]
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    except OSError as error:
        raise CannotRunError(f"{engine.name} cannot be started: {error.strerror}") from None
    try:
        yield Running(engine, process)
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True, slots=True)
class Table:
    """What a group of engines did: for each one its passes, one a round; and why the others have none."""

    passes: dict[str, list[Pass]]
    missing: dict[str, str]

    def ratio(self, name: str, other: str) -> float:
        """How many times the rate of ``other`` ``name`` has: the median over the rounds. Raises CannotRunError."""
        for each in (name, other):
            if each in self.missing:
                raise CannotRunError(self.missing[each])
        pairs = zip(self.passes[name], self.passes[other], strict=True)
        return statistics.median(one.rate / two.rate for one, two in pairs)

    def spread(self, name: str, other: str) -> tuple[float, float]:
        """The lower and the upper quartile of the same ratio."""
        pairs = zip(self.passes[name], self.passes[other], strict=True)
        ratios = sorted(one.rate / two.rate for one, two in pairs)
        return ratios[len(ratios) // 4], ratios[math.ceil(len(ratios) * 3 / 4) - 1]

    def rows(self, against: str) -> dict[str, dict[str, float]]:
        """Per engine: median rate, microseconds an event, and how many times the rate of ``against`` it has."""
        rows = {}
        for name, passes in self.passes.items():
            rate = statistics.median(one.rate for one in passes)
            row = {"events_per_cpu_second": round(rate), "microseconds": round(1e6 / rate, 2)}
            if against in self.passes:
                low, high = self.spread(name, against)
                row |= {"x": round(self.ratio(name, against), 4), "x_low": round(low, 4), "x_high": round(high, 4)}
            rows[name] = row
        return rows

    def show(self, title: str, against: str) -> None:
        """Print the rows."""
        print(f"\n{title}\n  {'engine':26}{'events/CPU-s':>14}{'us/event':>10}{f'x {against}':>20}  (quartiles)")
        for name, row in self.rows(against).items():
            times = f"{row['x']:20.3f}  ({row['x_low']:.3f} to {row['x_high']:.3f})" if "x" in row else ""
            print(f"  {name:26}{row['events_per_cpu_second']:14,}{row['microseconds']:10.1f}{times}")
        for name, why in self.missing.items():
            print(f"  {name:26}{'not timed':>14}  {why}")


def side_by_side(
    engines: Sequence[Engine], rounds: int, reference: str | None = None, uncompared: Sequence[Engine] = ()
) -> Table:
    """Time engines in interleaved rounds; the ``uncompared`` ones come first and only do it beside them.

    With a ``reference``, each engine's results are compared with those of that one on the same lines first; one that
    differs is not timed. One that cannot be started is not timed either. Each round starts with another engine.
    """
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for engine in (*uncompared, *engines):
            try:
                running[engine.name] = stack.enter_context(started(engine))
            except CannotRunError as error:
                missing[engine.name] = str(error)
        if reference is not None:
            missing |= _differing([running[e.name] for e in engines if e.name in running], reference)
        timed = [one for name, one in running.items() if name not in missing]
        passes: dict[str, list[Pass]] = {one.engine.name: [] for one in timed}
        for turn in range(rounds):
            first = turn % len(timed) if timed else 0
            for one in timed[first:] + timed[:first]:
                passes[one.engine.name].append(one.run())
    return Table(passes, missing)


def _differing(running: Sequence[Running], reference: str) -> dict[str, str]:
    """Of the engines whose results are other than the reference's: how."""
    ours = next((one for one in running if one.engine.name == reference), None)
    if ours is None:
        return {one.engine.name: f"nothing to compare with: {reference} cannot be run" for one in running}
    expected = written(ours)
    found = {}
    for one in running:
        try:
            why = difference(expected, written(one), one.engine.lines) if one is not ours else None
        except CannotRunError as error:
            why = str(error)
        if why is not None:
            found[one.engine.name] = why
    return found


def written(running: Running) -> list[bytes]:
    """What an engine makes, one line for each event."""
    path = workshop() / f"{running.engine.name.replace(' ', '-')}.made"
    running.write(path)
    made = path.read_bytes().splitlines()
    path.unlink()
    return made


def difference(expected: Sequence[bytes], made: Sequence[bytes], lines: int | None = None) -> str | None:
    """The first line on which two results differ as JSON values, without the values; None where none does.

    ``lines`` says how many events ``made`` is of, where its corpus is the beginning of a longer one.
    """
    expected = expected[:lines]
    if len(made) != len(expected):
        return f"{len(made)} lines for {len(expected)} events"
    for number, (one, other) in enumerate(zip(expected, made, strict=True), 1):
        ours, theirs = json.loads(one), json.loads(other)
        if ours == theirs and _kinds(ours) == _kinds(theirs):
            continue
        if ours is None or theirs is None:
            return f"line {number} is {'invalid' if ours is None else 'valid'} for us, and not for it"
        names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        return f"line {number} differs in {', '.join(names) or 'the kind of a value'}"
    return None


def _kinds(body: Any) -> dict[str, bool] | None:
    """Which members are booleans: Python takes true and 1 for equal."""
    return {name: isinstance(value, bool) for name, value in body.items()} if isinstance(body, dict) else None
