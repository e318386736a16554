"""A store that one thread closes while others use it: each of them has written, or is told that it has not."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deliveries import PLAIN, arrival, draft

from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.values import StoreError

#: Seconds after which what goes on is stuck; it takes one.
LONGEST = 20.0


@pytest.fixture
def _restless() -> Iterator[None]:
    """Threads take turns a thousand times as often: what may come between two steps comes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
def test_a_store_that_is_closed_while_threads_use_it(tmp_path: Path) -> None:
    """Whoever calls again opens it anew; nothing is lost, nothing is there twice, and no descriptor is another's."""
    ledger = Ledger(open_store(str(tmp_path / "mapper.db")), "Inkwell", PLAIN, draft)
    until = time.monotonic() + LONGEST
    told: set[str] = set()

    def use(name: str) -> None:
        for number in range(30):
            while time.monotonic() < until:
                try:
                    ledger.accept([arrival(f"{name}-{number}", name)])
                    ledger.status()
                    break
                except StoreError as error:
                    told.add(str(error))

    with ThreadPoolExecutor(4) as threads:
        using = [threads.submit(use, name) for name in "abcd"]
        while not all(one.done() for one in using):
            ledger.close()
            time.sleep(0.001)
        for one in using:
            one.result()
    assert time.monotonic() < until
    assert ledger.status().accepted == 120
    assert all(words.startswith("the store was closed by another thread") for words in told)
    ledger.close()
