"""All commands, and a run of them as a program.

Knows which commands there are, and what became of one that ended in an unusual way. Must not do what they do: each
has a module of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module

from typer import Typer

from mapper.apps.cli import exits
from mapper.apps.cli.app import app, say
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.outputs import UnwritableError, why

__all__ = ["load", "run"]

#: The module of each command. Importing it puts the command on the app.
_HOMES = {
    "preview": "preview",
    "transform": "transform",
    "send": "sending.send",
    "worker": "sending.work",
    "queue": "queue",
    "identity": "people",
    "doctor": "doctor",
    "sandbox": "sandbox",
    "check": "check",
    "test": "try_tests",
    "functions": "reference",
    "explain": "reference",
    "schema": "reference",
}


def load(called: str | None = None) -> Typer:
    """The app with its commands on it; with that one alone where it is called, because `send` loads a loop and HTTP."""
    for home in [_HOMES[called]] if called in _HOMES else dict.fromkeys(_HOMES.values()):
        import_module(f"mapper.apps.cli.{home}")
    return app


def run() -> int:
    """Run the command line with the arguments of this process; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A character that a terminal cannot show must not stop what was done already.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        load(sys.argv[1] if len(sys.argv) > 1 else None)()
    except SystemExit as error:
        return exits.PIPE_CLOSED if _pipe_closed(error) else _code(error)
    except BrokenPipeError:
        return exits.PIPE_CLOSED
    except (OSError, UnwritableError) as error:  # help or a usage message that could not be written
        with suppress(OSError, UnwritableError):
            say(f"error: {error if isinstance(error, UnwritableError) else f'cannot write: {why(error)}'}")
        return Exit.USAGE
    return Exit.FINE


def _code(error: SystemExit) -> int:
    return error.code if isinstance(error.code, int) else Exit.FINE


def _pipe_closed(error: BaseException) -> bool:
    """Whether an exit came of a closed pipe: rich and typer leave with 1 then, which would say "invalid" here."""
    return error.__context__ is not None and any(isinstance(one, BrokenPipeError) for one in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__context__
    while cause is not None:
        yield cause
        cause = cause.__context__
