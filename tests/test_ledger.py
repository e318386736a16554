"""Jobs in the ledger, on both engines; what each engine owes besides; and what an intake makes of events."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from contracts.store import JobContract, forked
from deliveries import Desk, arrival

import mapper
from mapper.delivery.intake import Intake
from mapper.delivery.ledger import open_store
from mapper.delivery.ledger.store import Store
from mapper.delivery.values import StoreBusyError, StoreError


class TestJobs(JobContract):
    """The ledger keeps the contract of every store."""

    @pytest.fixture(autouse=True)
    def _place(self, store_url: str) -> None:
        self.where = store_url

    def make(self) -> Store:
        """Ours."""
        return open_store(self.where)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file may be."""
    return tmp_path / "mapper.db"


# ----------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize("where", ["mysql://there/db", "sqlite://", "sqlite:///:memory:", "", "://", "nonsense://"])
def test_an_address_that_is_none_is_refused(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, and without making a file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError):
        open_store(where)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_never_shown() -> None:
    """Nobody listens there: what is said names neither the password nor the user's."""
    with pytest.raises(StoreError) as told:
        open_store("sqlserver://ada:geheim@127.0.0.1/db")
    assert "geheim" not in repr(told.value)


# ---------------------------------------------------------------------------------------------------------- one file


def files(path: Path) -> dict[str, int]:
    """The store's files and their modes."""
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.glob("mapper.db*")}


def test_files_are_their_owners_alone(path: Path) -> None:
    """All of them, whatever the process would give new files, and also what was there with other modes."""
    before = os.umask(0)
    try:
        path.touch(0o666)
        desk = Desk(open_store(str(path)))
        with desk.store.worker():
            desk.accept(arrival("m1"))
            assert set(files(path)) >= {"mapper.db", "mapper.db-wal", "mapper.db.turn", "mapper.db.worker"}
            assert set(files(path).values()) == {0o600}
            assert list(desk.store.check()) == []
        path.chmod(0o644)
        assert list(desk.store.check()) == ["others can read mapper.db: chmod 600"]
        desk.ledger.close()
    finally:
        os.umask(before)


def test_a_commit_is_durable(path: Path) -> None:
    """The settings that make it so are read back, on both connections."""
    store = open_store(str(path))
    for door in (store.write, store.read):
        found = door(lambda c: [c.exec_driver_sql(f"PRAGMA {n}").scalar() for n in ("journal_mode", "synchronous")])
        assert found == ["wal", 2]
    store.close()


def test_less_than_durable_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps a setting from being taken."""
    from mapper.delivery.ledger import sqlite  # noqa: PLC0415 - who has PostgreSQL alone loads it too, but only here

    weaker = tuple(s.replace("synchronous=FULL", "synchronous=NORMAL") for s in sqlite._SETTINGS)  # noqa: SLF001
    monkeypatch.setattr(sqlite, "_SETTINGS", weaker)
    with pytest.raises(StoreError, match="synchronous is 1 and has to be 2"):
        open_store(str(path))


def content(path: Path) -> bytes:
    """A file's bytes, and those of its log."""
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_somebody_elses_database_is_refused_untouched(path: Path, mode: str) -> None:
    """Not a byte of it is changed, nor who may read it."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE theirs (name TEXT)")
        connection.execute("INSERT INTO theirs VALUES ('x')")
    connection.close()
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="somebody else's"):
        open_store(str(path))
    assert path.read_bytes() == before
    assert files(path)["mapper.db"] == 0o644


@pytest.mark.parametrize(
    "text", [b"no database at all, but quite a long text" * 99, b"SQLite format 3\0" + b"\xff" * 500]
)
def test_what_is_no_database_is_refused_untouched(path: Path, text: bytes) -> None:
    """A letter, or half a database."""
    path.write_bytes(text)
    with pytest.raises(StoreError):
        open_store(str(path))
    assert path.read_bytes() == text


def test_a_newer_file_is_refused_untouched(path: Path) -> None:
    """To the byte."""
    store = open_store(str(path))
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE store SET version = 99")
    connection.commit()
    connection.close()
    before = content(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"newer mapper .version 99"):
            open_store(str(path))
    assert content(path) == before


def test_there_is_no_directory(tmp_path: Path) -> None:
    """It is not made: a typing mistake is no new store."""
    with pytest.raises(StoreError, match="no such file or directory"):
        open_store(str(tmp_path / "nowhere" / "mapper.db"))


@contextmanager
def without_rights(room: Path) -> Iterator[None]:
    """Be somebody who may write only what is theirs; the room is. Root may write anything."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(room, _NOBODY, _NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


_NOBODY = 65534


def test_a_file_that_cannot_be_written() -> None:
    """Somebody made it read-only: what comes is refused, and what is there is not lost."""
    with TemporaryDirectory() as room, without_rights(Path(room)):
        path = Path(room) / "mapper.db"
        desk = Desk(open_store(str(path)))
        desk.accept(arrival("m1"))
        desk.ledger.close()
        path.chmod(0o400)
        store = open_store(str(path))  # to look is allowed
        with pytest.raises(StoreError, match="cannot be written"):
            store.write(lambda connection: connection.exec_driver_sql("DELETE FROM job"))
        store.close()
        path.chmod(0o600)
        assert Desk(open_store(str(path))).states() == {1: "ready"}


def test_one_worker_for_a_file(path: Path) -> None:
    """The second is told which process has it; when that has ended, it may."""
    one, other = open_store(str(path)), open_store(str(path))
    with one.worker(), pytest.raises(StoreBusyError, match=f"process {os.getpid()};"), other.worker():
        pytest.fail("two workers")
    with other.worker():
        pass
    for store in (one, other):
        store.close()


_WORKER = """
import sys
from mapper.delivery.ledger import open_store
with open_store(sys.argv[1]).worker():
    print("working", flush=True)
    sys.stdin.read()
"""


def test_a_worker_that_was_killed_is_no_worker(path: Path) -> None:
    """Its lock went with it."""
    store = open_store(str(path))
    with subprocess.Popen([sys.executable, "-c", _WORKER, str(path)], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreBusyError, match=f"process {process.pid};"), store.worker():
            pytest.fail("two workers")
        process.send_signal(signal.SIGKILL)
    with store.worker():
        pass
    store.close()


def test_a_worker_of_a_forked_child_ends_with_the_child(path: Path) -> None:
    """The parent may work then."""
    store = open_store(str(path))

    def child() -> str:
        with store.worker():
            return "worked"

    assert forked([child]) == ["worked"]
    with store.worker():
        assert forked([lambda: _busy(store)]) == [True]
    store.close()


def _busy(store: Store) -> bool:
    try:
        with store.worker():
            return False
    except StoreBusyError:
        return True


# -------------------------------------------------------------------------------------------------------- one database


def test_a_database_with_others_tables_of_our_names(stores: Callable[[], str]) -> None:
    """A table called job that is not ours: refused, and left."""
    where = stores()
    store = open_store(where)
    store.write(lambda c: [c.exec_driver_sql(f"DROP TABLE {name}") for name in ("store", "paper")])
    store.close()
    with pytest.raises(StoreError, match="somebody else's"):
        open_store(where)


def test_a_database_that_is_not_there(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in words, at once, without the address's password: waiting does not make one."""
    from mapper.delivery.ledger import postgres as engine  # noqa: PLC0415 - where PostgreSQL is installed

    monkeypatch.setattr(engine, "PATIENCE", 0.5)
    with pytest.raises(StoreError, match="no such database") as told:
        open_store(postgres.url("nowhere").replace("postgres@", "postgres:geheim@"))
    assert "geheim" not in repr(told.value)


# -------------------------------------------------------------------------------------------------------------- intake

MAPPING = """
mapping: 1
destination: Inkwell
fields:
  name: {from: traits.name}
send:
  url: https://inkwell.example/orders
"""


@pytest.fixture
def intake(tmp_path: Path) -> Callable[[str], Intake]:
    """What reads events of a source."""
    where = tmp_path / "mapping.yaml"
    where.write_text(MAPPING, "utf-8")
    loaded = mapper.load(where)
    return lambda source: Intake(loaded, loaded.resolved({}), b"k" * 32, source)


def event(**members: Any) -> dict[str, Any]:
    """A call."""
    return {"type": "identify", "userId": "ada", "messageId": "m1", "traits": {"name": "Ada"}, **members}


def test_ids_mean_something_within_one_source(intake: Callable[[str], Intake]) -> None:
    """The same messageId and userId of two sources are two calls of two people; the same content looks the same."""
    here, there = (intake(source).arrival(event()) for source in ("here", "there"))
    assert here.message != there.message
    assert here.person != there.person
    assert here.digest == there.digest


def test_what_is_the_same_call(intake: Callable[[str], Intake]) -> None:
    """By its messageId; without one by what it says. When it was sent on says nothing of it."""
    read = intake("").arrival
    assert read(event()).message == read(event(sentAt="2026-01-01T00:00:00Z", traits={})).message
    assert read(event()).digest == read(event(sentAt="2026-01-01T00:00:00Z")).digest
    assert read(event()).digest != read(event(traits={"name": "Bea"})).digest
    assert read(event(messageId=None)).message == read(event(messageId=None, receivedAt="2026-01-01T00:00:00Z")).message
    assert read(event(messageId=None)).message != read(event(messageId=None, userId="bob")).message
    assert len({read(raw).message for raw in (b"", b"[]", b"{}", b"x", b'{"type":"track"}', "\ud800")}) == 6


def test_nothing_of_anybody_in_a_name(intake: Callable[[str], Intake]) -> None:
    """Names are hashes of one length, of another key in another store; a shown arrival shows none of the content."""
    one = intake("").arrival(event(anonymousId="x", traits={"name": "1 Rocket Road"}))
    assert {len(name or "") for name in (one.message, one.person, one.anonymous, one.digest)} == {24}
    assert "Rocket" not in repr(one)
    assert "ada" not in repr(one)


@pytest.mark.parametrize(
    "given", [b"\xff", b"", "no json", "\ud800", {"type": {1, 2}}, {"a": float("nan")}, b"[" * 9999]
)
def test_anything_is_accepted(intake: Callable[[str], Intake], given: Any) -> None:
    """What is no event is an invalid one."""
    read = intake("")
    one = read.arrival(given)
    assert (read.draft(one, None).state, one.person, one.said) == ("invalid", None, None)
