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
from mapper.delivery.policy import IN_A_ROW
from mapper.delivery.schedule import Schedule
from mapper.delivery.values import Arrival, Claim, Claimed
from mapper.frozen import replace

PEOPLE = ["ada", "bob", None]
DEVICES = [None, "x", "y"]
WORKERS = ["w1", "w2", "w3"]
ENDS = ["delivered", "delivered", "rejected", "retry", "retry", "unknown", "account"]
VERBS = ["hold", "release", "release", "deliver", "resend", "resend", "drop", "replay", "replay"]
POLICY = replace(PLAIN, cap_run=99, schedule=Schedule(steps=(5, 30), jitter=0.2, tries=4, age=1e6))
#: What is left of a run's cap; None is all.
LEFT = [None, None, None, None, None, 1, 0]
#: Whether a worker starts with its claim what may leave at once, as the product's does.
STARTS = [True, True, True, False]
#: How one try ends of which surely nothing was printed, so that it does not count against the day's cap.
NOTHING_PRINTED = ("rejected", "retry", "account")


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
        #: Who began a job's last try; the day of each try that may have been printed; what goes beyond a cap.
        self.senders: dict[int, str] = {}
        self.counted: dict[tuple[int, int], int] = {}
        self.released: set[int] = set()
        #: The last moment that was given to a try, and how many in a row had no final answer.
        self.slot = float("-inf")
        self.in_a_row = 0
        self.forgotten: dict[str, float] = {}
        self.openings = 0

    @initialize(
        unknown=st.sampled_from(["hold", "resend"]),
        rate=st.sampled_from([None, None, (20, 1)]),
        cap=st.sampled_from([None, None, 2]),
        in_a_row=st.sampled_from([0, 0, IN_A_ROW - 1]),
    )
    def begin(self, unknown: Any, rate: Any, cap: Any, in_a_row: int) -> None:
        """An empty file, of an account that had some trouble, or none."""
        self.policy = replace(POLICY, unknown=unknown, rate=rate, cap_day=cap)
        self.where = str(Path(self.directory.name) / "mapper.db")
        self.desk = Desk(open_store(self.where), policy=self.policy)
        self.desk.store.write(lambda c: c.execute(text("UPDATE gate SET in_a_row = :row"), {"row": in_a_row}))
        self.in_a_row = in_a_row

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

    @precondition(lambda self: "ready" in self.desk.seen.values() and len(self.claimed) < 3)
    @rule(who=st.sampled_from(WORKERS), most=st.integers(1, 4), left=st.sampled_from(LEFT))
    def claim(self, who: str, most: int, left: int | None) -> None:
        """A worker asks for what is due next, and starts it some time later."""
        self.claimed += [(who, claim) for claim in self._claim(who, most, left, start=False)]

    @precondition(lambda self: "ready" in self.desk.seen.values())
    @rule(
        who=st.sampled_from(WORKERS), most=st.integers(1, 4), left=st.sampled_from(LEFT), start=st.sampled_from(STARTS)
    )
    def send(self, who: str, most: int, left: int | None, start: bool) -> None:  # noqa: FBT001 - it is drawn
        """A worker asks for what is due next, and starts it with that, where it may, or at once after it."""
        self._sent(who, self._claim(who, most, left, start=start))

    @precondition(lambda self: self.flying)
    @rule(who=st.sampled_from(WORKERS), most=st.integers(1, 4), start=st.sampled_from(STARTS))
    def die(self, who: str, most: int, start: bool) -> None:  # noqa: FBT001 - it is drawn
        """A worker dies with what it has under way; another one begins."""
        self.sweep(who)
        self._sent(who, self._claim(who, most, None, start=start))

    def _claim(self, who: str, most: int, left: int | None, *, start: bool) -> tuple[Claim, ...]:
        """Ask when something is due. What is claimed and not started is this worker's from now on."""
        status = self.desk.ledger.status()
        if status.paused is not None:
            assert self.desk.claim(who, most, start=start) == [], "claimed in a pause"
        self.desk.later(max(0.0, (status.due or 0.0) - status.now, (status.paused or 0.0) - status.now))
        before, busy = self.desk.seen, self._busy()
        claimed = self.desk.claimed(who, most, run_left=left, start=start)
        self._paced(claimed, most, busy=busy)
        self._capped(claimed, left, before)
        at_once = start and all(claim.at <= self.desk.store.now() for claim in claimed.claims)
        for claim in claimed.claims:
            assert claim.started == at_once, "started before its moment, or later than it may be"
            if claim.started:
                self._left(who, claim)
            else:
                self.leases[claim.job] = who
        return claimed.claims

    def _busy(self) -> bool:
        """Whether somebody has a job."""
        leases = text("SELECT count(*) FROM job WHERE lease IS NOT NULL")
        return self.desk.store.read(lambda c: c.execute(leases).scalar_one()) > 0

    def _paced(self, claimed: Claimed, most: int, *, busy: bool) -> None:
        """No more than was asked for; no two at the same moment; and one at a time where nothing was answered."""
        assert len(claimed.claims) <= most
        if self.in_a_row >= IN_A_ROW:
            assert len(claimed.claims) <= (0 if busy else 1), "more than one try of an account in trouble"
        for claim in claimed.claims if self.policy.rate is not None else ():
            assert claim.at >= self.slot + 0.99 * self.policy.gap, "faster than the rate"
            self.slot = claim.at

    def _capped(self, claimed: Claimed, left: int | None, before: dict[int, str]) -> None:
        """Only what a person released goes beyond a cap; and only there something is held, and nothing of that."""
        unasked = [claim for claim in claimed.claims if claim.job not in self.released]
        full = self.policy.cap_day is not None and self._today() >= self.policy.cap_day
        assert not (unasked and full), "beyond the day's cap"
        assert left is None or len(unasked) <= left, "beyond the run's cap"
        if claimed.held:
            held = {job for job, state in self.desk.seen.items() if state == "held" and before[job] != "held"}
            assert len(held) == claimed.held
            assert full or left == 0, "held without a reason"
            assert not held & self.released, "held again"

    def _today(self) -> int:
        """How many of today's tries may have been printed."""
        return list(self.counted.values()).count(self._day())

    def _day(self) -> int:
        return int(self.desk.store.now() // 86_400)

    def _sent(self, who: str, claims: tuple[Claim, ...]) -> None:
        """Start at its moment what was not started with its claim."""
        later = [claim for claim in claims if not claim.started]
        if later:
            self.desk.later(max(0.0, later[-1].at - self.desk.store.now()))
            assert self.desk.start(*later, who=who) == sorted(claim.job for claim in later)
        for claim in later:
            self._left(who, claim)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """One that was claimed, now or long ago, is about to leave."""
        who, claim = self.claimed.pop(data.draw(st.integers(0, len(self.claimed) - 1)))
        self.desk.later(max(0.0, claim.at - self.desk.store.now()))
        paused = self.desk.ledger.status().paused
        if self.desk.start(claim, who=who):
            assert paused is None, "started in a pause"
            assert self.leases.get(claim.job) == who, "started without a lease"
            self._left(who, claim)
        elif self.leases.get(claim.job) == who:
            del self.leases[claim.job]  # given back: it was taken away, or the account is paused, or a cap is reached

    def _left(self, who: str, claim: Claim) -> None:
        """Law 8: it may leave only where nobody can have it yet, or where the mapping or a person said so."""
        assert claim.job not in self.closed, "sent after an answer"
        assert self.desk.seen[claim.job] == "sending", "sent and not written down"
        self.leases.pop(claim.job, None)
        if claim.job in self.doubted and self.policy.unknown == "hold":
            assert claim.job in self.allowed, "sent after a doubt that nobody settled"
        self.doubted.discard(claim.job)
        self.allowed.discard(claim.job)
        self.senders[claim.job] = who
        self.sends.append((claim.job, claim.attempt, claim.content))
        self.flying.append(claim)
        assert all(content == claim.content for job, _, content in self.sends if job == claim.job), "other bytes"
        assert [number for job, number, _ in self.sends if job == claim.job].count(claim.attempt) == 1
        self.counted[claim.job, claim.attempt] = self._day()
        if claim.job not in self.released and self.policy.cap_day is not None:
            assert self._today() <= self.policy.cap_day, "beyond the day's cap"

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
        self.in_a_row = 0 if ending in ("delivered", "rejected") else self.in_a_row + (not account)
        if ending in NOTHING_PRINTED:
            del self.counted[claim.job, claim.attempt]
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

    @precondition(lambda self: self.leases or "sending" in self.desk.seen.values())
    @rule(who=st.sampled_from(WORKERS))
    def sweep(self, who: str) -> None:
        """The one worker that there is has begun: what others had under way has lapsed."""
        sending = {job for job, state in self.desk.seen.items() if state == "sending"}
        self.desk.sweep(who)
        left = {job for job, state in self.desk.seen.items() if state == "sending"}
        assert left == {job for job in sending if self.senders[job] == who}, "what others had, and nothing else, lapsed"
        self.leases = {job: owner for job, owner in self.leases.items() if owner == who}
        self.doubted |= sending - left

    # --------------------------------------------------------------------------------------------------------- people

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        """A person acts on some of the jobs for which this can be done, and on some others."""
        before = self.desk.seen
        verb: Any = data.draw(st.sampled_from([v for v in VERBS if set(FROM[v]) & set(before.values())] or VERBS))
        fitting = [job for job, state in before.items() if state in FROM[verb]] or sorted(before)
        some = data.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=3))
        self.desk.act(verb, *some, *data.draw(st.lists(st.sampled_from(sorted(before)), max_size=1)))
        moved = {job for job, state in self.desk.seen.items() if state != before[job]}
        self.released |= moved if verb == "release" else set()
        if verb in ("resend", "replay"):
            assert not {job for job in moved & self.closed if before[job] != "rejected"}, "begun again after a yes"
            self.allowed |= moved
            self.closed -= moved
        if verb == "deliver":
            self.closed |= {job for job in moved if self.desk.seen[job] == "delivered"}

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
        assert status.today == self._today()
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
