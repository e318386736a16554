"""``mapper transform``: files of events in, request bodies out, one a line. Nothing is sent.

Knows where each result goes and what is counted. Must not know a transport, and holds one event at a time.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from mapper import codec
from mapper.apps.cli import loading
from mapper.apps.cli.app import IdentityOption, MappingOption, SettingsOption, app, say
from mapper.apps.cli.counts import Counts
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.outputs import OPEN, PRIVATE, replacing
from mapper.readers import UnreadableError, ndjson
from mapper.readers.events import Event, Reader
from mapper.readers.ndjson import Line


@app.command(short_help="Map many events to request bodies. Never sends.")
def transform(  # noqa: PLR0913 - the options of a command
    files: Annotated[list[str], typer.Argument(metavar="FILES...", help="Files with one event a line; - is stdin.")],
    mapping: MappingOption = None,
    identity: IdentityOption = None,
    setting: SettingsOption = None,
    full: Annotated[bool, typer.Option("--full", help="One whole result for each line, in the lines' order.")] = False,  # noqa: FBT002 - typer's way to say a switch
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Instead of stdout.")] = None,
    rejects: Annotated[
        str | None, typer.Option("--rejects", metavar="FILE", help="Keep invalid events here, with the reasons.")
    ] = None,
) -> None:
    """Map many events: the request bodies of those that are ready, one JSON a line. Never sends."""
    _check_files(files, (output, rejects), (mapping, identity))
    mapper = loading.mapping(mapping)
    reader = Reader(mapper, loading.settings(setting, mapper), loading.known(identity, mapper))
    counts = Counts()
    with _stdout() if output is None else replacing(output, OPEN) as out, _rejects(rejects) as kept:
        writer = _Writer(out, kept, full=full)
        for file, line in _watched(files, counts, shown=output is not None or not sys.stdout.isatty()):
            if line.blank:
                writer.blank()
                continue
            event = reader.event(file, line)
            counts.add(event.result)
            writer.write(event)
    say("\n".join(counts.lines(rejects)))
    if counts.nothing_read:
        say("No line is an event. A file of pretty-printed JSON needs one event a line: jq -c . FILE makes it so.")
    raise typer.Exit(Exit.SOME_INVALID if counts.invalid else Exit.FINE)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Where results go. ``full`` writes every result, otherwise only the bodies of those that are ready."""

    out: BinaryIO
    kept: BinaryIO | None
    full: bool

    def blank(self) -> None:
        """A blank line for a blank line, so that line N stands for line N."""
        if self.full:
            self.out.write(b"\n")

    def write(self, event: Event) -> None:
        """Write one event's result."""
        result = event.result
        if self.full:
            self.out.write(codec.encode(result.as_dict()) + b"\n")
        elif result.request is not None:
            self.out.write(result.request.content + b"\n")
        if self.kept is not None and result.status == "invalid":
            self.kept.write(_rejected(event))


def _rejected(event: Event) -> bytes:
    """One line of the rejects: where, why, and the event as it came: its own bytes where it is JSON, else as a text."""
    reasons = [{"code": p.code, "message": p.message, "field": p.field, "hint": p.hint} for p in event.result.problems]
    head = codec.encode({"file": event.file, "line": event.number, "problems": reasons})
    return head[:-1] + b',"event":' + _as_it_came(event.raw) + b"}\n"


def _as_it_came(raw: bytes) -> bytes:
    if not raw:
        return b"null"
    try:
        codec.decode(raw)
    except codec.NotJson:
        return codec.encode(raw.decode("utf-8", "backslashreplace"))
    # Outside of strings a line break is white space, and inside there can be none.
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b" ").replace(b"\n", b" ")


def _check_files(files: list[str], written: tuple[str | None, ...], also_read: tuple[str | None, ...]) -> None:
    for name in files:
        ndjson.check(name)
    if files.count("-") > 1:
        raise UnreadableError("standard input can be read once")
    inputs = {Path(name).resolve() for name in (*files, *also_read) if name not in (None, "-")}
    outputs = [Path(name).resolve() for name in written if name is not None]
    for path in outputs:
        if path in inputs:
            raise UnreadableError(f"{path.name} is read and would be written as well: give another name")
    if len(set(outputs)) < len(outputs):
        raise UnreadableError("--output and --rejects name the same file")


@contextlib.contextmanager
def _stdout() -> Iterator[BinaryIO]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _rejects(name: str | None) -> Any:
    return contextlib.nullcontext() if name is None else replacing(name, PRIVATE)


def _watched(files: list[str], counts: Counts, *, shown: bool) -> Iterator[tuple[str, Line]]:
    """All lines of all files, with a progress bar where somebody looks and nothing else is written there."""
    if not (shown and sys.stderr.isatty()):
        yield from ((name, line) for name in files for line in _lines(name))
        return
    # The bar is drawn with rich, which is loaded only when there is one.
    from mapper.apps.render.progress import Bar

    sizes = [Path(name).stat().st_size if Path(name).is_file() else None for name in files]
    with Bar(None if None in sizes else sum(filter(None, sizes))) as bar:
        for name in files:
            for line in _lines(name):
                bar.advance(len(line.raw) + 1, counts.read)
                yield name, line


def _lines(name: str) -> Iterator[Line]:
    with ndjson.opened(name) as stream:
        yield from ndjson.lines(stream, name)
