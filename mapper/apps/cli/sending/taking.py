"""The way in of ``send``: lines of files, and the ledger that accepts them some hundred at a time.

Knows lines and batches. Must not know what becomes of an event, nor send any.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice

from mapper import event as events
from mapper.apps.cli.interrupts import Interrupts
from mapper.apps.cli.sending.signals import called
from mapper.apps.cli.sending.slips import Slips
from mapper.apps.outbox import Outbox
from mapper.apps.render.sending import Line
from mapper.delivery import intake
from mapper.delivery.values import Unread
from mapper.frozen import dataclass, field
from mapper.readers import ndjson

#: So many events are accepted in one transaction.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that is not blank. Of one that is too long nothing is known but a hash, which tells it from others."""

    file: str
    line: int
    event: bytes | Unread = field(repr=False)

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"line {self.line} of {'standard input' if self.file == '-' else self.file}"


def entries(files: Iterable[str]) -> Generator[Entry, None, None]:
    """The lines of the files, in order, without the blank ones. Raises UnreadableError."""
    for name in files:
        with ndjson.opened(name) as stream:
            for line in ndjson.lines(stream, name):
                if not line.blank:
                    event = intake.too_long(ndjson.MAX_LINE, line.digest) if line.too_long else line.raw
                    yield Entry(name, line.number, event)


def batches(files: Iterable[str]) -> Iterator[list[bytes | Unread]]:
    """The events of the files, so many at a time. Raises UnreadableError."""
    with closing(entries(files)) as stream:
        while some := [entry.event for entry in islice(stream, AT_ONCE)]:
            yield some


class Taking:
    """One pass over the files, in which every line is accepted. ``most``: so many, where a person agreed to them."""

    def __init__(self, outbox: Outbox, slips: Slips, most: int | None = None) -> None:
        self._outbox = outbox
        self._slips = slips
        self._most = most
        self._last: Entry | None = None
        self._over = False
        #: Why some lines were not accepted, in words; None where all were.
        self.cut: str | None = None

    def all(self, files: Iterable[str], interrupts: Interrupts, line: Line) -> None:
        """Accept everything, until Ctrl-C. Raises StoreError, UnreadableError, SettingsError."""
        with closing(entries(files)) as stream:
            while not self._over:
                some = self._read(stream, interrupts)
                self._accept(some)
                line.show(f"{self._slips.read:,} accepted")

    def _read(self, stream: Iterator[Entry], interrupts: Interrupts) -> list[Entry]:
        """The next lines. The first Ctrl-C breaks off only the wait for more: what was read is accepted."""
        some: list[Entry] = []
        try:
            with interrupts.breakable(after=0):
                for entry in islice(stream, AT_ONCE):
                    if self._most is not None and self._slips.read + len(some) >= self._most:
                        self.cut = "the files have more lines than were counted"
                        break
                    some.append(entry)
        except KeyboardInterrupt as error:
            self.cut = called(getattr(error, "number", signal.SIGINT))
        self._over = self.cut is not None or len(some) < AT_ONCE
        return some

    def _accept(self, some: list[Entry]) -> None:
        if not some:
            return
        arrivals = [self._outbox.intake.arrival(entry.event) for entry in some]
        receipts = self._outbox.ledger.accept(arrivals)
        for entry, arrival, receipt in zip(some, arrivals, receipts, strict=True):
            known = arrival.decoded if isinstance(arrival.decoded, dict) else {}
            self._slips.add((entry.file, entry.line), events.message_id_of(known), receipt)
        self._last = some[-1]

    @property
    def up_to(self) -> str:
        """The place of the last line that was accepted."""
        return "the start" if self._last is None else self._last.place
