"""``queue replay --remap``: the events of jobs that were never tried are mapped again.

Knows how a stored event is mapped with what is known now. Must not store anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from mapper.apps.cli import loading
from mapper.apps.cli.stores import NoAccountError
from mapper.delivery.intake import Intake
from mapper.delivery.policy import of_plan
from mapper.delivery.values import Draft, Filter, Row
from mapper.frozen import dataclass, replace
from mapper.pipeline import Mapper
from mapper.plan.settings import Settings

if TYPE_CHECKING:  # rich and a database library are loaded only where they are needed
    from mapper.apps.render.queue import Moved
    from mapper.delivery.ledger import Deed, Ledger
    from mapper.delivery.ledger.acts import Again
    from mapper.delivery.states import State

_PAGE = 500
_OTHER_SOURCE = "its event came in under another source: say which by --source"


@dataclass(frozen=True, slots=True)
class Remap:
    """A mapping, its settings, and the source that events are from."""

    mapper: Mapper
    settings: Settings
    source: str

    @classmethod
    def load(cls, mapping: str | None, setting: list[str] | None, source: str) -> Self:
        """What the options say. Raises MappingError, SettingsError."""
        mapper = loading.mapping(mapping)
        return cls(mapper, loading.settings(setting, mapper), source)

    @property
    def fingerprint(self) -> str:
        """Which mapping it is."""
        # With it comes what sends, which nobody else here needs.
        from mapper.apps import outbox

        return outbox.fingerprint(self.mapper)

    @property
    def within(self) -> float:
        """The seconds of its ``once_per``; 0 where it has none."""
        return of_plan(self.mapper.plan).within

    def check(self, ledger: Ledger) -> None:
        """Raise NoAccountError where the jobs are another destination's: they would leave in the wrong form."""
        own = self.mapper.destination
        if not _is_of(ledger.account, own):
            raise NoAccountError(
                f"these are jobs of {ledger.account}, and the mapping is one for {own}: say -m MAPPING"
            )

    def again(self, ledger: Ledger) -> Again:
        """What maps a stored event, inside a transaction.

        An event of another source is left: under this one its ids are those of somebody else, with another address.
        """
        from mapper.delivery.ledger.accept import KNOWN
        from mapper.delivery.ledger.people import People

        intake = Intake(self.mapper, self.settings, ledger.store.secret, self.source)

        def again(event: bytes, connection: Any) -> Draft | str:
            arrival = intake.arrival(event)
            asked = {"mine": ledger.account, "some": [arrival.message]}
            if arrival.because is None and connection.execute(KNOWN, asked).first() is None:
                return _OTHER_SOURCE
            return intake.draft(arrival, People(connection, ledger.account, [arrival]).identity(arrival))

        return again

    def foreseen(self, ledger: Ledger, deed: Deed) -> tuple[list[Moved], dict[State | None, list[int]]]:
        """What would become of the jobs, without changing any: how many, from which state to which, and why.

        Those that would be as they were are among them. Besides them the jobs that ``once_per`` would keep, by the
        state of the other job of their order (``acts.Repeat``).
        """
        from mapper.apps.render.queue import Moved
        from mapper.delivery.ledger.acts import Orders, Repeat

        counts: Counter[tuple[str, str, str | None]] = Counter()
        kept: dict[State | None, list[int]] = {}
        again, orders = self.again(ledger), Orders(ledger.account, deed)

        def foresee(row: Row, event: bytes, connection: Any) -> Draft | Repeat | str:
            draft = again(event, connection)
            if isinstance(draft, str):
                return draft
            repeats = orders.of(connection, row.job, draft.once) if draft.state == "ready" else None
            return repeats or draft

        for row, event in _events(ledger, deed):
            one = ledger.store.read(partial(foresee, row, event))
            if isinstance(one, Repeat):
                kept.setdefault(one.state, []).append(row.job)
            elif isinstance(one, str):
                counts[row.state, row.state, one] += 1
            else:
                counts[row.state, one.state, one.because] += 1
        return [Moved(number, *way) for way, number in counts.most_common()], kept


def window(mapping: str | None) -> Callable[[str], float | None]:
    """The seconds of a mapping's ``once_per`` in an account; None in another destination's. Raises MappingError."""
    mapper = loading.mapping(mapping)
    within = of_plan(mapper.plan).within
    return lambda account: within if _is_of(account, mapper.destination) else None


def _is_of(account: str, destination: str) -> bool:
    """Whether an account's jobs are a destination's."""
    return account in (destination, f"{destination} sandbox") or account.startswith(f"{destination} at ")


def _events(ledger: Ledger, deed: Deed) -> Iterator[tuple[Row, bytes]]:
    """The jobs that would be mapped again, each with its event."""
    from mapper.delivery.ledger import acts

    after, left = 0, deed.chosen.most
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        wanted: Filter = replace(deed.chosen, states=acts.meant(deed), most=size)
        rows = ledger.rows(wanted, after)
        for row in rows:
            story = None if row.attempts else ledger.story(row.job)
            if story is not None and story.event is not None:
                yield row, story.event
        if len(rows) < size:
            return
        after, left = rows[-1].job, None if left is None else left - size
