"""Who may write to an SQLite file: one process at a time, and one worker for as long as it works.

Knows advisory locks on two small files beside the database. Must not open the database.

SQLite takes turns by itself, but versions before 3.51.3 can damage a file when two connections write or checkpoint in
the same moment (its "WAL-reset" fault). With turns taken around each write that moment does not come.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mapper.delivery.values import StoreBusyError, StoreError
from mapper.frozen import dataclass

#: Seconds that one waits for a turn. A transaction takes milliseconds.
PATIENCE = 30.0
_GLANCE = 0.1
_POLL = 0.002
#: Bytes that the number of a worker's process takes in its file; its account comes behind them, as JSON.
_ROOM = 32

#: The descriptors of this process that hold a lock, or may.
_open: set[int] = set()
_making = threading.Lock()


class GoneError(StoreError):
    """The store is not where it was: another one stands there, or none. Whoever has it open has to open it anew."""


def _forked() -> None:
    """In a forked child: close the copies of the parent's descriptors. With them a lock would outlive its process."""
    while _open:
        with suppress(OSError):
            os.close(_open.pop())


os.register_at_fork(after_in_child=_forked)


def made(path: Path) -> None:
    """See to it that a file is there and that only its owner can read it. Raises StoreError.

    A database that is there is not opened: closing any descriptor of it ends all the locks that this process has on it
    (so POSIX has it), those of another store's connections, too, and the next process to leave takes their log away.
    """
    try:
        with _making:
            if path.exists():
                if not path.is_file():
                    raise StoreError(f"cannot open {path}: it is not a file")
                if path.stat().st_mode & 0o077:
                    path.chmod(0o600)
                _as_open_as(path)
            else:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _cannot(path, error) from None


def real(path: Path) -> Path:
    """A database itself, behind all links to it: its locks and its log stand beside it, under its own name.

    Raises StoreError where it has several names of equal right, so that nobody can tell under which it is in use.
    """
    found = Path(os.path.realpath(path))
    if found.is_file() and found.stat().st_nlink > 1:
        raise StoreError(
            f"{path.name} has several names (hard links): its log and its locks stand beside one of them, and who comes"
            " by another does not see them. Remove the others, or make a copy"
        )
    return found


def identity(path: Path) -> tuple[int, int] | None:
    """By which a file is known while somebody has it open; None where none is there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - it is asked for at each transaction, and a Path takes twice as long
    except OSError:
        return None
    return _known(found)


def _known(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def loose(path: Path) -> list[Path]:
    """Which of a database's own files others can read."""
    own = [path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm", ".turn", ".worker")]
    return [one for one in own if one.is_file() and one.stat().st_mode & 0o077]


def _as_open_as(path: Path) -> None:
    """While a database was read-only SQLite made the files beside it read-only, too, and they would keep it so."""
    if os.access(path, os.W_OK, effective_ids=True):
        for beside in (path.with_name(f"{path.name}-{name}") for name in ("wal", "shm")):
            if beside.exists() and not os.access(beside, os.W_OK, effective_ids=True):
                beside.chmod(0o600)


def _opened(path: Path) -> int:
    """A file that only its owner can read, made where it is not there; its descriptor. Raises StoreError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise _cannot(path, error) from None
    _open.add(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    """Close it, unless this is a forked child, where it is closed already."""
    if descriptor in _open:
        _open.discard(descriptor)
        with suppress(OSError):
            os.close(descriptor)


def _cannot(path: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot open {path}: {(error.strerror or type(error).__name__).lower()}")


class Turns:
    """The turns of one process, for all of its threads. A forked process needs its own.

    ``threads``  who has it has the turn within this process, whatever other processes do
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = _opened(path)
        self._file = _known(os.fstat(self._descriptor))
        self.threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the turn. Raises StoreBusyError where it does not come, StoreError where it was closed meanwhile."""
        with self._of_this_process():
            if self._descriptor is None:
                raise StoreError("the store was closed by another thread: nothing was written")
            if self._depth == 0:
                _lock(self._descriptor)
            self._follow()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._descriptor is not None:
                    fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _follow(self) -> None:
        """Have the turn on the file that is there by now: somebody may have removed the one that was opened.

        Whoever opens the store then makes a new one, and two processes would write in the same moment, each with a turn
        of its own (above). What is under way just when it is removed cannot be helped; each turn after that is one of
        the new file's. Where the database is gone, too, nobody waits for anybody, and no file is made.
        """
        there = self._file if self._depth else identity(self._path)
        if there == self._file or (there is None and not self._path.with_suffix("").exists()):
            return
        assert self._descriptor is not None  # noqa: S101 - it has the turn
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        fresh = _opened(self._path)
        _close(self._descriptor)
        self._descriptor, self._file = fresh, _known(os.fstat(fresh))
        _lock(fresh)

    def close(self) -> None:
        """Let go of the file when whoever has the turn has ended: at once inside one's own, which is the last then.

        Those who wait for the turn are told. Raises StoreBusyError where a thread does not end.
        """
        with self._of_this_process():
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                _close(descriptor)

    @contextmanager
    def _of_this_process(self) -> Iterator[None]:
        """Have the turn within this process."""
        if not self.threads.acquire(timeout=PATIENCE):
            raise StoreBusyError("another thread keeps the store")
        try:
            yield
        finally:
            self.threads.release()


def _lock(descriptor: int, patience: float | None = None) -> None:
    """Take the lock. Blocking would not heed a time; trying again and again in the first moments does not cost much."""
    until = time.monotonic() + (PATIENCE if patience is None else patience)
    pause = _POLL / 20
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise StoreBusyError("another process keeps the store; is it stopped in a debugger?") from None
            time.sleep(pause)
            pause = min(pause * 2, _POLL)
        else:
            return


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that is a file's worker, and the account for which it works: None where it does not say."""

    process: str
    account: str | None


@contextmanager
def only_worker(path: Path, account: str | None = None) -> Iterator[Callable[[], None]]:
    """Be the one worker of a file, for an account. Raises StoreBusyError, which names the one that is it already.

    What it gives is to be called now and then: where somebody removed the file it is made anew, before another process
    takes itself for the one worker. Raises StoreBusyError where one has done so already, and StoreError.
    """
    post = [_as_worker(path, account)]

    def still() -> None:
        if identity(path) != _known(os.fstat(post[-1])):
            post.append(_as_worker(path, account))

    try:
        yield still
    finally:
        for descriptor in post:
            _close(descriptor)


def _as_worker(path: Path, account: str | None) -> int:
    """The file's descriptor, locked, with this process in it. Raises StoreBusyError."""
    descriptor = _opened(path)
    try:
        _lock(descriptor, _GLANCE)  # somebody who only looks who it is has the lock for a moment
    except StoreBusyError:
        there = _written(descriptor)
        _close(descriptor)
        raise StoreBusyError(refusal(there)) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid():<{_ROOM - 1}}\n{json.dumps(account)}\n".encode(), 0)
    return descriptor


def refusal(holder: Holder) -> str:
    """Why nobody else can be a worker of the file, in words."""
    whose = "" if holder.account is None else f", for {holder.account}"
    message = f"another worker sends from this store{whose}: process {holder.process}"
    return f"{message}; an SQLite store has one worker (PostgreSQL takes any number)"


def holder(path: Path) -> Holder | None:
    """The worker of a file; None where there is none. Whoever looks has the lock for some microseconds."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _written(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _written(descriptor: int) -> Holder:
    """Who has written itself into a worker's file."""
    process, _, rest = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("ascii", "replace").partition("\n")
    try:
        account = json.loads(rest)
    except ValueError:  # it is just being written
        account = None
    return Holder(process.strip() or "unknown", account if isinstance(account, str) else None)
