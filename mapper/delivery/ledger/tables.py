"""The ledger's tables and indexes: one definition for every database.

Knows columns, keys and indexes. Must not run a statement. No column but those of ``paper`` and ``identity`` holds
anything of a person; who it is stands here as a keyed hash. Times are seconds since 1970, UTC, by the store's clock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    bindparam,
    literal_column,
)

from mapper.delivery.states import State

metadata = MetaData()

#: What each statement is about: one account.
MINE: BindParameter[str] = bindparam("mine")

#: One row: which version these tables have, and the key of the hashes.
store = Table(
    "store",
    metadata,
    Column("version", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("made", Double, nullable=False),
    Column("scrub", Boolean, nullable=False, server_default=literal_column("false")),
)

#: What an account has accepted. Its row is what accepting transactions take turns by.
intake = Table(
    "intake",
    metadata,
    Column("account", String, primary_key=True),
    Column("last_job", BigInteger, nullable=False),
    Column("last_person", BigInteger, nullable=False),
    Column("clock", Double, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("conflicting", BigInteger, nullable=False),
)

#: When an account may send next. Its row is what all workers share: the rate, the pause, the day's cap.
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
    Column("person", BigInteger),
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

#: The event as it came, and the request that was made of it: names and addresses.
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

#: Each try that ended. A start without an end is in ``job`` alone.
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

#: What people did. Rows are only ever added.
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

#: Everybody who was ever heard of, under a ``name``, and what is known of them: for each trait its last writer
#: (``mapper.identity``), as JSON. Jobs say whose they are by number, and numbers are given as people come: those of
#: jobs that come and go together are neighbours in an index, where hashes would each take a page of their own.
identity = Table(
    "identity",
    metadata,
    Column("account", String, nullable=False),
    Column("id", BigInteger, autoincrement=False, nullable=False),
    Column("name", String, nullable=False),
    Column("traits", LargeBinary),
    PrimaryKeyConstraint("name", "account"),
)

#: Which person an anonymous one turned out to be: by the earliest call that has both, so that order does not matter.
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

#: Who was forgotten, and when; ``for_good`` also for calls that are made later.
forgotten = Table(
    "forgotten",
    metadata,
    Column("account", String, nullable=False),
    Column("person", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("for_good", Boolean, nullable=False),
    PrimaryKeyConstraint("person", "account"),
)


def place(state: State) -> int:
    """A state's place in the line."""
    return {"ready": 1, "sending": 1, "waiting": 2}.get(state, 0)


def becomes(state: State) -> dict[str, Any]:
    """What a statement sets that brings jobs into a state."""
    return {"state": state, "line": place(state)}


#: The same, of a state that is bound as ``to``.
BECOMES: dict[str, Any] = {"state": bindparam("to"), "line": bindparam("line")}


def _partial(name: str, *columns: Column[object], where: str) -> Index:
    """An index of a part of the jobs. Its condition is a literal: with a bound parameter no planner would use it."""
    return Index(name, *columns, sqlite_where=literal_column(where), postgresql_where=literal_column(where))


#: The conditions of the partial indexes. Statements repeat them word for word.
READY = "state = 'ready' AND owner IS NULL"
#: Where jobs by number are meant, ``state`` is hidden in an expression: else SQLite, which has no statistics, would
#: look through every job of that state.
UNSENT = "(state || '') = 'ready'"
#: A job's place in its person's line: 1 is in front (ready or sending), 2 behind (waiting), 0 in no line. It says less
#: than the state does, so that a start leaves the index of people alone: to find a page of it is what a start costs.
AHEAD = "line = 1"
WAITING = "line = 2"
LEASED = "lease IS NOT NULL"
ORDERED = "once IS NOT NULL"

#: What is asked for by many values at once stands first: SQLite uses a list of values on a key's first column only.
Index("job_message", job.c.message, job.c.account, unique=True)
Index("job_state", job.c.state, job.c.account, job.c.changed)
Index("job_person", job.c.person, job.c.account, job.c.line, job.c.id)
Index("act_job", act.c.job, act.c.account)
Index("alias_person", alias.c.person, alias.c.account)
_partial("job_ready", job.c.account, job.c.due, job.c.id, where=READY)
_partial("job_leased", job.c.account, job.c.lease, where=LEASED)
_partial("job_once", job.c.once, job.c.account, where=ORDERED)
