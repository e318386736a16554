"""When a job that was not taken is tried again, and when it is given up.

Knows tries, ages and delays, in seconds. Must not ask a clock, nor draw a random number: both are handed in.
"""

from __future__ import annotations

from mapper.frozen import dataclass

#: The longest that a Retry-After is believed, in seconds: a day. A destination that asks for a year has a wrong clock.
LONGEST_WAIT = 86_400.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tries of one job.

    ``steps``   seconds after the first, second, ... try that was not taken; the last is repeated
    ``jitter``  the part of a step by which it is spread both ways, so that what failed together does not come back so
    ``tries``   after so many that were not taken it is dead. What the whole account was refused for (429, 401, 403)
                does not count: that says nothing about this job.
    ``age``     seconds from its first try, after which it is dead
    """

    steps: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600, 7200, 14400)
    jitter: float = 0.2
    tries: int = 12
    age: float = 7 * 86_400.0

    def delay(self, failures: int, chance: float, asked: float | None = None) -> float:
        """Seconds until the next try, after so many that were not taken (1 and up).

        ``chance`` is drawn from 0 to 1. Never earlier than ``asked`` (a Retry-After), as far as that is believed.
        """
        step = self.steps[min(failures, len(self.steps)) - 1] if failures > 0 else self.steps[0]
        spread = step * (1 + self.jitter * (2 * chance - 1))
        return max(spread, min(asked or 0.0, LONGEST_WAIT))

    def over(self, failures: int, age: float) -> str | None:
        """Why a job is given up after so many tries, ``age`` seconds after its first; None where it is not."""
        if failures >= self.tries:
            return f"not taken in {failures} {'try' if failures == 1 else 'tries'}"
        if age >= self.age:
            return f"not taken within {_days(self.age)} of its first try"
        return None


def _days(seconds: float) -> str:
    days = seconds / 86_400
    return f"{days:g} day{'' if days == 1 else 's'}" if days >= 1 else f"{seconds:g} seconds"
