"""Group commit: what several threads bring at once is one transaction; each gets its own answers or its own trouble."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from mapper.delivery.gathering import MOST, Gathering
from mapper.delivery.values import StoreError


class Counting:
    """A commit that waits for a signal the first time, and remembers what it was given."""

    def __init__(self, wrong: int = -1, error: Exception | None = None) -> None:
        self.groups: list[list[int]] = []
        self.inside, self.leave = threading.Event(), threading.Event()
        self._wrong, self._error = wrong, error

    def __call__(self, items: Sequence[int]) -> list[int]:
        """Ten times each; raises where the wrong one is among them."""
        self.groups.append(list(items))
        if len(self.groups) == 1:
            self.inside.set()
            self.leave.wait(10)
        if self._wrong in items and self._error is not None:
            raise self._error
        return [n * 10 for n in items]


def together(commit: Counting, wishes: list[list[int]]) -> list[list[int] | Exception]:
    """The first wish is being committed when the others come; what each gets."""
    gathering: Gathering[int, int] = Gathering(commit)

    def put(wish: list[int]) -> list[int] | Exception:
        try:
            return gathering.put(wish)
        except (StoreError, ValueError) as error:
            return error

    with ThreadPoolExecutor(len(wishes)) as threads:
        first = threads.submit(put, wishes[0])
        assert commit.inside.wait(10)
        others = []
        for n, wish in enumerate(wishes[1:], start=1):
            others.append(threads.submit(put, wish))
            _until(lambda n=n: len(gathering._queue) == n)  # type: ignore[misc]  # noqa: SLF001 - they have come
        commit.leave.set()
        return [first.result(), *(other.result() for other in others)]


def _until(true: object) -> None:
    for _ in range(1000):
        if true():  # type: ignore[operator]
            return
        threading.Event().wait(0.002)
    pytest.fail("they did not come")


def test_alone_each_has_its_own() -> None:
    """Nobody waits for company."""
    commit = Counting()
    commit.leave.set()
    gathering: Gathering[int, int] = Gathering(commit)
    assert [gathering.put([n, n + 1]) for n in range(3)] == [[0, 10], [10, 20], [20, 30]]
    assert commit.groups == [[0, 1], [1, 2], [2, 3]]


def test_those_who_come_meanwhile_are_one() -> None:
    """And each gets its own answers."""
    commit = Counting()
    assert together(commit, [[1], [2, 3], [4], [5, 6, 7]]) == [[10], [20, 30], [40], [50, 60, 70]]
    assert [sorted(group) for group in commit.groups] == [[1], [2, 3, 4, 5, 6, 7]]


def test_one_who_spoils_it_spoils_it_for_nobody_else() -> None:
    """What failed together is done apart."""
    wrong = ValueError("three")
    commit = Counting(3, wrong)
    assert together(commit, [[1], [2], [3], [4]]) == [[10], [20], wrong, [40]]


def test_where_the_store_is_the_trouble_all_hear_of_it() -> None:
    """Once each would only take longer."""
    away = StoreError("away")
    commit = Counting(3, away)
    assert together(commit, [[1], [2], [3], [4]]) == [[10], away, away, away]
    assert len(commit.groups) == 2


def test_a_transaction_has_a_size() -> None:
    """Two large ones do not become one; one that is larger than all is still one, and none is never one."""
    commit = Counting()
    half = MOST // 2 + 1
    gave = together(commit, [[0], [1] * half, [2] * half, [3] * (MOST + 5), [4]])
    assert [len(group) for group in commit.groups] == [1, half, half, MOST + 5, 1]
    assert [len(one) for one in gave if isinstance(one, list)] == [1, half, half, MOST + 5, 1]


def test_many_threads() -> None:
    """Every wish is committed once, in one piece."""
    commit = Counting()
    commit.leave.set()
    gathering: Gathering[int, int] = Gathering(commit)
    with ThreadPoolExecutor(16) as threads:
        gave = list(threads.map(lambda n: gathering.put([n, -n]), range(1, 200)))
    assert gave == [[n * 10, -n * 10] for n in range(1, 200)]
    flat = [n for group in commit.groups for n in group]
    assert sorted(flat) == sorted([*range(1, 200), *range(-199, 0)])
    assert all(flat[i] == -flat[i + 1] for i in range(0, len(flat), 2))
