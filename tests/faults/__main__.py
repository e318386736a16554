"""The command line of the rig: ``python -m tests.faults kills``, ``powercut`` and ``check``.

Knows the options. Must not run anything itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from . import checker, kills, powercut, programs, syscalls, writer


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; 1 where it found a fault."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, dest="command")
    _kills(commands.add_parser("kills", help="SIGKILL at each point"))
    _powercut(commands.add_parser("powercut", help="every disk that a power cut may leave, of a small writer"))
    commands.add_parser("check", help="judge logs from files", add_help=False)
    if arguments[:1] == ["check"]:
        return checker.main(arguments[1:])
    options = parser.parse_args(arguments)
    return {"kills": _run_kills, "powercut": _run_powercut}[options.command](options)


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
