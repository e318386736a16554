"""Turns on a file, and the clock: closed while others wait, and forked while a thread has a lock."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from mapper.delivery.ledger import open_store, turns
from mapper.delivery.ledger.clock import SteadyClock
from mapper.delivery.ledger.turns import Holder
from mapper.delivery.values import StoreBusyError, StoreError

#: Seconds that something may take to happen; much longer than it does.
SOON = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of the turns."""
    return tmp_path / "mapper.db.turn"


def is_free(path: Path) -> bool:
    """Whether another process would get the turn: it has a descriptor of its own."""
    other = turns.Turns(path)
    try:
        with other.turn():
            return True
    except StoreBusyError:
        return False
    finally:
        other.close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.002)


def test_closing_waits_for_the_turn(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closed it under a writer's hands would let another process write at the same time."""
    mine = turns.Turns(path)
    with ThreadPoolExecutor(1) as thread:
        with mine.turn():
            closing = thread.submit(mine.close)
            with pytest.raises(TimeoutError):
                closing.result(0.05)
            with monkeypatch.context() as impatient:
                impatient.setattr(turns, "PATIENCE", 0.0)
                assert not is_free(path)
        closing.result(SOON)
    assert is_free(path)


def test_who_waits_for_a_turn_that_is_closed_is_told(path: Path) -> None:
    """In our words; it must not lock a descriptor that is somebody else's by now."""
    mine = turns.Turns(path)
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with mine.turn():
            pytest.fail("a turn on a file that was closed")

    with ThreadPoolExecutor(2) as threads:
        with mine.turn(), mine.turn():
            several = [threads.submit(wait) for _ in range(2)]
            assert waiting.wait(SOON)
            mine.close()
            mine.close()
        for one in several:
            with pytest.raises(StoreError, match="closed by another thread"):
                one.result(SOON)
    assert is_free(path)


def test_a_file_of_turns_that_is_removed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever opens the store next has a turn of its own, and two processes write at once."""
    path = tmp_path / "mapper.db.turn"
    store = open_store(str(tmp_path / "mapper.db"))
    path.unlink()
    assert is_free(path)  # and there again
    with monkeypatch.context() as impatient:
        impatient.setattr(turns, "PATIENCE", 0.0)
        assert not store.write(lambda _: is_free(path))
    assert is_free(path)
    store.close()


def test_closing_waits_for_the_new_files_turn(tmp_path: Path) -> None:
    """The last one to leave empties the log, which nobody may write meanwhile: SQLite's own lock does not see to it."""
    where = tmp_path / "mapper.db"
    old = open_store(str(where))
    where.with_name("mapper.db.turn").unlink()
    new = open_store(str(where))
    with ThreadPoolExecutor(1) as thread:

        def work(_: object) -> Future[None]:
            closing = thread.submit(old.close)
            with pytest.raises(TimeoutError):
                closing.result(0.05)
            return closing

        new.write(work).result(SOON)
    new.close()


def test_the_turn_does_not_come_back_without_its_database(path: Path) -> None:
    """What was removed whole was meant to be: no file is left behind where it stood."""
    mine = turns.Turns(path)
    path.unlink()
    with mine.turn():
        pass
    mine.close()
    assert list(path.parent.iterdir()) == []


def test_a_file_of_turns_that_cannot_be_made_anew(path: Path) -> None:
    """It is said, and is no turn: the next one is taken as soon as there can be a file again."""
    path.with_suffix("").touch()
    mine = turns.Turns(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot open"), mine.turn():
        pytest.fail("a turn on nothing")
    path.rmdir()
    with mine.turn():
        assert path.is_file()
    assert is_free(path)
    mine.close()


@pytest.mark.parametrize("account", [None, "Inkwell", 'odd "\n\ud800', "long" * 9000])
def test_a_worker_says_for_which_account_it_works(path: Path, account: str | None) -> None:
    """To whoever looks while it works, and to whoever would be one as well; and to nobody after it."""
    assert turns.holder(path) is None
    with turns.only_worker(path, account):
        assert turns.holder(path) == Holder(str(os.getpid()), account)
        with pytest.raises(StoreBusyError, match=f"process {os.getpid()};") as told, turns.only_worker(path, "other"):
            pytest.fail("two workers")
        assert turns.holder(path) == Holder(str(os.getpid()), account)
    assert account is None or f", for {account}:" in str(told.value)
    assert turns.holder(path) is None


@pytest.mark.parametrize("link", ["mapper.db", "elsewhere/other.db"])
def test_a_link_is_the_same_store(link: str, tmp_path: Path) -> None:
    """A second worker that comes by another name would settle what the first one has under way."""
    (tmp_path / "there").mkdir()
    (tmp_path / "elsewhere").mkdir()
    store = open_store(str(tmp_path / "there/mapper.db"))
    (tmp_path / link).symlink_to(tmp_path / "there/mapper.db")
    other = open_store(str(tmp_path / link))
    with store.worker("Inkwell"), pytest.raises(StoreBusyError, match=f"process {os.getpid()}"), other.worker():
        pass
    beside = {file.name for file in tmp_path.rglob("*") if file.suffix in (".turn", ".worker") or "-" in file.name}
    other.close()
    store.close()
    assert beside == {f"mapper.db{end}" for end in (".turn", ".worker", "-wal", "-shm")}
    assert {file.parent.name for file in tmp_path.rglob("*.turn")} == {"there"}


def test_a_file_of_two_names_is_refused(tmp_path: Path) -> None:
    """Nobody can tell beside which of them its locks are; when one is gone, all is well."""
    open_store(str(tmp_path / "mapper.db")).close()
    second = tmp_path / "second.db"
    second.hardlink_to(tmp_path / "mapper.db")
    for name in ("mapper.db", "second.db"):
        with pytest.raises(StoreError, match=f"{name} has several names"):
            open_store(str(tmp_path / name))
    second.unlink()
    open_store(str(tmp_path / "mapper.db")).close()


def test_a_worker_that_has_not_said_anything_yet(path: Path) -> None:
    """It has the lock, and is about to write: it is there all the same."""
    with turns.only_worker(path):
        path.write_text("")
        assert turns.holder(path) == Holder("unknown", None)
        path.write_text("12")
        assert turns.holder(path) == Holder("12", None)


@pytest.mark.parametrize("kind", ["directory", "pipe", "link to a directory"])
def test_what_is_no_file_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    """A directory that only its owner may read is one that nobody can enter any more: looking must not do that."""
    where = tmp_path / "mapper.db"
    if kind == "pipe":
        os.mkfifo(where)
    elif kind == "directory":
        where.mkdir()
    else:
        (tmp_path / "there").mkdir()
        where.symlink_to(tmp_path / "there")
    where.chmod(0o755)
    with pytest.raises(StoreError, match=r"cannot open .*/(mapper\.db|there): it is not a file"):
        open_store(str(where))
    assert stat.S_IMODE(where.stat().st_mode) == 0o755
    assert {file.name for file in tmp_path.iterdir()} <= {"mapper.db", "there"}


@pytest.mark.parametrize("name", ["saw", "set"])
def test_a_clock_that_is_forked_while_a_thread_moves_it(name: str) -> None:
    """The child's is not locked for ever, and goes on where the parent's was."""
    clock = SteadyClock()
    clock.set(1000.0, time.monotonic())
    with clock._lock, warnings.catch_warnings():  # noqa: SLF001 - a thread is in the middle of it just then
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(5)  # one that waits for ever dies
            clock.saw(2000.0) if name == "saw" else clock.set(2000.0, time.monotonic())
            os._exit(0 if 2000.0 <= clock.now() < 2100.0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert clock.now() < 2000.0
