"""What the end of a try makes of its job, and of the whole account."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.delivery import verdict
from mapper.delivery.policy import IN_A_ROW, LAPSES, Policy
from mapper.delivery.schedule import Schedule
from mapper.delivery.states import EDGES
from mapper.delivery.values import Ending
from mapper.delivery.verdict import Standing
from mapper.frozen import replace

HOLD = Policy(schedule=Schedule(steps=(10.0,), jitter=0.0, tries=3, age=1000.0))
RESEND = replace(HOLD, unknown="resend")
FRESH = Standing(0, 0, 0.0)

POLICIES = st.sampled_from([HOLD, RESEND])
STANDINGS = st.builds(Standing, st.integers(0, 5), st.integers(0, LAPSES), st.floats(0, 2000), st.booleans())
ENDINGS = st.builds(
    Ending,
    job=st.just(1),
    attempt=st.just(1),
    ending=st.sampled_from(["delivered", "rejected", "retry", "pause", "unknown"]),
    because=st.sampled_from(["", "so it went"]),
    asked=st.none() | st.floats(0, 1e9),
    account=st.booleans(),
)


def ending(kind: Any, **more: Any) -> Ending:
    """The end of a first try."""
    return Ending(1, 1, kind, "so it went", **more)


def moved(kind: Any, standing: Standing = FRESH, policy: Policy = HOLD, **more: Any) -> tuple[str, str | None, float]:
    """Where it goes, why, and when."""
    move = verdict.of_ending(ending(kind, **more), standing, policy, 0.5)
    return move.state, move.because, move.delay


@given(ENDINGS, STANDINGS, POLICIES, st.floats(0, 1))
def test_every_end_goes_along_an_edge(end: Ending, standing: Standing, policy: Policy, chance: float) -> None:
    """Whatever ends however, there is a way for it; and nothing is sent again after a yes or a no."""
    move = verdict.of_ending(end, standing, policy, chance)
    assert ("sending", move.state) in {(edge.source, edge.target) for edge in EDGES}
    assert (move.state in ("delivered", "rejected")) == (end.ending in ("delivered", "rejected"))
    assert move.delay >= 0
    assert move.failures - standing.failures in (0, 1)
    if standing.forget:
        assert move.state in ("delivered", "rejected", "erased")


@given(STANDINGS, POLICIES, st.floats(0, 1))
def test_a_lapse_is_sent_again_only_where_the_mapping_says_so(
    standing: Standing, policy: Policy, chance: float
) -> None:
    """And a third is the last."""
    move = verdict.of_lapse(standing, policy, chance)
    assert move.lapses == standing.lapses + 1
    if move.state == "ready":
        assert policy.unknown == "resend"
        assert move.lapses < LAPSES
    assert move.state in ("unknown", "ready", "dead", "erased")
    assert (move.state == "erased") == standing.forget


def test_what_was_not_taken_is_tried_again_later() -> None:
    """Never before a Retry-After."""
    assert moved("retry") == ("ready", "so it went", 10.0)
    assert moved("retry", asked=60.0) == ("ready", "so it went", 60.0)
    assert moved("retry", Standing(2, 0, 0.0)) == ("dead", "not taken in 3 tries; the last: so it went", 0.0)
    assert moved("retry", Standing(0, 0, 1000.0))[0] == "dead"


def test_a_doubt_is_held_or_sent_again() -> None:
    """As the mapping says; and sending again has an end."""
    assert moved("unknown")[0] == "unknown"
    assert moved("unknown", policy=RESEND) == ("ready", "so it went", 10.0)
    assert moved("unknown", Standing(2, 0, 0.0), RESEND)[0] == "dead"


@pytest.mark.parametrize("standing", [FRESH, Standing(99, 2, 1e9)])
def test_what_the_account_was_refused_for_is_no_fault_of_the_job(standing: Standing) -> None:
    """However often: it stays first in line."""
    move = verdict.of_ending(ending("retry", asked=60.0, account=True), standing, HOLD, 0.5)
    assert (move.state, move.delay, move.failures) == ("ready", 0.0, standing.failures)


def test_a_reason_may_be_empty() -> None:
    """Then there is none, and a death says only its own."""
    assert verdict.of_ending(Ending(1, 1, "delivered"), FRESH, HOLD, 0.5).because is None
    assert verdict.of_ending(Ending(1, 1, "retry"), Standing(2, 0, 0), HOLD, 0.5).because == "not taken in 3 tries"


# ------------------------------------------------------------------------------------------------------------- pauses


def test_no_pause_for_one_job() -> None:
    """What went wrong with one says nothing of the others, until too many in a row did."""
    for kind in ("delivered", "rejected", "retry", "unknown"):
        assert verdict.pause(ending(kind), 0, IN_A_ROW - 1, HOLD) is None
    for kind in ("delivered", "rejected"):
        assert verdict.pause(ending(kind), 0, IN_A_ROW + 5, HOLD) is None


@given(st.sampled_from(["retry", "unknown"]), st.integers(IN_A_ROW, 10_000))
def test_too_many_in_a_row(kind: str, in_a_row: int) -> None:
    """Pauses that grow, up to the longest."""
    pause = verdict.pause(ending(kind), 0, in_a_row, HOLD)
    assert pause is not None
    assert (1.0 if kind == "retry" else HOLD.pause) <= pause.seconds <= HOLD.longest_pause
    assert pause.because.startswith(f"{in_a_row} in a row")


@given(st.integers(0, 10_000), st.none() | st.floats(0), st.sampled_from(["retry", "pause"]))
def test_a_pause_of_the_account_has_bounds(pauses: int, asked: float | None, kind: str) -> None:
    """A refused key waits our own time; else what is asked for, between a second and a day."""
    pause = verdict.pause(ending(kind, asked=asked, account=True), pauses, 0, HOLD)
    assert pause is not None
    own = min(HOLD.pause * 2 ** min(pauses, 20), HOLD.longest_pause)
    believed = own if asked is None or kind == "pause" else max(1.0, min(asked, 86_400.0))
    assert pause.seconds == believed
