"""``mapper queue status``, ``list`` and ``show``: looking at jobs.

Knows the options. Must not move a job, and shows what is a person's only where it is asked to.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mapper import codec
from mapper.apps.cli import loading, outputs, senders, stores
from mapper.apps.cli.app import Form, MappingOption, say, write
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.queue import records as queue_records
from mapper.apps.cli.queue.filters import Chosen, choosing, possible
from mapper.apps.cli.stores import AccountOption, StoreOption
from mapper.delivery.policy import Policy, of_plan
from mapper.delivery.values import Filter, Row, StoreError
from mapper.frozen import dataclass, replace

if TYPE_CHECKING:  # rich and a database library are loaded only where they are needed
    from mapper.apps.render.status import Picture
    from mapper.apps.render.terminal import Screen, Text
    from mapper.delivery.ledger import Ledger

#: So many a table shows unless it is told otherwise.
_SHOWN = 50
_PAGE = 500
#: Seconds that the small bars tell of.
_PULSE = 60

FormOption = Annotated[Form, typer.Option("--format", help="A table, or JSON for programs.")]


# ------------------------------------------------------------------------------------------------------------- status


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked at: the ledgers of some accounts, and what a mapping says of them."""

    ledgers: tuple[Ledger, ...]
    where: str
    policy: Policy | None

    def picture(self, ledger: Ledger) -> Picture:
        """What is drawn of an account."""
        from mapper.apps.render.status import Picture
        from mapper.delivery.ledger import overview

        status = ledger.status()
        working = senders.of(ledger, self.where, status)
        return Picture(
            status=status,
            store=ledger.store.name,
            pulse=ledger.store.read(lambda c: overview.pulse(c, ledger.account, status.now, _PULSE)),
            workers=working.names,
            none=working.none,
            lapsed=working.lapsed,
            mapped=self.policy is not None,
            rate=self.policy.rate if self.policy else None,
            cap=self.policy.cap_day if self.policy else None,
            again=stores.option(self.where),
            own=stores.own(ledger.store, ledger.account),
        )


def status(
    store: StoreOption = stores.STORE,
    account: AccountOption = None,
    mapping: MappingOption = None,
    form: FormOption = Form.TABLE,
    watch: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--watch", help="Draw it anew each second, until Ctrl-C.")
    ] = False,
) -> None:
    """Show how things stand: how many jobs are in which state, how fast it goes, what waits for a person."""
    if watch and form is Form.JSON:
        raise typer.BadParameter("it is for people to look at, and JSON is for programs", param_hint="--watch")
    policy = of_plan(loading.mapping(mapping).plan) if mapping is not None else None
    with stores.opening(store) as opened:
        ledgers = tuple(stores.ledger(opened, name) for name in stores.accounts(opened, account))
        look = _Look(ledgers, store, policy)
        if form is Form.JSON:
            write(codec.encode({"store": opened.name, "accounts": list(_records(look))}) + b"\n")
        elif not ledgers:
            say("nothing was ever accepted into this store")
        else:
            _show(look, watch=watch)


def _records(look: _Look) -> Iterator[dict[str, object]]:
    for ledger in look.ledgers:
        status = ledger.status()
        yield queue_records.of_status(status, senders.of(ledger, look.where, status))


def _show(look: _Look, *, watch: bool) -> None:
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import terminal

    screen = terminal.screen(sys.stdout)
    if watch and sys.stdout.isatty():
        _watch(look)
        return
    if watch:
        say("--watch is for a terminal; this is how things stand now")
    terminal.show(_page(look, screen))


def _page(look: _Look, screen: Screen) -> Iterator[Text]:
    from mapper.apps.render import status as layout
    from mapper.apps.render.terminal import Text

    for number, ledger in enumerate(look.ledgers):
        if number:
            yield Text("")
        yield from layout.page(look.picture(ledger), screen)


def _watch(look: _Look) -> None:
    """Draw until Ctrl-C, which is how one leaves. A store that is away for a while is waited for."""
    from mapper.apps.render import terminal, window
    from mapper.apps.render.live import Changing

    stream = sys.stdout  # what draws on it puts something in its place that cannot say its width, nor its signs
    try:
        with Changing(stream) as changing:
            while True:
                screen = terminal.screen(stream)
                try:
                    page = window.fitted([look.picture(one) for one in look.ledgers], screen, changing.height)
                except StoreError as error:
                    page = [*terminal.block(f"trouble with the store, trying again: {error}", 0, screen, "bold red")]
                changing.show(page)
                time.sleep(1)
    except KeyboardInterrupt:
        return


# --------------------------------------------------------------------------------------------------------------- list


@choosing
def list_jobs(
    chosen: Chosen,
    store: StoreOption = stores.STORE,
    account: AccountOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """List jobs: their numbers, states and reasons, and nothing of anybody.

    A table shows the first 50 unless --limit says otherwise; JSON is one line for each job, all of them.
    """
    with stores.opening(store) as opened:
        wanted = chosen.filter(opened.secret, opened.now())
        ledgers = [stores.ledger(opened, name) for name in stores.accounts(opened, account)]
        if form is Form.JSON:
            with outputs.standard() as stream:
                stream.writelines(_lines(ledgers, wanted))
            return
        found = [_list(ledger, wanted, named=len(ledgers) > 1) for ledger in ledgers]
        if not any(found):
            say("no job is like that")


def _lines(ledgers: list[Ledger], wanted: Filter) -> Iterator[bytes]:
    for ledger in ledgers:
        for row in _rows(ledger, wanted):
            record = {"account": ledger.account, **queue_records.of_row(row, ledger.store.now())}
            yield codec.encode(record) + b"\n"


def _rows(ledger: Ledger, wanted: Filter) -> Iterator[Row]:
    """All jobs that are meant, a page at a time."""
    after, left = 0, wanted.most
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = ledger.rows(replace(wanted, most=size), after)
        yield from page
        if len(page) < size:
            return
        after, left = page[-1].job, None if left is None else left - size


def _list(ledger: Ledger, wanted: Filter, *, named: bool) -> bool:
    """Show one account's jobs; whether there are any."""
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import queue as layout
    from mapper.apps.render import terminal

    most = _SHOWN if wanted.most is None else wanted.most
    rows = list(_rows(ledger, replace(wanted, most=most)))
    total = ledger.count(wanted) if len(rows) == most else len(rows)
    if not rows:
        return False
    screen = terminal.screen(sys.stdout)
    if named:
        terminal.show(terminal.block(ledger.account, 0, screen, "bold"))
    terminal.show(layout.listed(rows, ledger.store.now(), screen))
    if total > len(rows):
        say(f"{len(rows):,} of {total:,}: --limit N shows more")
    return True


# --------------------------------------------------------------------------------------------------------------- show


def show(
    job: Annotated[int, typer.Argument(metavar="JOB", help="The job's number, as `queue list` says it.")],
    store: StoreOption = stores.STORE,
    account: AccountOption = None,
    content: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--content", help="Also the event and the request's body: a name and an address.")
    ] = False,
    form: FormOption = Form.TABLE,
) -> None:
    """Tell one job's whole story: its state, its tries, what people did to it."""
    # Pages are laid out with rich, which is loaded only when one is drawn.
    from mapper.apps.render import queue as layout
    from mapper.apps.render import terminal

    with stores.opening(store) as opened:
        ledger = stores.ledger(opened, stores.one_account(opened, account))
        story = ledger.story(possible(job))
        if story is None:
            say(f"error: there is no job {job}")
            raise typer.Exit(Exit.USAGE)
        now = opened.now()
        if form is Form.JSON:
            record = queue_records.of_story(story, now)
            write(codec.encode({**record, **(_content(story.event, story.content) if content else {})}) + b"\n")
            return
        screen = terminal.screen(sys.stdout)
        terminal.show(layout.told(story, now, screen))
        if content:
            terminal.show(layout.content(story, screen))


def _content(event: bytes | None, body: bytes | None) -> dict[str, object]:
    return {"event": _decoded(event), "body": _decoded(body)}


def _decoded(stored: bytes | None) -> object:
    if stored is None:
        return None
    try:
        return codec.decode(stored)
    except codec.NotJson:
        return stored.decode("utf-8", "backslashreplace")
