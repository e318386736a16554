"""What arrived at a sandbox: a bounded list, and counts of everything.

Knows the account of one arrival and how arrivals are counted. Must not hold a secret, nor know HTTP.
The list holds the bodies, which are names and addresses; the counts and ``line`` hold none.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mapper import codec
from mapper.apps.render.counting import counted

#: How many arrivals are kept; the counts go on.
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that arrived.

    ``status``       what was answered; None where the connection was dropped
    ``accepted``     whether the mapping reads that answer as delivered
    ``description``  what the checks found, in words without values
    ``size``         bytes of the body as it came, the key included
    ``digest``       of the body without its secrets: the same for the same postcard; None where it is no JSON
    ``repeats``      the number of an earlier arrival with the same digest
    """

    time: datetime
    status: int | None
    accepted: bool
    description: str
    size: int
    digest: str | None
    body: Any = field(default=None, repr=False)
    number: int = 0
    repeats: int | None = None

    @property
    def line(self) -> str:
        """The arrival on one line, without a value of anybody's."""
        answer = "dropped" if self.status is None else str(self.status)
        again = f"  the same body as {self.repeats}" if self.repeats else ""
        words = f"  {self.description}" if self.description else ""
        return f"{self.number:>6}  {self.time:%H:%M:%S}  {answer:<7}  {self.size:>6} bytes{again}{words}"

    def as_dict(self) -> dict[str, Any]:
        """The arrival as plain JSON, with the body."""
        return {
            "number": self.number,
            "time": self.time.isoformat(),
            "status": self.status,
            "accepted": self.accepted,
            "description": self.description,
            "size": self.size,
            "digest": self.digest,
            "repeats": self.repeats,
            "body": self.body,
        }


class Arrivals:
    """The arrivals of one sandbox. Any number of threads may add."""

    def __init__(self, kept: int = KEPT) -> None:
        self._lock = threading.Lock()
        self._kept = kept
        self.clear()

    def clear(self) -> None:
        """Forget everything, the counts too."""
        with self._lock:
            self._list: deque[Arrival] = deque(maxlen=self._kept)
            self._number_of: dict[str, int] = {}
            self._counts: Counter[str] = Counter()
            self._by_status: Counter[str] = Counter()

    def add(self, arrival: Arrival) -> Arrival:
        """Count and keep one arrival; the result has its number, and what it repeats."""
        with self._lock:
            number = self._counts["received"] + 1
            repeats = self._number_of.get(arrival.digest or "")
            arrival = replace(arrival, number=number, repeats=repeats)
            if len(self._list) == self._kept:
                self._forget(self._list[0])
            self._list.append(arrival)
            if arrival.digest is not None:
                self._number_of.setdefault(arrival.digest, number)
            self._count(arrival)
        return arrival

    def _forget(self, oldest: Arrival) -> None:
        if self._number_of.get(oldest.digest or "") == oldest.number:
            del self._number_of[oldest.digest or ""]

    def _count(self, arrival: Arrival) -> None:
        ending = "dropped" if arrival.status is None else "accepted" if arrival.accepted else "refused"
        self._counts.update({"received": 1, ending: 1, "repeated": int(arrival.repeats is not None)})
        self._by_status[str(arrival.status or "dropped")] += 1

    @property
    def kept(self) -> list[Arrival]:
        """The last arrivals, oldest first."""
        with self._lock:
            return list(self._list)

    @property
    def counts(self) -> dict[str, Any]:
        """How many arrived since the start or the last ``clear``.

        ``received`` = ``accepted`` + ``refused`` + ``dropped``; ``repeated`` are the arrivals whose body, without the
        secrets, is that of an earlier one among the kept; ``by_status`` says what was answered.
        """
        with self._lock:
            names = ("received", "accepted", "refused", "dropped", "repeated")
            return {**{name: self._counts[name] for name in names}, "by_status": dict(sorted(self._by_status.items()))}


def spelt(counts: dict[str, Any]) -> str:
    """The counts in words. Two people may be sent the same body: only bodies are compared, so that is what is said."""
    ends = ", ".join(f"{counts[name]:,} {name}" for name in ("accepted", "refused", "dropped"))
    again = f"; {counts['repeated']:,} had the same body as an earlier one" if counts["repeated"] else ""
    return f"{counted(counts['received'], 'request')}: {ends}{again}"


def digest(body: Any) -> str:
    """A short name of a body: the same for the same content, and none that could be turned back into it."""
    return hashlib.sha256(codec.encode(body)).hexdigest()[:16]
