"""``mapper preview``: one event, explained; nothing is ever sent.

Knows which parts a preview is put together from. Must not know a transport.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mapper import codec, pipeline
from mapper.apps.cli import loading
from mapper.apps.cli.app import Form, IdentityOption, MappingOption, SettingsOption, app, say, write
from mapper.apps.cli.exits import Exit
from mapper.apps.render.counting import counted
from mapper.pipeline import Mapper, Result
from mapper.readers import ndjson
from mapper.readers.people import People


@app.command(short_help="Show what one event becomes, and why. Never sends.")
def preview(  # noqa: PLR0913 - the options of a command
    event: Annotated[str, typer.Argument(metavar="EVENT", help="A JSON file, or - for standard input.")],
    mapping: MappingOption = None,
    identity: IdentityOption = None,
    setting: SettingsOption = None,
    line: Annotated[int | None, typer.Option(min=1, metavar="N", help="The line, where each holds an event.")] = None,
    form: Annotated[Form, typer.Option("--format", help="A page for people, or JSON for programs.")] = Form.TABLE,
) -> None:
    """Show what one event becomes: each field, where it was taken from, and the exact request. Never sends."""
    mapper = loading.mapping(mapping)
    settings = loading.settings(setting, mapper)
    people = loading.known(identity, mapper)
    raw = ndjson.event(event, line)
    try:
        decoded = codec.decode(raw)
    except codec.NotJson as error:
        result = pipeline.not_json(error)
    else:
        result = mapper.transform_decoded(decoded, settings, _person(people, decoded))
    if form is Form.JSON:
        write(codec.encode(result.as_dict()) + b"\n")
    else:
        _show(result, mapper, event if line is None else f"{event}:{line}")
    raise typer.Exit(Exit.SOME_INVALID if result.status == "invalid" else Exit.FINE)


def _person(people: People | None, decoded: Any) -> Any:
    """What is known of the event's person; how much that is, is said."""
    if people is None:
        return None
    known = people.of(decoded)
    count = len(known.traits) if known is not None else 0
    what = counted(count, "trait") if count else "nothing"
    say(f"{people.name}: {what} {'are' if count > 1 else 'is'} known of this person")
    return known


def _show(result: Result, mapper: Mapper, event: str) -> None:
    # Tables are drawn with rich, which is loaded only when one is drawn.
    from mapper.apps.render import preview as layout
    from mapper.apps.render import terminal

    required = frozenset(field.name for field in mapper.plan.fields if field.rules.required)
    name = "standard input" if event == "-" else event
    subject = layout.Subject(name, mapper.file, mapper.destination, required)
    terminal.show(layout.page(result, subject, terminal.screen(sys.stdout)))
