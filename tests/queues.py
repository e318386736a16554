"""A store with jobs in the states that a person has to do with, for the tests of the commands about jobs.

Knows how jobs come into their states: through the ledger's own verbs. Must not know what any command shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from command_line import SMALL, Ended, run

import mapper
from mapper import codec
from mapper.apps.outbox import Outbox, Sending, of_plan
from mapper.delivery.ledger import Deed
from mapper.delivery.ledger.acts import Verb
from mapper.delivery.ledger.claim import Wish
from mapper.delivery.schedule import Schedule
from mapper.delivery.values import Claim, Ending, Filter
from mapper.frozen import replace
from mapper.pipeline import Mapper

#: Stands in every trait and id. No page shows it unless it is asked for values.
CANARY = "zq7canary"
WORKER = "here:1:aa"


def call(number: int, **more: Any) -> dict[str, Any]:
    """A call of somebody of their own."""
    traits = {"email": f"{CANARY}{number}@example.com", **more.pop("traits", {})}
    own = {"type": "identify", "messageId": f"{CANARY}-m{number}", "userId": f"{CANARY}-u{number}", "traits": traits}
    return {"timestamp": "2026-11-22T00:00:00Z", **own, **more}


class Stage:
    """An outbox whose jobs a test leads by hand; the account is ``Example``."""

    def __init__(self, url: str, text: str = SMALL, source: str = "") -> None:
        self.url = url
        self.mapper: Mapper = mapper.loads(text, environ={})
        plain = replace(of_plan(self.mapper.plan), rate=None, stale_after=None, schedule=Schedule(tries=1))
        self.outbox = Outbox(self.mapper, url, sending=Sending(policy=plain), source=source)
        self.ledger = self.outbox.ledger

    def accept(self, *calls: dict[str, Any]) -> list[int]:
        """Take calls in; their jobs."""
        return [receipt.job for receipt in self.outbox.accept(codec.encode(one) for one in calls)]

    def start(self, *jobs: int) -> list[Claim]:
        """Start what is due; those that are these jobs."""
        claims = {claim.job: claim for claim in self.ledger.claim(Wish(WORKER, 1000)).claims}
        self.ledger.give_back(WORKER, frozenset(claims.keys() - set(jobs)))
        assert self.ledger.start(WORKER, frozenset(jobs)) == set(jobs)
        return [claims[job] for job in jobs]

    def end(self, job: int, ending: Any, because: str = "so it went", **more: Any) -> None:
        """Start a job and tell how its try ended."""
        (claim,) = self.start(job)
        self.settle(claim, ending, because, **more)

    def settle(self, claim: Claim, ending: Any, because: str = "so it went", **more: Any) -> None:
        """Tell how a try ended."""
        self.ledger.finish([Ending(claim.job, claim.attempt, ending, because, **more)])

    def state(self, job: int) -> str:
        """A job's state."""
        story = self.ledger.story(job)
        assert story is not None
        return story.row.state

    def states(self) -> dict[int, str]:
        """All states."""
        return {row.job: row.state for row in self.ledger.rows(Filter(most=10_000))}

    def run(self, *arguments: object, **more: Any) -> Ended:
        """Run a command on this store."""
        return run(*arguments, "--store", self.url, **more)


@contextmanager
def stage(url: str, text: str = SMALL, source: str = "") -> Iterator[Stage]:
    """A stage that is closed at the end."""
    one = Stage(url, text, source)
    try:
        yield one
    finally:
        one.outbox.close()


def each_state(one: Stage) -> dict[str, int]:
    """A job of each of these states; dead is one that may have been taken, and dropped one that was never tried."""
    calls = [call(number) for number in range(1, 9)]
    calls += [call(9, traits={"email": "no address"}), call(10, traits={"stop": True})]
    delivered, rejected, unknown, dead, held, dropped, sending, ready, invalid, skipped = one.accept(*calls)
    one.end(delivered, "delivered", status=200)
    one.end(rejected, "rejected", "the destination answered 400", status=400)
    one.end(unknown, "unknown", "the connection broke")
    one.end(dead, "unknown", "the connection broke")
    acts: tuple[tuple[Verb, int], ...] = (("drop", dead), ("drop", dropped), ("hold", held))
    for verb, job in acts:
        assert one.ledger.act(Deed(verb, Filter(jobs=(job,)), "eve")).moved == 1
    one.start(sending)
    return {
        "delivered": delivered,
        "rejected": rejected,
        "unknown": unknown,
        "dead": dead,
        "held": held,
        "dropped": dropped,
        "sending": sending,
        "ready": ready,
        "invalid": invalid,
        "skipped": skipped,
    }
