"""``mapper test``: runs the tests that a mapping carries.

Knows how a run ends. Must not compare anything itself.
"""

from __future__ import annotations

import sys

import typer

from mapper import pipeline
from mapper.apps.cli import loading
from mapper.apps.cli.app import MappingArgument, MappingOption, app
from mapper.apps.cli.exits import Exit
from mapper.pipeline import cases


@app.command("test", short_help="Run the tests in a mapping's file.")
def run_tests(context: typer.Context, argument: MappingArgument = None, mapping: MappingOption = None) -> None:
    """Run the tests in a mapping's file; a failure is shown field by field."""
    mapper = pipeline.load(loading.named(argument, mapping, context), {})
    verdicts = cases.run_tests(mapper)
    # Pages are drawn with rich, which is loaded only when one is drawn.
    from mapper.apps.render import terminal, tests

    terminal.show(tests.page(verdicts, mapper.file, terminal.screen(sys.stdout)))
    failed = any(not verdict.passed for verdict in verdicts)
    raise typer.Exit(Exit.SOME_INVALID if failed else Exit.FINE)
