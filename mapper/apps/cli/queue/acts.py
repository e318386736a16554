"""``mapper queue hold``, ``release``, ``resolve``, ``drop`` and ``replay``: what a person decides about jobs.

Knows what is said and asked before jobs are moved. Must not move one itself, nor decide anything for the person.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mapper.apps.cli import stores
from mapper.apps.cli.app import MappingOption, SettingsOption, say
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.queue.filters import Chosen, Manner, acting
from mapper.delivery.values import Filter
from mapper.frozen import dataclass, replace
from mapper.readers import UnreadableError

if TYPE_CHECKING:  # rich and a database library are loaded only where they are needed
    from mapper.apps.cli.queue.remap import Remap
    from mapper.apps.render.queue import Moved
    from mapper.delivery.ledger import Deed, Done, Ledger
    from mapper.delivery.ledger.acts import Verb
    from mapper.delivery.ledger.overview import Tally

#: What jobs become, in words. In line is ready, or waiting behind an earlier job of the same person.
_BECOMES: dict[Verb, str] = {
    "hold": "held",
    "release": "ready",
    "deliver": "delivered",
    "resend": "ready",
    "drop": "dead",
    "replay": "ready",
}
#: The verbs as they are typed.
_TYPED: dict[Verb, str] = {"deliver": "resolve --delivered", "resend": "resolve --again"}
#: Numbers that are said one by one.
_NAMED = 10


# ------------------------------------------------------------------------------------------------------- the commands


@acting
def hold(chosen: Chosen, manner: Manner) -> None:
    """Keep jobs back that are waiting or ready, until they are released."""
    _act("hold", chosen, manner)


@acting
def release(
    chosen: Chosen,
    manner: Manner,
    pause: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--pause", help="End the account's pause: what is due may be sent at once.")
    ] = False,
) -> None:
    """Let jobs go that are held. Those that a cap held are sent whatever the cap says."""
    if pause:
        _resume(manner)
    if not pause or not chosen.everything or manner.everything:
        _act("release", chosen, manner)


@acting
def resolve(
    chosen: Chosen,
    manner: Manner,
    delivered: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--delivered", help="They were taken: nothing is sent.")
    ] = False,
    again: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--again", help="They were not taken: they are sent again.")
    ] = False,
) -> None:
    """Settle jobs that may have been taken, after a person looked them up at the destination."""
    if delivered == again:
        raise typer.BadParameter("one of the two is due: --delivered or --again")
    _act("deliver" if delivered else "resend", chosen, manner)


@acting
def drop(chosen: Chosen, manner: Manner) -> None:
    """Give jobs up that are waiting, ready, held or unknown. They can be replayed."""
    _act("drop", chosen, manner)


@acting
def replay(
    chosen: Chosen,
    manner: Manner,
    remap: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--remap", help="Map their events again, by the mapping and by what is known now.")
    ] = False,
    mapping: MappingOption = None,
    setting: SettingsOption = None,
) -> None:
    """Send jobs after all that ended without being taken: rejected, dead, suppressed; with --remap invalid and skipped.

    Without --remap the request is the one that was made when the event came. With it, only jobs are mapped again
    that were never tried: what may have left once stays as it was.
    """
    if not remap:
        _act("replay", chosen, manner)
        return
    # The mapping is loaded, and with it what maps, only where something is mapped.
    from mapper.apps.cli.queue.remap import Remap

    _act("replay", chosen, manner, Remap.load(mapping, setting, chosen.source))


# -------------------------------------------------------------------------------------------------------------- an act


@dataclass(frozen=True, slots=True)
class _Plan:
    """An act before it is done: what it would move, and by which deed."""

    ledger: Ledger
    deed: Deed
    tallies: tuple[Tally, ...]
    remap: Remap | None = None

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
        return one.sendable if self.deed.verb == "replay" else one.number - one.busy

    def rows(self) -> Iterator[Moved]:
        """What moves, for a table."""
        from mapper.apps.render.queue import Moved

        for one in self.tallies:
            moved = self._moves(one)
            if moved and self.remap is not None:
                yield Moved(moved, one.state, "mapped again", one.because)
            elif moved:
                yield Moved(moved, one.state, _BECOMES[self.deed.verb], one.because)

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
        return +left


def _act(verb: Verb, chosen: Chosen, manner: Manner, remap: Remap | None = None) -> None:
    """Do it: say what it means, ask where that is due, move, and say what was done."""
    if chosen.everything and not manner.everything:
        raise typer.BadParameter("say which jobs are meant, by --state, --job and the like; or --all")
    with stores.opening(manner.store) as store:
        ledger = stores.ledger(store, stores.one_account(store, manner.account))
        plan = _plan(ledger, verb, chosen.filter(store.secret, store.now()), manner, remap)
        if not plan.seen:
            _nothing(plan)
        elif manner.dry_run:
            _show_dry(plan)
        elif _agreed(plan, manner):
            done = ledger.act(replace(plan.deed, chosen=replace(plan.deed.chosen, most=plan.seen)))
            _report(plan, done)


def _plan(ledger: Ledger, verb: Verb, wanted: Filter, manner: Manner, remap: Remap | None) -> _Plan:
    """What would be done. Raises a usage error where nothing of it can be."""
    from mapper.delivery.ledger import Deed, acts, overview

    deed = Deed(verb, wanted, stores.who(manner.who), manner.why)
    if remap is not None:
        remap.check(ledger)
        deed = replace(deed, again=remap.again(ledger), fingerprint=remap.fingerprint)
    states = acts.meant(deed)
    if not states:
        raise typer.BadParameter(f"{_typed(verb)} takes jobs that are {_or(acts.FROM[verb])}", param_hint="--state")
    tallies = ledger.store.read(lambda c: overview.tally(c, ledger.account, wanted, states))
    return _Plan(ledger, deed, tuple(tallies), remap)


def _typed(verb: Verb) -> str:
    return _TYPED.get(verb, verb)


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _nothing(plan: _Plan) -> None:
    """Say that no job is meant; for jobs that were named, why. Ends the command where one was."""
    from mapper.delivery.ledger import acts

    wanted = plan.deed.chosen
    if not wanted.jobs:
        say("no job is like that: nothing to do")
        return
    found = {row.job: row.state for row in plan.ledger.rows(Filter(jobs=wanted.jobs))}
    for job in wanted.jobs:
        is_ = f"job {job} is {found[job]}" if job in found else f"there is no job {job}"
        say(f"error: {is_}; {_typed(plan.deed.verb)} takes jobs that are {_or(acts.FROM[plan.deed.verb])}")
    raise typer.Exit(Exit.USAGE)


def _show_dry(plan: _Plan) -> None:
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import queue as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stdout)
    rows = list(plan.rows() if plan.remap is None else plan.remap.foreseen(plan.ledger, plan.deed))
    moved = sum(row.number for row in rows if row.was != row.becomes)
    head = f"{_many(moved)} would move{':' if rows else ''}"
    terminal.show([terminal.Text(head, "bold"), *layout.moves(rows, screen)])
    for why, number in plan.left().items():
        terminal.show(terminal.block(f"{_many(number)} would stay: {why}", 0, screen, "yellow"))
    if plan.doubtful:
        terminal.show(terminal.block(_doubt(plan), 0, screen, "bold red"))


def _agreed(plan: _Plan, manner: Manner) -> bool:
    """Whether it is to be done. More than one job, or one that may have been taken, is asked for."""
    ask = plan.moved > 1 or plan.doubtful
    if manner.yes or not ask:
        if plan.doubtful:
            say(_doubt(plan))
        return True
    if not sys.stdin.isatty():
        several = _many(plan.moved) if plan.remap is None else f"up to {_many(plan.moved)}"
        message = f"{several} would be moved and nobody can be asked"
        hint = "--dry-run says which, --yes goes on"
        doubt = f" ({_doubt(plan)})" if plan.doubtful else ""
        raise UnreadableError(f"{message}: {hint}{doubt}")
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import queue as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stderr)
    terminal.show(layout.moves(plan.rows(), screen), sys.stderr)
    if plan.doubtful:
        terminal.show(terminal.block(_doubt(plan), 0, screen, "bold red"), sys.stderr)
    return _typed_in(plan.moved)


def _doubt(plan: _Plan) -> str:
    some = "it" if plan.moved == 1 else f"{plan.doubtful:,} of them"
    return f"{some} may have been taken already: a try ended without an answer, and sending again may print twice"


def _typed_in(count: int) -> bool:
    """Whether the person types the count."""
    sys.stderr.write(f"Type {count} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().replace(",", "") == str(count):
        return True
    say("Nothing was changed.")
    return False


def _report(plan: _Plan, done: Done) -> None:
    """What was done; ends the command where a job that was named stayed."""
    say(f"{_many(done.moved)} moved: {_typed(plan.deed.verb)}, by {plan.deed.who}")
    for why, jobs in _by_reason(done).items():
        named = f" ({', '.join(str(job) for job in jobs)})" if len(jobs) <= _NAMED else ""
        say(f"{_many(len(jobs))} stayed: {why}{named}")
    if plan.deed.chosen.jobs and done.left:
        raise typer.Exit(Exit.USAGE)


def _by_reason(done: Done) -> dict[str, list[int]]:
    reasons: dict[str, list[int]] = {}
    for job, why in done.left:
        reasons.setdefault(why, []).append(job)
    return reasons


def _many(number: int) -> str:
    return f"{number:,} job{'' if number == 1 else 's'}"


def _resume(manner: Manner) -> None:
    """End the pause of an account."""
    with stores.opening(manner.store) as store:
        ledger = stores.ledger(store, stores.one_account(store, manner.account))
        if manner.dry_run:
            paused = ledger.status().paused is not None
            say("the pause would end" if paused else "there is no pause")
        elif ledger.resume(stores.who(manner.who), manner.why):
            say("the pause has ended")
        else:
            say("there was no pause")
