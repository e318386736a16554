"""The number by which an idle worker knows that nobody wrote to a store."""

from __future__ import annotations

import os
from pathlib import Path

from deliveries import Desk, arrival

from mapper.delivery.ledger import open_store


def test_it_stays_while_nobody_writes(tmp_path: Path) -> None:
    """A look changes nothing."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    before = desk.store.version()
    desk.ledger.due()
    assert desk.store.version() == before


def test_each_write_changes_it(tmp_path: Path) -> None:
    """That of this process, and that of another one."""
    path = str(tmp_path / "mapper.db")
    desk = Desk(open_store(path))
    seen = {desk.store.version()}
    for number in range(3):
        desk.accept(arrival(f"m{number}", "ada"))
        seen.add(desk.store.version())
    other = os.fork()
    if other == 0:
        Desk(open_store(path)).accept(arrival("other", "ada"))
        os._exit(0)
    assert os.waitpid(other, 0)[1] == 0
    seen.add(desk.store.version())
    assert len(seen) == 5


def test_a_store_that_was_opened_anew_has_another(tmp_path: Path) -> None:
    """SQLite's own number is one connection's: another's may be the same by chance."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    before = desk.store.version()
    desk.ledger.close()
    assert desk.store.version() != before
