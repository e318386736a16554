"""Which version the tables of a store have, and how they come to the present one.

Knows versions. Must not know what the tables are for. A newer store is refused untouched.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select, update

from mapper.delivery.ledger import migrations, tables
from mapper.delivery.values import StoreError

VERSION = 2

#: From each older version, the step to the next.
STEPS: dict[int, Callable[[Connection], None]] = {1: migrations.shorten_names}


def is_older(connection: Connection) -> bool:
    """Whether a store is there and has an older version: a large one takes minutes to be brought to the present one."""
    if tables.store.name not in inspect(connection).get_table_names():
        return False
    return bool(connection.execute(select(tables.store.c.version)).scalar_one() < VERSION)


def prepare(connection: Connection, now: float) -> bytes:
    """Make the tables, or bring them to the present version; the key of the store's hashes. Raises StoreError."""
    there = set(inspect(connection).get_table_names())
    if tables.store.name not in there:
        refuse_others(there, alone=connection.dialect.name == "sqlite")
        migrations.make(connection)
        connection.execute(
            insert(tables.store).values(version=VERSION, secret=secrets.token_bytes(32), made=now, scrub=False)
        )
    version, secret = connection.execute(select(tables.store.c.version, tables.store.c.secret)).one()
    refuse_newer(version)
    for older in range(version, VERSION):
        STEPS[older](connection)
        connection.execute(update(tables.store).values(version=older + 1))
    return bytes(secret)


def refuse_others(there: set[str], *, alone: bool) -> None:
    """Raise StoreError where these tables are somebody else's. ``alone``: a store shares its database with nothing."""
    if tables.store.name not in there and (there if alone else there & set(tables.metadata.tables)):
        raise StoreError("this database holds somebody else's tables; give the store one of its own")


def refuse_newer(version: int) -> None:
    """Raise StoreError where a store is newer than this program."""
    if version > VERSION:
        message = f"the store was written by a newer mapper (version {version}, this one knows {VERSION})"
        raise StoreError(f"{message}; nothing was touched. Use that one, or another store")
