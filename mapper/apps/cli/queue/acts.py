"""``mapper queue hold``, ``release``, ``resolve``, ``drop`` and ``replay``: what a person decides about jobs.

Knows what is said and asked before jobs are moved. Must not move one itself, nor decide anything for the person.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mapper.apps.cli import senders, stores
from mapper.apps.cli.app import MappingOption, SettingsOption, say
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.queue import plans
from mapper.apps.cli.queue.filters import Chosen, Manner, acting
from mapper.apps.cli.queue.plans import Plan, Replay
from mapper.apps.render.counting import counted
from mapper.delivery.values import Filter
from mapper.frozen import replace
from mapper.readers import UnreadableError

if TYPE_CHECKING:  # rich and a database library are loaded only where they are needed
    from mapper.apps.render.terminal import Screen
    from mapper.delivery.ledger import Done
    from mapper.delivery.ledger.acts import Verb
    from mapper.delivery.ledger.store import Store

# ------------------------------------------------------------------------------------------------------- the commands


@acting
def hold(chosen: Chosen, manner: Manner) -> None:
    """Keep jobs back that are waiting or ready, until they are released. Without --account those of all accounts."""
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
def replay(  # noqa: PLR0913 - the options of a command
    chosen: Chosen,
    manner: Manner,
    remap: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--remap", help="Map their events again, by the mapping and by what is known now.")
    ] = False,
    mapping: MappingOption = None,
    setting: SettingsOption = None,
    twice: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--twice", help="Also the same order as another one that was taken, or is yet to be.")
    ] = False,
) -> None:
    """Send jobs after all that ended without being taken: rejected, dead, suppressed; with --remap invalid and skipped.

    Without --remap the request is the one that was made when the event came. With it, only jobs are mapped again
    that were never tried: what may have left once stays as it was.

    What would be the same order as another one that was taken, may have been, or is yet to be sent stays, unless
    --twice is said. With the mapping (-m) any two jobs are compared by its once_per; without it, those that once_per
    kept back.
    """
    if not remap and mapping is None:
        _act("replay", chosen, manner, Replay(twice=twice))
        return
    # The mapping is loaded, and with it what maps, only where something is mapped or compared.
    from mapper.apps.cli.queue.remap import Remap, window

    if remap:
        _act("replay", chosen, manner, Replay(Remap.load(mapping, setting, chosen.source), twice))
    else:
        _act("replay", chosen, manner, Replay(twice=twice, window=window(mapping)))


# -------------------------------------------------------------------------------------------------------------- an act


def _act(verb: Verb, chosen: Chosen, manner: Manner, replay: Replay | None = None) -> None:
    """Do it: say what it means, ask where that is due, move, and say what was done."""
    if chosen.everything and not manner.everything:
        raise typer.BadParameter("say which jobs are meant, by --state, --job and the like; or --all")
    with stores.opening(manner.store) as store:
        names = _accounts(store, verb, chosen, manner)
        wanted = chosen.filter(store.secret, store.now())
        every = [plans.made(stores.ledger(store, name), verb, wanted, manner, replay or Replay()) for name in names]
        some = [plan for plan in every if plan.seen]
        if not some:
            _nothing(every[0], manner)
            return
        staying = _staying(every[0])
        for sentence in staying:  # before anybody is asked: it may have been a slip
            say(f"error: {sentence}")
        if manner.dry_run:
            _show_dry(some, named=len(every) > 1)
        elif _agreed(some, manner):
            for plan in some:
                _do(plan, named=len(every) > 1)
        if staying:
            raise typer.Exit(Exit.USAGE)


def _accounts(store: Store, verb: Verb, chosen: Chosen, manner: Manner) -> list[str]:
    """The accounts that are meant. To keep jobs back is safe: it is done in all accounts, unless one is named.

    A job's number is one of an account. Raises NoAccountError.
    """
    several = stores.accounts(store, manner.account) if verb == "hold" and not chosen.job else []
    return several or [stores.one_account(store, manner.account)]


def _do(plan: Plan, *, named: bool) -> None:
    """Do it to the jobs of one account."""
    done = plan.ledger.act(replace(plan.deed, chosen=replace(plan.deed.chosen, most=plan.seen)))
    _report(plan, done, f"{plan.ledger.account}: " if named else "")


def _nothing(plan: Plan, manner: Manner) -> None:
    """Say that no job is meant; for jobs that were named, why. Ends the command where one was."""
    wanted = plan.deed.chosen
    if not wanted.jobs:
        say("no job is like that: nothing to do")
        _tell_lapsed(plan, manner)
        return
    for sentence in _staying(plan, whatever=True):
        say(f"error: {sentence}")
    _tell_lapsed(plan, manner)
    raise typer.Exit(Exit.USAGE)


def _staying(plan: Plan, *, whatever: bool = False) -> list[str]:
    """Why jobs that were named stay: they are in another state, or not there. ``whatever``: those that fit, too."""
    from mapper.delivery.ledger import acts

    named, fit = plan.deed.chosen.jobs or (), acts.FROM[plan.deed.verb]
    found = {row.job: row.state for row in plan.ledger.rows(Filter(jobs=named, most=len(named)))} if named else {}
    takes = f"{plans.typed(plan.deed.verb)} takes jobs that are {plans.alternatives(fit)}"
    return [
        f"{f'job {job} is {found[job]}' if job in found else f'there is no job {job}'}; {takes}"
        for job in dict.fromkeys(named)
        if whatever or found.get(job) not in fit
    ]


def _tell_lapsed(plan: Plan, manner: Manner) -> None:
    """Where a person settles what may have been taken: what a worker that is gone had under way is not unknown yet."""
    if plan.deed.verb not in ("deliver", "resend"):
        return
    gone = senders.of(plan.ledger, manner.store, plan.ledger.status()).lapsed
    if gone:
        they = "it" if gone == 1 else "they"
        say(f"{counted(gone, 'job')} sending at a worker that is gone: {they} may have been taken.")
        say("The next worker of this account finds that; what is unknown then can be settled.")


def _show_dry(some: list[Plan], *, named: bool) -> None:
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stdout)
    for plan in some:
        if named:
            terminal.show(terminal.block(plan.ledger.account, 0, screen, "bold"))
        _show_one_dry(plan, screen)


def _show_one_dry(plan: Plan, screen: Screen) -> None:
    from mapper.apps.render import queue as layout
    from mapper.apps.render import terminal

    rows, kept = plan.foreseen()
    moved = sum(row.number for row in rows if row.was != row.becomes)
    head = f"{counted(moved, 'job')} would move{':' if rows else ''}"
    terminal.show([terminal.Text(head, "bold"), *layout.moves(rows, screen)])
    left = [(number, why) for why, number in plan.left().items()]
    left += [(len(jobs), f"{why} {plans.numbered(jobs)}") for why, jobs in kept.items()]
    for number, why in left:
        terminal.show(terminal.block(f"{counted(number, 'job')} would stay: {why}", 0, screen, "yellow"))
    if plan.doubtful:
        terminal.show(terminal.block(_doubt(plan.moved, plan.doubtful), 0, screen, "bold red"))


def _agreed(some: list[Plan], manner: Manner) -> bool:
    """Whether it is to be done. More than one job, or one that may have been taken, is asked for."""
    moved, doubtful = sum(plan.moved for plan in some), sum(plan.doubtful for plan in some)
    doubt = _doubt(moved, doubtful) if doubtful else None
    if manner.yes or not (moved > 1 or doubtful):
        if doubt:
            say(doubt)
        return True
    if not sys.stdin.isatty():
        several = counted(moved, "job") if some[0].remap is None else f"up to {counted(moved, 'job')}"
        hint = "--dry-run says which, --yes goes on" + (f" ({doubt})" if doubt else "")
        raise UnreadableError(f"{several} would be moved and nobody can be asked: {hint}")
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import queue as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stderr)
    terminal.show(layout.moves([row for plan in some for row in plan.rows()], screen), sys.stderr)
    if doubt:
        terminal.show(terminal.block(doubt, 0, screen, "bold red"), sys.stderr)
    return _typed_in(moved)


def _doubt(moved: int, doubtful: int) -> str:
    some = "it" if moved == 1 else f"{doubtful:,} of them"
    return f"{some} may have been taken already: a try ended without an answer, and sending again may print twice"


def _typed_in(count: int) -> bool:
    """Whether the person types the count."""
    sys.stderr.write(f"Type {count} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().replace(",", "") == str(count):
        return True
    say("Nothing was changed.")
    return False


def _report(plan: Plan, done: Done, account: str) -> None:
    """What was done; ends the command where a job that was named stayed."""
    to = "mapped again" if plan.remap is not None else f"to {plans.BECOMES[plan.deed.verb]}"
    say(f"{account}{counted(done.moved, 'job')} moved, {to}: {plans.typed(plan.deed.verb)}, by {plan.deed.who}")
    for why, jobs in _by_reason(done).items():
        say(f"{account}{counted(len(jobs), 'job')} stayed: {why} {plans.numbered(jobs)}")
    if plan.deed.chosen.jobs and (done.left or done.repeats):
        raise typer.Exit(Exit.USAGE)


def _by_reason(done: Done) -> dict[str, list[int]]:
    """The jobs that stayed, by why. Where many orders are repeats, which each of them repeats is not said."""
    each = len(done.repeats) <= plans.NAMED
    reasons: dict[str, list[int]] = {}
    for job, why in done.left:
        reasons.setdefault(why, []).append(job)
    for job, one in done.repeats:
        reasons.setdefault(plans.same_order(one.state, one.job if each else None), []).append(job)
    return reasons


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
