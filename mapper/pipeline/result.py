"""What became of one event, as embedders see it: the verdict at once, and the whole story when somebody looks.

Knows which parts of a result are at hand and which are told on demand. Must not map anything itself: a function that
it was given tells the story, and it tells the same whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from mapper.errors import Problem
from mapper.pipeline import records
from mapper.request import Request
from mapper.transform.results import Account, Filling, Status, Transformed

#: Tells the whole story of one event: every account and filling, and the request where it is ready.
Story = Callable[[], tuple[Transformed, Request | None]]


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

    Accounts and fillings are worked out when they are first asked for. A result belongs to whoever asked for it:
    what it holds may be changed, and no other result changes with it. It can be pickled.
    """

    __slots__ = ("_custom_fields", "_fields", "_request", "_story", "_told", "because", "problems", "status")

    def __init__(  # noqa: PLR0913 - what is known at once
        self,
        status: Status,
        because: str | None = None,
        problems: tuple[Problem, ...] = (),
        *,
        fields: dict[str, Any] | None = None,
        custom_fields: dict[str, Any] | None = None,
        request: Request | Callable[[], Request] | None = None,
        story: Story | None = None,
    ) -> None:
        """A verdict. ``fields`` and ``custom_fields`` are there where the event is ready; ``story`` tells the rest."""
        self.status: Final = status
        self.because: Final = because
        self.problems: Final = problems
        self._fields = fields
        self._custom_fields = custom_fields
        self._request: Any = request
        self._story = story
        self._told: tuple[Transformed, Request | None] | None = None

    @classmethod
    def of(cls, done: Transformed, request: Request | None = None) -> Result:
        """The result of an event whose story is told already."""
        result = cls(done.status, done.because, done.problems)
        result._told = (done, request)
        return result

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What somebody should look at, in the order of the mapping."""
        # A verdict without a story at hand has none: whatever is worth a warning is told at once.
        return self._told[0].warnings if self._told is not None else ()

    @property
    def fields(self) -> dict[str, Any]:
        """The filled fields, by name."""
        return self._tell().fields if self._fields is None else self._fields

    @property
    def custom_fields(self) -> dict[str, Any]:
        """The traits that no field took, by the name under which they are sent."""
        return self._tell().custom_fields if self._custom_fields is None else self._custom_fields

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
        if self._request is not None:
            if not isinstance(self._request, Request):
                self._request = self._request()
            return cast("Request", self._request)
        return self._told[1] if self._told is not None else None

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON: what ``mapper preview --format json`` writes. It holds the traits' values."""
        return records.of_result(self._tell(), self.request)

    def _tell(self) -> Transformed:
        if self._told is None:
            self._told = self._story() if self._story is not None else (_bare(self), None)
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


def _bare(result: Result) -> Transformed:
    return Transformed(result.status, result.because, problems=result.problems)
