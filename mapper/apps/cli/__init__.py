"""The command line: ``mapper``, and ``python cli.py`` in a checkout.

Knows how a run of the program begins and ends. Must not do what a command does, and loads none before it is asked:
Ctrl-C may come while the commands are loaded, and a worker of ``transform --jobs`` needs none of them.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from types import ModuleType
from typing import Any, NoReturn

from mapper.apps.cli import exits

__all__ = ["app", "main", "run"]


class _Package(ModuleType):
    """This package, whose ``app`` is the Typer app also after the module of that name was loaded."""

    @property
    def app(self) -> Any:
        """The Typer app with all commands on it."""
        from mapper.apps.cli import commands

        return commands.load()

    @app.setter
    def app(self, _: ModuleType) -> None:
        """Whoever imports the module ``mapper.apps.cli.app`` puts it here, where the name is taken."""


sys.modules[__name__].__class__ = _Package

#: Its number, and the highest of the three standard streams.
_STANDARD_ERROR = 2


def main() -> NoReturn:
    """Run the command line, and exit with the code of how it ended.

    The process ends at once: Python would take all modules and objects apart first, a tenth of the time of a preview.
    So no command may leave anything to the end of Python (``atexit``, a thread that is no daemon): each closes what
    it opened, and waits for those it set to work.
    """
    os._exit(run())


def run() -> int:
    """Run the command line with the arguments of this process; the exit code. All that was written has gone out."""
    # What is made while starting stays; to look through it for rubbish again and again is a tenth of the time it takes.
    gc.set_threshold(100_000)
    _fill_closed_streams()
    try:
        from mapper.apps.cli import commands

        code = commands.run()
    except KeyboardInterrupt:  # while the commands were loaded; later they see to it themselves
        with suppress(OSError):
            os.write(2, b"stopped\n")
        code = exits.INTERRUPTED
    return _flushed(code)


def _fill_closed_streams() -> None:
    """Put something in the place of what whoever started us has closed; else the next file to be opened takes it.

    What is said goes nowhere then, and to read fails. Standard output stays closed: what is asked for has to arrive.
    """
    if not (sys.stdin is None or sys.stdout is None or sys.stderr is None):
        return
    while (number := os.open(os.devnull, os.O_WRONLY)) <= _STANDARD_ERROR:
        pass
    os.close(number)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a number, not a path; for good
    if sys.stderr is None:
        sys.stderr = open(_STANDARD_ERROR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above


def _flushed(code: int) -> int:
    """Hand over what is still to be written; what nobody takes goes nowhere, so that Python does not complain of it.

    The exit code: another one than ``code`` where all went well until here.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if not code:
                code = exits.PIPE_CLOSED if isinstance(error, BrokenPipeError) else exits.Exit.USAGE
    return code
