"""What a mapping, and whoever runs it, say of delivery: rate, guards, tries, leases.

Knows the numbers and their defaults. Must not know a mapping's text, nor a ledger.
"""

from __future__ import annotations

from typing import Literal

from mapper.delivery import pace
from mapper.delivery.schedule import Schedule
from mapper.frozen import dataclass, field
from mapper.plan import Plan

#: Seconds. A mapping that says nothing of it sends no event that is older: a replay of last year's archive is no order.
STALE_AFTER = 30 * 86_400.0
#: So many workers in a row that never said how a job ended, and it is dead: it may be what kills them.
LAPSES = 3
#: So many sends in a row without a final answer, and one at a time is tried until one is answered.
IN_A_ROW = 10


@dataclass(frozen=True, slots=True)
class Policy:
    """How an account's jobs are kept and sent.

    ``rate``         requests, and the seconds of any window that holds no more of them; None is no limit
    ``cap_day``      requests that may be taken in one day (UTC); the surplus is held
    ``cap_run``      requests that one worker may start; the surplus is held
    ``stale_after``  seconds of age after which an event is suppressed when it is accepted; None is never
    ``within``       seconds of ``once_per``
    ``unknown``      what becomes of a request of which nobody knows: hold or resend
    ``lease``        seconds after which a start whose end nobody told has lapsed; longer than any send can take
    ``schedule``     when a job that was not taken is tried again
    ``keep``         seconds after which the content of a job that has ended is deleted; None is never
    ``pause``        seconds for which nothing is sent after the key was refused, doubled up to ``longest_pause``
    """

    rate: tuple[int, int] | None = None
    cap_day: int | None = None
    cap_run: int | None = None
    stale_after: float | None = STALE_AFTER
    within: float = 0.0
    unknown: Literal["hold", "resend"] = "hold"
    lease: float = 180.0
    schedule: Schedule = field(default=Schedule())
    pause: float = 30.0
    longest_pause: float = 900.0
    keep: float | None = 90 * 86_400.0

    @property
    def claim_lease(self) -> float:
        """Seconds after its moment at which a claim lapses that nobody started: nothing had left."""
        return min(self.lease, 15.0)

    @property
    def margin(self) -> float:
        """Seconds by which a start may be late while no window holds one too many; slots are given so far ahead."""
        return float("inf") if self.rate is None else min(0.25, self.rate[1] * 0.02)

    @property
    def gap(self) -> float:
        """Seconds from one start to the next.

        A little more than the rate says: what is sent on time may arrive late by some milliseconds, and no window of
        the destination's clock may hold one request too many.
        """
        if self.rate is None:
            return 0.0
        count, seconds = self.rate
        return (seconds + self.margin) / count


def of_plan(plan: Plan) -> Policy:
    """What a mapping says."""
    send = plan.send
    return Policy(
        rate=send.rate,
        cap_day=send.cap_day,
        cap_run=send.cap_run,
        stale_after=float(send.stale_after) if send.stale_after is not None else STALE_AFTER,
        within=float(send.once_per[1]) if send.once_per else 0.0,
        unknown="resend" if send.unknown == "resend" else "hold",
    )


def spell(policy: Policy) -> str:
    """The rate in words."""
    return pace.spell(policy.rate)
