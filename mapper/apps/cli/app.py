"""The Typer app, the options that several commands share, and what becomes of an exception.

Knows typer, and whose fault which exception is. Must not know what a command does.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from mapper.apps.cli import exits, mistakes
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.outputs import CLOSED, FULL, UnwritableError, why
from mapper.errors import MapperError, MappingError, Problem, SettingsError

_ORDER = (
    "preview",
    "transform",
    "send",
    "worker",
    "queue",
    "identity",
    "doctor",
    "sandbox",
    "check",
    "test",
    "functions",
    "explain",
    "schema",
)
#: What is installed is called longer than the command.
_DISTRIBUTION = "segment-mapper"


class Commands(TyperGroup):
    """All commands. Exceptions that a command lets through end here, each with the exit code of whose fault it is."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()
        except KeyboardInterrupt as error:
            _end("stopped", exits.signalled(getattr(error, "number", signal.SIGINT)))
        except MappingError as error:
            _report(error.problems, error.text)
            raise typer.Exit(Exit.NOT_COMPILED) from None
        except SettingsError as error:
            _report(error.problems)
            raise typer.Exit(Exit.USAGE) from None
        except MapperError as error:
            _end(f"error: {error}", Exit.USAGE)
        except Exception as error:
            if hasattr(error, "exit_code"):  # typer's own exceptions: they say how to exit
                raise
            unwritable = _unwritable(error)
            if unwritable:
                _end(f"error: {unwritable}", Exit.USAGE)
            _end(mistakes.told(error), exits.OUR_MISTAKE)

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order in which a person needs them."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


app = typer.Typer(
    name="mapper",
    cls=Commands,
    help="Map Identify calls to the requests of a destination, by one YAML file.",
    epilog="Exit codes: 0 fine, 1 some events are invalid or a test failed, 2 wrong usage,"
    " 3 the mapping has errors, 4 something was not delivered.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer's way to say a switch
    """Say the version, and leave."""
    if not asked:
        return
    # It looks through the installed packages, which no other command has to.
    from importlib import metadata

    try:
        version = metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    write(f"mapper {version}\n".encode())
    raise typer.Exit


@app.callback()
def _group(
    version: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--version", help="Say the version, and leave.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Keep the commands' names even where there is only one."""


class Form(StrEnum):
    """How a preview is written."""

    TABLE = "table"
    JSON = "json"


class ReportForm(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"


MappingOption = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--mapping",
        metavar="PATH|NAME",
        envvar="MAPPER_MAPPING",
        help="The mapping: a file, or the name of a shipped one. Without it the default one.",
        show_default=False,
    ),
]
MappingArgument = Annotated[
    str | None,
    typer.Argument(metavar="[MAPPING]", help="A mapping file, or the name of a shipped one.", show_default=False),
]
IdentityOption = Annotated[
    str | None,
    typer.Option(
        "--identity",
        metavar="FILE",
        help="What is known of people: earlier Identify calls, one a line; or one person's traits as a JSON object.",
        show_default=False,
    ),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--setting",
        metavar="NAME=VALUE",
        help="A setting for this run, over the environment's. May be repeated. Secrets are refused.",
        show_default=False,
    ),
]


def say(text: str) -> None:
    """Talk to the person: on stderr, so that stdout holds nothing but what was asked for. Raises UnwritableError."""
    if sys.stderr is None:  # closed: print would take stdout instead
        return
    try:
        print(text, file=sys.stderr)  # noqa: T201 - this is the one place that prints
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnwritableError(f"cannot write to standard error: {why(error)}") from None


def write(content: bytes) -> None:
    """Write to stdout: bytes, so that no terminal's encoding changes them. Raises UnwritableError."""
    if sys.stdout is None:
        raise UnwritableError(CLOSED)
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _report(problems: tuple[Problem, ...], text: str = "") -> None:
    # Tables and frames are drawn with rich, which is loaded only when something is drawn.
    from mapper.apps.render import problems as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stderr)
    with suppress(OSError):  # the exit code says it as well
        terminal.show(layout.report(problems, text, screen) if text else layout.brief(problems, screen), sys.stderr)


def _unwritable(error: Exception) -> str:
    """Why something could not be written, where that is what an exception says; else empty."""
    if not isinstance(error, OSError):
        return ""
    if error.errno == errno.EBADF and sys.stdout is None:
        return CLOSED
    return f"cannot write: {why(error)}" if error.errno in FULL else ""


def _leave_quietly() -> NoReturn:
    """Whoever read our output has had enough. What is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(exits.PIPE_CLOSED)


def _end(sentence: str, code: int) -> NoReturn:
    """End with a sentence. Where not even that can be written, the code alone has to say it."""
    with suppress(OSError, UnwritableError):
        say(sentence)
    raise typer.Exit(code) from None
