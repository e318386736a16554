"""How the programs of this package are started, wherever the package was imported from.

Knows the interpreter and the import path. Must not know what the programs do.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from .events import TOKEN

HERE: Final = Path(__file__).resolve().parent
#: A line for a mapping's part ``send``. Of two jobs that are due only one may leave at once then: both are claimed, and
#: started one after the other. Without a rate they are started with the claim, where the store has one worker.
PACED: Final = "rate: 300/second"
#: The package's own name: ``faults`` in the tests, ``tests.faults`` from the top of the repository.
_PACKAGE: Final = __name__.rpartition(".")[0]
_ROOT: Final = HERE.parents[_PACKAGE.count(".")]


def command(program: str, *arguments: str | Path) -> list[str]:
    """The words that start a program of this package."""
    return [sys.executable, "-m", f"{_PACKAGE}.{program}", *map(str, arguments)]


def beside(module: str) -> str:
    """The name of a module beside this package: ``postgres`` in the tests, ``tests.postgres`` from the top."""
    return ".".join([*_PACKAGE.split(".")[:-1], module])


def environment(**more: str) -> dict[str, str]:
    """The environment to start it in."""
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    fixed = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "FAULTS_TOKEN": TOKEN}
    return {**os.environ, **fixed, **more}


def mapping(room: Path, send: Sequence[str] = (), *, resend: bool = False) -> str:
    """A copy of the mapping in a directory, with more lines in its part ``send``; its path."""
    made = room / ("mapping-resend.yaml" if resend else "mapping.yaml")
    text = (HERE / made.name).read_text("utf-8")
    made.write_text(text + "".join(f"  {line}\n" for line in send), "utf-8")
    return str(made)


@contextlib.contextmanager
def receiver(log: Path, control: Path) -> Iterator[str]:
    """A scripted receiver for as long as the block runs; its URL."""
    words = command("receiver", "--log", log, "--control", control)
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            yield f"http://127.0.0.1:{int(line)}/orders"
        finally:
            process.kill()
