"""What the end of one try makes of its job, and of the whole account.

Knows endings, tries and the policy. Must not store anything, ask a clock or draw a number.
"""

from __future__ import annotations

from mapper.delivery.policy import IN_A_ROW, LAPSES, Policy
from mapper.delivery.schedule import LONGEST_WAIT
from mapper.delivery.states import State
from mapper.delivery.values import Ending
from mapper.frozen import dataclass

#: Seconds that are waited at least where the whole account was told to wait: `Retry-After: 0` is no leave to hammer.
_SHORTEST = 1.0
#: Seconds between two tries of a destination that cannot be reached: it is back in use soon after it is back.
_LONGEST_PROBE = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A job's record when one of its tries ends. ``failures`` are tries that were not taken, for its own sake."""

    failures: int
    lapses: int
    age: float
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """Where a job goes. ``delay`` is for a retry, in seconds; ``failures`` and ``lapses`` as they are then."""

    state: State
    because: str | None
    delay: float = 0.0
    failures: int = 0
    lapses: int = 0


def of_ending(ending: Ending, standing: Standing, policy: Policy, chance: float) -> Move:
    """Where the end of a try takes its job. ``chance`` is drawn from 0 to 1."""
    failures, lapses = standing.failures, standing.lapses
    because = ending.because or None
    if ending.ending in ("delivered", "rejected"):
        return Move(ending.ending, because, failures=failures, lapses=lapses)
    if standing.forget:
        return Move("erased", "forgotten while it was under way", failures=failures, lapses=lapses)
    if ending.ending == "unknown":
        return _unknown(Move("unknown", because, failures=failures, lapses=lapses), standing, policy, chance)
    if ending.account:  # it says nothing about this job: it stays first in line, for when the account goes on
        return Move("ready", because, failures=failures, lapses=lapses)
    return _again(Move("ready", because, failures=failures + 1, lapses=lapses), standing, policy, chance, ending.asked)


def of_lapse(standing: Standing, policy: Policy, chance: float) -> Move:
    """Where a job goes whose worker never said how its try ended."""
    lapses = standing.lapses + 1
    because = "its worker never said how it ended"
    if standing.forget:
        return Move("erased", because, failures=standing.failures, lapses=lapses)
    if lapses >= LAPSES:
        return Move("dead", f"{lapses} workers in a row never said how it ended", 0.0, standing.failures, lapses)
    return _unknown(Move("unknown", because, failures=standing.failures, lapses=lapses), standing, policy, chance)


def _unknown(move: Move, standing: Standing, policy: Policy, chance: float) -> Move:
    """What nobody knows: held, unless the mapping says that a second one does no harm."""
    if policy.unknown == "hold":
        return move
    again = Move("ready", move.because, failures=standing.failures + 1, lapses=move.lapses)
    return _again(again, standing, policy, chance, None)


def _again(move: Move, standing: Standing, policy: Policy, chance: float, asked: float | None) -> Move:
    over = policy.schedule.over(move.failures, standing.age)
    if over is not None:
        return Move(
            "dead", f"{over}; the last: {move.because}" if move.because else over, 0.0, move.failures, move.lapses
        )
    delay = policy.schedule.delay(move.failures, chance, asked)
    return Move("ready", move.because, delay, move.failures, move.lapses)


@dataclass(frozen=True, slots=True)
class Pause:
    """For how long the whole account sends nothing, in seconds, and why."""

    seconds: float
    because: str


def pause(ending: Ending, pauses: int, in_a_row: int, policy: Policy) -> Pause | None:
    """What the end of a try means for the whole account; None where it may go on.

    ``pauses`` is how many it had since something was delivered; ``in_a_row`` how many sends in a row had no final
    answer, this one included.
    """
    longer = 2 ** min(pauses, 20)
    if ending.account and (ending.asked is None or ending.ending == "pause"):
        return Pause(min(policy.pause * longer, policy.longest_pause), ending.because)
    if ending.account:
        return Pause(max(_SHORTEST, min(ending.asked or 0.0, LONGEST_WAIT)), ending.because)
    if in_a_row < IN_A_ROW or ending.ending not in ("retry", "unknown"):
        return None
    # A probe that was not taken costs nothing; one of which nobody knows may be a postcard.
    probe = (_SHORTEST, _LONGEST_PROBE) if ending.ending == "retry" else (policy.pause, policy.longest_pause)
    because = f"{in_a_row} in a row had no final answer; one at a time is tried"
    return Pause(min(probe[0] * longer, probe[1]), because)
