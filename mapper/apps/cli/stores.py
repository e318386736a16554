"""``--store``: which store a command means, and how it is opened to look into it or to act on it.

Knows options, paths and accounts. Must not know SQL, nor what a command does in a store.
"""

from __future__ import annotations

import getpass
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from mapper.delivery.policy import Policy
from mapper.delivery.values import StoreError
from mapper.errors import MapperError

if TYPE_CHECKING:  # a database library is loaded only when a store is opened
    from mapper.delivery.ledger import Ledger
    from mapper.delivery.ledger.store import Store
    from mapper.delivery.ledger.turns import Holder

#: Where jobs are kept unless told otherwise: in the directory that a command is run in.
STORE = "mapper.db"

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        envvar="MAPPER_STORE",
        help="Where jobs are kept: a file, or postgresql://USER@HOST/DATABASE.",
    ),
]
AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="NAME", help="One account of the store, where it has several."),
]
SourceOption = Annotated[
    str,
    typer.Option("--source", metavar="NAME", help="Which source the ids are from, as it was said when they came in."),
]


class NoAccountError(MapperError):
    """Which account is meant is not clear, or there is none of that name."""


def path_of(where: str) -> Path | None:
    """The file of an SQLite store; None for another database."""
    scheme, separator, rest = where.partition("://")
    if not separator:
        return Path(where)
    return Path(rest.removeprefix("/").partition("?")[0]) if scheme.startswith("sqlite") else None


def option(where: str) -> str:
    """``--store`` as it has to be repeated in a command that a person is told, without a password.

    Empty where it is not needed, and where it is not certain which part of an address is the password.
    """
    shown = where if "://" not in where else _without_secrets(where)
    return "" if shown is None or shown == STORE else f" --store {shlex.quote(shown)}"


def _without_secrets(where: str) -> str | None:
    """An address without what is secret in it: the password, and what is said after ``?``."""
    try:
        parts = urlsplit(where)
        parts.port  # noqa: B018 - it raises where what looks like a port is none, such as half of a password
    except ValueError:
        return None
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
        return None
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


def refuse_nonsense(where: str) -> None:
    """Raise StoreError where ``--store`` can name no store: an empty word, a directory."""
    if not where.strip():
        raise StoreError("the name of the store is empty: --store, or MAPPER_STORE, is a file or an address")
    path = path_of(where)
    if path is not None and path.is_dir():
        raise StoreError(f"{path} is a directory, and a store is a file: name one in it")


def opened(where: str) -> Store:
    """A store that is there already: looking into one makes none. Raises StoreError."""
    from mapper.delivery.ledger import open_store

    refuse_nonsense(where)
    path = path_of(where)
    if path is not None and not path.exists():
        raise StoreError(f"there is no store at {path}: `mapper send` and `mapper worker` make one, --store names one")
    if path is not None and path.is_file() and not path.stat().st_size:
        raise StoreError(f"{path} is an empty file, and no store yet: `mapper send` and `mapper worker` make one of it")
    return open_store(where)


@contextmanager
def opening(where: str) -> Iterator[Store]:
    """A block with a store that is there already. Raises StoreError."""
    store = opened(where)
    try:
        yield store
    finally:
        store.close()


def accounts(store: Store, account: str | None) -> list[str]:
    """The accounts that are meant: the one of ``--account``, or all. Raises NoAccountError."""
    from mapper.delivery.ledger import overview

    known = overview.accounts(store)
    if account is None:
        return known
    if account not in known:
        there = f"this store has {_listed(known)}" if known else "nothing was ever accepted into this store"
        raise NoAccountError(f"there is no account {account!r}: {there}")
    return [account]


def one_account(store: Store, account: str | None) -> str:
    """The one account that is meant. Raises NoAccountError."""
    meant = accounts(store, account)
    if not meant:
        raise NoAccountError("nothing was ever accepted into this store")
    if len(meant) > 1:
        raise NoAccountError(f"this store has several accounts: say --account {_listed(meant, ' or --account ')}")
    return meant[0]


def own(store: Store, account: str) -> str:
    """``--account`` as it has to be repeated in a command that a person is told; empty where there is no other."""
    return f" --account {shlex.quote(account)}" if len(accounts(store, None)) > 1 else ""


def _listed(names: list[str], between: str = ", ") -> str:
    return between.join(shlex.quote(name) for name in names)


def ledger(store: Store, account: str, policy: Policy | None = None) -> Ledger:
    """An account's ledger, to look into it or to act on it; nothing is accepted through it. Raises StoreError."""
    from mapper.delivery.ledger import Ledger

    return Ledger(store, account, policy or Policy())


def who(name: str | None) -> str:
    """Who acts: whom ``--as`` names, or the user of this process."""
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number and no name
        return f"user {os.getuid()}"


def holder_of(where: str) -> Holder | None:
    """The process that is the worker of an SQLite store; None where there is none, or another database."""
    from mapper.delivery.ledger import turns

    path = path_of(where)
    if path is None or not path.name:
        return None
    itself = Path(os.path.realpath(path))
    return turns.holder(itself.with_name(f"{itself.name}.worker"))
