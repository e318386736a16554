"""Ours from file to file: the command line's own code, a whole ``mapper transform FILE -m MAPPING -o OUT`` each time.

The mapping is read and compiled anew by each run, as each run of the command does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from protocol import serve_file

from mapper.apps.cli import commands

MAPPING = Path(__file__).resolve().parent.parent / "mapping.yaml"


def transform(read: Path, made: Path) -> None:
    """Run the command. Its exit code says that some events are invalid; any other failure is ours."""
    sys.argv = ["mapper", "transform", str(read), "-m", str(MAPPING), "-o", str(made)]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        code = commands.run()
    if code not in (0, 1):
        sys.exit(f"the command ended with {code}")


if __name__ == "__main__":
    serve_file(transform)
