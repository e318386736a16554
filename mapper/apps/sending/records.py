"""The account of a run, written down event by event: results for programs, and what was not delivered.

Knows what became of one event and the two files. Must not hold a trait in the results. The file of what
was not delivered holds whole events: both files are new, and readable by their owner alone.
"""

from __future__ import annotations

import codecs
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Literal, Self

from mapper import codec
from mapper.errors import MapperError
from mapper.outcome import Outcome
from mapper.readers.events import Event

Fate = Literal[
    "delivered",
    "rejected",
    "retry",
    "unknown",
    "paused",
    "unsent",
    "held",
    "conflicting",
    "duplicate",
    "invalid",
    "skipped",
]

#: What each fate means. Each event that was read has exactly one.
FATES: dict[Fate, str] = {
    "delivered": "accepted by the destination",
    "rejected": "refused for good: the same again cannot help",
    "retry": "not taken: may be sent again",
    "unknown": "may have been taken: ask the destination before sending it again",
    "paused": "the key or the account was refused",
    "unsent": "not sent, because sending stopped",
    "held": "more than one run may send",
    "conflicting": "not sent: another content under the messageId of an earlier call",
    "duplicate": "not sent: the same call or order was, in this run",
    "invalid": "the event does not make a request",
    "skipped": "nothing to send, as the mapping says",
}

#: What was surely not taken and may be sent again as it is.
AGAIN: frozenset[Fate] = frozenset({"retry", "paused", "unsent", "held"})
#: What somebody waits for in vain.
UNDELIVERED: frozenset[Fate] = AGAIN | {"rejected", "unknown", "conflicting"}

#: What a person has to find out before the event is sent again.
_WHAT_NOW: dict[Fate, str] = {
    "unknown": "it may have been taken: ask the destination, and send what is in `event` again only if it was not",
    "conflicting": "ask the sender which content was meant; what is in `event` needs a messageId of its own to be sent",
}


class UnwritableError(MapperError):
    """A file that a run writes is there already, or cannot be made or written any further."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one event. ``because`` is in words without a value of anybody's."""

    event: Event
    fate: Fate
    because: str = ""
    outcome: Outcome | None = None

    def as_dict(self) -> dict[str, object]:
        """The record as plain JSON, without anything of the event but its place and its messageId."""
        return {
            "file": self.event.file,
            "line": self.event.number,
            "message_id": self.event.message_id,
            "status": self.event.result.status,
            "ending": self.fate if self.event.result.status == "ready" else None,
            "http": self.outcome.status if self.outcome else None,
            "because": self.because,
        }


class Records:
    """Writes each record at once, so that a run that is killed leaves its account up to there.

    ``results``  a new file: one line of JSON for each event
    ``unsent``   a new file: the events that may be sent again, as they were; those that a person has to look into
                 first are wrapped in an object that says so and is no event, so that sending the file again cannot
                 send them

    Raises UnwritableError.
    """

    def __init__(self, results: str | None = None, unsent: str | None = None) -> None:
        with ExitStack() as stack:
            self._results = stack.enter_context(_new(results)) if results else None
            self._unsent = stack.enter_context(_new(unsent)) if unsent else None
            self._files = stack.pop_all()

    def __enter__(self) -> Self:
        """Keep the files open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self._files.close()

    def keep(self, record: Record) -> None:
        """Write one record down. Raises UnwritableError: what cannot be accounted for must not go on."""
        try:
            if self._results is not None:
                _write(self._results, codec.encode(record.as_dict()))
        finally:  # the one file may be full where the other is not
            if self._unsent is not None and record.fate in AGAIN:
                _write(self._unsent, record.event.raw)
            elif self._unsent is not None and record.fate in _WHAT_NOW:
                _write(self._unsent, _wrapped(record))


def _new(name: str) -> BinaryIO:
    """A new file that only its owner can read: the account of what was sent is never overwritten.

    It is not buffered: each line is written at once, and whole.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.fdopen(os.open(name, flags, 0o600), "wb", buffering=0)
    except FileExistsError:
        raise UnwritableError(f"{name} is there already: choose another name, or move it away") from None
    except OSError as error:
        raise UnwritableError(f"cannot write {name}: {_reason(error)}") from None


def _write(stream: BinaryIO, line: bytes) -> None:
    try:
        written = stream.write(line + b"\n")
    except OSError as error:
        raise UnwritableError(f"the account of this run cannot be kept: {_reason(error)}") from None
    if written != len(line) + 1:  # a disk that is nearly full takes a part, and says so in no other way
        raise UnwritableError("the account of this run cannot be kept: its last line is cut short")


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _wrapped(record: Record) -> bytes:
    told = codec.encode({"outcome": record.fate, "because": record.because, "what_now": _WHAT_NOW[record.fate]})
    return told[:-1] + b',"event":' + record.event.raw.removeprefix(codecs.BOM_UTF8) + b"}"
