"""``mapper functions``, ``explain`` and ``schema``: what there is to look up.

Knows where each reference is kept. Must not hold any of it.
"""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from typing import Annotated

import typer

from mapper import codes, functions
from mapper.apps.cli.app import app, say, write
from mapper.apps.cli.exits import Exit
from mapper.expressions import syntax
from mapper.plan.schema import mapping_schema


@app.command("functions", short_help="List the functions that expressions may call.")
def list_functions(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, with its examples.")] = None,
) -> None:
    """List the functions that expressions may call; with a name, one of them with its examples."""
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import reference, terminal

    screen = terminal.screen(sys.stdout)
    if name is None:
        standard = [known for known in syntax.known_functions() if known not in functions.TABLE]
        terminal.show(reference.functions(functions.TABLE.values(), standard, screen))
    elif name in functions.TABLE:
        terminal.show(reference.function(functions.TABLE[name], screen))
    elif name in syntax.known_functions():
        terminal.show(reference.standard(name, screen))
    else:
        _unknown("function", name, list(syntax.known_functions()))


@app.command(short_help="Explain a problem's code, or a job's state or reason.")
def explain(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="A code, as it stands in a report.")] = None,
) -> None:
    """Explain a problem's code, or a job's state or reason: what it means, what to do. Without one, list them all."""
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import reference, terminal

    screen = terminal.screen(sys.stdout)
    if code is None:
        terminal.show(reference.codes(codes.TABLE.values(), screen))
    elif code in codes.TABLE:
        terminal.show(reference.code(codes.TABLE[code], screen))
    else:
        _unknown("code", code, list(codes.TABLE))


def _unknown(noun: str, name: str, known: list[str]) -> None:
    near = get_close_matches(name, known, 1, 0.5)
    meant = f"; did you mean {near[0]}?" if near else ""
    say(f"error: there is no {noun} {name!r}{meant}")
    raise typer.Exit(Exit.USAGE)


@app.command(short_help="Write the JSON Schema of a mapping, for editors.")
def schema() -> None:
    """Write the JSON Schema of a mapping, by which editors complete and check it."""
    write(json.dumps(mapping_schema(), indent=2, ensure_ascii=False).encode() + b"\n")
