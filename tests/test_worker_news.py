"""What a worker's log says of an hour in which nothing happens, and of a store that works again."""

from __future__ import annotations

from mapper.apps.cli.sending.working import Log, News
from mapper.delivery.values import StoreError


def test_it_is_silent_while_nothing_changes() -> None:
    """The same is said once, then once an hour; a change at once."""
    log, news = Log(), News(0.0)
    for minute in range(1, 122):
        assert news.due(60.0 * minute)
        news.told(log, "0 left" if minute < 121 else "1 left", 60.0 * minute)
        assert not news.due(60.0 * minute + 59)
    assert [line.split("  ", 1)[1] for line in log.lines()] == ["0 left", "0 left", "1 left"]


def test_it_says_that_the_store_works_again() -> None:
    """Once, where the trouble was said."""
    log = Log()
    log.recovered()
    for _ in range(2):
        log.trouble(StoreError("the disk is full"))
        log.recovered()
    assert [line.split("  ", 1)[1] for line in log.lines()] == [
        "trouble with the store, trying again: the disk is full",
        "the store works again",
    ]
