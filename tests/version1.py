"""A store as version 1 of the ledger left it: its tables, frozen, and in them some of everything.

Knows what stands in such a store. Must not know the product's tables, which are another version's: what the product
changes later stays here as it was, since stores of that version are out in the world.
"""

from __future__ import annotations

import hashlib
from typing import Any

from deliveries import NOON, ONE, arrival, draft
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    create_engine,
    insert,
    literal_column,
    make_url,
)
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from mapper import codec

metadata = MetaData()

store = Table(
    "store",
    metadata,
    Column("version", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("made", Double, nullable=False),
    Column("scrub", Boolean, nullable=False, server_default=literal_column("false")),
)
intake = Table(
    "intake",
    metadata,
    Column("account", String, primary_key=True),
    Column("last_job", BigInteger, nullable=False),
    Column("clock", Double, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("conflicting", BigInteger, nullable=False),
)
gate = Table(
    "gate",
    metadata,
    Column("account", String, primary_key=True),
    Column("clock", Double, nullable=False),
    Column("free", Double, nullable=False),
    Column("paused", Double),
    Column("because", Text),
    Column("pauses", Integer, nullable=False),
    Column("in_a_row", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("today", Integer, nullable=False),
)
job = Table(
    "job",
    metadata,
    Column("account", String, nullable=False),
    Column("id", BigInteger, autoincrement=False, nullable=False),
    Column("state", String, nullable=False),
    Column("line", Integer, nullable=False),
    Column("because", Text),
    Column("message", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("person", String),
    Column("once", String),
    Column("fingerprint", String, nullable=False),
    Column("happened", Double, nullable=False),
    Column("accepted", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Column("due", Double),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("lapses", Integer, nullable=False, server_default="0"),
    Column("started", Double),
    Column("first_started", Double),
    Column("owner", String),
    Column("lease", Double),
    Column("status", Integer),
    Column("released", Boolean, nullable=False, server_default=literal_column("false")),
    Column("forget", Boolean, nullable=False, server_default=literal_column("false")),
    Column("duplicates", Integer, nullable=False, server_default="0"),
    Column("conflicts", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("id", "account"),
    CheckConstraint("line = CASE WHEN state IN ('ready', 'sending') THEN 1 WHEN state = 'waiting' THEN 2 ELSE 0 END"),
)
paper = Table(
    "paper",
    metadata,
    Column("account", String, nullable=False),
    Column("job", BigInteger, autoincrement=False, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("target", Text),
    Column("content", LargeBinary),
    PrimaryKeyConstraint("job", "account"),
)
attempt = Table(
    "attempt",
    metadata,
    Column("account", String, nullable=False),
    Column("job", BigInteger, autoincrement=False, nullable=False),
    Column("number", Integer, autoincrement=False, nullable=False),
    Column("owner", String),
    Column("started", Double, nullable=False),
    Column("ended", Double, nullable=False),
    Column("ending", String, nullable=False),
    Column("status", Integer),
    Column("because", Text),
    PrimaryKeyConstraint("job", "number", "account"),
)
act = Table(
    "act",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("who", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("job", BigInteger),
    Column("was", String),
    Column("became", String),
    Column("why", Text),
)
identity = Table(
    "identity",
    metadata,
    Column("account", String, nullable=False),
    Column("person", String, nullable=False),
    Column("traits", LargeBinary, nullable=False),
    PrimaryKeyConstraint("person", "account"),
)
alias = Table(
    "alias",
    metadata,
    Column("account", String, nullable=False),
    Column("anonymous", String, nullable=False),
    Column("person", String, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("message", String, nullable=False),
    PrimaryKeyConstraint("anonymous", "account"),
)
forgotten = Table(
    "forgotten",
    metadata,
    Column("account", String, nullable=False),
    Column("person", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("for_good", Boolean, nullable=False),
    PrimaryKeyConstraint("person", "account"),
)


def _partial(name: str, *columns: Column[Any], where: str) -> None:
    Index(name, *columns, sqlite_where=literal_column(where), postgresql_where=literal_column(where))


Index("job_message", job.c.message, job.c.account, unique=True)
Index("job_state", job.c.state, job.c.account, job.c.changed)
Index("job_person", job.c.person, job.c.account, job.c.line, job.c.id)
Index("act_job", act.c.job, act.c.account)
Index("alias_person", alias.c.person, alias.c.account)
_partial("job_ready", job.c.account, job.c.due, job.c.id, where="state = 'ready' AND owner IS NULL")
_partial("job_leased", job.c.account, job.c.lease, where="lease IS NOT NULL")
_partial("job_once", job.c.once, job.c.account, where="once IS NOT NULL")

SECRET = bytes(range(32))


def long_hash(text: str) -> str:
    """As an intake's keyed hash looked in version 1."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# -------------------------------------------------------------------------------------------------------- what happened

#: What was accepted, in the order of the jobs' numbers: which account, the call, and what became of its job.
#: ``whose`` is the one whose line it stands in, where that is another one than the call says.
ACCEPTED: tuple[tuple[str, str, str | None, dict[str, Any], dict[str, Any]], ...] = (
    (
        "Inkwell",
        "m1",
        "bob",
        {"once": "order 1"},
        {"state": "delivered", "attempts": 1, "status": 201},
    ),
    ("Inkwell", "m2", "ada", {"traits": {"city": "Ulm"}}, {"state": "ready", "due": NOON}),
    ("Inkwell", "m3", "ada", {}, {"state": "waiting", "due": NOON}),
    (
        "Inkwell",
        "m4",
        "cy",
        {},
        {"state": "sending", "due": NOON, "attempts": 1, "owner": ONE, "started": NOON, "lease": NOON + 60},
    ),
    ("Inkwell", "m5", "dora", {}, {"state": "erased", "because": "forgotten by eve"}),
    ("Inkwell", "m6", "eli", {}, {"state": "unknown", "because": "no answer", "attempts": 1, "conflicts": 2}),
    ("Inkwell", "m7", None, {"anonymous": "tablet"}, {"state": "ready", "due": NOON + 10}),
    ("Inkwell", "m8", None, {"ends": "invalid"}, {"state": "invalid", "because": "because the test says so"}),
    ("Inkwell", "m9", None, {"anonymous": "phone"}, {"state": "ready", "due": NOON + 20, "whose": "zoe"}),
    ("Drip", "m1", "ada", {}, {"state": "held", "because": "wait", "due": NOON}),
    ("Drip", "m2", "bob", {}, {"state": "ready", "due": NOON}),
    ("Drip", "m3", "ada", {}, {"state": "waiting", "due": NOON}),
)
#: What was known of whom; nobody has a job of ``quiet``.
KNOWN = (
    ("Inkwell", "ada", {"city": "Ulm"}),
    ("Inkwell", "phone", {"street": "1 Rocket Road"}),
    ("Inkwell", "zoe", {"first": "Zoe"}),
    ("Inkwell", "quiet", {"city": "Bonn"}),
    ("Drip", "ada", {"city": "Aachen"}),
)
#: Which anonymous visitor turned out to be whom, when, and by which call.
ALIASES = (("phone", "zoe", int(NOON * 1e9), "said elsewhere"),)
ATTEMPTS = (
    {"job": 1, "number": 1, "owner": ONE, "ending": "delivered", "status": 201, "because": None},
    {"job": 6, "number": 1, "owner": ONE, "ending": "unknown", "status": None, "because": "no answer"},
)
ACTS = ({"who": "eve", "verb": "forget", "why": "1 stopped"}, {"who": "eve", "verb": "resolve", "job": 6, "why": "?"})

_LINES = {"ready": 1, "sending": 1, "waiting": 2}


def connected(url: str) -> Engine:
    """The database, as anybody can open it."""
    address = make_url(url)
    if url.startswith("postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    return create_engine(address, poolclass=NullPool)


def make(url: str) -> None:
    """Write such a store into an empty database."""
    with connected(url).begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table))
            for index in sorted(table.indexes, key=_place):
                connection.execute(CreateIndex(index))
        for of, some in rows().items():
            connection.execute(insert(metadata.tables[of]), some)


def _place(index: Index) -> tuple[bool, str]:
    return index.dialect_options["sqlite"]["where"] is not None, str(index.name)


def rows() -> dict[str, list[dict[str, Any]]]:
    """What is in it, by table."""
    jobs, papers, last = [], [], {"Inkwell": 0, "Drip": 0}
    for account, message, person, said, became in ACCEPTED:
        last[account] += 1
        row, content = _job(message, person, dict(said), dict(became))
        jobs.append({"account": account, "id": last[account], **row})
        if row["state"] != "erased":
            papers.append({"account": account, "job": last[account], **content})
    clock = {"clock": NOON - 1}
    return {
        "store": [{"version": 1, "secret": SECRET, "made": NOON - 9, "scrub": False}],
        "intake": [
            {"account": one, "last_job": count, **clock, "accepted": count, "repeated": 1, "conflicting": 2}
            for one, count in last.items()
        ],
        "gate": [
            {"account": one, **clock, "free": 0.0, "pauses": 3, "in_a_row": 0, "day": 0, "today": 0} for one in last
        ],
        "job": jobs,
        "paper": papers,
        "attempt": [{"account": "Inkwell", "started": NOON - 2, "ended": NOON - 1, **one} for one in ATTEMPTS],
        "act": [{"account": "Inkwell", "at": NOON - 1, "job": None, **one} for one in ACTS],
        "identity": [
            {"account": account, "person": long_hash(name), "traits": codec.encode([[int(NOON * 1e9), "m0", traits]])}
            for account, name, traits in KNOWN
        ],
        "alias": [
            {
                "account": "Inkwell",
                "anonymous": long_hash(anonymous),
                "person": long_hash(person),
                "time": time,
                "message": long_hash(message),
            }
            for anonymous, person, time, message in ALIASES
        ],
        "forgotten": [{"account": "Inkwell", "person": long_hash("dora"), "at": NOON, "for_good": False}],
    }


def _job(message: str, person: str | None, said: dict[str, Any], became: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """A job's row and its paper."""
    one = arrival(message, person, **said)
    made = draft(one, None)
    whose = became.pop("whose", person or said.get("anonymous"))
    row = {
        **dict.fromkeys(("because", "due", "started", "first_started", "owner", "lease", "status")),
        **dict.fromkeys(("attempts", "failures", "lapses", "duplicates", "conflicts"), 0),
        **dict.fromkeys(("released", "forget"), False),
        "line": _LINES.get(became["state"], 0),
        "message": long_hash(message),
        "digest": long_hash(one.raw.decode()),
        "person": whose and long_hash(whose),
        "once": long_hash(said["once"]) if "once" in said else None,
        "fingerprint": "made by the first",
        "happened": NOON,
        "accepted": NOON - 5,
        "changed": NOON - 3,
        **became,
    }
    return row, {"event": one.raw, "target": made.target, "content": made.content}
