"""A store of version 1 is opened by today's program, on both engines: nothing is lost, sent twice, or left behind.

``version1`` has the tables as they were and a store with some of everything in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import version1
from deliveries import NOON, PLAIN, Desk, arrival, hashed
from sqlalchemy import Connection, MetaData, delete, inspect, select, text
from sqlalchemy.exc import OperationalError
from version1 import long_hash

import mapper
from mapper.delivery.intake import Intake
from mapper.delivery.ledger import migrations, open_store, tables, versions
from mapper.delivery.ledger.store import Store
from mapper.delivery.policy import Policy
from mapper.delivery.values import Ending, StoreError
from mapper.frozen import replace

Opened = Callable[..., Desk]

#: The people of the account by their numbers: as their first jobs came, then those who have none, by their names.
PEOPLE = ("bob", "ada", "cy", "dora", "eli", "tablet", "zoe", *sorted(("phone", "quiet"), key=long_hash))


@pytest.fixture
def url(store_url: str) -> str:
    """Where a store of version 1 is."""
    version1.make(store_url)
    return store_url


@pytest.fixture
def opened(url: str) -> Iterator[Opened]:
    """Opens it with today's program; each store is closed after the test."""
    stores: list[Store] = []

    def desk(account: str = "Inkwell", policy: Policy = PLAIN) -> Desk:
        stores.append(open_store(url))
        return Desk(stores[-1], account, policy)

    yield desk
    for store in stores:
        store.close()


def everything(url: str) -> dict[str, Any]:
    """The tables as they are defined and all that is in them, read past the product."""
    with version1.connected(url).connect() as connection:
        found = MetaData()
        found.reflect(connection)
        rows = {name: sorted(map(repr, connection.execute(select(one)))) for name, one in found.tables.items()}
    return {**rows, "schema": schema(url)}


def schema(url: str) -> Any:
    """The tables and their indexes, as the database itself has them."""
    with version1.connected(url).connect() as connection:
        return _master(connection) if url.startswith("sqlite") else _catalogue(connection)


def _master(connection: Connection) -> Any:
    """For each table what is made of it, in the order in which it was: that decides between plans."""
    rows = connection.execute(text("SELECT tbl_name, type, name, sql FROM sqlite_master ORDER BY rowid")).all()
    return {table: [(*row[1:3], _plain(row[3])) for row in rows if row[0] == table] for table, *_ in rows}


def _plain(sql: str | None) -> str:
    return "" if sql is None else " ".join(sql.replace('"', "").split())


def _catalogue(connection: Connection) -> Any:
    look = inspect(connection)
    named = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = CAST(:name AS regclass)"
    found = {
        name: (
            [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in look.get_columns(name)],
            look.get_pk_constraint(name),
            sorted(tuple(row) for row in connection.execute(text(named), {"name": name})),
            sorted(
                tuple(row)
                for row in connection.execute(
                    text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :name"), {"name": name}
                )
            ),
        )
        for name in look.get_table_names()
    }
    return found | {"sequences": sorted(look.get_sequence_names())}


# --------------------------------------------------------------------------------------------------------- what is kept


def test_every_job_is_there_as_it_was(opened: Opened) -> None:
    """Each column of it; whose it is stands there as a number, and its names are the first part of the old ones."""
    store = opened().ledger.store
    columns = [one.name for one in version1.job.columns]
    found = store.read(lambda c: [row._asdict() for row in c.execute(text("SELECT * FROM job ORDER BY account, id"))])
    people = {
        (account, number): name
        for account, number, name in store.read(
            lambda c: c.execute(text("SELECT account, id, name FROM identity")).all()
        )
    }
    due = sorted(version1.rows()["job"], key=lambda row: (row["account"], row["id"]))
    assert len(found) == len(due) == len(version1.ACCEPTED)
    for new, old in zip(found, due, strict=True):
        short = {name: old[name] and old[name][:24] for name in ("message", "digest", "once", "person")}
        whose = new["person"] and people[new["account"], new["person"]]
        assert [*new] == columns
        assert {**new, "person": whose} == {**old, **short}


def test_numbers_are_given_as_jobs_came(opened: Opened) -> None:
    """From 1, without a gap, in each account; those who have traits alone come last. The account knows the last one."""
    store = opened().ledger.store

    def told(account: str) -> list[Any]:
        some = text("SELECT id, name FROM identity WHERE account = :account ORDER BY id")
        return store.read(lambda c: [tuple(row) for row in c.execute(some, {"account": account})])

    assert told("Inkwell") == [(number, hashed(name)) for number, name in enumerate(PEOPLE, 1)]
    assert told("Drip") == [(1, hashed("ada")), (2, hashed("bob"))]
    last = store.read(lambda c: c.execute(text("SELECT account, last_person FROM intake ORDER BY account")).all())
    assert [tuple(row) for row in last] == [("Drip", 2), ("Inkwell", len(PEOPLE))]


def test_all_other_tables_are_as_they_were(url: str, opened: Opened) -> None:
    """Papers, tries, acts, the pace: to the byte. And of the accounts all that was counted."""
    before = everything(url)
    desk = opened()
    after = everything(url)
    for name in ("paper", "attempt", "act", "gate"):
        assert after[name] == before[name] != []
    status, gate = desk.ledger.status(), desk.store.read(lambda c: c.execute(text("SELECT pauses FROM gate")).scalars())
    assert (status.accepted, status.repeated, status.conflicting) == (9, 1, 2)
    assert list(gate) == [3, 3]
    assert desk.store.secret == version1.SECRET
    story = desk.ledger.story(6)
    assert story is not None
    assert [one.ending for one in story.attempts] == ["unknown"]
    assert [one.verb for one in story.acts] == ["resolve"]
    assert json.loads(story.event or b"")["message"] == "m6"


def test_names_of_people_and_calls_are_shorter_everywhere(opened: Opened) -> None:
    """Of who turned out to be whom, and by which call; and of who was forgotten. All else is as it was."""
    store = opened().ledger.store
    for name, names in (("alias", ("anonymous", "person", "message")), ("forgotten", ("person",))):
        (found,) = store.read(lambda c, name=name: c.execute(select(version1.metadata.tables[name])).all())
        (before,) = version1.rows()[name]
        assert found._asdict() == {**before, **{one: before[one][:24] for one in names}}


def test_the_store_is_well(opened: Opened) -> None:
    """Its own examination finds nothing: on SQLite that is quick_check, too."""
    desk = opened()
    desk.check()
    assert list(desk.store.check()) == []


def test_it_is_made_as_a_new_one_is(url: str, opened: Opened, stores: Callable[[], str]) -> None:
    """The same tables, keys, checks and indexes, by the same names and in the same order; and none besides."""
    fresh = stores()
    open_store(fresh).close()
    before = schema(url)
    assert before != schema(fresh)
    opened()
    assert schema(url) == schema(fresh)
    if url.startswith("sqlite"):
        assert [name for _, name, _ in schema(url)["job"]] == [name for _, name, _ in before["job"]]


# --------------------------------------------------------------------------------------------------------- what goes on


def test_the_same_calls_are_repeats(opened: Opened) -> None:
    """Of each call, in both accounts: who sends them again gets the job that is there."""
    for account, count in (("Inkwell", 9), ("Drip", 3)):
        desk = opened(account)
        calls = [arrival(m, p, **said) for one, m, p, said, _ in version1.ACCEPTED if one == account]
        receipts = desk.accept(*calls)
        assert [(one.job, one.repeated) for one in receipts] == [(n, "same") for n in range(1, count + 1)]
    (other,) = opened().accept(arrival("m2", "ada", traits={"city": "Bonn"}))
    assert (other.job, other.repeated) == (2, "conflict")


@pytest.mark.parametrize("how", ["delivered", "rejected"])
def test_who_waits_is_next(opened: Opened, how: str) -> None:
    """The job behind the one that ended becomes ready, and not before; a new one of theirs stands behind it."""
    desk = opened()
    (later,) = desk.accept(arrival("m20", "ada"))
    assert later.state == "waiting"
    ada = next(claim for claim in desk.started() if claim.job == 2)
    assert desk.state(3) == "waiting"
    desk.end(ada, how)
    assert (desk.state(3), desk.state(later.job)) == ("ready", "waiting")
    assert opened("Drip").states() == {1: "held", 2: "ready", 3: "waiting"}


def test_what_was_under_way_ends(opened: Opened) -> None:
    """By a late answer to the try that version 1 began."""
    desk = opened()
    (settled,) = desk.ledger.finish([Ending(4, 1, "delivered")])
    assert (settled.state, desk.state(4)) == ("delivered", "delivered")
    story = desk.ledger.story(4)
    assert story is not None
    assert [(one.number, one.started, one.ending) for one in story.attempts] == [(1, NOON, "delivered")]


def test_what_was_under_way_lapses(opened: Opened) -> None:
    """Where no answer comes before its lease is over."""
    desk = opened()
    assert desk.claim()[0].job == 2
    desk.lapse()
    assert desk.state(4) == "unknown"


def test_people_are_known(opened: Opened) -> None:
    """To their next call: what they said themselves, and what the anonymous visitor said who they turned out to be."""
    desk = opened()
    ada, zoe, quiet, phone = desk.jobs(
        arrival("m20", "ada"),
        arrival("m21", "zoe"),
        arrival("m22", "quiet"),
        arrival("m23", None, anonymous="phone"),
    )
    assert desk.content(ada)["traits"] == {"city": "Ulm"}
    assert desk.content(zoe)["traits"] == desk.content(phone)["traits"] == {"first": "Zoe", "street": "1 Rocket Road"}
    assert desk.content(quiet)["traits"] == {"city": "Bonn"}
    assert desk.rows()[phone].person == desk.rows()[zoe].person == desk.rows()[9].person == 7
    (other,) = opened("Drip").jobs(arrival("m20", "ada"))
    assert opened("Drip").content(other)["traits"] == {"city": "Aachen"}


def test_a_visitor_turns_out_to_be_somebody(opened: Opened) -> None:
    """The visitor's open job joins that person's line."""
    desk = opened()
    (job,) = desk.jobs(arrival("m20", "tilda", anonymous="tablet"))
    assert (desk.state(7), desk.state(job)) == ("ready", "waiting")
    assert desk.rows()[7].person == desk.rows()[job].person == len(PEOPLE) + 1


def test_who_comes_later_to_an_alias_changes_nothing(opened: Opened) -> None:
    """The earliest call still says who a visitor is."""
    desk = opened()
    desk.jobs(arrival("m20", "eli", anonymous="phone", at=NOON + 1))
    (job,) = desk.jobs(arrival("m21", None, anonymous="phone"))
    assert desk.rows()[job].person == 7


def test_new_people_get_the_next_numbers(opened: Opened) -> None:
    """Those of one account go on where it ended, whatever another one's are."""
    desk = opened()
    jobs = desk.jobs(arrival("m20", "nora"), arrival("m21", "ada"), arrival("m22", "olga"))
    assert [desk.rows()[job].person for job in jobs] == [len(PEOPLE) + 1, 2, len(PEOPLE) + 2]
    other = opened("Drip")
    assert [other.rows()[job].person for job in other.jobs(arrival("m20", "nora"))] == [3]


@pytest.mark.parametrize(("name", "jobs"), [("ada", [2, 3]), ("bob", [1]), ("zoe", [9]), ("quiet", []), ("who", [])])
def test_a_person_is_found(opened: Opened, name: str, jobs: list[int]) -> None:
    """By the name that a user of the command line gives."""
    assert sorted(opened().rows(person=hashed(name))) == jobs


def test_an_order_is_taken_once(opened: Opened) -> None:
    """``once_per`` refuses the order that version 1 took."""
    desk = opened(policy=replace(PLAIN, within=3600.0))
    same, other = desk.accept(arrival("m20", "bob", once="order 1"), arrival("m21", "bob", once="order 2"))
    assert (same.state, same.because) == ("suppressed", "once_per: the same order as job 1")
    assert other.state == "ready"


def test_who_was_forgotten_stays_forgotten(opened: Opened) -> None:
    """A late call, made before, does not bring them back; and to forget somebody now finds all that is theirs."""
    desk = opened()
    late, new = desk.accept(arrival("m20", "dora", at=NOON - 60), arrival("m21", "dora", at=NOON + 60))
    assert (late.state, new.state) == ("erased", "ready")
    gone = desk.forget("ada")
    assert (gone.erased, gone.papers, gone.identities) == (2, 2, 1)
    assert (desk.state(2), desk.state(3), opened("Drip").state(3)) == ("erased", "erased", "waiting")


# --------------------------------------------------------------------------------------------------- calls as they come

MAPPING = """
mapping: 1
destination: Inkwell
fields:
  a: {from: traits.a}
send:
  url: https://inkwell.example/orders
"""


def version1_hash(content: str) -> str:
    """As version 1 hashed."""
    return hashlib.blake2b(content.encode(), digest_size=16, key=version1.SECRET).hexdigest()


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    """Reads events for a store with that key."""
    where = tmp_path / "mapping.yaml"
    where.write_text(MAPPING, "utf-8")
    loaded = mapper.load(where)
    return Intake(loaded, loaded.resolved({}), version1.SECRET)


def test_names_are_the_first_part_of_what_they_were(intake: Intake) -> None:
    """Those of people and of calls."""
    one = intake.arrival({"type": "identify", "userId": "u", "anonymousId": "a", "messageId": "m", "traits": {}})
    due = [
        version1_hash(f"\0{kind}\0{name}")[:24] for kind, name in (("user", "u"), ("anonymous", "a"), ("message", "m"))
    ]
    assert [one.person, one.anonymous, one.message] == due


def test_so_is_that_of_a_call_without_a_message_id(intake: Intake) -> None:
    """It is named by the whole of its digest, as in version 1: else it would be sent again."""
    raw = b"this is no event"
    digest = version1_hash(raw.decode())
    one = intake.arrival(raw)
    assert (one.digest, one.message) == (digest[:24], version1_hash(f"\0content\0{digest}")[:24])


# ------------------------------------------------------------------------------------------------------- how it is done


class Failing:
    """A connection whose n-th statement is none. Before that it is the connection."""

    def __init__(self, connection: Connection, good: int) -> None:
        self._connection = connection
        self.good = good

    def execute(self, *statement: Any) -> Any:
        """Run it, or fail."""
        self.good -= 1
        return self._connection.execute(text("NONSENSE") if self.good < 0 else statement[0], *statement[1:])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_half_a_step_is_none(url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it fails, version 1 is whole; and the next one who opens it brings it forward."""
    before, failures = everything(url), 0
    while failures < 99:
        with monkeypatch.context() as patch:
            patch.setattr(versions, "STEPS", {1: lambda c, n=failures: migrations.shorten_names(Failing(c, n))})
            try:
                open_store(url).close()
            except StoreError:
                failures += 1
            else:
                break
        if failures % 4 == 0:
            assert everything(url) == before
    assert failures > 20
    assert everything(url)["schema"] != before["schema"]
    assert len(opened().states()) == 9


def test_it_is_done_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the store in the meantime waits; whoever comes later has nothing to do."""
    done: list[int] = []
    monkeypatch.setattr(versions, "STEPS", {1: lambda c: migrations.shorten_names(c) or done.append(1)})
    with ThreadPoolExecutor(4) as threads:
        for store in threads.map(lambda _: open_store(url), range(4)):
            store.close()
    open_store(url).close()
    assert done == [1]


def test_nobody_writes_meanwhile(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older program wrote between two statements would go with the table that it wrote to."""
    with version1.connected(url).connect() as other:
        other.execute(text("PRAGMA busy_timeout = 0" if url.startswith("sqlite") else "SET lock_timeout = '50ms'"))
        other.commit()
        refused: list[str] = []

        def step(connection: Connection) -> None:
            for one in set(version1.metadata.sorted_tables) - {version1.store}:
                with pytest.raises(OperationalError):
                    other.execute(delete(one))
                other.rollback()
                refused.append(one.name)
            assert other.execute(text("SELECT version FROM store")).scalar() == 1
            other.rollback()
            migrations.shorten_names(connection)

        monkeypatch.setattr(versions, "STEPS", {1: step})
        open_store(url).close()
        assert len(refused) == len(tables.metadata.tables) - 1


def test_nothing_of_the_old_tables_is_left(url: str, opened: Opened) -> None:
    """In the file and its log no name of version 1 is to be found, and nothing is still to be scrubbed."""
    desk = opened()
    assert not desk.store.read(lambda c: c.execute(text("SELECT scrub FROM store")).scalar())
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        log = path.with_name(f"{path.name}-wal")
        assert log.stat().st_size == 0
        assert hashed("ada").encode() in path.read_bytes()
        names = [long_hash(name) for name in ("ada", "bob", "m1", "m2", "phone", "dora")]
        assert [name for name in names if name.encode() in path.read_bytes()] == []


# ---------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.fixture
def server_url(postgres: Any) -> Iterator[str]:
    """Where a store of version 1 is on the server."""
    given = postgres.new_database()
    version1.make(given)
    yield given
    postgres.take_back(given)


def test_a_long_step_is_not_cut_off(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the server nor by our own watchdog; what comes after it is, as ever."""
    from mapper.delivery.ledger import postgres, watchdog  # noqa: PLC0415 - psycopg may not be there

    monkeypatch.setattr(postgres, "_DEADLINE", 0.2)
    monkeypatch.setattr(watchdog, "_LOOK", 0.02)
    said: list[str] = []

    def step(connection: Connection) -> None:
        said.append(connection.execute(text("SHOW statement_timeout")).scalar_one())
        connection.execute(text("SELECT pg_sleep(0.6)"))
        migrations.shorten_names(connection)

    monkeypatch.setattr(versions, "STEPS", {1: step})
    with closing(open_store(server_url)) as store:
        assert said == ["0"]
        assert store.read(lambda c: c.execute(text("SHOW statement_timeout")).scalar_one()) == "1min"


def test_the_planner_knows_the_new_tables(server_url: str) -> None:
    """At once: until autovacuum comes by, plans would be those for empty tables."""
    known = text("SELECT count(*) FROM pg_stats WHERE tablename = 'job'")
    with closing(open_store(server_url)) as store:
        assert store.read(lambda c: c.execute(known).scalar_one()) == len(tables.job.columns)


def test_a_store_in_use_says_so(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody copies it just then, and does not end: version 1 is left alone, and the person is told."""
    from mapper.delivery.ledger import postgres  # noqa: PLC0415 - as above

    before = everything(server_url)
    monkeypatch.setattr(postgres, "_TAKE_TURNS", text("SET LOCAL lock_timeout = '50ms'"))  # half a minute is long
    with version1.connected(server_url).connect() as other:
        other.execute(text("SELECT count(*) FROM job"))
        with pytest.raises(StoreError, match="somebody else has the database's tables"):
            open_store(server_url)
    assert everything(server_url) == before
