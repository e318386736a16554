"""``mapper transform``: files of events in, request bodies out, one a line. Nothing is sent.

Knows which files are read and written, and by how many processes. Must not know a transport, nor what is written for
an event.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mapper.apps.cli import interrupts, outputs
from mapper.apps.cli.app import IdentityOption, MappingOption, SettingsOption, app, say
from mapper.apps.cli.counts import Counts
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.jobs import frames
from mapper.apps.cli.jobs.frames import Order
from mapper.apps.cli.sinks import Sink
from mapper.readers import UnreadableError, ndjson

#: Told how many bytes were read and how many lines they are.
Progress = Callable[[int, int], None]


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
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, max=256, metavar="N", help="So many processes; 0: one a core.")
    ] = 1,
) -> None:
    """Map many events: the request bodies of those that are ready, one JSON a line. Never sends."""
    _check_files(files, (output, rejects), (mapping, identity))
    order = Order((), mapping, identity, tuple(setting or ()), full=full, rejects=rejects is not None)
    with (
        interrupts.raised(),
        _work(files, order, jobs) as work,
        _opened(output, rejects) as sink,
        _progress(files, sink.counts, shown=output is not None or not sys.stdout.isatty()) as progress,
    ):
        work(sink, progress)
    counts = sink.counts
    say("\n".join(counts.lines(rejects)))
    if counts.nothing_read:
        say("No line is an event. A file of pretty-printed JSON needs one event a line: jq -c . FILE makes it so.")
    raise typer.Exit(Exit.SOME_INVALID if counts.invalid else Exit.FINE)


#: Writes bodies and rejects, counts, and tells of its progress.
Work = Callable[[Sink, Progress | None], None]


@contextlib.contextmanager
def _work(files: list[str], order: Order, jobs: int) -> Iterator[Work]:
    """What does the work: this process, or as many as are asked for where that is possible."""
    if jobs == 1:
        yield _alone(files, order)
        return
    # Processes are loaded only where more than one is asked for.
    from mapper.apps.cli.jobs import workers

    cut = workers.cut(files, jobs or workers.cores(), order)
    note = "" if cut else workers.NOT_REGULAR
    if cut is not None and cut.workers > 1:
        with workers.started(cut) as (crew, note):
            if crew is not None:
                yield partial(workers.join, cut, crew.take)
                return
    if note:
        say(f"note: {note}: --jobs has no effect")
    yield _alone(files, order)


def _alone(files: list[str], order: Order) -> Work:
    """This process. The mapping, the settings and the people are loaded, and what is wrong with them is raised."""
    # Where workers do it, this process loads nothing of the engine: they start the sooner.
    from mapper.apps.cli import loading
    from mapper.apps.cli.bodies import Writer
    from mapper.readers.events import Reader

    mapper = loading.mapping(order.mapping)
    settings = loading.settings(list(order.settings), mapper)
    reader = Reader(mapper, settings, loading.known(order.identity, mapper))

    def work(sink: Sink, progress: Progress | None) -> None:
        writer = Writer(reader, sink, order.full)
        for name in files:
            with ndjson.opened(name) as stream:
                texts = ndjson.texts(stream, name)
                # Nobody cuts standard input short.
                size = os.fstat(stream.fileno()).st_size if name != "-" else None
                writer.write(name, texts if progress is None else _told(texts, progress))
                if size is not None:
                    frames.check_length(stream, name, size)

    return work


def _told(texts: Iterator[tuple[bytes | None, bool]], progress: Progress) -> Iterator[tuple[bytes | None, bool]]:
    for raw, torn in texts:
        progress(len(raw or b"") + 1, 1)
        yield raw, torn


@contextlib.contextmanager
def _opened(output: str | None, rejects: str | None) -> Iterator[Sink]:
    with (
        outputs.standard() if output is None else outputs.replacing(output, outputs.OPEN) as out,
        contextlib.nullcontext() if rejects is None else outputs.replacing(rejects, outputs.PRIVATE) as kept,
    ):
        yield Sink(out, kept)


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


def _progress(files: list[str], counts: Counts, *, shown: bool) -> AbstractContextManager[Progress | None]:
    """A progress bar where somebody looks and nothing else is written there."""
    return _bar(files, counts) if shown and sys.stderr is not None and sys.stderr.isatty() else contextlib.nullcontext()


@contextlib.contextmanager
def _bar(files: list[str], counts: Counts) -> Iterator[Progress]:
    # The bar is drawn with rich, which is loaded only when there is one.
    from mapper.apps.render.progress import Bar

    sizes = [Path(name).stat().st_size if Path(name).is_file() else None for name in files]
    with Bar(None if None in sizes else sum(filter(None, sizes))) as bar:

        def progress(size: int, lines: int) -> None:
            for _ in range(lines):  # the bar is drawn anew every so many lines
                bar.advance(size // lines, counts.read)

        yield progress
