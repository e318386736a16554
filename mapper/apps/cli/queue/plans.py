"""An act before it is done: which jobs it would move, which it would leave, and why.

Knows how that is counted. Must not move a job, nor ask anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from mapper.apps.cli import stores
from mapper.apps.cli.queue.filters import Manner
from mapper.delivery.values import Filter
from mapper.frozen import dataclass, field, replace

if TYPE_CHECKING:  # rich and a database library are loaded only where they are needed
    from mapper.apps.cli.queue.remap import Remap
    from mapper.apps.render.queue import Moved
    from mapper.delivery.ledger import Deed, Ledger
    from mapper.delivery.ledger.acts import Kept, Verb
    from mapper.delivery.ledger.overview import Tally
    from mapper.delivery.states import State

#: What jobs become, in words. In line is ready, or waiting behind an earlier job of the same person.
BECOMES: dict[Verb, str] = {
    "hold": "held",
    "release": "ready",
    "deliver": "delivered",
    "resend": "ready",
    "drop": "dead",
    "replay": "ready",
}
#: Numbers that are said one by one.
NAMED = 10
#: The verbs as they are typed.
_TYPED: dict[Verb, str] = {"deliver": "resolve --delivered", "resend": "resolve --again"}
#: What a replay leaves because of ``once_per``: what the other job of that order is, and what ``--twice`` would do.
_BOTH = "with --twice both are sent"
_OTHERS: dict[State | None, tuple[str, str]] = {
    None: ("moves in the same act", _BOTH),
    "waiting": ("is still to be sent", _BOTH),
    "ready": ("is still to be sent", _BOTH),
    "held": ("is held", "with --twice this one is sent now, and that one when it is released"),
    "sending": ("is under way", _BOTH),
    "unknown": ("may have been taken", "with --twice it may be sent a second time"),
    "delivered": ("was taken", "with --twice it is sent a second time"),
}


@dataclass(frozen=True, slots=True)
class Replay:
    """How jobs are replayed.

    ``remap``   what maps them again, where they are   ``twice``   whether ``once_per`` keeps none of them back
    ``window``  the seconds of ``once_per`` in an account, as far as a mapping says them
    """

    remap: Remap | None = None
    twice: bool = False
    window: Callable[[str], float | None] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An act before it is done: what it would move, and by which deed. ``kept``: what ``once_per`` would leave."""

    ledger: Ledger
    deed: Deed
    tallies: tuple[Tally, ...]
    remap: Remap | None = None
    kept: Kept = field(default_factory=Counter)

    @property
    def seen(self) -> int:
        """How many jobs it looks at."""
        return sum(one.number for one in self.tallies)

    @property
    def moved(self) -> int:
        """How many it moves, as far as that can be told before."""
        return sum(self._moves(one) for one in self.tallies)

    @property
    def doubtful(self) -> int:
        """How many of them may have been taken already, where nobody has said that they were not."""
        return sum(one.doubtful for one in self.tallies) if self.deed.verb == "replay" and self.remap is None else 0

    def _moves(self, one: Tally) -> int:
        if self.remap is not None:
            return one.number - one.tried
        if self.deed.verb == "replay":
            kept = sum(number for (*own, _), number in self.kept.items() if own == [one.state, one.because])
            return one.sendable - kept
        return one.number - one.busy

    def rows(self) -> Iterator[Moved]:
        """What moves, for a table."""
        from mapper.apps.render.queue import Moved

        for one in self.tallies:
            moved = self._moves(one)
            if moved and self.remap is not None:
                yield Moved(moved, one.state, "mapped again", one.because)
            elif moved:
                yield Moved(moved, one.state, BECOMES[self.deed.verb], one.because)

    def foreseen(self) -> tuple[list[Moved], dict[str, list[int]]]:
        """What moves, and what ``once_per`` keeps of what is mapped again: the jobs by why. It maps their events."""
        if self.remap is None:
            return list(self.rows()), {}
        rows, kept = self.remap.foreseen(self.ledger, self.deed)
        by_why: dict[str, list[int]] = {}
        for state, jobs in kept.items():
            by_why.setdefault(same_order(state), []).extend(jobs)
        return rows, by_why

    def left(self) -> Counter[str]:
        """What stays, by why."""
        left: Counter[str] = Counter()
        for one in self.tallies:
            left["a worker has it just now"] += one.busy
            if self.remap is not None:
                left["tried already: it stays as it is, and is replayed without --remap"] += one.tried
            elif self.deed.verb == "replay" and one.state in ("invalid", "skipped"):
                left["it never made a request: --remap maps it again"] += one.number - one.sendable
            elif self.deed.verb == "replay":
                left["its content is gone: forgotten, or past its time"] += one.number - one.sendable
        for (*_, state), number in self.kept.items():
            left[same_order(state)] += number
        return +left


def made(ledger: Ledger, verb: Verb, wanted: Filter, manner: Manner, replay: Replay) -> Plan:
    """What would be done. Raises a usage error where nothing of it can be."""
    from mapper.delivery.ledger import acts, overview

    deed = _deed(ledger, verb, wanted, manner, replay)
    states = acts.meant(deed)
    if not states:
        raise typer.BadParameter(
            f"{typed(verb)} takes jobs that are {alternatives(acts.FROM[verb])}", param_hint="--state"
        )
    tallies = ledger.store.read(lambda c: overview.tally(c, ledger.account, wanted, states))
    kept: Kept = Counter()
    if verb == "replay" and replay.remap is None and not replay.twice:
        kept = ledger.store.read(lambda c: acts.kept(c, ledger.account, deed))
    return Plan(ledger, deed, tuple(tallies), replay.remap, kept)


def _deed(ledger: Ledger, verb: Verb, wanted: Filter, manner: Manner, replay: Replay) -> Deed:
    from mapper.delivery.ledger import Deed

    within = replay.window(ledger.account) if replay.window is not None else None
    deed = Deed(verb, wanted, stores.who(manner.who), manner.why, within=within, twice=replay.twice)
    remap = replay.remap
    if remap is None:
        return deed
    remap.check(ledger)
    return replace(deed, again=remap.again(ledger), fingerprint=remap.fingerprint, within=remap.within)


def same_order(state: State | None, job: int | None = None) -> str:
    """Why a replay leaves jobs: what another one of their order is, or the ``job`` of it, and what ``--twice`` does."""
    is_, way_out = _OTHERS[state]
    if job is None:
        return f"the same order as another one that {is_}; {way_out}"
    return f"the same order as job {job}, which {is_ if state is None else f'is {state}'}; {way_out}"


def numbered(jobs: Sequence[int]) -> str:
    """Some jobs by their numbers, in parentheses; of many the first ones."""
    return f"({', '.join(str(job) for job in jobs[:NAMED])}{', ...' if len(jobs) > NAMED else ''})"


def typed(verb: Verb) -> str:
    """A verb as it is typed."""
    return _TYPED.get(verb, verb)


def alternatives(words: Iterable[str]) -> str:
    """Words with ``or`` before the last."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
