"""Group commit: what several threads want to have accepted at the same time becomes one transaction.

Knows threads and turns. Must not know what is accepted.

Whoever comes first leads: it works for itself, then hands over to the first of those who came meanwhile, which works
for all of them. Nobody waits for company: alone, each has a transaction of its own. Each waits on a lock of its own,
because one lock that all wait for is handed from thread to thread so slowly that two of 32 share a transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from mapper.delivery.values import StoreError

A = TypeVar("A")
B = TypeVar("B")

#: So many go into one transaction at most.
MOST = 2000


class _Wish(Generic[A, B]):
    """What one thread wants, and what came of it."""

    __slots__ = ("answers", "error", "items", "leads", "woken")

    def __init__(self, items: Sequence[A]) -> None:
        self.items = items
        self.leads = False
        self.woken = threading.Lock()
        self.woken.acquire()
        self.answers: list[B] | None = None
        self.error: Exception | None = None

    @property
    def open(self) -> bool:
        """Whether nothing came of it yet."""
        return self.answers is None and self.error is None


class Gathering(Generic[A, B]):
    """``commit`` takes a list and gives as many answers, in one transaction, or raises and has done nothing."""

    def __init__(self, commit: Callable[[Sequence[A]], list[B]]) -> None:
        self._commit = commit
        self._queue: list[_Wish[A, B]] = []
        self._joining = threading.Lock()
        self._led = False

    def put(self, items: Sequence[A]) -> list[B]:
        """Commit these, with others or alone; their answers. Raises what ``commit`` raises."""
        wish: _Wish[A, B] = _Wish(items)
        with self._joining:
            self._queue.append(wish)
            wish.leads, self._led = not self._led, True
        if not wish.leads:
            self._wait(wish)
        if wish.leads:
            self._lead(wish)
        if wish.error is not None:
            raise wish.error
        assert wish.answers is not None  # noqa: S101 - one of the two is set
        return wish.answers

    def _wait(self, wish: _Wish[A, B]) -> None:
        """Until something came of it, or it is to lead."""
        try:
            wish.woken.acquire()
        except BaseException:  # a Ctrl-C: nobody is to wait for a thread that has gone
            with self._joining:
                self._queue = [one for one in self._queue if one is not wish]
            if wish.leads:
                self._hand_over()
            raise

    def _lead(self, wish: _Wish[A, B]) -> None:
        try:
            while wish.open:
                self._work_for(wish, self._taken())
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        """Let the first of those who came meanwhile lead."""
        with self._joining:
            self._led = bool(self._queue)
            if self._led:
                self._queue[0].leads = True
                self._queue[0].woken.release()

    def _taken(self) -> list[_Wish[A, B]]:
        """As many of those that wait as go into one transaction, in their order; never none."""
        with self._joining:
            count, size = 0, 0
            for wish in self._queue:
                size += len(wish.items)
                if count and size > MOST:
                    break
                count += 1
            taken, self._queue = self._queue[:count], self._queue[count:]
            return taken

    def _work_for(self, own: _Wish[A, B], wishes: list[_Wish[A, B]]) -> None:
        """Work for all of them, on the thread that wants ``own``."""
        try:
            self._work(wishes)
        except BaseException:  # a Ctrl-C is this thread's alone: the others have theirs done by the next of them
            with self._joining:
                self._queue[:0] = [wish for wish in wishes if wish is not own and wish.open]
            raise
        finally:
            for wish in wishes:
                if wish is not own and not wish.open:
                    wish.woken.release()

    def _work(self, wishes: list[_Wish[A, B]]) -> None:
        try:
            answers = self._commit([item for wish in wishes for item in wish.items])
        except Exception as error:  # noqa: BLE001 - each of those who wait has to get it
            self._alone(wishes, error)
            return
        start = 0
        for wish in wishes:
            wish.answers = answers[start : start + len(wish.items)]
            start += len(wish.items)

    def _alone(self, wishes: list[_Wish[A, B]], error: Exception) -> None:
        """What failed together may succeed apart, but not where the store itself is the trouble."""
        if len(wishes) == 1 or isinstance(error, StoreError):
            for wish in wishes:
                wish.error = error
            return
        for wish in wishes:
            self._work([wish])
