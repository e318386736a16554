"""The command line of the rig: ``python -m tests.faults all``, ``kills``, ``powercut`` and ``check``.

Knows the options, and the parts of ``all`` in their order. Must not run anything itself.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from . import (
    canaries,
    checker,
    clocks,
    deposit,
    disk,
    kills,
    mayhem,
    network,
    powercut,
    programs,
    storms,
    syscalls,
    writer,
)
from .report import Options, Report, Server

#: What ``all`` runs, in this order.
PARTS: Final[list[tuple[str, Callable[[Options], Report]]]] = [
    ("kills, SQLite", kills.on_sqlite),
    ("kills, PostgreSQL", kills.on_postgresql),
    ("random kills", mayhem.on_both),
    ("power cuts", deposit.power_cuts),
    *storms.PARTS,
    *network.PARTS,
    *disk.PARTS,
    *clocks.PARTS,
]
#: Where logs are kept of parts with faults.
_KEPT: Final = Path("out", "faults")


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; 1 where it found a fault."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, dest="command")
    _all(commands.add_parser("all", help="every part, judged; exit 1 where anything is not as it should be"))
    _kills(commands.add_parser("kills", help="SIGKILL at each point"))
    _powercut(commands.add_parser("powercut", help="every disk that a power cut may leave, of a small writer"))
    commands.add_parser("check", help="judge logs from files", add_help=False)
    if arguments[:1] == ["check"]:
        return checker.main(arguments[1:])
    options = parser.parse_args(arguments)
    return {"all": _run_all, "kills": _run_kills, "powercut": _run_powercut}[options.command](options)


def _all(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="a look, in a couple of minutes")
    parser.add_argument("--times", type=int, help="kills at each point under each policy: 50, or 1 with --quick")
    parser.add_argument("--minutes", type=float, help="of random kills on both engines: 5, or 0.1 with --quick")
    parser.add_argument("--states", type=int, help="disks after a power cut: 20,000, or 1,000 with --quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="only parts with this word in their name")


def _kills(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--times", type=int, default=50, help="kills at each point under each policy")
    parser.add_argument("--store", default="", help="postgresql: the server's URL, without a database")
    parser.add_argument("--points", nargs="*", default=[], metavar="P7", help="only these")
    parser.add_argument("--lanes", type=int, default=3, help="how many at once")
    parser.add_argument("--lease", type=float, default=0.5, help="seconds")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds after which what is unfinished is stuck")
    parser.add_argument("--product", choices=["mapper", "standin"], default="mapper")
    parser.add_argument("--room", type=Path, help="a directory for stores and logs")
    parser.add_argument("--bug", help="standin: a mistake to be found")


def _powercut(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--states", type=int, default=20_000)
    parser.add_argument("--journal", default="WAL")
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--seed", type=int, default=0)


def _run_all(options: argparse.Namespace) -> int:
    usual = {"times": 1, "minutes": 0.1, "states": 1_000} if options.quick else {}
    asked = {name: getattr(options, name) for name in ("times", "minutes", "states")}
    given: dict[str, Any] = {**usual, **{name: value for name, value in asked.items() if value is not None}}
    parts = [part for part in PARTS if not options.only or any(word in part[0] for word in options.only)]
    started = time.monotonic()
    _KEPT.mkdir(parents=True, exist_ok=True)
    with _server() as server:
        told = Options(_KEPT, server, scale=0.05 if options.quick else 1.0, seed=options.seed, **given)
        fine = [_run_part(name, run, told) for name, run in parts]
    with contextlib.suppress(OSError):  # something is kept in it
        _KEPT.rmdir()
    _tell(f"{fine.count(True)} of {len(fine)} parts as they should be, {time.monotonic() - started:.0f} s in all")
    return int(not all(fine))


def _run_part(name: str, run: Callable[[Options], Report], options: Options) -> bool:
    """Run one part in a directory of its own, and tell its line; whether all was as it should be."""
    _tell(f"{name} ...")
    room = Path(tempfile.mkdtemp(prefix=f"{name.replace(',', '').replace(' ', '-')}-", dir=_KEPT)).absolute()
    started = time.monotonic()
    report = _report(run, replace(options, room=room))
    faults = dict(report.faults)
    if options.server and canaries.leaks(options.server.log):
        shutil.copy(options.server.log, room)
        faults["leaked by PostgreSQL's log"] = 1
    told = "  ".join(f"{what.upper()} {count}" for what, count in faults.items())
    _tell(f"{name}: {report.figures}; {told or 'as it should be'}; {time.monotonic() - started:.0f} s")
    if faults:
        _tell(f"    the logs are in {room}")
    else:
        shutil.rmtree(room)
    return not faults


def _report(run: Callable[[Options], Report], options: Options) -> Report:
    try:
        return run(options)
    except Exception as error:  # noqa: BLE001 - the next parts are run in any case
        (options.room / "broken.txt").write_text(traceback.format_exc(), "utf-8")
        return Report(f"{type(error).__name__}: {error}", {"broken": 1})


@contextlib.contextmanager
def _server() -> Iterator[Server | None]:
    """A PostgreSQL server for all parts, its programs first on the PATH; None where it is not installed."""
    postgres = importlib.import_module(programs.beside("postgres"))
    directory = postgres.installed()
    if directory is None:
        _tell("PostgreSQL is not installed: what needs it is left out")
        yield None
        return
    os.environ["PATH"] = f"{directory}{os.pathsep}{os.environ['PATH']}"
    with postgres.Postgres(directory) as server:
        yield server


def _run_kills(options: argparse.Namespace) -> int:
    named = {name: value for name, value in vars(options).items() if name not in ("command", "points")}
    started = time.monotonic()
    results = kills.campaign(kills.Campaign(**named, points=tuple(options.points)), _tell)
    _tell(f"{sum(result.kills for result in results)} kills in {time.monotonic() - started:.0f} s")
    return int(any(result.faults for result in results))


def _run_powercut(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="faults-") as room:
        root, trace = Path(room, "disk"), Path(room, "trace")
        root.mkdir()
        settings = ["--journal", options.journal, "--synchronous", options.synchronous, "--rows", str(options.rows)]
        syscalls.record(programs.command("writer", root / "jobs.db", *settings), trace, environ=programs.environment())
        with trace.open(encoding="ascii") as lines:
            operations = syscalls.parse(lines, root)
    report = powercut.explore(operations, writer.verdict, seed=options.seed, most=options.states)
    _tell(f"{report.states} states, {report.acks} acks, faults: {dict(report.faults) or 'none'}")
    return int(bool(report.faults))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
