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

from sqlalchemy import Connection, exists, select

from mapper import codec
from mapper import identity as identities
from mapper.delivery.ledger import tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.store import Store
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.values import Arrival
from mapper.identity import Identity, Record

_a, _i, _f = tables.alias.c, tables.identity.c, tables.forgotten.c
ALIASES = select(_a.anonymous, _a.person, _a.time, _a.message).where(_a.account == MINE, among(_a.anonymous))
ALIASED = select(_a.anonymous, _a.person).where(_a.account == MINE, among(_a.person))
IDENTITIES = select(_i.name, _i.id, _i.traits).where(_i.account == MINE, among(_i.name))
FORGOTTEN = select(_f.person, _f.at, _f.for_good).where(_f.account == MINE, among(_f.person))


ALIASED_ANY = select(_a.person).where(_a.account == MINE)
FORGOTTEN_ANY = select(_f.person).where(_f.account == MINE)
#: Most stores have no alias and nobody forgotten: then three questions need not be asked.
ANY = select(exists(ALIASED_ANY), exists(FORGOTTEN_ANY))


class People:
    """The people of one batch of arrivals, as far as the ledger knows them, and what the batch adds.

    ``last`` is the number of the person who was heard of last.
    """

    def __init__(self, connection: Connection, account: str, arrivals: Collection[Arrival], last: int = 0) -> None:
        self._account = account
        self._connection = connection
        self._last = last
        ids = {i for one in arrivals for i in (one.person, one.anonymous) if i is not None}
        self._aliases, forgot = connection.execute(ANY, {"mine": account}).one()
        anonymous = {one.anonymous for one in arrivals if one.anonymous is not None}
        aliases = self._select(ALIASES, anonymous if self._aliases else ())
        self._alias = {r.anonymous: (r.person, r.time, r.message) for r in aliases}
        self._forgotten = {r.person: (r.at, r.for_good) for r in self._select(FORGOTTEN, ids if forgot else ())}
        self._changed_alias: set[str] = set()
        #: Anonymous ids that turned out to be somebody in this batch.
        self._joined: dict[str, str] = {}
        for one in arrivals:
            self._join(one)
        self._behind = self._behind_each({p for one in arrivals if (p := self.of(one)) is not None})
        known = {i for person, more in self._behind.items() for i in (person, *more)} | ids
        rows = self._select(IDENTITIES, known)
        self._numbers: dict[str, int] = {}
        #: As they are stored until somebody needs them: most are only written.
        self._known: dict[str, Identity | Record | bytes] = {}
        for name, number, traits in rows:
            self._numbers[name] = number
            if traits is not None:
                self._known[name] = bytes(traits)
        self._stored = frozenset(self._numbers)
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
            self._joined[arrival.anonymous] = arrival.person

    def _behind_each(self, people: set[str]) -> dict[str, list[str]]:
        """For each person the anonymous ids that turned out to be that person."""
        behind: defaultdict[str, list[str]] = defaultdict(list)
        stored = {r.anonymous: r.person for r in self._select(ALIASED, people if self._aliases else ())}
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

    def number(self, arrival: Arrival) -> int | None:
        """The number of the one whose call it is; who is new gets the next. None where it is nobody's."""
        name = self.of(arrival)
        return None if name is None else self._numbered(name)

    def _numbered(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            self._last += 1
            number = self._numbers[name] = self._last
        return number

    def rejoined(self) -> Iterable[tuple[int, int]]:
        """The numbers of those known as anonymous who turned out to be somebody in this batch, and whose they are."""
        known = sorted((self._numbers[one], who) for one, who in self._joined.items() if one in self._stored)
        return [(number, self._numbered(who)) for number, who in known]

    def forgets(self, arrival: Arrival) -> bool:
        """Whether a call is of somebody who was forgotten later than it was made, or for good."""
        if not self._forgotten:
            return False
        for name in (arrival.person, arrival.anonymous):
            at, for_good = self._forgotten.get(name, (None, False)) if name is not None else (None, False)
            if for_good or (at is not None and (arrival.stamp is None or arrival.stamp.time < at * 1e9)):
                return True
        return False

    def identity(self, arrival: Arrival) -> Identity | None:
        """What is known of a call's person before it."""
        person = self.of(arrival)
        if person is None:
            return None
        known = self._opened(person)
        for anonymous in self._behind.get(person, ()):
            more = self._opened(anonymous)
            if more is not None:
                known = more if known is None else identities.merge(known, more)
        return known

    def _opened(self, name: str) -> Identity | None:
        known = self._known.get(name)
        if known is None or isinstance(known, Identity):
            return known
        opened = self._known[name] = Identity.from_record(codec.decode(known) if isinstance(known, bytes) else known)
        return opened

    def learn(self, arrival: Arrival) -> None:
        """Remember what a call says of its person."""
        name = arrival.person if arrival.person is not None else arrival.anonymous
        if name is None or not arrival.said:
            return
        before = self._opened(name)
        if before is None:
            self._known[name] = arrival.said
        else:
            after = identities.merge(before, Identity.from_record(arrival.said))
            if after == before:
                return
            self._known[name] = after
        self._written.add(name)

    def keep(self, store: Store) -> int:
        """Write down what the batch added; the number of the last person."""
        for name in sorted(self._written):
            self._numbered(name)
        new = [self._row(name) for name in self._numbers if name not in self._stored]
        store.add(self._connection, tables.identity, new)
        store.put(self._connection, tables.identity, [self._row(n) for n in sorted(self._written & self._stored)])
        names = ("account", "anonymous", "person", "time", "message")
        joins = [
            dict(zip(names, (self._account, one, *self._alias[one]), strict=True))
            for one in sorted(self._changed_alias)
        ]
        store.put(self._connection, tables.alias, joins)
        return self._last

    def _row(self, name: str) -> dict[str, Any]:
        traits = self._known.get(name)
        stored = None if traits is None else _closed(traits)
        return {"account": self._account, "id": self._numbers[name], "name": name, "traits": stored}


def _closed(known: Identity | Record | bytes) -> bytes:
    """An identity as it is stored."""
    if isinstance(known, bytes):
        return known
    return codec.encode(known.as_record() if isinstance(known, Identity) else known)
