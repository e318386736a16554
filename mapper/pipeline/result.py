"""What became of one event, as embedders see it: the verdict at once, and the whole story when somebody looks.

Knows which parts of a result are at hand and which are told on demand. Must not map anything itself: a function that
it was given tells the story, and it tells the same whenever it is asked.
"""

from __future__ import annotations

from typing import Any, Protocol

from mapper.errors import Problem
from mapper.identity import Identity
from mapper.pipeline import records
from mapper.plan.settings import Settings
from mapper.request import Filled, Fixed, Request
from mapper.transform.results import Account, Filling, Status, Transformed


class Teller(Protocol):
    """Who mapped an event, and tells everything of it; the same whenever it is asked."""

    def tell(self, decoded: Any, settings: Settings, person: Identity | None) -> tuple[Transformed, Request | None]:
        """The whole story: every account and filling, and the request where the event is ready."""

    @property
    def fixed(self) -> Fixed | None:
        """How requests are made where nothing but their bodies differs."""


#: Who mapped an event, the decoded event, the settings, and what was known of the person.
Source = tuple[Teller, Any, Settings, Identity | None]


class Result:
    """What became of one event.

    ``status``         ready, invalid or skipped
    ``because``        why it was skipped, else None
    ``problems``       what makes it invalid
    ``warnings``       what somebody should look at
    ``fields``         the filled fields by name; ``custom_fields`` the rest by the name that is sent
    ``accounts``       what became of each leaf of the traits
    ``fillings``       how each field was filled
    ``request``        the request of an event that is ready, else None; it holds no secret
    ``content``        the body of that request, encoded

    Accounts and fillings are worked out when they are first asked for. A result belongs to whoever asked for it:
    what is in its fields may be changed, and no other result changes with it; its verdict stays what it is. It can be
    pickled.
    """

    __slots__ = ("_because", "_filled", "_problems", "_request", "_source", "_status", "_told", "_warnings")

    def __init__(  # noqa: PLR0913 - what is known at once; by place, since it is made for each event
        self,
        status: Status,
        because: str | None = None,
        problems: tuple[Problem, ...] = (),
        warnings: tuple[Problem, ...] = (),
        filled: Filled | None = None,
        source: Source | None = None,
        request: Request | None = None,
    ) -> None:
        """A verdict. ``filled`` is there where the event is ready; ``source`` tells the rest."""
        self._status = status
        self._because = because
        self._problems = problems
        self._warnings = warnings
        self._filled = filled
        self._source = source
        self._request = request
        self._told: tuple[Transformed, Request | None] | None = None

    @classmethod
    def of(cls, done: Transformed, request: Request | None = None) -> Result:
        """The result of an event whose story is told already."""
        result = cls(done.status, done.because, done.problems, done.warnings)
        result._told = (done, request)
        return result

    @property
    def status(self) -> Status:
        """``ready``, ``invalid`` or ``skipped``."""
        return self._status

    @property
    def because(self) -> str | None:
        """Why it was skipped, else None."""
        return self._because

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What makes it invalid."""
        return self._problems

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What somebody should look at."""
        return self._warnings

    @property
    def fields(self) -> dict[str, Any]:
        """The filled fields, by name."""
        return self._shown().fields

    @property
    def custom_fields(self) -> dict[str, Any]:
        """The traits that no field took, by the name under which they are sent."""
        return self._shown().custom_fields

    @property
    def filled(self) -> Filled:
        """Fields and custom fields for who only reads them: cheaper than ``fields``, and not to be changed."""
        return self._filled if self._filled is not None else self._tell()

    def _shown(self) -> Filled:
        """What is filled. Whoever sees it may change it, so the request is made first."""
        if self._filled is None:
            return self._tell()
        _ = self.request
        return self._filled

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What became of each leaf of the traits, in the order of the event."""
        return self._tell().accounts

    @property
    def fillings(self) -> tuple[Filling, ...]:
        """How each field was filled, in the order of the mapping."""
        return self._tell().fillings

    @property
    def request(self) -> Request | None:
        """The request of an event that is ready, else None. It holds no secret."""
        # Once made it stays: what is shown of a result may be changed afterwards, and that must not reach a card.
        if self._request is None:
            self._request = self._told[1] if self._told is not None else self._made()
        return self._request

    def _made(self) -> Request | None:
        fixed = self._source[0].fixed if self._source is not None else None
        if fixed is None or self._filled is None or self._source is None:
            return None
        return fixed.request(self._filled, self._source[1])

    @property
    def content(self) -> bytes | None:
        """The body of its request, as the bytes that are sent; None where it is not ready."""
        filled = self._filled
        if filled is not None and self._request is None and self._source is not None:
            fixed = self._source[0].fixed
            return None if fixed is None else fixed.content(filled)
        return self.request.content if self.request is not None else None

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON: what ``mapper preview --format json`` writes. It holds the traits' values."""
        return records.of_result(self._tell(), self.request)

    def _tell(self) -> Transformed:
        if self._told is None:
            if self._source is None:
                self._told = Transformed(self.status, self.because, problems=self.problems), None
            else:
                teller, decoded, settings, person = self._source
                self._told = teller.tell(decoded, settings, person)
        return self._told[0]

    def __eq__(self, other: object) -> bool:
        """Whether two results tell the same story."""
        if not isinstance(other, Result):
            return NotImplemented
        return self._tell() == other._tell() and self.request == other.request

    __hash__ = None  # type: ignore[assignment] # it holds dicts

    def __reduce__(self) -> tuple[Any, ...]:
        return Result.of, (self._tell(), self.request)

    def __repr__(self) -> str:
        """The verdict; never a trait's value."""
        return (
            f"Result(status={self.status!r}, because={self.because!r}, problems={self.problems!r}, "
            f"warnings={self.warnings!r})"
        )
