"""How the cost of an event grows: with fields, custom traits, fallbacks, rules, and with the number of events.

    python benchmarks/growth.py            all curves, a million events included: minutes
    python benchmarks/growth.py --quick    a smoke test of a few seconds

Knows how to draw a mapping and its events of a given shape from a seed, and how to fit an exponent. Must not know
anything of the engine but its public face: ``mapper.loads(text).transform(line)``, and the command ``transform``.

**What is timed.** In memory: CPU time of ``transform(line)`` and of the request's bytes, for events of which every
field is filled. For files: CPU time (user and system, all threads and processes) and peak memory of the command
``transform FILE -m MAPPING -o OUT`` over the benchmark's own corpus, a tenth of it invalid. (A million events and
their results take 2 GB below out/, for as long as it runs.)
**Against neighbours.** A round measures every size of a curve once, short pieces side by side, in changing
directions; each size's figure is its median over the rounds. A busy moment lifts all sizes, and bends nothing.
**The exponents** are slopes of least squares through (log count, log CPU time): 1 is linear, 2 is quadratic.
Fields and traits: time per event, nothing subtracted, against the *count*, over the upper part of the sizes (from a
quarter or a fifth of the largest up). Against the count, because bytes per event have a constant part of their own
(the envelope), which would tilt the line by how cheap the envelope is. Over the upper part, because an event's
constant cost is in every time and flattens the curve: below, it hides the slope; above, it is a small share, and
what grows faster than the count has its full weight. ``steepest`` is kept beside it: the largest slope between two
neighbouring sizes that are fitted. Events: the command's CPU time less that for a file of one line (start-up and
reading the mapping, the same at every size: they could only flatter), from 10,000 events up.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import statistics
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpus
import driver

import mapper

SEED = 1
#: Different events of one size; a pass goes over all of them.
POOL = 32

FIELDS = (5, 10, 20, 50, 100, 200)
TRAITS = (0, 10, 20, 50, 100, 200, 500)
FALLBACKS = (1, 2, 3, 5, 8, 12, 16, 20)
#: What a field of each number of rules has: the first so many of these. Every generated value keeps them all.
RULES: tuple[tuple[str, Any], ...] = (
    ("required", True),
    ("maxlength", 64),
    ("regex", "[a-z]+[0-9]*"),
    ("minlength", 1),
    ("forbidden", ["unknown", "none"]),
    ("anyof", [{"maxlength": 3}, {"regex": "[a-z].*"}]),
    ("noneof", [{"regex": ".*[@#].*"}]),
    ("allof", [{"minlength": 2}, {"maxlength": 60}]),
)

TraitPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a mapping and its events are.

    ``fields`` of the mapping; ``traits`` that no field reads, in each event; ``fallbacks`` of each field, the last of
    them filled; ``rules`` of each field, at most ``len(RULES)``.
    """

    fields: int = 12
    traits: int = 6
    fallbacks: int = 2
    rules: int = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    ``rounds`` over the sizes of a curve, in each of them at least ``seconds`` of CPU time for every size. ``runs`` is
    how often the command runs over a file of so many events; the smallest stands for the start-up alone.
    """

    rounds: int
    seconds: float
    runs: Mapping[int, int]


FULL = Effort(rounds=15, seconds=0.05, runs={1: 5, 1_000: 5, 10_000: 5, 100_000: 3, 1_000_000: 1})
QUICK = Effort(rounds=3, seconds=0.002, runs={1: 2, 1_000: 2, 5_000: 1})

#: The curves in memory, by name: for each size the shape that has it.
CURVES: dict[str, dict[int, Shape]] = {
    "fields": {n: Shape(fields=n, traits=0) for n in FIELDS},
    "traits": {n: Shape(fields=3, traits=n) for n in TRAITS},
    "fallbacks": {n: Shape(fallbacks=n) for n in FALLBACKS},
    "rules": {n: Shape(rules=n) for n in range(len(RULES) + 1)},
}
#: The smallest size that takes part in the fit of a curve.
FIT_FROM = {"fields": 50, "traits": 100, "events": 10_000}


# ---------------------------------------------------------------------- mappings and events of a shape


def word(draw: random.Random) -> str:
    """A text of 4 to 14 characters: lower-case letters and a digit."""
    return "".join(draw.choices(string.ascii_lowercase, k=draw.randint(3, 13))) + draw.choice(string.digits)


def paths(shape: Shape, seed: int) -> dict[str, list[TraitPath]]:
    """The candidates of each field by its name, as paths below the traits; every third field's are in objects."""
    draw = random.Random(f"paths {seed}")
    found: dict[str, list[TraitPath]] = {}
    for place in range(shape.fields):
        name = f"{word(draw)}_{place}"
        group = () if place % 3 else (f"group_{place // 9}",)
        found[name] = [(*group, f"{name}_{spelling}") for spelling in range(shape.fallbacks)]
    return found


def mapping_text(shape: Shape, seed: int) -> str:
    """The mapping of a shape, as YAML."""
    rules = dict(RULES[: shape.rules])
    fields = (
        f"  {name}: {json.dumps({'from': ['.'.join(('traits', *path)) for path in found], 'rules': rules})}"
        for name, found in paths(shape, seed).items()
    )
    head = "mapping: 1\ndestination: Growth\naccepts: [identify]\nfields:\n"
    tail = "\ncustom_fields: {nested: flatten, lists: text}\nsend: {method: POST, url: https://growth.example/v1}\n"
    return head + "\n".join(fields) + tail


def event_lines(shape: Shape, count: int, seed: int) -> list[bytes]:
    """So many events of a shape, one JSON each: the last fallback of every field is filled."""
    filled = [found[-1] for found in paths(shape, seed).values()]
    draw = random.Random(f"events {seed}")
    return [_event(filled, shape.traits, draw) for _ in range(count)]


def _event(filled: Iterable[TraitPath], customs: int, draw: random.Random) -> bytes:
    traits: dict[str, Any] = {}
    for *groups, name in filled:
        where = traits
        for group in groups:
            where = where.setdefault(group, {})
        where[name] = word(draw)
    traits.update((f"custom_{place}", _custom(place, draw)) for place in range(customs))
    number = draw.randrange(10**9)
    event = {
        "type": "identify",
        "messageId": f"growth-{number}",
        "userId": f"user-{number}",
        "timestamp": "2026-03-01T10:00:00.000Z",
        "channel": "server",
        "context": {"library": {"name": "growth", "version": "1.0.0"}, "locale": "en-US"},
        "integrations": {},
        "traits": traits,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def _custom(place: int, draw: random.Random) -> Any:
    """A trait that no field reads: of ten, seven texts, a number, a flag and an object of one member."""
    match place % 10:
        case 7:
            return draw.randrange(10_000)
        case 8:
            return draw.random() < 0.5  # noqa: PLR2004 - a coin
        case 9:
            return {"level": word(draw)}
        case _:
            return word(draw)


# ---------------------------------------------------------------------- time per event, in memory


class Lane:
    """One size of a curve: its mapping, loaded, and a pool of its events. Raises AssertionError where one is lost."""

    def __init__(self, shape: Shape) -> None:
        self.transform = mapper.loads(mapping_text(shape, SEED), environ={}).transform
        self.lines = event_lines(shape, POOL, SEED)
        self.passes = 1
        for line in self.lines:
            result = self.transform(line)
            assert result.request is not None, f"{shape}: an event is {result.status}"
            assert len(result.fields) == shape.fields, f"{shape}: {len(result.fields)} fields"
            assert len(result.custom_fields) == shape.traits, f"{shape}: {len(result.custom_fields)} custom fields"

    @property
    def size(self) -> float:
        """Bytes of an event, on average."""
        return statistics.fmean(map(len, self.lines))

    def calibrate(self, seconds: float) -> None:
        """Choose how many passes one measurement takes, so that it lasts at least so long."""
        while self.passes * self.once() * POOL < seconds:
            self.passes *= 2

    def once(self) -> float:
        """CPU seconds per event, over ``passes`` passes."""
        transform, lines = self.transform, self.lines
        started = time.process_time()
        for _ in range(self.passes):
            for line in lines:
                _ = transform(line).request.content  # type: ignore[union-attr] # every event is ready: see above
        return (time.process_time() - started) / (self.passes * len(lines))


def curve(shapes: Mapping[int, Shape], effort: Effort) -> dict[str, list[float]]:
    """Median CPU microseconds and bytes of an event at each size, as columns."""
    lanes = {size: Lane(shape) for size, shape in shapes.items()}
    for lane in lanes.values():
        lane.calibrate(effort.seconds)
    microseconds = {
        size: spent * 1e6 for size, spent in _medians(lanes, lambda size: lanes[size].once(), effort.rounds)
    }
    return {
        "sizes": list(lanes),
        "cpu_us_per_event": [round(microseconds[size], 3) for size in lanes],
        "bytes_per_event": [round(lane.size, 1) for lane in lanes.values()],
    }


def _medians(sizes: Iterable[int], measure: Callable[[int], float], rounds: int) -> list[tuple[int, float]]:
    """The median of each size over rounds that go through the sizes upwards and downwards in turn."""
    ordered = list(sizes)
    seen: dict[int, list[float]] = {size: [] for size in ordered}
    for turn in range(rounds):
        for size in ordered if turn % 2 == 0 else reversed(ordered):
            seen[size].append(measure(size))
    return [(size, statistics.median(seen[size])) for size in ordered]


# ---------------------------------------------------------------------- time and memory of the command, over files

#: Starts a command, waits, and prints its exit code, CPU seconds and peak memory. In a process of its own, because a
#: child's peak counts what its parent held when it was started: this parent holds almost nothing.
WEIGH = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
#: ``ru_maxrss`` is in KiB, on macOS in bytes.
MAXRSS_PER_MIB = 1024**2 if sys.platform == "darwin" else 1024
#: The command's exit codes over such a corpus: 0 fine, 1 some events are invalid.
FINE = ("0", "1")
#: Events are drawn up to here; a longer file holds them again and again, with other ids.
DISTINCT = 100_000
MANY, FEW = 1_000_000, 1_000


def weigh(events: Path, out: Path) -> tuple[float, float]:
    """CPU seconds and peak memory in MiB of the command over a file. Raises CannotRunError where it fails."""
    command = [str(driver.ROOT / "cli.py"), "transform", str(events), "-m", str(driver.MAPPING), "-o", str(out)]
    bare = [sys.executable, "-I", "-S", "-c", WEIGH]
    done = subprocess.run([*bare, sys.executable, *command], capture_output=True, text=True, check=True)
    code, cpu, peak = done.stdout.split()
    if code not in FINE:
        raise driver.CannotRunError(f"transform ended with {code}: {done.stderr}")
    return float(cpu), float(peak) / MAXRSS_PER_MIB


def write_corpora(folder: Path, counts: Sequence[int]) -> dict[int, Path]:
    """One file for each count: the first so many events of one corpus, or its ``DISTINCT`` ones over and over."""
    lines = list(corpus.events(min(max(counts), DISTINCT), SEED))
    files = {count: folder / f"{count}.ndjson" for count in counts}
    for count, file in files.items():
        with file.open("wb") as out:
            out.writelines(b"%b\n" % line for line in corpus.renamed(lines, count))
    return files


def files_curve(effort: Effort) -> dict[str, list[float]]:
    """Median CPU seconds and peak memory of the command at each number of events, as columns."""
    seen: dict[int, list[tuple[float, float]]] = {count: [] for count in effort.runs}
    driver.OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=driver.OUT, prefix="growth-") as name:
        files = write_corpora(Path(name), list(effort.runs))
        for turn in range(max(effort.runs.values())):
            for count, runs in effort.runs.items():
                if turn < runs:
                    seen[count].append(weigh(files[count], Path(name) / "bodies.ndjson"))
    start, *counts = effort.runs
    return {
        "sizes": list(counts),
        "cpu_s": [round(statistics.median(cpu for cpu, _ in seen[count]), 4) for count in counts],
        "start_cpu_s": [round(statistics.median(cpu for cpu, _ in seen[start]), 4)],
        "peak_mib": [round(statistics.median(peak for _, peak in seen[count]), 2) for count in counts],
    }


# ---------------------------------------------------------------------- the fit


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The exponent that fits (size, cost) best: least squares through the logarithms. Needs two different sizes."""
    logs = [(math.log(size), math.log(cost)) for size, cost in points]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def fit(sizes: Sequence[float], costs: Sequence[float], least: float) -> dict[str, Any]:
    """The exponent from the size ``least`` up (from the last two sizes where fewer reach it), and the steepest step."""
    points = [(size, cost) for size, cost in zip(sizes, costs, strict=True) if size >= least]
    if len(points) < 2:  # noqa: PLR2004 - a line needs two points
        points = list(zip(sizes, costs, strict=True))[-2:]
    steps = [slope(pair) for pair in itertools.pairwise(points)]
    return {
        "exponent": round(slope(points), 3),
        "steepest": round(max(steps), 3),
        "fitted_sizes": [size for size, _ in points],
    }


# ---------------------------------------------------------------------- what run.py asks for


def measure(effort: Effort) -> dict[str, dict[str, Any]]:
    """All curves by name; those with an exponent hold it."""
    found: dict[str, dict[str, Any]] = {name: dict(curve(shapes, effort)) for name, shapes in CURVES.items()}
    for name in ("fields", "traits"):
        found[name] |= fit(found[name]["sizes"], found[name]["cpu_us_per_event"], FIT_FROM[name])
    events = found["events"] = dict(files_curve(effort))
    # A file of a thousand can cost no more than the start does, on a busy machine: a logarithm needs something.
    costs = [max(cpu - events["start_cpu_s"][0], 1e-3) for cpu in events["cpu_s"]]
    found["events"] |= fit(events["sizes"], costs, FIT_FROM["events"])
    return found


def ratios(quick: bool = False) -> dict[str, float]:  # noqa: FBT001, FBT002 - the form of every part of the benchmark
    """Measure, print the figures as a table, and return the exponents.

    In full, the figures are kept, and there is one ratio more: the peak memory of a million events to that of a
    thousand. Quick figures are too rough to replace those of a full run.
    """
    found = measure(QUICK if quick else FULL)
    if not quick:
        driver.keep("growth", found)
    print("\n".join(table(found)))
    named = {f"growth_{name}": found[name]["exponent"] for name in ("fields", "traits", "events")}
    peaks = dict(zip(found["events"]["sizes"], found["events"]["peak_mib"], strict=True))
    if MANY in peaks:
        named["peak_memory_1M_vs_1k"] = round(peaks[MANY] / peaks[FEW], 3)
    return named


def table(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The figures as lines of text."""
    lines = []
    for name, columns in found.items():
        lines.append(
            f"growth: {name}" + "".join(f", {key} {columns[key]}" for key in ("exponent", "steepest") if key in columns)
        )
        cost, beside = ("cpu_s", "peak_mib") if name == "events" else ("cpu_us_per_event", "bytes_per_event")
        lines.append(f"{'count':>10} {cost:>18} {beside:>18}")
        rows = zip(columns["sizes"], columns[cost], columns[beside], strict=True)
        lines.extend(f"{size:>10} {spent:>18.2f} {other:>18.1f}" for size, spent, other in rows)
    return lines


def main() -> None:
    """Run the curves and print the ratios."""
    parser = argparse.ArgumentParser(description="How the cost of an event grows.")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    for name, value in ratios(quick=parser.parse_args().quick).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
