"""When a job is tried again, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.delivery.schedule import LONGEST_WAIT, Schedule

CHANCES = st.floats(0, 1)
SCHEDULES = st.builds(
    Schedule,
    steps=st.lists(st.floats(0.1, 1e5), min_size=1, max_size=8).map(tuple),
    jitter=st.floats(0, 0.9),
    tries=st.integers(1, 20),
    age=st.floats(1, 1e7),
)


@given(SCHEDULES, st.integers(1, 40), CHANCES)
def test_a_delay_is_its_step_spread_both_ways(schedule: Schedule, failures: int, chance: float) -> None:
    """The last step is repeated for ever."""
    step = schedule.steps[min(failures, len(schedule.steps)) - 1]
    delay = schedule.delay(failures, chance)
    assert step * (1 - schedule.jitter) * 0.999 <= delay <= step * (1 + schedule.jitter) * 1.001


@given(SCHEDULES, st.integers(1, 40), CHANCES, st.floats(0, 1e12))
def test_never_earlier_than_was_asked_for(schedule: Schedule, failures: int, chance: float, asked: float) -> None:
    """Nor more than a day later than our own step: a destination's clock may be wrong by a year."""
    delay, own = schedule.delay(failures, chance, asked), schedule.delay(failures, chance)
    assert delay >= min(asked, LONGEST_WAIT)
    assert delay in (own, min(asked, LONGEST_WAIT))


def test_the_chance_spreads_evenly() -> None:
    """What failed together does not come back together."""
    schedule = Schedule(steps=(100.0,), jitter=0.2)
    assert [schedule.delay(1, chance) for chance in (0, 0.25, 0.5, 1)] == pytest.approx([80, 90, 100, 120])


def test_the_first_delay_is_the_first_step() -> None:
    """Whether the tries are counted already or not."""
    schedule = Schedule(jitter=0)
    assert [schedule.delay(n, 0.5) for n in (0, 1, 2, 3)] == [5, 5, 30, 120]


def test_it_is_given_up_after_so_many_tries_or_so_long() -> None:
    """And the reason says which."""
    schedule = Schedule(tries=3, age=2 * 86_400.0)
    assert schedule.over(2, 86_400) is None
    assert schedule.over(3, 0) == "not taken in 3 tries"
    assert Schedule(tries=1).over(1, 0) == "not taken in 1 try"
    assert schedule.over(0, 2 * 86_400) == "not taken within 2 days of its first try"
    assert Schedule(age=86_400.0).over(0, 86_400) == "not taken within 1 day of its first try"
    assert Schedule(age=90.0).over(0, 91) == "not taken within 90 seconds of its first try"


def test_the_standard_schedule_spans_days() -> None:
    """An outage of a night costs no card: the tries do not run out before the age, nor in hours."""
    schedule = Schedule()
    waits = [schedule.delay(n, 0.5) for n in range(1, schedule.tries)]
    assert waits == sorted(waits)
    assert 12 * 3600 < sum(waits) < schedule.age
