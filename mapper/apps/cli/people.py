"""``mapper identity``: what a store knows of a person, and forgetting all of it.

Knows the options, and that a person's ids mean something within one source only. Must not show a person's values
anywhere but on stdout, where ``show`` was asked for them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapper import codec
from mapper.apps.cli import stores
from mapper.apps.cli.app import Form, app, say, write
from mapper.apps.cli.queue import records as queue_records
from mapper.apps.cli.stores import STORE, AccountOption, SourceOption, StoreOption
from mapper.apps.render.counting import counted
from mapper.delivery.names import Names
from mapper.delivery.values import Arrival, Filter
from mapper.frozen import dataclass
from mapper.identity import ANCIENT, Identity
from mapper.readers import UnreadableError

if TYPE_CHECKING:  # a database library is loaded only when a store is opened
    from mapper.delivery.ledger import Forgotten, Ledger
    from mapper.delivery.ledger.store import Store

_people = typer.Typer(help="What is known of a person, and forgetting it.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(_people, name="identity")

PersonArgument = Annotated[
    str, typer.Argument(metavar="USER_ID", help="A userId; with --anonymous an anonymousId.", show_default=False)
]
AnonymousOption = Annotated[bool, typer.Option("--anonymous", help="The id is an anonymousId.")]


@dataclass(frozen=True, slots=True)
class _Known:
    """What an account knows of a person. ``jobs`` are those of all states."""

    account: str
    identity: Identity
    jobs: int
    forgotten: tuple[float, bool] | None


@_people.command("show", short_help="Show what is known of a person.")
def show(  # noqa: PLR0913 - the options of a command
    user_id: PersonArgument,
    anonymous: AnonymousOption = False,  # noqa: FBT002 - typer's way to say a switch
    store: StoreOption = STORE,
    account: AccountOption = None,
    source: SourceOption = "",
    form: Annotated[Form, typer.Option("--format", help="A table, or JSON for programs.")] = Form.TABLE,
) -> None:
    """Show what is known of a person, trait by trait, and when it was said. This prints personal data, to stdout.

    The traits are those that a later event of this person is mapped with. Without --account all accounts are asked.
    """
    with stores.opening(store) as opened:
        name = _name(opened, user_id, source, anonymous=anonymous)
        known = [_known(stores.ledger(opened, one), name) for one in stores.accounts(opened, account)]
        if form is Form.JSON:
            write(codec.encode({"accounts": [_record(one) for one in known]}) + b"\n")
            return
        known = [one for one in known if one.identity.traits or one.jobs or one.forgotten]
        if not known:
            say("nothing is known of this person (ids of another source are other people: --source)")
        else:
            _show(known, opened.now())


def _name(store: Store, user_id: str, source: str, *, anonymous: bool) -> Arrival:
    """A call of this person that says nothing: only whose it is."""
    names = Names(store.secret, source)
    person = None if anonymous else names.user(user_id)
    return Arrival(b"", None, "", "", person=person, anonymous=names.anonymous(user_id) if anonymous else None)


def _known(ledger: Ledger, name: Arrival) -> _Known:
    from mapper.delivery.ledger import overview

    person = _whose(ledger, name)
    both = {one for one in (person, name.anonymous) if one is not None}
    return _Known(
        account=ledger.account,
        identity=ledger.known(name) or Identity(),
        jobs=ledger.count(Filter(person=person)),
        forgotten=ledger.store.read(lambda c: overview.forgotten(c, ledger.account, both)),
    )


def _whose(ledger: Ledger, name: Arrival) -> str:
    """The person's hash in one account: an anonymous visitor who turned out to be somebody is that one."""
    from mapper.delivery.ledger import overview

    return ledger.store.read(lambda c: overview.whose(c, ledger.account, name)) or ""


def _record(known: _Known) -> dict[str, Any]:
    traits = {
        name: {"value": trait.value, "said": _said(trait.stamp.time)} for name, trait in known.identity.traits.items()
    }
    gone = {"at": queue_records.moment(known.forgotten[0]), "for_good": known.forgotten[1]} if known.forgotten else None
    return {"account": known.account, "traits": traits, "jobs": known.jobs, "forgotten": gone}


def _said(nanoseconds: int) -> str | None:
    """When a trait was said; None where its call did not say."""
    return None if nanoseconds <= ANCIENT.time + 1 else queue_records.moment(nanoseconds / 1e9)


def _show(known: list[_Known], now: float) -> None:
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import people as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stdout)
    for one in known:
        traits = [
            layout.Known(name, trait.value, trait.stamp.time / 1e9 if _said(trait.stamp.time) else None)
            for name, trait in one.identity.traits.items()
        ]
        terminal.show(layout.page(layout.Person(one.account, tuple(traits), one.jobs, one.forgotten), now, screen))


@_people.command("forget", short_help="Forget a person: erase all that is known.")
def forget(  # noqa: PLR0913 - the options of a command
    user_id: PersonArgument,
    anonymous: AnonymousOption = False,  # noqa: FBT002 - typer's way to say a switch
    for_good: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--for-good", help="Later events of this person are not taken either.")
    ] = False,
    store: StoreOption = STORE,
    account: AccountOption = None,
    source: SourceOption = "",
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="A reason, to be kept: nothing of the person.")
    ] = None,
    who: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who does it, where that is not this system's user.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. For scripts.")] = False,  # noqa: FBT002 - as above
    form: Annotated[Form, typer.Option("--format", help="Text, or JSON for programs.")] = Form.TABLE,
) -> None:
    """Forget a person: events, requests, traits and ids go; jobs that were not sent yet are not sent.

    What is under way ends first, and is forgotten then. A keyed hash stays, so that a late event does not bring the
    person back, and that a job was sent is remembered. Without --account it is done in all accounts. The receipt
    holds nothing of the person. To forget somebody of whom nothing is known does no harm.
    """
    from mapper.delivery.ledger.forget import Wish

    with stores.opening(store) as opened:
        name = _name(opened, user_id, source, anonymous=anonymous)
        ledgers = [stores.ledger(opened, one) for one in stores.accounts(opened, account)]
        if not (yes or _agreed(ledgers, name)):
            say("Nothing was forgotten.")
            return
        act = _Act(stores.who(who), for_good)
        wishes = ((one, Wish(_whose(one, name), act.who, why, for_good)) for one in ledgers)
        _receipt([(one.account, one.forget(wish)) for one, wish in wishes], act, form)


@dataclass(frozen=True, slots=True)
class _Act:
    """By whom somebody is forgotten, and whether for good."""

    who: str
    for_good: bool


def _agreed(ledgers: list[Ledger], name: Arrival) -> bool:
    """Whether a person at the terminal says yes."""
    if not sys.stdin.isatty():
        raise UnreadableError("this cannot be undone and nobody can be asked: say --yes if it is meant")
    jobs = sum(one.count(Filter(person=_whose(one, name))) for one in ledgers)
    say(f"{counted(jobs, 'job')} of this person; all that is known goes, and cannot be brought back.")
    sys.stderr.write("Type forget to go on: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "forget"


def _receipt(receipts: list[tuple[str, Forgotten]], act: _Act, form: Form) -> None:
    """The receipt: what was found and is gone, without anything of the person."""
    if form is Form.JSON:
        records = [
            {
                "account": account,
                "at": queue_records.moment(one.at),
                "by": act.who,
                "for_good": act.for_good,
                "jobs_stopped": one.erased,
                "contents_erased": one.papers,
                "identities_erased": one.identities,
                "under_way": one.under_way,
                "scrubbed": one.scrubbed,
            }
            for account, one in receipts
        ]
        write(codec.encode({"forgotten": records}) + b"\n")
        return
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import people as layout
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stdout)
    for account, one in receipts:
        counts = layout.Gone(account, one.at, one.erased, one.papers, one.identities, one.under_way, one.scrubbed)
        terminal.show(layout.receipt(counts, act.who, screen, for_good=act.for_good))
