"""The side of an engine in the protocol of the benchmark: it is asked on stdin and answers on stdout, a line each.

    run         one pass over the corpus: {"cpu": seconds, "wall": seconds, "events": n, "ready": valid ones}
    write PATH  one line for each event: its body, or null where it is invalid
    quit

``cpu`` is user and system time of the process with all its threads.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: One event, its line number (from 1) and its bytes: whether it is valid, and its body or the line that says why not.
Map = Callable[[int, bytes], tuple[bool, bytes]]
#: A file of events and the file for what is made of them.
Transform = Callable[[Path, Path], Any]


def serve_lines(make: Map) -> None:
    """Be an engine from memory to memory over the file that the command line names."""
    lines = Path(sys.argv[1]).read_bytes().splitlines()

    def run() -> int:
        ready = 0
        for number, line in enumerate(lines, 1):
            valid, _ = make(number, line)
            ready += valid
        return ready

    def write(path: Path) -> None:
        with path.open("wb") as file:
            for number, line in enumerate(lines, 1):
                valid, made = make(number, line)
                file.write((made if valid else b"null") + b"\n")

    _serve(run, write, len(lines))


def serve_file(transform: Transform) -> None:
    """Be an engine from file to file. What it writes is its own: it need not have a line for each event."""
    read = Path(sys.argv[1])
    made = read.with_suffix(f".{Path(sys.argv[0]).stem}")
    with read.open("rb") as file:
        events = sum(1 for _ in file)

    def run() -> int:
        transform(read, made)
        return events

    _serve(run, lambda path: transform(read, path), events)
    made.unlink(missing_ok=True)


def _serve(run: Callable[[], int], write: Callable[[Path], Any], events: int) -> None:
    run()
    _say("ready")
    for request in sys.stdin:
        word, _, path = request.strip().partition(" ")
        if word == "run":
            cpu, wall = time.process_time(), time.perf_counter()
            ready = run()
            spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
            _say(json.dumps({**spent, "events": events, "ready": ready}))
        elif word == "write":
            write(Path(path))
            _say("written")
        else:
            return


def _say(text: str) -> None:
    print(text, flush=True)
