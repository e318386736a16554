"""Lines of files become events: read, decoded and mapped, one at a time.

Knows lines, the mapper and who is known. Must not send anything, and keeps no more than one event.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from mapper import codec
from mapper.frozen import dataclass, field
from mapper.pipeline import Mapper, Result, not_json
from mapper.plan.settings import Settings
from mapper.readers import ndjson
from mapper.readers.people import People


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a file, mapped.

    ``decoded`` is None where the line is no JSON, and ``raw`` is empty where it is too long.
    """

    file: str
    number: int
    raw: bytes = field(repr=False)
    decoded: Any = field(repr=False)
    result: Result = field(repr=False)

    @property
    def message_id(self) -> str | None:
        """The call's own messageId, where it has one."""
        found = self.decoded.get("messageId") if isinstance(self.decoded, dict) else None
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Reader:
    """What makes events of lines: a mapper, its settings, and who is known."""

    mapper: Mapper
    settings: Settings
    people: People | None = None

    def events(self, files: Iterable[str]) -> Generator[Event, None, None]:
        """The events of the files, in order; blank lines are none. Raises UnreadableError."""
        for name in files:
            with ndjson.opened(name) as stream:
                for line in ndjson.lines(stream, name):
                    if not line.blank:
                        yield self.event(name, line)

    def event(self, name: str, line: ndjson.Line) -> Event:
        """The event of one line that is not blank. ``name`` is its file's."""
        decoded, result = self.mapped(None if line.too_long else line.raw)
        return Event(name, line.number, line.raw, decoded, result)

    def mapped(self, raw: bytes | None) -> tuple[Any, Result]:
        """One line's JSON and what becomes of it; without a JSON where it is none. A line that is too long is None."""
        if raw is None:
            return None, not_json(codec.NotJson(f"the line has more than {ndjson.MAX_LINE} bytes"))
        try:
            decoded = codec.decode(raw)
        except codec.NotJson as error:
            return None, not_json(error)
        person = self.people.of(decoded) if self.people is not None else None
        return decoded, self.mapper.transform_decoded(decoded, self.settings, person, plain=codec.is_plain(raw))
