"""What the ledger knows of people: who an anonymous visitor turned out to be, their traits, and who was forgotten.

Knows the tables identity, alias and forgotten, inside somebody's transaction. Must not know a job.

Nothing is merged for good: a person's identity is the merge of what was said under the person's own id and of what
was said under each anonymous id that turned out to be this person. So the order in which calls come does not matter,
nor how often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, select

from mapper import codec
from mapper import identity as identities
from mapper.delivery.ledger import tables
from mapper.delivery.ledger.store import Store
from mapper.delivery.ledger.tables import MINE, SOME
from mapper.delivery.values import Arrival
from mapper.identity import Identity

_NOBODY = Identity()


_a, _i, _f = tables.alias.c, tables.identity.c, tables.forgotten.c
ALIASES = select(_a.anonymous, _a.person, _a.time, _a.message).where(_a.account == MINE, _a.anonymous.in_(SOME))
ALIASED = select(_a.anonymous, _a.person).where(_a.account == MINE, _a.person.in_(SOME))
IDENTITIES = select(_i.person, _i.traits).where(_i.account == MINE, _i.person.in_(SOME))
FORGOTTEN = select(_f.person, _f.at, _f.for_good).where(_f.account == MINE, _f.person.in_(SOME))


class People:
    """The people of one batch of arrivals, as far as the ledger knows them, and what the batch adds."""

    def __init__(self, connection: Connection, account: str, arrivals: Collection[Arrival]) -> None:
        self._account = account
        self._connection = connection
        ids = {i for one in arrivals for i in (one.person, one.anonymous) if i is not None}
        anonymous = {one.anonymous for one in arrivals if one.anonymous is not None}
        self._alias = {r.anonymous: (r.person, r.time, r.message) for r in self._select(ALIASES, anonymous)}
        self._forgotten = {r.person: (r.at, r.for_good) for r in self._select(FORGOTTEN, ids)}
        self._changed_alias: set[str] = set()
        #: Anonymous ids that turned out to be somebody in this batch.
        self.joined: dict[str, str] = {}
        for one in arrivals:
            self._join(one)
        self._behind = self._behind_each({p for one in arrivals if (p := self.of(one)) is not None})
        known = {i for person, more in self._behind.items() for i in (person, *more)} | ids
        self._known = {r.person: _decoded(r.traits) for r in self._select(IDENTITIES, known)}
        self._written: set[str] = set()

    def _select(self, statement: Any, some: Collection[str]) -> Iterable[Any]:
        if not some:
            return ()
        return self._connection.execute(statement, {"mine": self._account, "some": sorted(some)})

    def _join(self, arrival: Arrival) -> None:
        """Note who an anonymous id is.

        The earliest call that says so counts: a device that others use later does not hand them the first address.
        """
        if arrival.person is None or arrival.anonymous is None or arrival.stamp is None or self.forgets(arrival):
            return
        said = (arrival.stamp.time, arrival.message)
        before = self._alias.get(arrival.anonymous)
        if before is None or said < before[1:]:
            self._alias[arrival.anonymous] = (arrival.person, *said)
            self._changed_alias.add(arrival.anonymous)
            self.joined[arrival.anonymous] = arrival.person

    def _behind_each(self, people: set[str]) -> dict[str, list[str]]:
        """For each person the anonymous ids that turned out to be that person."""
        behind: defaultdict[str, list[str]] = defaultdict(list)
        stored = {r.anonymous: r.person for r in self._select(ALIASED, people)}
        stored.update({anonymous: alias[0] for anonymous, alias in self._alias.items()})
        for anonymous, person in stored.items():
            behind[person].append(anonymous)
        return {person: behind.get(person, []) for person in people}

    def of(self, arrival: Arrival) -> str | None:
        """Whose call it is: the userId's person, or whoever the anonymous id turned out to be, or that id itself."""
        if arrival.person is not None:
            return arrival.person
        alias = self._alias.get(arrival.anonymous) if arrival.anonymous is not None else None
        return alias[0] if alias is not None else arrival.anonymous

    def forgets(self, arrival: Arrival) -> bool:
        """Whether a call is of somebody who was forgotten later than it was made, or for good."""
        if not self._forgotten:
            return False
        for name in (arrival.person, arrival.anonymous):
            at, for_good = self._forgotten.get(name, (None, False)) if name is not None else (None, False)
            if for_good or (at is not None and (arrival.stamp is None or arrival.stamp.time <= at * 1e9)):
                return True
        return False

    def identity(self, arrival: Arrival) -> Identity | None:
        """What is known of a call's person before it."""
        person = self.of(arrival)
        if person is None:
            return None
        known = self._known.get(person)
        for anonymous in self._behind.get(person, ()):
            more = self._known.get(anonymous)
            if more is not None:
                known = more if known is None else identities.merge(known, more)
        return known

    def learn(self, arrival: Arrival) -> None:
        """Remember what a call says of its person."""
        name = arrival.person if arrival.person is not None else arrival.anonymous
        if name is None or arrival.said is None or not arrival.said.traits:
            return
        before = self._known.get(name)
        after = arrival.said if before is None else identities.merge(before, arrival.said)
        if before is None or after != before:
            self._known[name] = after
            self._written.add(name)

    def keep(self, store: Store) -> None:
        """Write down what the batch added."""
        rows = [
            {"account": self._account, "person": name, "traits": codec.encode(self._known[name].as_dict())}
            for name in sorted(self._written)
        ]
        if rows:
            upsert = store.insert(tables.identity)
            key = [tables.identity.c.account, tables.identity.c.person]
            self._connection.execute(upsert.on_conflict_do_update(key, set_={"traits": upsert.excluded.traits}), rows)
        names = ("account", "anonymous", "person", "time", "message")
        joins = [
            dict(zip(names, (self._account, one, *self._alias[one]), strict=True))
            for one in sorted(self._changed_alias)
        ]
        if joins:
            upsert = store.insert(tables.alias)
            key = [tables.alias.c.account, tables.alias.c.anonymous]
            fresh = {name: upsert.excluded[name] for name in ("person", "time", "message")}
            self._connection.execute(upsert.on_conflict_do_update(key, set_=fresh), joins)


def _decoded(traits: bytes) -> Identity:
    return Identity.from_dict(codec.decode(bytes(traits)))
