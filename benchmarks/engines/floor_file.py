"""The floor from file to file: a loop of ``orjson.dumps(orjson.loads(line))``, and nothing between.

python floor_file.py CORPUS                    the protocol
python floor_file.py CORPUS --once OUT         once, in this process
python floor_file.py CORPUS --halves OUT       once, in two processes over byte halves, joined in order
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
from protocol import serve_file


def transform(read: Path, made: Path) -> None:
    """Write each line of a file anew."""
    with read.open("rb") as lines, made.open("wb") as out:
        for line in lines:
            out.write(orjson.dumps(orjson.loads(line)) + b"\n")


def part(read: Path, made: Path, start: int, end: int) -> None:
    """The same for the lines that begin from ``start`` up to ``end``."""
    with read.open("rb") as lines, made.open("wb") as out:
        lines.seek(max(0, start - 1))
        if start:
            lines.readline()
        at = lines.tell()
        while at < end and (line := lines.readline()):
            out.write(orjson.dumps(orjson.loads(line)) + b"\n")
            at += len(line)


def halves(read: Path, made: Path) -> None:
    """Two processes, each over half of the bytes; the second half is then put behind the first."""
    size = read.stat().st_size
    later = made.with_suffix(".later")
    spans = ((made, 0, size // 2), (later, size // 2, size))
    started = [
        subprocess.Popen([sys.executable, __file__, str(read), "--part", str(out), str(start), str(end)])
        for out, start, end in spans
    ]
    if any(process.wait() for process in started):
        raise SystemExit(1)
    with made.open("ab") as out, later.open("rb") as rest:
        shutil.copyfileobj(rest, out, 1 << 20)
    later.unlink()


def main() -> None:
    """Do what the command line says."""
    read, *rest = sys.argv[1:]
    match rest:
        case []:
            serve_file(transform)
        case ["--once", made]:
            transform(Path(read), Path(made))
        case ["--halves", made]:
            halves(Path(read), Path(made))
        case ["--part", made, start, end]:
            part(Path(read), Path(made), int(start), int(end))


if __name__ == "__main__":
    main()
