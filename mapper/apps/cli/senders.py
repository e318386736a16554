"""Who sends from a store, and for which account; and what a worker that is gone has left under way.

Knows locks and leases, as the store tells them. Must not start a worker, nor settle what one has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapper.apps.cli import stores
from mapper.delivery.values import Status
from mapper.frozen import dataclass

if TYPE_CHECKING:  # a database library is loaded only when a store is opened
    from mapper.delivery.ledger import Ledger
    from mapper.delivery.ledger.turns import Holder


#: What sends the jobs of an account that nobody works for. `mapper worker` alone is one for the mapping's own address.
SENDS = "the same `mapper send` again, or `mapper worker` with the same -m, --to and --store, sends what is due"


@dataclass(frozen=True, slots=True)
class Workers:
    """Who sends an account's jobs.

    ``names``   None where that cannot be known: an idle worker of PostgreSQL leaves no trace
    ``other``   the one worker of an SQLite store, where it works for another account
    ``lapsed``  jobs under way at a worker that is gone; where one is all, whatever that one has not begun
    """

    names: tuple[str, ...] | None
    other: Holder | None = None
    lapsed: int = 0

    @property
    def none(self) -> str:
        """That nobody sends, and what does."""
        if self.other is None:
            return f"none: {SENDS}"
        return f"none for this account: {spoken(self.other)}. When that has stopped, {SENDS}"


def of(ledger: Ledger, where: str, status: Status) -> Workers:
    """The workers of an account, at the moment of its status."""
    from mapper.delivery.ledger import overview

    sending = status.counts["sending"]
    if not ledger.store.alone:
        names = ledger.store.read(lambda c: overview.owners(c, ledger.account, status.now)) or None
        lapsed = ledger.store.read(lambda c: overview.lapsed(c, ledger.account, status.now)) if sending else 0
        return Workers(names, lapsed=min(lapsed, sending))  # it was asked for a moment later
    one = stores.holder_of(where)
    if one is not None and one.account in (None, ledger.account):
        return Workers((f"process {one.process}",))
    return Workers((), one, sending)


def named(one: Holder) -> str:
    """A worker, in words."""
    return f"process {one.process}" + ("" if one.account is None else f", for {one.account}")


def spoken(one: Holder) -> str:
    """Who the one worker of a store is, in words."""
    whose = "" if one.account is None else f", for {one.account}"
    return f"process {one.process} is the store's one worker{whose}"
