"""A worker process of ``transform --jobs``: maps its ranges of bytes and answers each with a frame.

Knows how its part of a run is done. Must not write anywhere but to its pipe, and must not talk: what is wrong goes to
the process that started it, which says it. It loads no typer, so that it starts quickly.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, Self

from mapper import pipeline
from mapper.apps.cli import mistakes
from mapper.apps.cli.bodies import Writer
from mapper.apps.cli.jobs import frames
from mapper.apps.cli.jobs.frames import Frame, Order, Part
from mapper.apps.cli.sinks import Sink
from mapper.errors import MapperError
from mapper.frozen import dataclass
from mapper.readers import UnreadableError, ndjson, people
from mapper.readers.events import Reader
from mapper.readers.people import People

_ONE_PERSON = "one person's traits are looked up in order"


class _NotForWorkersError(Exception):
    """The run is for one process; its text says why, where a person should know."""


def serve() -> None:
    """Do what the order on standard input says. It ends at once where nobody reads the answers any more."""
    number, order = frames.order(sys.stdin.buffer.readline())
    # Not sys.stdout: where Python is told not to buffer it, it may write a part of a frame and say so to nobody.
    with suppress(BrokenPipeError), open(sys.stdout.fileno(), "wb", closefd=False) as pipe:
        answer(order, number, pipe)
    os._exit(0)  # what a closed pipe did not take must not be tried again


def answer(order: Order, number: int, pipe: BinaryIO) -> None:
    """Write a worker's frames: whether it can work, then one for each of its ranges, until one fails."""
    try:
        reader, loaded = _reader(order)
    except _NotForWorkersError as note:
        frames.write(pipe, Frame({"ready": False, "note": str(note)}))
        return
    except Exception:  # noqa: BLE001 - whatever it is: one process meets it as well, and says it
        frames.write(pipe, Frame({"ready": False}))
        return
    frames.write(pipe, Frame({"ready": True, **loaded}))
    with closing(_answers(order, number, reader)) as answers:
        for frame in answers:
            frames.write(pipe, frame)


def _reader(order: Order) -> tuple[Reader, dict[str, list[str]]]:
    """What maps, and the digests of the files that it was made of."""
    mapper = pipeline.load(pipeline.default_name() if order.mapping is None else order.mapping)
    secrets = {setting.name for setting in mapper.plan.settings if setting.secret}
    given = dict(pair.partition("=")[::2] for pair in order.settings)
    if secrets & given.keys() or not all("=" in pair for pair in order.settings):
        raise _NotForWorkersError
    # Before and after: what was read in between is what both stand for.
    before = _digests(order.identity)
    known = people.read(order.identity, mapper.plan.never) if order.identity is not None else None
    if known is not None and _of_one_person(known):
        raise _NotForWorkersError(_ONE_PERSON)
    loaded = {
        "mapping": [hashlib.blake2b(mapper.text.encode()).hexdigest()],
        "identity": before + _digests(order.identity),
    }
    return Reader(mapper, mapper.resolved(given), known), loaded


def _digests(name: str | None) -> list[str]:
    if name is None:
        return []
    with Path(name).open("rb") as stream:
        return [hashlib.file_digest(stream, hashlib.blake2b).hexdigest()]


def _of_one_person(known: People) -> bool:
    """Whether a file of people refuses a second person: then it matters who was asked for first."""
    try:
        for name in ("one", "another"):
            known.of({"type": "identify", "userId": name, "traits": {}})
    except UnreadableError:
        return True
    return False


def _answers(order: Order, number: int, reader: Reader) -> Generator[Frame, None, None]:
    with _Place() as place:
        for index, (part, start, stop) in enumerate(order.ranges()):
            if index % order.workers == number:
                frame = _mapped(order, reader, place, (part, start, stop))
                yield frame
                if "lines" not in frame.account:
                    return


@dataclass(slots=True)
class _Place:
    """The file that is open: a worker comes back to it for each of its ranges."""

    part: Part | None = None
    stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Nothing is open yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        if self.stream is not None:
            self.stream.close()

    def at(self, part: Part, start: int) -> BinaryIO:
        """The file's bytes from a place on. Raises UnreadableError, also where another file has its name now."""
        if self.stream is None or self.part != part:
            self.__exit__()
            try:
                self.stream = open(part.name, "rb", ndjson.AHEAD)  # noqa: SIM115, PTH123 - it stays open
            except OSError as error:
                raise UnreadableError(f"cannot read {part.name}: {(error.strerror or '').lower()}") from None
            self.part = part
            if frames.identity(os.fstat(self.stream.fileno())) != part.identity:
                raise UnreadableError(f"{part.name} was replaced while it was read")
        self.stream.seek(start)
        return self.stream


def _mapped(order: Order, reader: Reader, place: _Place, span: tuple[Part, int, int | None]) -> Frame:
    part, start, stop = span
    out, kept = io.BytesIO(), io.BytesIO() if order.rejects else None
    sink = Sink(out, kept)
    account: dict[str, object] = {}
    try:
        stream = place.at(part, start)
        lines = Writer(reader, sink, order.full).write(part.name, ndjson.texts(stream, part.name, start, stop))
        frames.check_length(stream, part.name, part.size)
        account["lines"] = lines
    except MapperError as error:
        account["error"] = str(error)
    except Exception as error:  # noqa: BLE001 - the process that started this one says it, and ends as for its own
        account["mistake"] = mistakes.told(error)
    account["counts"] = sink.counts.as_dict()
    return Frame(account, out.getvalue(), kept.getvalue() if kept is not None else b"")
