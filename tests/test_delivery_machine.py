"""Laws 7, 8 and 9 of the delivery, on a real SQLite file: whatever calls, answers, people and time do, in any order.

A model in plain Python stands beside the ledger: what was accepted, what was sent, and what was answered. After each
step the sums add up, each job came where it is by ways that are drawn, and nothing was sent that must not be.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from deliveries import PLAIN, Desk, Steered, arrival, hashed
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from mapper.delivery.ledger import open_store
from mapper.delivery.ledger.acts import FROM
from mapper.delivery.schedule import Schedule
from mapper.delivery.values import Arrival, Claim
from mapper.frozen import replace

PEOPLE = ["ada", "bob", None]
DEVICES = [None, "x", "y"]
WORKERS = ["w1", "w2", "w3"]
ENDS = ["delivered", "delivered", "rejected", "retry", "retry", "unknown", "account"]
VERBS = ["hold", "release", "release", "deliver", "resend", "resend", "drop", "replay", "replay"]
POLICY = replace(PLAIN, schedule=Schedule(steps=(5, 30), jitter=0.2, tries=4, age=1e6))


class Deliveries(RuleBasedStateMachine):
    """Accept, claim, start, finish, lapse, sweep, decide, forget, open again: in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        #: The first call of each message, and the digests under it; what a job is of.
        self.calls: dict[str, Arrival] = {}
        self.jobs: dict[int, Arrival] = {}
        self.repeats: Counter[str] = Counter()
        self.claimed: list[tuple[str, Claim]] = []
        #: Whose a claimed job is, until that is given back or swept away.
        self.leases: dict[int, str] = {}
        #: Each start, in the order in which they left; and those of which no answer was told.
        self.sends: list[tuple[int, int, bytes]] = []
        self.flying: list[Claim] = []
        #: Jobs that were answered yes or no; jobs of whose last send nobody knows; jobs that a person set free again.
        self.closed: set[int] = set()
        self.doubted: set[int] = set()
        self.allowed: set[int] = set()
        self.forgotten: dict[str, float] = {}
        self.openings = 0

    @initialize(unknown=st.sampled_from(["hold", "resend"]))
    def begin(self, unknown: Any) -> None:
        """An empty file."""
        self.policy = replace(POLICY, unknown=unknown)
        self.where = str(Path(self.directory.name) / "mapper.db")
        self.desk = Desk(open_store(self.where), policy=self.policy)

    def teardown(self) -> None:
        """The file is as it has to be, to the end."""
        if hasattr(self, "desk"):
            assert list(self.desk.store.check()) == []
            self.desk.ledger.close()
        self.directory.cleanup()

    # ------------------------------------------------------------------------------------------------------------- in

    @rule(
        calls=st.lists(
            st.tuples(
                st.integers(0, 40),
                st.sampled_from(PEOPLE),
                st.sampled_from(DEVICES),
                st.integers(-20, 0),
                st.sampled_from(["ready", "ready", "ready", "invalid"]),
                st.dictionaries(st.sampled_from("abc"), st.sampled_from([None, 1, "1", True]), max_size=2),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def accept(self, calls: list[Any]) -> None:
        """Some calls: new, again, or others under the same messageId."""
        now = self.desk.store.now()
        arrivals = [
            arrival(f"m{n}", person, anonymous=device, at=now + 10 * at - 3, ends=ends, traits=traits)
            for n, person, device, at, ends, traits in calls
            if person or device
        ]
        for one, receipt in zip(arrivals, self.desk.accept(*arrivals) if arrivals else [], strict=True):
            first = self.calls.setdefault(one.message, one)
            if first is one:
                assert (receipt.repeated, receipt.job in self.jobs) == ("", False)
                self.jobs[receipt.job] = one
                assert (receipt.state == "erased") == self._is_forgotten(one)
            else:
                assert receipt.repeated == ("same" if first.digest == one.digest else "conflict")
                assert self.jobs[receipt.job] is first
                self.repeats[receipt.repeated] += 1

    def _is_forgotten(self, one: Arrival) -> bool:
        assert one.stamp is not None
        ids = [name for name in (one.person, one.anonymous) if name is not None]
        return any(one.stamp.time < self.forgotten.get(name, -1.0) * 1e9 for name in ids)

    # ------------------------------------------------------------------------------------------------------------ out

    @precondition(lambda self: self.jobs)
    @rule(who=st.sampled_from(WORKERS), most=st.integers(1, 3))
    def claim(self, who: str, most: int) -> None:
        """A worker asks for what is due next, and starts it some time later."""
        self._claim(who, most, hurry=False)

    @precondition(lambda self: self.jobs)
    @rule(who=st.sampled_from(WORKERS), most=st.integers(1, 3))
    def send(self, who: str, most: int) -> None:
        """A worker asks for what is due next, and starts it at once."""
        self._claim(who, most, hurry=True)

    @precondition(lambda self: self.flying)
    @rule(who=st.sampled_from(WORKERS), most=st.integers(1, 3))
    def die(self, who: str, most: int) -> None:
        """A worker dies with what it has under way; another one begins."""
        self.sweep(who)
        self._claim(who, most, hurry=True)

    def _claim(self, who: str, most: int, *, hurry: bool) -> None:
        status = self.desk.ledger.status()
        self.desk.later(max(0.0, (status.due or 0.0) - status.now, (status.paused or 0.0) - status.now))
        claims = self.desk.claim(who, most)
        assert len(claims) <= most
        self.leases.update((claim.job, who) for claim in claims)
        if not hurry:
            self.claimed += [(who, claim) for claim in claims]
        elif claims:
            begun = self.desk.start(*claims, who=who)
            assert begun == sorted(claim.job for claim in claims)
            for claim in claims:
                self._left(claim)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """One that was claimed, now or long ago, is about to leave."""
        who, claim = self.claimed.pop(data.draw(st.integers(0, len(self.claimed) - 1)))
        if self.desk.start(claim, who=who):
            assert self.leases.get(claim.job) == who, "started without a lease"
            self._left(claim)
        elif self.leases.get(claim.job) == who:
            del self.leases[claim.job]  # given back: it was taken away, or the account is paused

    def _left(self, claim: Claim) -> None:
        """Law 8: it may leave only where nobody can have it yet, or where the mapping or a person said so."""
        assert claim.job not in self.closed, "sent after an answer"
        self.leases.pop(claim.job, None)
        if claim.job in self.doubted and self.policy.unknown == "hold":
            assert claim.job in self.allowed, "sent after a doubt that nobody settled"
        self.doubted.discard(claim.job)
        self.allowed.discard(claim.job)
        self.sends.append((claim.job, claim.attempt, claim.content))
        self.flying.append(claim)
        assert all(content == claim.content for job, _, content in self.sends if job == claim.job), "other bytes"
        assert [number for job, number, _ in self.sends if job == claim.job].count(claim.attempt) == 1

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), ending=st.sampled_from(ENDS))
    def finish(self, data: st.DataObject, ending: str) -> None:
        """One that left is answered, soon or late."""
        claim = self.flying.pop(data.draw(st.sampled_from(range(len(self.flying)))))
        last = claim.attempt == max(number for job, number, _ in self.sends if job == claim.job)
        account = ending == "account"
        settled = self.desk.end(claim, "retry" if account else ending, account=account, asked=3.0 if account else None)
        if not last:
            assert settled.state is None
            return
        if ending in ("delivered", "rejected"):
            self.closed.add(claim.job)
        if settled.state is None:
            return
        self.doubted.discard(claim.job)
        if ending == "unknown":
            self.doubted.add(claim.job)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A worker has no use for what it claimed."""
        who, claim = self.claimed.pop(data.draw(st.integers(0, len(self.claimed) - 1)))
        self.desk.give_back(claim, who=who)
        if self.leases.get(claim.job) == who:
            del self.leases[claim.job]

    # ----------------------------------------------------------------------------------------------------------- time

    @precondition(lambda self: self.sends)
    @rule(seconds=st.sampled_from([5.0, 1000.0, 86_400.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.desk.later(seconds)

    @precondition(lambda self: self.leases or "sending" in self.desk.states().values())
    @rule(who=st.sampled_from(WORKERS))
    def sweep(self, who: str) -> None:
        """The one worker that there is has begun: what others had under way has lapsed."""
        sending = {job for job, state in self.desk.states().items() if state == "sending"}
        self.desk.sweep(who)
        self.leases = {job: owner for job, owner in self.leases.items() if owner == who}
        self.doubted |= {job for job in sending if self.desk.state(job) != "sending"}

    # --------------------------------------------------------------------------------------------------------- people

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        """A person acts on some of the jobs for which this can be done, and on some others."""
        before = self.desk.states()
        verb: Any = data.draw(st.sampled_from([v for v in VERBS if set(FROM[v]) & set(before.values())] or VERBS))
        fitting = [job for job, state in before.items() if state in FROM[verb]] or sorted(before)
        some = data.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=3))
        self.desk.act(verb, *some, *data.draw(st.lists(st.sampled_from(sorted(before)), max_size=1)))
        moved = {job for job, state in self.desk.states().items() if state != before[job]}
        if verb in ("resend", "replay"):
            assert not {job for job in moved & self.closed if before[job] != "rejected"}, "begun again after a yes"
            self.allowed |= moved
            self.closed -= moved
        if verb == "deliver":
            self.closed |= {job for job in moved if self.desk.state(job) == "delivered"}

    @precondition(lambda self: len(self.jobs) > 6 * (1 + len(self.forgotten)))
    @rule(person=st.sampled_from(["ada", "bob", "x", "y"]))
    def forget(self, person: str) -> None:
        """Somebody asks to be forgotten."""
        aliases = [row for row in self._aliases() if row[1] == hashed(person)]
        self.desk.forget(person)
        for name in (hashed(person), *(anonymous for anonymous, _ in aliases)):
            self.forgotten[name] = self.desk.store.now()
        self.desk.later(120)
        known = self.desk.ledger.known(arrival("asked", person))
        assert known is None or not known.traits

    def _aliases(self) -> list[tuple[str, str]]:
        found = self.desk.store.read(lambda c: c.execute(text("SELECT anonymous, person FROM alias")).all())
        return [(row[0], row[1]) for row in found]

    @precondition(lambda self: len(self.sends) > 5 * (1 + self.openings))
    @rule()
    def open_again(self) -> None:
        """The process ends, and another begins."""
        self.openings += 1
        clock = self.desk.store.clock
        self.desk.ledger.close()
        self.desk = Desk(Steered(open_store(self.where), clock), policy=self.policy)

    # -------------------------------------------------------------------------------------------------------- the laws

    @invariant()
    def all_adds_up(self) -> None:
        """Law 7; and no more was sent than is written down."""
        if not hasattr(self, "desk"):
            return
        self.desk.check()
        rows, status = self.desk.rows(), self.desk.ledger.status()
        assert rows.keys() == self.jobs.keys()
        assert (status.repeated, status.conflicting) == (self.repeats["same"], self.repeats["conflict"])
        sends = Counter(job for job, _, _ in self.sends)
        assert all(rows[job].attempts == count for job, count in sends.items())
        for job in self.closed:
            assert rows[job].state in ("delivered", "rejected", "erased"), (job, rows[job].state)
        self._lines(rows)

    def _lines(self, rows: dict[int, Any]) -> None:
        """Nobody waits without somebody ahead."""
        lines: dict[str, dict[int, str]] = {}
        for job, row in rows.items():
            if row.person is not None and row.state in ("waiting", "ready", "sending"):
                lines.setdefault(row.person, {})[job] = row.state
        for line in lines.values():
            assert set(line.values()) != {"waiting"}, line


def examples(count: int, steps: int, *phases: Phase) -> settings:
    """So many runs of so many steps."""
    return settings(
        settings.default,
        max_examples=count,
        stateful_step_count=steps,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


def test_the_laws_hold_in_any_order() -> None:
    """Some dozens of runs. A failure is told as it was found: to make it short would take minutes (make fuzz does)."""
    run_state_machine_as_test(Deliveries, settings=examples(40, 50, Phase.explicit, Phase.generate))


@pytest.mark.fuzz
def test_the_laws_hold_in_any_order_for_long() -> None:
    """Some thousands."""
    run_state_machine_as_test(Deliveries, settings=examples(1500, 100, Phase.generate, Phase.shrink))
