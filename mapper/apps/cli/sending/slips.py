"""Which job each line of a run became: a slip for each, on disk, so that memory does not grow with the files.

Knows lines, receipts and rows. Must not hold a trait: a slip has a place, a messageId and a job's number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Literal, Self

from mapper import codec
from mapper.delivery.ledger import Ledger
from mapper.delivery.values import Filter, Receipt, Row
from mapper.frozen import dataclass

#: So many are looked up at once.
_AT_ONCE = 500

#: How a line stands to the others: the first of its job in this run, the same call again, or a conflict.
Place = Literal["", "same", "conflict"]


@dataclass(frozen=True, slots=True)
class Slip:
    """One line, and the job that it became, or that was there before it."""

    file: str
    line: int
    message_id: str | None
    job: int
    again: Place


class Slips:
    """The slips of a run, from ``__enter__`` to ``__exit__``.

    ``before``  so many were accepted by an earlier run; of them ``delivered`` so many
    """

    def __init__(self) -> None:
        self.read = 0
        self.before = 0
        self.delivered = 0
        self._jobs = _Numbers()

    def __enter__(self) -> Self:
        """Begin."""
        self._file = tempfile.TemporaryFile(prefix="mapper-")
        return self

    def __exit__(self, *_: object) -> None:
        """Take them away."""
        self._file.close()

    def add(self, place: tuple[str, int], message_id: str | None, receipt: Receipt) -> None:
        """Keep a slip of one line that was accepted. ``place`` is its file and its number."""
        again: Place = "conflict" if receipt.repeated == "conflict" else ""
        if not again and not self._jobs.add(receipt.job):
            again = "same"
        self.read += 1
        before = receipt.repeated == "same" and not again
        self.before += before
        self.delivered += before and receipt.state == "delivered"
        self._file.write(codec.encode([*place, message_id, receipt.job, again]) + b"\n")

    def settled(self, ledger: Ledger) -> Iterator[tuple[Slip, Row]]:
        """Each slip with its job as it stands now, in the order of the lines. Raises StoreError."""
        self._file.seek(0)
        while some := [Slip(*codec.decode(line)) for line in islice(self._file, _AT_ONCE)]:
            jobs = tuple({slip.job for slip in some})
            rows = {row.job: row for row in ledger.rows(Filter(jobs=jobs, most=len(jobs)))}
            yield from ((slip, rows[slip.job]) for slip in some)


class _Numbers:
    """A set of numbers of which most lie close together: one bit each."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Add a number; whether it is new."""
        page, place = divmod(number, 8 * 1024)
        bits = self._pages.setdefault(page, bytearray(1024))
        byte, bit = place // 8, 1 << place % 8
        new = not bits[byte] & bit
        bits[byte] |= bit
        return new
