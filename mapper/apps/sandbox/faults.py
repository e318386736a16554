"""What goes wrong on purpose: which requests are hit, and how.

Knows the ways to misbehave and how requests are counted. Must not know HTTP, a mapping or a request.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """How a sandbox misbehaves. Without ``first`` and ``every`` it hits each request; with both, either is enough.

    ``answer``       this status instead of the one that the checks gave
    ``retry_after``  seconds for the Retry-After header of that answer
    ``slow``         seconds to wait before the answer
    ``drop``         close the connection after reading the request: nobody can know whether it was taken
    ``first``        the first so many requests
    ``every``        each so-manieth request

    Raises ValueError for what cannot be meant.
    """

    answer: int | None = None
    retry_after: float | None = None
    slow: float = 0.0
    drop: bool = False
    first: int | None = None
    every: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        wrong = self._wrong()
        if wrong:
            raise ValueError(wrong)

    def _wrong(self) -> str | None:
        if self.answer is not None and self.answer not in range(200, 600):
            return "an answer is a status from 200 to 599"
        if self.answer is not None and self.drop:
            return "a dropped connection has no answer: choose one of the two"
        if self.retry_after is not None and self.answer is None:
            return "Retry-After goes with an answer such as 429"
        counts = [count for count in (self.first, self.every) if count is not None]
        if min(self.slow, self.retry_after or 0) < 0 or min(counts, default=1) < 1:
            return "seconds are 0 or more, counts 1 or more"
        if counts and not self:
            return "which requests are hit is said, but not by what"
        return None

    def __bool__(self) -> bool:
        """Whether anything goes wrong at all."""
        return self.answer is not None or self.drop or self.slow > 0

    def hits(self, number: int) -> bool:
        """Whether the request with this number is hit; the first has number 1."""
        if not self:
            return False
        if self.first is None and self.every is None:
            return True
        return number <= (self.first or 0) or (self.every is not None and number % self.every == 0)
