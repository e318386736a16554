"""``mapper doctor``: whether this machine, the settings and the store are fit for sending.

Knows in which order things are looked at, and what to do about each. Must not mend anything, nor say a secret's
value.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mapper import codec
from mapper.apps.cli.app import MappingOption, ReportForm, SettingsOption, app, write
from mapper.apps.cli.examinations import Examined, of_mapping, of_store
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.stores import STORE, StoreOption


@app.command(short_help="Check settings, store and machine.")
def doctor(
    store: StoreOption = STORE,
    mapping: MappingOption = None,
    setting: SettingsOption = None,
    form: Annotated[ReportForm, typer.Option("--format", help="For people, or JSON for programs.")] = ReportForm.TEXT,
) -> None:
    """Check whether all is fit for sending: settings, store, sums, files, disk, clock; each with what to do.

    Nothing is mended, and no secret is shown. The exit code is 2 where something is wrong.
    """
    findings = [*of_mapping(mapping, setting), *of_store(store)]
    if form is ReportForm.JSON:
        write(codec.encode({"findings": [one.as_dict() for one in findings]}) + b"\n")
    else:
        _show(findings)
    raise typer.Exit(Exit.USAGE if any(one.level == "error" for one in findings) else Exit.FINE)


def _show(findings: list[Examined]) -> None:
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import doctor as layout
    from mapper.apps.render import terminal

    lines = [layout.Line(one.level, one.what, one.said, one.hint) for one in findings]
    terminal.show(layout.page(lines, terminal.screen(sys.stdout)))
