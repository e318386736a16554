"""Ours against what Node offers for the same work: Segment's engine, RudderStack's two, and a mapping written by hand.

Knows how the Node peers are installed and started. Must not know how an engine is timed: that is ``driver``.

    python benchmarks/peers.py [--quick]

The peers live in benchmarks/peers/, one .mjs each behind one harness that speaks the protocol of the engines. They are
copied to out/peers, which git ignores, and get their packages there, by ``npm ci`` with exact versions. Where node,
npm or the registry is missing, this part says so and gives no figures.

How to read the figures:

* Node peers start from decoded strings and end in strings; ours goes from bytes to bytes. They warm up on 20,000
  events, and on a whole pass before each timed one; ours on one pass at the start. They skip what the corpus never
  needs: Unicode's NFC form, ``0`` and ``false`` as candidates, strict JSON, an account of each trait. All of that is
  kinder to them.
* ``rudder_template`` is the quickest use of that engine: one synchronous template that becomes plain member access,
  about as fast as the mapping by hand. RudderStack runs its destinations on ``rudder_workflow``, which costs more.
* Neither of RudderStack's engines has rules: ajv has them. No peer routes the traits that no field reads to custom
  fields: all share one small loop, with the names that are spoken for written down.
* ``segment_actions_core`` is what its ``Action.execute`` does for one event, which checks the mapping anew each time;
  ``segment_actions_core_batch`` is its ``executeBatch``, for destinations that take many events in one request.
* CPU time counts all threads: V8 collects garbage and compiles beside the main one.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path
from typing import Any

import driver

SOURCES = driver.ROOT / "benchmarks" / "peers"
INSTALLED = driver.OUT / "peers"

#: Each peer is SOURCES / NAME.mjs.
SEGMENT, SEGMENT_BATCH = "segment_actions_core", "segment_actions_core_batch"
TEMPLATE, WORKFLOW = "rudder_template", "rudder_workflow"
BY_HAND = "node_by_hand"
PEERS = (BY_HAND, TEMPLATE, WORKFLOW, SEGMENT, SEGMENT_BATCH)

#: The first Node that the peers were tried on.
_OLDEST_NODE = 20
_PATIENCE_S = 180

#: Events of a pass and rounds: in full and for a smoke test.
_FULL, _QUICK = (10_000, 15), (1_000, 3)


def install() -> str:
    """Put the peers and their packages into out/peers; the path of node. Raises CannotRunError with the reason."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise driver.CannotRunError(f"{'node' if node is None else 'npm'} is not installed")
    version = _run([node, "--version"], driver.ROOT).strip()
    if int(version.removeprefix("v").split(".")[0]) < _OLDEST_NODE:
        raise driver.CannotRunError(f"node {version} is older than {_OLDEST_NODE}")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        shutil.copy(source, INSTALLED)
    _install_packages(npm)
    return node


def _install_packages(npm: str) -> None:
    """Install what the lock file names, unless just that is there."""
    wanted = (SOURCES / "package-lock.json").read_bytes()
    stamp = INSTALLED / "node_modules" / "installed-lock.json"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return
    print("installing the Node peers into out/peers ...")
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"], INSTALLED)
    stamp.write_bytes(wanted)


def _run(command: list[str], place: Path) -> str:
    """What a command prints. Raises CannotRunError with its last words."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise driver.CannotRunError(f"{name} did not run: {type(error).__name__}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise driver.CannotRunError(f"{name} failed: {said[0] if said else done.returncode}")
    return done.stdout


def measure(count: int, rounds: int) -> driver.Table:
    """Ours and all peers over the same lines, side by side, once their results agree. Raises CannotRunError."""
    node = install()
    ours = driver.python_engine("ours", count)
    theirs = [driver.Engine(name, (node, str(INSTALLED / f"{name}.mjs")), count) for name in PEERS]
    return driver.side_by_side([ours, *theirs], rounds, reference="ours")


def named(table: driver.Table) -> dict[str, float]:
    """The ratios of a table, ours over theirs. A peer that was not timed has none.

    For RudderStack it is the ratio to the faster of its two engines: the smaller one.
    """
    found = {}
    for name, peers in (
        ("vs_segment_actions_core", (SEGMENT,)),
        ("vs_rudderstack", (TEMPLATE, WORKFLOW)),
        ("vs_node_by_hand", (BY_HAND,)),
    ):
        timed = [table.ratio("ours", peer) for peer in peers if peer in table.passes and "ours" in table.passes]
        if timed:
            found[name] = round(min(timed), 3)
    return found


def report(table: driver.Table) -> dict[str, Any]:
    """The figures of each engine, for out/bench.json: ``x`` is its rate over ours; and why others have none."""
    return {"engines": table.rows("ours"), "missing": table.missing}


def ratios(quick: bool = False) -> dict[str, float]:  # noqa: FBT001, FBT002 - the form of every part of the benchmark
    """Measure, print the figures as a table, and return the ratios. Quick figures are not kept: they are too rough."""
    try:
        table = measure(*(_QUICK if quick else _FULL))
    except driver.CannotRunError as error:
        print(f"\nNode peers: not measured: {error}")
        return {}
    table.show("Node peers (mixed corpus, from memory to memory)", "ours")
    if not quick:
        driver.keep("peers", report(table))
    return named(table)


def main() -> None:
    """Measure and print the ratios."""
    parser = argparse.ArgumentParser(description="Ours against Node peers.")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    for name, value in ratios(quick=parser.parse_args().quick).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
