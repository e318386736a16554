"""The Typer app, the options that several commands share, and what becomes of an exception.

Knows typer, and whose fault which exception is. Must not know what a command does.
"""

from __future__ import annotations

import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mapper.apps.cli import exits
from mapper.apps.cli.exits import Exit
from mapper.errors import MapperError, MappingError, Problem, SettingsError

_ORDER = ("preview", "transform", "send", "sandbox", "check", "test", "functions", "explain", "schema")
_PACKAGE = Path(__file__).parents[2]


class Commands(TyperGroup):
    """All commands. Exceptions that a command lets through end here, each with the exit code of whose fault it is."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(exits.INTERRUPTED) from None
        except MappingError as error:
            _report(error.problems, error.text)
            raise typer.Exit(Exit.NOT_COMPILED) from None
        except SettingsError as error:
            _report(error.problems)
            raise typer.Exit(Exit.USAGE) from None
        except MapperError as error:
            say(f"error: {error}")
            raise typer.Exit(Exit.USAGE) from None
        except Exception as error:
            if hasattr(error, "exit_code"):  # typer's own exceptions: they say how to exit
                raise
            say(_our_mistake(error))
            raise typer.Exit(exits.OUR_MISTAKE) from None
        return result

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


@app.callback()
def _group() -> None:
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
    str, typer.Argument(metavar="MAPPING", help="A mapping file, or the name of a shipped one.", show_default=False)
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
    """Talk to the person: on stderr, so that stdout holds nothing but what was asked for."""
    print(text, file=sys.stderr)  # noqa: T201 - this is the one place that prints


def write(content: bytes) -> None:
    """Write to stdout: bytes, so that no terminal's encoding changes them."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _report(problems: tuple[Problem, ...], text: str = "") -> None:
    # Tables and frames are drawn with rich, which is loaded only when something is drawn.
    from mapper.apps.render import problems as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stderr)
    terminal.show(layout.report(problems, text, screen) if text else layout.brief(problems, screen), sys.stderr)


def _leave_quietly() -> None:
    """Whoever read our output has had enough. What is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(exits.PIPE_CLOSED)


def _our_mistake(error: Exception) -> str:
    """A traceback without values: no text of the exception, no locals, only our own lines."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(_PACKAGE)] or frames[-1:]
    places = "\n".join(f"    {Path(f.filename).name}:{f.lineno} in {f.name}" for f in ours)
    name = type(error).__name__
    return f"This is a mistake in mapper itself ({name}), not in your files. Please report it:\n{places}"
