"""Lines in, bodies and rejects out: what ``transform`` does with each line, in one process or in many.

Knows what is written for a line, and counts it. Must not know where it is written to, nor who else writes.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import Any

from mapper import codec
from mapper.apps.cli.sinks import Sink, rejects_head
from mapper.frozen import dataclass
from mapper.pipeline import Result
from mapper.readers.events import Reader


@dataclass(frozen=True, slots=True)
class Writer:
    """What becomes of lines. ``full`` writes every result, otherwise only the bodies of those that are ready."""

    reader: Reader
    sink: Sink
    full: bool

    def write(self, file: str, texts: Iterable[tuple[bytes | None, bool]]) -> int:
        """Write what becomes of each line of a file, as ``ndjson.texts`` gives them; how many there were.

        It runs for every event: what is asked for in the loop is asked for once, outside.
        """
        number, full, kept = 0, self.full, self.sink.kept
        mapped, write, count = self.reader.mapped, self.sink.out.write, self.sink.counts.add
        for raw, _ in texts:
            number += 1
            if raw == b"":
                if full:
                    write(b"\n")  # a blank line for a blank line, so that line N stands for line N
                continue
            decoded, result = mapped(raw)
            count(result)
            if full:
                write(codec.encode(result.as_dict()) + b"\n")
            elif (body := result.content) is not None:
                write(body + b"\n")
            if kept is not None and result.status == "invalid":
                kept.write(_rejected(file, number, _as_it_came(raw, decoded), result))
        return number


def _rejected(file: str, number: int, event: bytes, result: Result) -> bytes:
    """One line of the rejects: where, why, and the event as it came."""
    reasons = [{"code": p.code, "message": p.message, "field": p.field, "hint": p.hint} for p in result.problems]
    told = codec.encode({"problems": reasons})
    return b'%b%d,%b,"event":%b}\n' % (rejects_head(file), number, told[1:-1], event)


def _as_it_came(raw: bytes | None, decoded: Any) -> bytes:
    """An event as JSON: its own bytes where it is JSON, else as a text; null where it is too long to be kept."""
    if raw is None:
        return b"null"
    if decoded is None and raw.removeprefix(codecs.BOM_UTF8).strip() != b"null":
        return codec.encode(raw.decode("utf-8", "backslashreplace"))
    # Outside of strings a line break is white space, and inside there can be none.
    return raw.removeprefix(codecs.BOM_UTF8).replace(b"\r", b" ").replace(b"\n", b" ")
