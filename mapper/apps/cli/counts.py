"""What became of many events, counted by reason.

Knows how counts are kept in constant memory and said in a few lines. Must not keep an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from mapper.apps.render.counting import counted
from mapper.errors import Problem

_MOST_LINES = 20


class Counted(Protocol):
    """What is counted of a result."""

    @property
    def status(self) -> str:
        """``ready``, ``invalid`` or ``skipped``."""

    @property
    def because(self) -> str | None:
        """Why it is skipped."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it is invalid."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What its sender should know."""


class Counts:
    """Events by what became of them: ready, invalid and skipped add up to read.

    An event can have several problems, so the reasons of the invalid ones may add up to more.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self.read = self.ready = self.invalid = self.skipped = 0
        self._problems: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()

    @property
    def nothing_read(self) -> bool:
        """Whether there were lines, and none of them was an event at all."""
        return 0 < self.read == self._problems["not_an_event"]

    def add(self, result: Counted) -> None:
        """Count one result."""
        self.read += 1
        if result.status == "ready":
            self.ready += 1
        elif result.status == "skipped":
            self.skipped += 1
            self._reasons[result.because or ""] += 1
        else:
            self.invalid += 1
        # The fields of errors are the mapping's own names. Those of warnings may be a sender's: they are not kept.
        if result.problems:
            self._problems.update({f"{p.field}: {p.code}" if p.field else p.code for p in result.problems})
        if result.warnings:
            self._warnings.update({p.code for p in result.warnings})

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain JSON, from which ``merge`` makes them again."""
        numbers = [self.read, self.ready, self.invalid, self.skipped]
        counters = (self._problems, self._reasons, self._warnings)
        return {"numbers": numbers, "counters": [dict(counter) for counter in counters]}

    def merge(self, counted: dict[str, Any]) -> None:
        """Add what was counted elsewhere, as ``as_dict`` gives it."""
        read, ready, invalid, skipped = counted["numbers"]
        self.read += read
        self.ready += ready
        self.invalid += invalid
        self.skipped += skipped
        for counter, more in zip((self._problems, self._reasons, self._warnings), counted["counters"], strict=True):
            counter.update(more)

    def lines(self, rejects: str | None = None) -> Iterator[str]:
        """The counts for people, the most frequent reason first. ``rejects`` is where the invalid ones are kept."""
        width = len(f"{self.read:,}")
        yield f"{counted(self.read, 'event')} read"
        yield f"  {self.ready:>{width},} ready"
        kept = f", kept in {rejects}" if rejects and self.invalid else ""
        yield f"  {self.invalid:>{width},} invalid{kept}"
        yield from _reasons(self._problems, width)
        yield f"  {self.skipped:>{width},} skipped"
        yield from _reasons(self._reasons, width)
        if self._warnings:
            yield "warnings:"
            yield from (f"  {count:>{width},} {code}" for code, count in _most_frequent(self._warnings))
        codes = {reason.rpartition(": ")[2] for reason in self._problems}
        if codes:
            yield f"explain a reason: mapper explain {min(codes)}"


def _most_frequent(counter: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first; by name where two are equally frequent, so that the order of events says nothing."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))


def _reasons(counter: Counter[str], width: int) -> Iterable[str]:
    shown = _most_frequent(counter)
    yield from (f"  {' ' * width}   {count:>{width},} {reason}" for reason, count in shown[:_MOST_LINES])
    rest = len(shown) - _MOST_LINES
    if rest > 0:
        yield f"  {' ' * width}   and {counted(rest, 'other reason')}"
