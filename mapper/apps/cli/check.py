"""``mapper check``: everything that is wrong with a mapping, in one go; with a sample, how it fits real events.

Knows in which order a mapping is looked at. Must not look for mistakes itself.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mapper import codec, pipeline
from mapper.apps.cli import loading
from mapper.apps.cli.app import (
    IdentityOption,
    MappingArgument,
    MappingOption,
    ReportForm,
    SettingsOption,
    app,
    say,
    write,
)
from mapper.apps.cli.exits import Exit
from mapper.apps.render.counting import counted
from mapper.errors import MappingError, Problem
from mapper.pipeline import Mapper, records
from mapper.pipeline.coverage import Coverage
from mapper.readers import ndjson
from mapper.readers.people import People


@app.command(short_help="Say everything that is wrong with a mapping.")
def check(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    argument: MappingArgument = None,
    mapping: MappingOption = None,
    form: Annotated[ReportForm, typer.Option("--format", help="For people, or JSON for programs.")] = ReportForm.TEXT,
    sample: Annotated[
        str | None, typer.Option(metavar="EVENTS", help="Events, one a line: also say which expressions never match.")
    ] = None,
    identity: IdentityOption = None,
    setting: SettingsOption = None,
    show_plan: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--show-plan", help="Show the Python functions that are made of it, to be read.")
    ] = False,
) -> None:
    """Say everything that is wrong with a mapping, each with its place and what to write instead.

    With --sample also which expressions no event fills; --identity and --setting then count, and no environment.
    """
    where = loading.named(argument, mapping, context)
    if show_plan and (sample is not None or form is ReportForm.JSON):
        raise typer.BadParameter("it shows Python text and nothing else", param_hint="--show-plan")
    if sample is None and (identity is not None or setting):
        hint = "--setting" if setting else "--identity"
        raise typer.BadParameter("it is for events: give some with --sample", param_hint=hint)
    if sample is not None:
        ndjson.check(sample)
    mapper, problems, text = _inspected(where)
    if mapper is not None and show_plan:
        _show_plan(mapper, problems)
        raise typer.Exit(Exit.FINE)
    coverage = None
    if mapper is not None and sample is not None:
        known = loading.known(identity, mapper)
        coverage = _coverage(Coverage(mapper, loading.sampled(setting, mapper).public), sample, known)
    if form is ReportForm.JSON:
        every = problems + (coverage.problems() if coverage else [])
        write(codec.encode({"problems": records.of_problems(every)}) + b"\n")
    else:
        _show(where, problems, text, mapper, coverage)
    raise typer.Exit(Exit.NOT_COMPILED if mapper is None else Exit.FINE)


def _show_plan(mapper: Mapper, problems: list[Problem]) -> None:
    # What writes the function is loaded only when somebody wants to read it.
    from mapper.apps.cli import plans

    if problems:
        say(f"{counted(len(problems), 'warning')}: mapper check without --show-plan says what of")
    write(plans.text(mapper).encode("utf-8", "backslashreplace"))


def _inspected(where: str) -> tuple[Mapper | None, list[Problem], str]:
    try:
        text, file = pipeline.read_text(where)
    except MappingError as error:
        return None, list(error.problems), error.text
    mapper, problems, text = pipeline.inspect(text, file, {})
    return mapper, list(problems), text


def _coverage(coverage: Coverage, sample: str, known: People | None) -> Coverage:
    broken = 0
    with ndjson.opened(sample) as stream:
        for line in ndjson.lines(stream, sample):
            if line.blank:
                continue
            try:
                decoded = codec.decode(line.raw)
            except codec.NotJson:
                broken += 1
            else:
                coverage.add(decoded, known.of(decoded) if known is not None else None)
    if broken:
        are = "is" if broken == 1 else "are"
        say(f"{sample}: {counted(broken, 'line')} {are} no JSON, and {are} left out")
    if not coverage.events:
        say(f"{sample}: there is no Identify call in it, so nothing can be said")
    return coverage


def _show(where: str, problems: list[Problem], text: str, mapper: Mapper | None, coverage: Coverage | None) -> None:
    # Frames are drawn with rich, which is loaded only when something is drawn.
    from mapper.apps.render import problems as layout
    from mapper.apps.render import sample, terminal

    screen = terminal.screen(sys.stdout)
    found = coverage.problems() if coverage is not None else []
    never = [p for p in found if p.code == "never_matched"]
    if coverage is not None:
        terminal.show(sample.never_matched(never, coverage.events, screen))
        terminal.show(sample.unread(coverage.unread(), screen))
    problems = [*problems, *(p for p in found if p.code != "never_matched")]
    terminal.show(layout.report(problems, text, screen))
    if mapper is not None and not problems:
        fields, tests = len(mapper.plan.fields), len(mapper.written.tests)
        counts = f"{counted(fields, 'field')}, {counted(tests, 'test')}"
        terminal.show([terminal.Text(f"{where}: fine ({counts})", "bold green")])
