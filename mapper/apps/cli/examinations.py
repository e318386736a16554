"""What ``doctor`` looks at: the mapping and its settings; the store, its files, sums, clock and worker.

Knows what is sound, and what to do where something is not. Must not mend anything, nor say a value of a setting.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mapper.apps.cli import loading, senders, stores
from mapper.apps.cli.outputs import why
from mapper.apps.render.counting import counted
from mapper.apps.render.moments import length
from mapper.delivery.states import BLOCKING
from mapper.delivery.values import StoreError
from mapper.errors import MapperError, MappingError, Problem, SettingsError
from mapper.frozen import dataclass
from mapper.pipeline import Mapper

if TYPE_CHECKING:  # a database library is loaded only when a store is opened
    from mapper.delivery.ledger.store import Store

#: Versions of SQLite in which the WAL-reset fault is mended, besides all from the last one on.
_MENDED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
#: Bytes. A million jobs take about two gigabytes.
_LITTLE, _TOO_LITTLE = 1 << 30, 64 << 20
#: Seconds that clocks may differ, and the year before which no clock can be right.
_SKEW = 60.0
_SOONEST = 1_735_689_600.0  # 2025-01-01


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at, what was found, and what to do about it."""

    level: Literal["ok", "warning", "error"]
    what: str
    said: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """It as JSON."""
        return {"level": self.level, "what": self.what, "said": self.said, "hint": self.hint or None}


# --------------------------------------------------------------------------------------------- mapping and settings


def of_mapping(where: str | None, setting: list[str] | None) -> Iterator[Examined]:
    """The mapping and its settings."""
    try:
        mapper = loading.mapping(where)
    except MappingError as error:
        said = counted(len(error.problems), "error")
        yield Examined("error", "mapping", said, f"mapper check {where or 'MAPPING'} says which")
        return
    except MapperError as error:
        yield Examined("error", "mapping", str(error), "say -m with a file, or the name of a shipped mapping")
        return
    yield Examined("ok", "mapping", f"{mapper.file} for {mapper.destination}")
    problems = [*_wrong(mapper, setting), *mapper.settings.missing_secrets]
    for problem in problems:
        yield Examined("error", "settings", problem.message, problem.hint or "")
    if not problems:
        yield Examined("ok", "settings", "all that are required have a value")


def _wrong(mapper: Mapper, setting: list[str] | None) -> tuple[Problem, ...]:
    """What keeps the mapping from running."""
    try:
        loading.settings(setting, mapper)
    except SettingsError as error:
        return error.problems
    return ()


# ---------------------------------------------------------------------------------------------------------- the store


def of_store(where: str) -> Iterator[Examined]:
    """The store and what it stands on."""
    yield from _clock()
    try:
        stores.refuse_nonsense(where)
    except StoreError as error:
        yield Examined("error", "store", str(error), "name another store by --store")
        return
    path = stores.path_of(where)
    if path is not None:
        yield _sqlite()
        if not path.exists():
            yield _absent(path)
            return
        yield from _modes(path)
        yield _disk(path)
    try:
        with stores.opening(where) as store:
            yield from _opened(store, where)
    except StoreError as error:
        yield Examined("error", "store", str(error), "it has to be opened before anything can be sent")


def _opened(store: Store, where: str) -> Iterator[Examined]:
    from mapper.delivery.ledger import overview, versions

    yield Examined("ok", "store", store.name)
    yield Examined("ok", "schema", f"version {overview.version(store)}, the newest known is {versions.VERSION}")
    wrong = [one for one in store.check() if not one.startswith("others can read")]
    for one in wrong:
        yield Examined("error", "durability", one, "do not send before this is mended: what is accepted may be lost")
    if not wrong:
        yield Examined("ok", "durability", "what is accepted is on disk, as the settings in force say")
    for account in overview.accounts(store):
        yield from _account(store, account, where)
    yield from _workers(store, where)


def _absent(path: Path) -> Examined:
    there = path.absolute().parent
    if not there.is_dir():
        return Examined("error", "store", f"there is no directory {there}", "make it, or name another store by --store")
    try:
        with tempfile.TemporaryFile(dir=there):  # it has no name, where the system can do that
            pass
    except OSError as error:
        said = f"nothing can be made in {there}: {why(error)}"
        return Examined("error", "store", said, "name another store by --store")
    return Examined("warning", "store", f"there is none at {path} yet", "mapper send and mapper worker make one")


def _modes(path: Path) -> Iterator[Examined]:
    """Who can read the files. It is looked at before the store is opened, which closes some of them to others."""
    from mapper.delivery.ledger import turns

    loose = turns.loose(Path(os.path.realpath(path)))
    for one in loose:
        hint = f"chmod 600 {shlex.quote(str(one))}"
        yield Examined("warning", "files", f"others can read {one.name}: names and addresses", hint)
    if not loose:
        yield Examined("ok", "files", "only their owner can read them")


def _disk(path: Path) -> Examined:
    free = shutil.disk_usage(path.absolute().parent).free
    said = f"{free / (1 << 30):,.1f} GiB free"
    if free < _TOO_LITTLE:
        return Examined("error", "disk", said, "make room: what cannot be written is not accepted")
    if free < _LITTLE:
        return Examined("warning", "disk", said, "make room: a million jobs take about 2 GiB")
    return Examined("ok", "disk", said)


def _clock() -> Iterator[Examined]:
    if time.time() < _SOONEST:
        hint = "set it: what happened and when a retry is due are told by it"
        yield Examined("error", "clock", "this machine's clock is years behind", hint)


def _sqlite() -> Examined:
    version = sqlite3.sqlite_version_info
    mended = version >= _MENDED[-1] or any(version[:2] == one[:2] and version >= one for one in _MENDED)
    name = f"SQLite {sqlite3.sqlite_version}"
    if mended:
        return Examined("ok", "library", name)
    said = f"{name} has the WAL-reset fault (mended in 3.51.3, 3.50.7 and 3.44.6); turns are taken, so it does no harm"
    return Examined("ok", "library", f"{said} as long as no other program writes to the store")


def _account(store: Store, account: str, where: str) -> Iterator[Examined]:
    """An account's sums, and what it has seen of time."""
    from mapper.delivery.ledger import overview

    ledger = stores.ledger(store, account)
    status = ledger.status()
    what, total = "sums", sum(status.counts.values())
    if total == status.accepted:
        yield Examined("ok", what, f"{account}: {total:,} accepted, each in exactly one state")
    else:
        said = f"{account}: {status.accepted:,} accepted, and {total:,} in a state"
        yield Examined("error", what, said, "do not send: restore a copy, and report it")
    shared = store.read(lambda c: overview.misnumbered(c, account))
    if shared:
        people = counted(shared, "person has", "people have")
        said = f"{account}: {people} not a number of their own: one's jobs may be taken for another's"
        yield Examined("error", what, said, "do not send, nor forget anybody: restore a copy, and report it")
    unknown = status.counts["unknown"]
    if unknown:
        many = f"{account}: {unknown:,} may have been taken"
        resolve = f"mapper queue resolve{stores.option(where)}{stores.own(store, account)} --job N --delivered"
        yield Examined("warning", "unknown", many, f"look them up at the destination, then `{resolve}` (or --again)")
    ahead = store.read(lambda c: overview.clock(c, account)) - time.time()
    if abs(store.now() - time.time()) > _SKEW or ahead > _SKEW:
        skew = max(ahead, abs(store.now() - time.time()))
        said = f"{account}: the store's clock and this machine's are {length(skew)} apart"
        yield Examined("warning", "clock", said, "set this machine's clock; the store's goes on and never back")
    else:
        yield Examined("ok", "clock", f"{account}: the store's and this machine's agree")


def _workers(store: Store, where: str) -> Iterator[Examined]:
    """Who works, and for which accounts nobody does."""
    yield _worker(store, where)
    for account in stores.accounts(store, None):
        ledger = stores.ledger(store, account)
        status = ledger.status()
        working = senders.of(ledger, where, status)
        left = sum(status.counts[state] for state in BLOCKING) - working.lapsed
        if working.lapsed:
            said = f"{account}: {working.lapsed:,} sending at a worker that is gone: they may have been taken"
            yield Examined("warning", "worker", said, "the next worker of this account settles them")
        if left and working.other is not None:
            said = f"{account}: nothing sends its {counted(left, 'job')}: {senders.spoken(working.other)}"
            yield Examined("warning", "worker", said, f"when that has stopped, {senders.SENDS}")


def _worker(store: Store, where: str) -> Examined:
    from mapper.delivery.ledger import overview

    if store.alone:
        one = stores.holder_of(where)
        none = f"none: {senders.SENDS}; one SQLite store has one worker"
        return Examined("ok", "worker", none if one is None else senders.named(one))
    accounts, now = overview.accounts(store), store.now()
    owners = store.read(lambda c: {who for one in accounts for who in overview.owners(c, one, now)})
    said = f"{', '.join(sorted(owners))} have jobs just now" if owners else "none has a job just now"
    return Examined("ok", "worker", said)
