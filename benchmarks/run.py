"""The benchmark: every part, a table for each group, and all ratios last, one a line.

    python benchmarks/run.py                            everything: minutes
    python benchmarks/run.py --quick                    a few seconds a part, for a look: the figures say little
    python benchmarks/run.py --only transform_vs_floor  one part, by its own name or by one of its ratios

Knows which parts there are, and which ratios they owe. Must not know how an engine is timed: that is ``driver``.
A part that cannot be measured is named with the reason, and the rest goes on. Everything is kept in out/bench.json.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import corpus
import driver
from driver import CannotRunError, python_engine

#: Takes `quick`, gives the ratios by name. Prints its table. Raises CannotRunError.
Measure = Callable[[bool], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Part:
    """One group of measurements and the ratios that it owes, in the order in which they are printed."""

    name: str
    measure: Measure
    owes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Size:
    """How much is measured: events of a pass for fast, slow and slowest engines, and rounds."""

    fast: int
    slow: int
    slowest: int
    rounds: int


_FULL, _QUICK = _Size(20_000, 4_000, 2_000, 15), _Size(300, 300, 300, 3)


def in_memory(quick: bool) -> dict[str, float]:  # noqa: FBT001 - the form of every part
    """Ours against the floor, the plain and the naive composition, and pydantic: bytes to bytes."""
    size = _QUICK if quick else _FULL
    engines = [
        *(python_engine(name, size.fast) for name in ("ours", "by_pydantic")),
        *(python_engine(name, size.slow) for name in ("plain", "plain_by_hand")),
        python_engine("naive", size.slowest),
    ]
    # The floor makes no bodies, so there is nothing of it to compare.
    table = driver.side_by_side(engines, size.rounds, "ours", uncompared=[python_engine("floor", size.fast)])
    table.show("In memory, a line of bytes to the bytes of a body", "floor")
    _keep(table, "in_memory", "floor", quick)
    return _ratios(
        table,
        {
            "transform_vs_plain": ("ours", "plain"),
            "transform_vs_naive": ("ours", "naive"),
            "vs_pydantic": ("ours", "by_pydantic"),
            "memory_vs_floor": ("ours", "floor"),
        },
    )


def files(quick: bool) -> dict[str, float]:  # noqa: FBT001 - the form of every part
    """The whole command ``transform`` against a loop of ``orjson.dumps(orjson.loads(line))``, file to file."""
    lines, rounds = (300, 3) if quick else (100_000, 7)
    _check_files(min(lines, 5_000))
    engines = [python_engine(name, lines) for name in ("ours_file", "floor_file")]
    table = driver.side_by_side(engines, rounds)
    table.show("File to file, one process, warmed; ours is the whole command", "floor_file")
    _keep(table, "files", "floor_file", quick)
    return _ratios(table, {"transform_vs_floor": ("ours_file", "floor_file")})


def _check_files(lines: int) -> None:
    """The two files hold what they should. Raises CannotRunError."""
    made = {}
    for name in ("ours", "ours_file", "floor_file"):
        with driver.started(python_engine(name, lines)) as running:
            made[name] = driver.written(running)
    if made["ours_file"] != [line for line in made["ours"] if line != b"null"]:
        raise CannotRunError("transform writes other bodies than the library gives")
    if driver.difference(list(corpus.events(lines)), made["floor_file"]):
        raise CannotRunError("the floor loses something")


def invalid(quick: bool) -> dict[str, float]:  # noqa: FBT001 - the form of every part
    """Ours on invalid events only, with their problems written, against ours on valid ones."""
    lines, rounds = (300, 3) if quick else (10_000, 11)
    engines = [
        python_engine("ours", lines, "valid", "ours, all valid"),
        python_engine("ours", lines, "invalid", "ours, all invalid"),
    ]
    table = driver.side_by_side(engines, rounds)
    for name, ready in (("ours, all valid", lines), ("ours, all invalid", 0)):
        if any(one.ready != ready for one in table.passes.get(name, ())):
            raise CannotRunError(f"{name}: another verdict than the corpus says")
    table.show("Invalid events against valid ones", "ours, all valid")
    _keep(table, "invalid", "ours, all valid", quick)
    return _ratios(table, {"invalid_vs_valid": ("ours, all invalid", "ours, all valid")})


def jobs(quick: bool) -> dict[str, float]:  # noqa: FBT001 - the form of every part
    """The wall time that a second process saves us, against what it saves the floor; whole programs, start included."""
    lines, rounds = (2_000, 2) if quick else (200_000, 5)
    if (os.cpu_count() or 1) < 2:  # noqa: PLR2004 - the second core
        raise CannotRunError("this machine has one core")
    cli, floor = [str(driver.ROOT / "cli.py"), "transform"], str(driver.ENGINES / "floor_file.py")
    if "--jobs" not in subprocess.run([sys.executable, *cli, "--help"], capture_output=True, text=True).stdout:  # noqa: PLW1510 - its code does not matter
        raise CannotRunError("transform has no option --jobs")
    read = _long_file(lines)
    made = {name: read.with_suffix(f".{name}") for name in ("ours1", "ours2", "floor1", "floor2")}
    commands = {
        "ours1": [*cli, str(read), "-m", str(driver.MAPPING), "-o", str(made["ours1"]), "--jobs", "1"],
        "ours2": [*cli, str(read), "-m", str(driver.MAPPING), "-o", str(made["ours2"]), "--jobs", "2"],
        "floor1": [floor, str(read), "--once", str(made["floor1"])],
        "floor2": [floor, str(read), "--halves", str(made["floor2"])],
    }
    try:
        walls = [{name: _wall(command) for name, command in commands.items()} for _ in range(rounds)]
        for one in ("ours", "floor"):
            if made[f"{one}1"].read_bytes() != made[f"{one}2"].read_bytes():
                raise CannotRunError(f"{one}: two processes write other bytes than one")
    finally:
        for path in (read, *made.values()):
            path.unlink(missing_ok=True)
    gains = {one: [round_[f"{one}1"] / round_[f"{one}2"] for round_ in walls] for one in ("ours", "floor")}
    medians = {one: round(statistics.median(each), 3) for one, each in gains.items()}
    print(f"\nTwo processes instead of one, {lines:,} events, wall time\n  ours  {medians['ours']:.2f} times as fast")
    print(f"  floor {medians['floor']:.2f} times as fast")
    if not quick:
        driver.keep("jobs", {"speed_up": medians, "events": lines, "wall": walls})
    return {"jobs2_vs_floor2": statistics.median(a / b for a, b in zip(gains["ours"], gains["floor"], strict=True))}


def _long_file(count: int) -> Path:
    """A file of many events: a shorter corpus over and over, each event with a messageId of its own."""
    path = driver.workshop() / f"long-{count}.ndjson"
    lines = list(corpus.events(min(count, 50_000)))
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in corpus.renamed(lines, count))
    return path


def _wall(command: Sequence[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise CannotRunError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return time.perf_counter() - start


def _keep(table: driver.Table, key: str, against: str, quick: bool) -> None:  # noqa: FBT001 - passed on
    if not quick:
        driver.keep(key, {"engines": table.rows(against), "not_timed": table.missing, "against": against})


def _ratios(table: driver.Table, wanted: dict[str, tuple[str, str]]) -> dict[str, float]:
    """The ratios that can be had; a table says itself which engines it lacks."""
    found = {}
    for name, (one, other) in wanted.items():
        try:
            found[name] = table.ratio(one, other)
        except CannotRunError as error:
            print(f"  {name}: {error}")
    return found


def _elsewhere(module: str) -> Measure:
    """A part that has a file of its own, imported when its turn comes: it may need what is not installed."""

    def measure(quick: bool) -> dict[str, float]:  # noqa: FBT001 - the form of every part
        found: dict[str, float] = importlib.import_module(module).ratios(quick=quick)
        return found

    return measure


DELIVERY = (
    *("sqlite_accept_100", "sqlite_accept_100_mapped", "sqlite_group_commit"),
    *("sqlite_drain", "sqlite_drain_worker", "standing_sqlite", "standing_sqlite_shuffled"),
    *("postgres_accept_100", "postgres_accept_100_pipelined", "postgres_accept_100_mapped"),
    *("postgres_drain", "postgres_drain_worker", "standing_postgres"),
    *("accept_to_send_p99_ms", "accept_to_send_elsewhere_p99_ms", "worker_vs_bare_client"),
)
PARTS = (
    Part("files", files, ("transform_vs_floor",)),
    Part("in_memory", in_memory, ("transform_vs_plain", "transform_vs_naive", "vs_pydantic", "memory_vs_floor")),
    Part("peers", _elsewhere("peers"), ("vs_segment_actions_core", "vs_rudderstack", "vs_node_by_hand")),
    Part("invalid", invalid, ("invalid_vs_valid",)),
    Part("jobs", jobs, ("jobs2_vs_floor2",)),
    Part("growth", _elsewhere("growth"), ("peak_memory_1M_vs_1k", "growth_fields", "growth_traits", "growth_events")),
    Part("startup", _elsewhere("startup"), ("preview_vs_empty_typer_app",)),
    Part("sender", _elsewhere("sender"), ("sender_vs_bare_client",)),
    Part("delivery", _elsewhere("delivery"), DELIVERY),
)


def measured(part: Part, quick: bool) -> dict[str, float | str]:  # noqa: FBT001 - passed on
    """What a part gives for each of its ratios: the ratio, or why there is none."""
    start = time.perf_counter()
    try:
        found = part.measure(quick)
        why = "see its table"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - one part must not stop the others
        found, why = {}, f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"\n{part.name}: {why}")
    print(f"  ({part.name}: {time.perf_counter() - start:.0f} s)", flush=True)
    owed: dict[str, float | str] = {name: found.get(name, why) for name in part.owes}
    return owed


def _machine() -> dict[str, str | int]:
    """What the figures were taken on: versions, and the number of cores."""
    facts: dict[str, str | int] = {"python": platform.python_version(), "cores": os.cpu_count() or 0}
    for name in (
        "jmespath",
        "cerberus",
        "msgspec",
        "google-re2",
        "orjson",
        "pydantic",
        "httpx",
        "typer",
        "sqlalchemy",
        "psycopg",
    ):
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def main() -> None:
    """Measure what is asked for, and print the ratios last."""
    read = argparse.ArgumentParser(description="Measure mapper against the floor, its parts and its peers.")
    read.add_argument("--quick", action="store_true", help="a few seconds a part; the figures say little")
    names = [name for part in PARTS for name in (part.name, *part.owes)]
    read.add_argument("--only", action="append", metavar="NAME", choices=names, help="a part, or one of its ratios")
    asked = read.parse_args()
    wanted = [part for part in PARTS if not asked.only or {part.name, *part.owes} & set(asked.only)]
    machine = _machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    ratios: dict[str, float | str] = {}
    for part in wanted:
        ratios |= measured(part, asked.quick)
    if not asked.quick and not asked.only:
        driver.keep("machine", machine)
        driver.keep("ratios", ratios)
    print()
    for name, value in ratios.items():
        print(f"{name}: not measured ({value})" if isinstance(value, str) else f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
