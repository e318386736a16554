"""How requests are spaced, and what a Retry-After asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.delivery import pace

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def moments(rate: tuple[int, int] | None, delays: list[float], start: float = 0.0) -> list[float]:
    """When requests leave that are each ready some seconds after the one before left."""
    left, now, current = [], start, pace.of_rate(rate)
    for delay in delays:
        now += delay
        now += current.wait(now)
        current = current.left(now)
        left.append(now)
    return left


@given(
    count=st.integers(1, 40),
    seconds=st.sampled_from([1, 60, 3600]),
    start=st.floats(0, 1e7),
    delays=st.lists(st.one_of(st.just(0.0), st.floats(0, 500)), min_size=1, max_size=120),
)
def test_no_window_holds_more_than_the_rate(count: int, seconds: int, start: float, delays: list[float]) -> None:
    """At most N in any window of the rate's seconds, its ends included, however late some requests come."""
    left = moments((count, seconds), delays, start)
    for index in range(len(left) - count):
        assert left[index + count] - left[index] > seconds


def test_requests_are_spaced_evenly() -> None:
    """300 a minute is one each fifth of a second, not 300 at once and a minute's rest; what is late is not made up."""
    assert moments((300, 60), [0, 0, 0, 10, 0]) == pytest.approx([0, 0.2, 0.4, 10.4, 10.6], abs=1e-3)


def test_without_a_rate_nothing_waits() -> None:
    """No rate is no limit."""
    assert moments(None, [0, 0, 0]) == [0, 0, 0]


def test_a_hold_is_kept() -> None:
    """After Retry-After nothing leaves before its time, and a shorter wait never shortens a longer one."""
    held = pace.of_rate((300, 60)).left(0).held(0, 7).held(0, 2).left(0)
    assert held.wait(0) == 7
    assert held.wait(6.5) == 0.5
    assert held.wait(8) == 0


@pytest.mark.parametrize(
    ("text", "rate"),
    [("300/minute", (300, 60)), ("5/second", (5, 1)), ("1800/hour", (1800, 3600)), ("none", None)],
)
def test_rates_are_read(text: str, rate: tuple[int, int] | None) -> None:
    """The words are those of the mapping language."""
    assert pace.read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "300", "0/minute", "-1/second", "1/day", "1.5/second", "x/second", "٣/second"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate that cannot be read is never guessed."""
    with pytest.raises(ValueError, match="a rate is"):
        pace.read_rate(text)


@pytest.mark.parametrize(
    ("one", "other", "is_faster"),
    [
        ((5, 1), (300, 60), False),
        ((6, 1), (300, 60), True),
        ((299, 60), (300, 60), False),
        (None, (300, 60), True),
        ((300, 60), None, False),
        (None, None, False),
    ],
)
def test_which_rate_is_faster(one: tuple[int, int] | None, other: tuple[int, int] | None, *, is_faster: bool) -> None:
    """Rates are compared across their units."""
    assert pace.faster(one, other) is is_faster


def test_rates_in_words() -> None:
    """The words that a person agrees to."""
    assert pace.spell((300, 60)) == "300 a minute"
    assert pace.spell((1800, 3600)) == "1,800 an hour"
    assert pace.spell((6000, 60)) == "6,000 a minute"  # as every other number that is shown
    assert pace.per("0.5", 1) == "0.5 a second"
    assert pace.spell(None) == "as fast as they are taken"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("2", 2),
        (" 120.6 ", 120.6),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90),
        ("Saturday, 21-Nov-26 12:01:30 GMT", 90),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds()),
        (None, None),
        ("", None),
        ("-5", None),
        ("1e400", None),
        ("NaN", None),
        ("inf", None),
        ("2, 5", None),
        ("99999999999", 99999999999),
        ("0.12345678901", 0.12345678901),
        ("9" * 10240, float("inf")),
        ("9" * 10240 + "s", None),
        ("soon", None),
        ("Sat, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Seconds, fractions and dates are read; what is none of them says nothing (reliability catalogue, F-21)."""
    assert pace.retry_after(header, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_raises(header: str) -> None:
    """The header is a stranger's text: whatever it is, it gives seconds that can be waited, or nothing."""
    seconds = pace.retry_after(header, NOW)
    assert seconds is None or seconds >= 0
