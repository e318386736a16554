"""How long a whole `mapper preview` takes, against a Typer app whose one command does nothing.

Knows how the two are started and timed. Must not know why they take so long: `python -X importtime` says that.

Both are run by the same interpreter, from the first instruction to the last, with their output in a pipe, one after
the other in each round. The ratio is the median of the rounds' ratios of wall time; that of CPU time is told beside it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import driver

_EMPTY = '''\
import typer

app = typer.Typer()


@app.command()
def nothing() -> None:
    """Do nothing."""


app()
'''
#: What the console script of an installation says.
_MAPPER = "from mapper.apps.cli import main; main()"
_EVENT = driver.ROOT / "examples" / "nested.json"
_MAPPING = driver.ROOT / "mappings" / "inkit.yaml"
_PREVIEW = (sys.executable, "-c", _MAPPER, "preview", "--format", "json", str(_EVENT), "-m", str(_MAPPING))
#: An installation has compiled its modules: where this shell forbids that, each run would do it anew.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Took:
    """What one run took, in seconds."""

    wall: float
    cpu: float


def ratios(quick: bool = False) -> dict[str, float]:  # noqa: FBT001, FBT002 - as every part of the benchmark has it
    """``preview_vs_empty_typer_app``: wall time, the smaller the better."""
    figures = _figures(5 if quick else 31)
    driver.keep("startup", figures)
    return {"preview_vs_empty_typer_app": figures["ratio"]["wall"]}


def _figures(rounds: int) -> dict[str, Any]:
    """Medians in milliseconds, and the medians of the rounds' ratios."""
    with tempfile.TemporaryDirectory() as directory:
        app = Path(directory) / "empty.py"
        app.write_text(_EMPTY, "utf-8")
        commands = {"python": (sys.executable, "-c", "pass"), "empty": (sys.executable, str(app)), "preview": _PREVIEW}
        _run(commands["preview"])  # which also writes what Python compiles
        taken = [{name: _run(command) for name, command in commands.items()} for _ in range(rounds)]
    return {
        "rounds": rounds,
        "milliseconds": {
            name: {kind: round(1000 * statistics.median(getattr(r[name], kind) for r in taken), 1) for kind in _KINDS}
            for name in commands
        },
        "ratio": {
            kind: statistics.median(getattr(r["preview"], kind) / getattr(r["empty"], kind) for r in taken)
            for kind in _KINDS
        },
    }


_KINDS = ("wall", "cpu")


def _run(command: Sequence[str]) -> Took:
    """Run a program to its end, with its output in a pipe."""
    before, start = _children(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True, env=_ENVIRONMENT)
    wall = time.perf_counter() - start
    return Took(wall, _children() - before)


def _children() -> float:
    """The CPU time of all programs that were run until now."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=31)
    figures = _figures(parser.parse_args().rounds)
    driver.keep("startup", figures)
    for name, took in figures["milliseconds"].items():
        print(f"{name:8} {took['wall']:7.1f} ms wall {took['cpu']:7.1f} ms CPU")
    print(f"CPU time of a preview, in empty Typer apps: {figures['ratio']['cpu']:.2f}")
    print(f"preview_vs_empty_typer_app: {figures['ratio']['wall']:.2f}")


if __name__ == "__main__":
    main()
