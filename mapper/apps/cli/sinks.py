"""Where bodies and rejects go, and how a reject begins: with its file and its line.

Knows streams, and how a part's rejects are numbered anew when parts are joined. Must not know the engine: a run over
many processes starts them before anything of it is loaded.
"""

from __future__ import annotations

from typing import BinaryIO

from mapper import codec
from mapper.apps.cli.counts import Counts
from mapper.frozen import dataclass, field


@dataclass(frozen=True, slots=True)
class Sink:
    """Where bodies and rejects go, the latter where somebody asked for them, and what is counted."""

    out: BinaryIO
    kept: BinaryIO | None = None
    counts: Counts = field(default_factory=Counts)


def rejects_head(file: str) -> bytes:
    """How each reject of a file begins, up to the number of its line."""
    # A file's name can hold bytes that are no text.
    name = file.encode("utf-8", "backslashreplace").decode()
    return codec.encode({"file": name})[:-1] + b',"line":'


def moved(rejects: bytes, file: str, lines: int) -> bytes:
    """Rejects of a later part of a file, which were numbered from 1 although ``lines`` lines stand before them."""
    if not rejects or not lines:
        return rejects
    head = rejects_head(file)
    moved_ = []
    for line in rejects.split(b"\n")[:-1]:
        number, _, rest = line[len(head) :].partition(b",")
        moved_.append(b"%b%d,%b\n" % (head, int(number) + lines, rest))
    return b"".join(moved_)
