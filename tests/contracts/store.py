"""The contract of a store, for the author of one to run against their own.

Copy this file and ``deliveries.py`` beside your tests, subclass, and say how yours is opened::

    from contracts.store import GuardContract, JobContract, PeopleContract

    class TestPigeonhole(JobContract, GuardContract, PeopleContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path):
            self.where = tmp_path / "pigeons"

        def make(self):
            return PigeonStore(self.where)

``make`` is called several times in a test, also in other processes, and opens the same store each time; ``where`` is
empty before the test. ``JobContract`` is about jobs, ``GuardContract`` about pace and money, ``PeopleContract`` about
who is who. Needs pytest alone.
"""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from deliveries import NOON, ONE, PLAIN, RESEND, TWO, Desk, Steered, arrival, draft, hashed
from sqlalchemy import select, text, update

from mapper import codec
from mapper.delivery.ledger import tables, versions
from mapper.delivery.ledger.claim import Wish
from mapper.delivery.ledger.store import Store
from mapper.delivery.policy import IN_A_ROW, LAPSES, Policy
from mapper.delivery.schedule import Schedule
from mapper.delivery.states import BLOCKING, OPEN
from mapper.delivery.values import Arrival, Draft, Ending, Filter, StoreError
from mapper.errors import SettingsError
from mapper.frozen import replace
from mapper.identity import Identity

T = TypeVar("T")

#: A value that must be seen nowhere but in the store.
CANARY = "1 Rocket Road"
STEP = PLAIN.schedule.steps[0]


class StoreTests:
    """What the three contracts share: stores and desks of one test, all closed after it."""

    where: Any

    def make(self) -> Store:
        """Open the store of this test."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _opened(self) -> Iterator[None]:
        self._stores: list[Store] = []
        yield
        for store in self._stores:
            store.close()

    def store(self) -> Store:
        """Open it, and close it after the test."""
        self._stores.append(self.make())
        return self._stores[-1]

    def desk(self, policy: Policy = PLAIN, account: str = "Inkwell") -> Desk:
        """A desk on the store, opened anew."""
        return Desk(self.store(), account, policy)


def several(count: int, person: str | None = None, **said: Any) -> list[Arrival]:
    """So many calls: of as many people, or of one."""
    return [arrival(f"m{n}", person or f"p{n}", **said) for n in range(count)]


class JobContract(StoreTests):
    """Jobs: in once, out once, in order, and what people and time do to them."""

    # ------------------------------------------------------------------------------------------------------------- in

    def test_a_call_is_taken_once(self) -> None:
        """The same again is counted on the first row, in whatever state that is, and makes nothing new."""
        desk = self.desk()
        (first,) = desk.accept(arrival("m1"))
        assert (first.state, first.because, first.repeated) == ("ready", None, "")
        desk.end(desk.one(), "delivered")
        (again,) = desk.accept(arrival("m1"))
        assert (again.job, again.state, again.repeated) == (first.job, "delivered", "same")
        assert desk.rows()[first.job].duplicates == 1
        status = desk.ledger.status()
        assert (status.accepted, status.repeated, status.conflicting) == (1, 1, 0)

    def test_the_first_of_a_conflict_is_kept(self) -> None:
        """One messageId, two contents: the second is counted and changes nothing."""
        desk = self.desk()
        (first,) = desk.accept(arrival("m1", traits={"city": "Ulm"}))
        (other,) = desk.accept(arrival("m1", traits={"city": "Bonn"}))
        assert (other.job, other.repeated) == (first.job, "conflict")
        assert desk.content(first.job)["traits"] == {"city": "Ulm"}
        assert desk.rows()[first.job].conflicts == 1
        assert desk.ledger.status().conflicting == 1
        (later,) = desk.accept(arrival("m2"))
        assert desk.content(later.job)["traits"] == {"city": "Ulm"}

    def test_repeats_within_a_batch(self) -> None:
        """Receipts come in the order of the calls, and point to the first of each."""
        desk = self.desk()
        batch = [arrival("m1", "a"), arrival("m2", "b", ends="invalid"), arrival("m1", "a"), arrival("m1", "a", x=1)]
        receipts = desk.accept(*batch, arrival("m2", "b", ends="invalid"))
        assert [r.repeated for r in receipts] == ["", "", "same", "conflict", "same"]
        assert [r.state for r in receipts] == ["ready", "invalid", "ready", "ready", "invalid"]
        assert receipts[0].job == receipts[2].job == receipts[3].job != receipts[1].job == receipts[4].job
        row = desk.rows()[receipts[0].job]
        assert (row.duplicates, row.conflicts) == (1, 1)

    def test_a_batch_is_taken_whole_or_not_at_all(self) -> None:
        """Where a mapping fails in the middle nothing is kept: no job, no trait, no count."""
        desk = self.desk()

        def fails(one: Arrival, known: Identity | None) -> Draft:
            if one.decoded["message"] == "m2":
                raise SettingsError(())
            return draft(one, known)

        desk.ledger.mapping = fails
        with pytest.raises(SettingsError):
            desk.accept(*several(5, "ada", traits={"city": "Ulm"}))
        desk.check()
        assert desk.states() == {}
        assert desk.ledger.known(arrival("m9")) is None
        desk.ledger.mapping = draft
        assert desk.jobs(*several(5)) == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("count", [1, 19, 20, 21, 300])
    def test_what_goes_in_is_what_is_stored(self, count: int) -> None:
        """Whatever way a database has for many rows: each byte of each event, and what is no event at all."""
        desk = self.desk()
        raws = [bytes(range(256)) + f"é\0{n}".encode() for n in range(count)]
        arrivals = [
            replace(one, raw=raw, person=None if n % 3 == 0 else one.person)
            for n, (one, raw) in enumerate(zip(several(count, ends="invalid"), raws, strict=True))
        ]
        jobs = desk.jobs(*arrivals, arrival("ready"))
        stories = [desk.ledger.story(job) for job in jobs]
        assert [story.event for story in stories[:-1] if story] == raws
        assert [story.content for story in stories[:-1] if story] == [None] * count
        assert desk.content(jobs[-1]) == {"message": "ready", "traits": {}}

    def test_what_makes_no_request_is_kept_with_its_reason(self) -> None:
        """Invalid and skipped calls are jobs that nobody claims."""
        desk = self.desk()
        receipts = desk.accept(arrival("m1", ends="invalid"), arrival("m2", ends="skipped"))
        assert [r.because for r in receipts] == ["because the test says so"] * 2
        assert desk.claim() == []

    def test_two_accounts_know_nothing_of_each_other(self) -> None:
        """The same calls in both: two jobs, two people, two lines."""
        here, there = self.desk(account="here"), self.desk(account="there")
        here.accept(arrival("m1", traits={"city": "Ulm"}))
        assert there.accept(arrival("m1"), arrival("m2"))[0].repeated == ""
        assert there.ledger.known(arrival("m3")) is None
        assert [len(there.claim()), len(here.claim()), len(here.states())] == [1, 1, 1]
        assert here.forget("ada").identities == 1
        assert sorted(there.states().values()) == ["ready", "waiting"]

    def test_threads_that_accept_the_same(self) -> None:
        """Each call has exactly one winner, and all get its number."""
        desks = [self.desk() for _ in range(2)]
        batches = [several(40)[n % 3 :: 2 + n % 2] for n in range(8)]
        with ThreadPoolExecutor(8) as threads:
            taken = list(threads.map(lambda n: desks[n % 2].ledger.accept(batches[n]), range(8)))
        desks[0].check()
        numbers: dict[str, set[int]] = {}
        for batch, receipts in zip(batches, taken, strict=True):
            for one, receipt in zip(batch, receipts, strict=True):
                numbers.setdefault(one.message, set()).add(receipt.job)
        fresh = Counter(r.job for receipts in taken for r in receipts if not r.repeated)
        assert [len(jobs) for jobs in numbers.values()] == [1] * 40
        assert set(fresh.values()) == {1}
        assert sum(len(batch) for batch in batches) == 40 + desks[0].ledger.status().repeated

    # ------------------------------------------------------------------------------------------------- claim and start

    def test_claims_are_what_is_due_the_oldest_first(self) -> None:
        """So many as are asked for, with the bytes that are stored; the job stays ready."""
        desk = self.desk()
        jobs = desk.jobs(*several(5))
        claims = desk.claim(most=3)
        assert [(claim.job, claim.attempt) for claim in claims] == [(job, 1) for job in jobs[:3]]
        assert [codec.decode(claim.content)["message"] for claim in claims] == ["m0", "m1", "m2"]
        assert set(desk.states().values()) == {"ready"}
        retried = desk.started(TWO)[0]
        desk.end(retried, "retry")
        assert desk.claim(TWO) == []
        assert desk.claimed(TWO).again == desk.store.now() + STEP
        desk.later(STEP)
        assert [(c.job, c.attempt) for c in desk.claim(TWO)] == [(retried.job, 2)]

    def test_a_claim_is_for_one_worker_alone(self) -> None:
        """Two who take turns, and one who starts what is the other's."""
        desk = self.desk()
        desk.accept(*several(6))
        mine, theirs = desk.claim(ONE, 3), desk.claim(TWO)
        assert {c.job for c in mine}.isdisjoint({c.job for c in theirs})
        assert len(mine) + len(theirs) == 6
        assert desk.start(*theirs, who=ONE) == []
        assert desk.start(*theirs, who=TWO) == [c.job for c in theirs]
        assert desk.start(*theirs, who=TWO) == []

    def test_threads_claim_each_job_once(self) -> None:
        """Five at once, some jobs at a time, until nothing is left."""
        desks = [self.desk() for _ in range(2)]
        jobs = desks[0].jobs(*several(60))

        def work(n: int) -> list[int]:
            ledger, who, done = desks[n % 2].ledger, f"worker:{n}", []
            while claims := ledger.claim(Wish(who, n + 1)).claims:
                begun = ledger.start(who, frozenset(c.job for c in claims))
                ledger.finish([Ending(c.job, c.attempt, "delivered") for c in claims if c.job in begun])
                done += sorted(begun)
            return done

        with ThreadPoolExecutor(5) as threads:
            sent = [job for done in threads.map(work, range(5)) for job in done]
        assert sorted(sent) == jobs
        desks[0].check()

    def test_processes_claim_each_job_once(self) -> None:
        """The same with a process each."""
        desk = self.desk()
        jobs = desk.jobs(*several(60))

        def work(who: str) -> list[int]:
            mine, done = Desk(self.make()), []
            while claims := mine.ledger.claim(Wish(who, 4)).claims:
                done += sorted(mine.ledger.start(who, frozenset(c.job for c in claims)))
            return done

        sent = [job for done in forked([lambda n=n: work(f"worker:{n}") for n in range(3)]) for job in done]
        assert sorted(sent) == jobs
        desk.check()

    def test_a_claim_that_is_given_back_is_anybodys(self) -> None:
        """But what has started cannot be given back, nor what is somebody else's."""
        desk = self.desk()
        one, other = desk.jobs(*several(2))
        claims = desk.claim(ONE)
        desk.give_back(*claims, who=TWO)
        assert desk.claim(TWO) == []
        desk.start(claims[0])
        desk.give_back(*claims)
        assert desk.state(one) == "sending"
        assert [c.job for c in desk.claim(TWO)] == [other]
        assert desk.start(claims[1]) == []

    def test_a_claim_that_lapsed_costs_nothing(self) -> None:
        """It is anybody's, it was no try, and who had it cannot start it any more."""
        desk = self.desk()
        (job,) = desk.jobs(arrival("m1"))
        (lost,) = desk.claim(ONE)
        assert desk.lapse().freed == 1
        assert desk.start(lost) == []
        (claim,) = desk.claim(TWO)
        assert (claim.job, claim.attempt, desk.state(job)) == (job, 1, "ready")

    def test_a_lease_is_left_alone_while_it_lasts(self) -> None:
        """A sweep takes from others what is over; from the worker itself nothing."""
        desk = self.desk()
        desk.accept(*several(2))
        claims = desk.claim(ONE)
        desk.start(claims[0])
        desk.later(PLAIN.lease + 10)
        assert desk.sweep(ONE) == type(desk.sweep(ONE))()
        if not desk.store.alone:
            desk.later(-20)
            assert desk.sweep(TWO).unknown == desk.sweep(TWO).freed == 0
        assert desk.end(claims[0], "delivered").state == "delivered"

    # ---------------------------------------------------------------------------------------------------------- finish

    @pytest.mark.parametrize(
        ("ending", "state"),
        [("delivered", "delivered"), ("rejected", "rejected"), ("retry", "ready"), ("unknown", "unknown")],
    )
    def test_an_ending_takes_a_job_where_it_belongs(self, ending: str, state: str) -> None:
        """And is written down with its number, its status and its reason."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        claim = desk.one()
        settled = desk.end(claim, ending, "the 5th of May", status=418)
        assert (settled.state, desk.state(claim.job)) == (state, state)
        assert settled.due == (desk.store.now() + STEP if state == "ready" else None)
        story = desk.ledger.story(claim.job)
        assert story is not None
        assert [(a.number, a.ending, a.status, a.because) for a in story.attempts] == [
            (1, ending, 418, "the 5th of May")
        ]
        assert (story.row.status, story.row.because, story.row.attempts) == (418, "the 5th of May", 1)

    def test_only_the_last_try_settles_a_job(self) -> None:
        """The number of a try is its fence: an older one, one of the future and a second end change nothing."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        first = desk.one()
        desk.end(first, "retry")
        desk.later(STEP)
        second = desk.one()
        assert second.attempt == 2
        for stranger in (first, replace(second, attempt=3), replace(second, job=99)):
            assert desk.end(stranger, "delivered").state is None
        assert desk.state(first.job) == "sending"
        assert desk.end(second, "rejected").state == "rejected"
        assert desk.end(second, "delivered").state is None
        assert desk.state(first.job) == "rejected"

    def test_one_end_told_twice_at_once(self) -> None:
        """The first of both counts."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        claim = desk.one()
        assert [s.state for s in desk.ends([claim, claim], "delivered")] == ["delivered", None]

    def test_all_tries_send_the_same(self) -> None:
        """Whatever is learnt of the person between them; and later calls of theirs have it."""
        desk = self.desk()
        desk.accept(arrival("m1", at=NOON - 1, traits={"city": "Ulm"}))
        seen = []
        for _ in range(3):
            claim = desk.one()
            seen.append((claim.target, claim.content))
            desk.accept(arrival(f"later{claim.attempt}", traits={"city": f"Bonn{claim.attempt}"}))
            desk.end(claim, "retry")
            desk.later(200)
        assert len(set(seen)) == 1
        assert desk.content(2)["traits"] == {"city": "Bonn1"}

    def test_too_many_tries(self) -> None:
        """It is dead, with what the last said."""
        desk = self.desk(replace(PLAIN, schedule=Schedule(steps=(1,), jitter=0, tries=3)))
        (job,) = desk.jobs(arrival("m1"))
        ends = []
        for _ in range(3):
            ends.append(desk.end(desk.one(), "retry").state)
            desk.later(1)
        assert ends == ["ready", "ready", "dead"]
        assert desk.why(job) == "not taken in 3 tries; the last: so it went"

    def test_too_old_for_another_try(self) -> None:
        """The age counts from the first try, not from when it was accepted."""
        desk = self.desk(replace(PLAIN, schedule=Schedule(steps=(1,), jitter=0, tries=99, age=3600)))
        (job,) = desk.jobs(arrival("m1"))
        desk.later(7200)
        assert desk.end(desk.one(), "retry").state == "ready"
        desk.later(3600)
        assert desk.end(desk.one(), "retry").state == "dead"
        assert "3600 seconds of its first try" in (desk.why(job) or "")

    # ------------------------------------------------------------------------------------------------- lapsed and late

    def test_a_lapsed_try_is_unknown(self) -> None:
        """Nobody may send it again without a person's word."""
        desk = self.desk()
        (job,) = desk.jobs(arrival("m1"))
        desk.one(ONE)
        assert desk.lapse().unknown == 1
        assert (desk.state(job), desk.why(job)) == ("unknown", "its worker never said how it ended")
        desk.later(1e9)
        assert desk.sweep() == type(desk.sweep())()
        assert desk.claim() == []

    def test_a_lapsed_try_is_sent_again_where_the_mapping_says_so(self) -> None:
        """The same bytes, after a while, as another try."""
        desk = self.desk(RESEND)
        desk.accept(arrival("m1"))
        first = desk.one(ONE)
        assert desk.lapse().again == 1
        assert desk.claim(TWO) == []
        desk.later(STEP)
        again = desk.one(TWO)
        assert (again.attempt, again.content) == (2, first.content)

    def test_what_kills_its_workers_is_dead(self) -> None:
        """After three, and the rest of the queue flows; a person may begin it again."""
        desk = self.desk(RESEND)
        poison, good = desk.jobs(arrival("m1", "a"), arrival("m2", "b"))
        for n in range(LAPSES):
            claims = desk.started(f"worker:{n}", 1)
            assert [c.job for c in claims] == [poison]
            swept = desk.lapse()
            desk.later(3600)
            if n == 0:
                assert desk.end(desk.one(), "delivered").job == good
        assert (swept.dead, desk.state(poison)) == (1, "dead")
        assert desk.act("replay", poison).moved == 1
        assert desk.one().attempt == LAPSES + 1

    @pytest.mark.parametrize(
        ("ending", "state"), [("delivered", "delivered"), ("rejected", "rejected"), ("retry", "ready")]
    )
    def test_a_late_answer_settles_the_doubt(self, ending: str, state: str) -> None:
        """A worker that was only slow knows how it went."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        claim = desk.one(ONE)
        desk.lapse()
        assert desk.end(claim, ending).state == state
        story = desk.ledger.story(claim.job)
        assert story is not None
        assert [a.ending for a in story.attempts] == [ending]
        assert desk.end(claim, ending).state is None

    @pytest.mark.parametrize("claimed", [False, True])
    def test_a_late_answer_stops_a_second_card(self, claimed: bool) -> None:  # noqa: FBT001 - a parameter of pytest
        """What is to be sent again, and may be claimed for it already, is not sent when it turns out to be taken."""
        desk = self.desk(RESEND)
        desk.accept(arrival("m1"))
        first = desk.one(ONE)
        desk.lapse()
        desk.later(STEP)
        second = desk.claim(TWO) if claimed else []
        assert desk.end(first, "delivered").state == "delivered"
        assert desk.start(*second, who=TWO) == desk.claim(TWO) == []

    def test_a_late_answer_to_an_older_try_is_too_late(self) -> None:
        """Another try is under way: its own answer will tell."""
        desk = self.desk(RESEND)
        desk.accept(arrival("m1"))
        first = desk.one(ONE)
        desk.lapse()
        desk.later(STEP)
        second = desk.one(TWO)
        assert desk.end(first, "delivered").state is None
        assert desk.end(second, "retry").state == "ready"

    @pytest.mark.parametrize("verb", ["hold", "drop", "resend behind another"])
    def test_a_late_answer_counts_wherever_its_job_is_meanwhile(self, verb: str) -> None:
        """It was taken: no release, replay or promotion may send a second one."""
        desk = self.desk(RESEND if verb == "hold" else PLAIN)
        (job,) = desk.jobs(arrival("m1"))
        first = desk.one(ONE)
        desk.lapse()
        if verb == "resend behind another":
            desk.accept(arrival("m2"))
            desk.one(ONE)
            desk.act("resend", job)
            assert desk.state(job) == "waiting"
        else:
            desk.act(verb, job)
        desk.end(first, "delivered")
        assert desk.state(job) == "delivered"

    # ---------------------------------------------------------------------------------------------------- who is next

    @pytest.mark.parametrize("ending", ["delivered", "rejected", "unknown"])
    def test_the_next_of_a_person_waits_for_the_end_of_the_one_before(self, ending: str) -> None:
        """In the order in which they came, one at a time; others are not held up."""
        desk = self.desk()
        jobs = desk.jobs(*several(3, "ada"), arrival("other", "bob"))
        assert list(desk.states().values()) == ["ready", "waiting", "waiting", "ready"]
        for job in jobs[:3]:
            claim = next(c for c in desk.started() if c.job != jobs[3])
            assert claim.job == job
            desk.end(claim, ending)
        assert "waiting" not in desk.states().values()

    def test_a_retry_keeps_the_next_one_waiting(self) -> None:
        """Order holds over tries, for however long."""
        desk = self.desk()
        first, second = desk.jobs(*several(2, "ada"))
        desk.end(desk.one(), "retry")
        assert (desk.state(second), desk.claim()) == ("waiting", [])
        desk.later(STEP)
        assert desk.one().job == first
        (third,) = desk.jobs(arrival("m9"))
        assert desk.state(third) == "waiting"

    @pytest.mark.parametrize("verb", ["hold", "drop"])
    def test_what_a_person_takes_out_lets_the_next_one_go(self, verb: str) -> None:
        """And what is released stands where it stood: behind whoever went before, ahead of whoever waits."""
        desk = self.desk()
        first, second, third = desk.jobs(*several(3, "ada"))
        desk.act(verb, first)
        assert [desk.state(second), desk.state(third)] == ["ready", "waiting"]
        claim = desk.one()
        if verb == "hold":
            desk.act("release", first)
            assert (claim.job, desk.state(first)) == (second, "waiting")
            desk.end(claim, "delivered")
            assert [desk.state(first), desk.state(third)] == ["ready", "waiting"]

    def test_unknown_and_held_jobs_hold_nobody_up(self) -> None:
        """A doubt about one card does not cost somebody the others, nor a card kept back."""
        desk = self.desk()
        (doubt,) = desk.jobs(arrival("m1"))
        desk.one(ONE)
        desk.lapse()
        (kept,) = desk.jobs(arrival("m2"))
        desk.act("hold", kept)
        (third,) = desk.jobs(arrival("m3"))
        assert [desk.state(job) for job in (doubt, kept, third)] == ["unknown", "held", "ready"]
        assert set(OPEN) - set(BLOCKING) == {"unknown", "held"}

    def test_calls_of_nobody_wait_for_nobody(self) -> None:
        """What is no Identify call, or has no person, has no line."""
        desk = self.desk()
        desk.accept(*(replace(one, person=None) for one in several(4)))
        assert len(desk.claim()) == 4

    def test_an_anonymous_visitor_joins_the_line_of_the_person(self) -> None:
        """From when it turns out who it is; what was ready of both goes one after the other."""
        desk = self.desk()
        desk.accept(arrival("m1", None, anonymous="x"), arrival("m2", "ada"), arrival("m3", None, anonymous="x"))
        assert list(desk.states().values()) == ["ready", "ready", "waiting"]
        desk.accept(arrival("m4", "ada", anonymous="x"))
        assert list(desk.states().values()) == ["ready", "waiting", "waiting", "waiting"]
        order = []
        while claims := desk.started():
            assert len(claims) == 1
            order.append(claims[0].job)
            desk.ends(claims, "delivered")
        assert order == [1, 2, 3, 4]

    def test_a_line_is_kept_over_batches_and_workers(self) -> None:
        """Twenty people, five calls each, in any grouping: each person's leave in order and one at a time."""
        desk = self.desk()
        calls = [arrival(f"{person}-{n}", f"p{person}") for n in range(5) for person in range(20)]
        for start in range(0, 100, 17):
            desk.accept(*calls[start : start + 17])
        sent: dict[str, list[int]] = {}
        while claims := [*desk.started(ONE, 7), *desk.started(TWO, 7)]:
            people = [codec.decode(c.content)["message"].split("-") for c in claims]
            assert len({person for person, _ in people}) == len(people)
            for person, number in people:
                sent.setdefault(person, []).append(int(number))
            desk.ends(claims, "delivered")
        assert sent == {str(person): [0, 1, 2, 3, 4] for person in range(20)}

    # ---------------------------------------------------------------------------------------------------------- people

    @pytest.mark.parametrize(("verb", "became"), [("deliver", "delivered"), ("resend", "ready"), ("drop", "dead")])
    def test_a_person_resolves_a_doubt(self, verb: str, became: str) -> None:
        """It was taken; it was not; never mind. And who said so is written down."""
        desk = self.desk()
        (job,) = desk.jobs(arrival("m1"))
        desk.one(ONE)
        desk.lapse()
        done = desk.act(verb, job, who="eve", why="I asked them")
        assert (done.moved, done.left, desk.state(job)) == (1, (), became)
        story = desk.ledger.story(job)
        assert story is not None
        assert [(a.who, a.verb, a.was, a.became, a.why, a.job) for a in story.acts] == [
            ("eve", verb, "unknown", became, "I asked them", job)
        ]
        assert len(desk.claim()) == (became == "ready")

    def test_acts_leave_what_they_do_not_mean(self) -> None:
        """Each verb takes jobs from its own states only; what was delivered is nobody's to send again."""
        desk = self.desk()
        (job,) = desk.jobs(arrival("m1"))
        for verb in ("release", "deliver", "resend", "replay"):
            assert desk.act(verb, job).moved == 0
        claim = desk.one()
        for verb in ("hold", "release", "deliver", "resend", "drop", "replay"):
            assert desk.act(verb, job).moved == 0
        desk.end(claim, "delivered")
        for verb in ("hold", "release", "deliver", "resend", "drop", "replay"):
            assert desk.act(verb, job).moved == 0
        story = desk.ledger.story(job)
        assert story is not None
        assert story.acts == ()

    def test_a_claimed_job_is_left_and_named(self) -> None:
        """Its worker may be about to send it."""
        desk = self.desk()
        (job,) = desk.jobs(arrival("m1"))
        desk.claim()
        assert desk.act("drop", job).left == ((job, "a worker has it just now"),)
        assert desk.state(job) == "ready"

    def test_acts_reach_all_that_are_meant_and_no_more(self) -> None:
        """Many in one go, so many at most, by state, number, person, message, reason and time."""
        desk = self.desk()
        jobs = desk.jobs(*several(30))
        desk.later(60)
        desk.accept(arrival("late", "zoe"))
        assert desk.act("hold", chosen=Filter(most=7), why="a typo in the text").moved == 7
        assert sorted(desk.rows(states=("held",))) == jobs[:7]
        assert desk.act("hold", chosen=Filter(before=NOON + 1, after=NOON - 1)).moved == 23
        assert desk.act("hold", chosen=Filter(person=hashed("zoe"))).moved == 1
        assert desk.ledger.count(Filter(states=("held",))) == 31
        assert desk.act("release", chosen=Filter(reason="TYPO_in")).moved == 0
        assert desk.act("release", chosen=Filter(reason="a typo in")).moved == 7
        assert desk.act("drop", chosen=Filter(states=("ready",))).moved == 7
        assert desk.act("drop", chosen=Filter(message=hashed("late"))).moved == 1
        assert desk.act("drop", chosen=Filter(states=("delivered",))).moved == 0
        assert Counter(desk.states().values()) == {"dead": 8, "held": 23}

    def test_more_jobs_than_one_transaction_takes(self) -> None:
        """An act over hundreds is one act."""
        desk = self.desk()
        desk.accept(*several(620))
        done = desk.act("hold", who="eve")
        assert (done.moved, done.left) == (620, ())
        assert desk.act("release", chosen=Filter(most=510)).moved == 510
        assert len(desk.rows(states=("held",))) == 110

    @pytest.mark.parametrize("ending", ["rejected", "dead"])
    def test_a_replay_begins_anew_with_the_same_bytes(self, ending: str) -> None:
        """Under the same number, so that the next try has the next one."""
        desk = self.desk(replace(PLAIN, schedule=Schedule(steps=(1,), jitter=0, tries=1)))
        (job,) = desk.jobs(arrival("m1"))
        first = desk.one()
        assert desk.end(first, "retry" if ending == "dead" else ending).state == ending
        desk.later(1e6)
        assert desk.act("replay", job).moved == 1
        again = desk.one()
        assert (again.job, again.attempt, again.content) == (job, 2, first.content)
        assert desk.act("replay", job).moved == 0

    def test_only_what_never_left_is_mapped_again(self) -> None:
        """With the event as it came and another mapping, whose fingerprint it has then."""
        desk = self.desk()
        unmapped, tried = desk.jobs(arrival("m1", "a", ends="invalid"), arrival("m2", "b"))
        desk.end(desk.one(), "rejected")
        assert desk.act("replay", unmapped).left == ((unmapped, "it never made a request: replay it with --remap"),)

        def again(raw: bytes, _: Any) -> Draft:
            return Draft("ready", None, "elsewhere", b'{"again": ' + raw + b"}", None)

        done = desk.act("replay", again=again, fingerprint="made by the second")
        assert (done.moved, [job for job, _ in done.left]) == (1, [tried])
        assert "--remap" in done.left[0][1]
        rows = desk.rows()
        assert [rows[unmapped].fingerprint, rows[tried].fingerprint] == ["made by the second", "made by the first"]
        claim = desk.one()
        assert (claim.job, claim.target, codec.decode(claim.content)["again"]["message"]) == (
            unmapped,
            "elsewhere",
            "m1",
        )

    def test_what_is_mapped_again_may_still_make_no_request(self) -> None:
        """It goes where the mapping says, and a dry word stays."""
        desk = self.desk()
        jobs = desk.jobs(arrival("m1", ends="invalid"), arrival("m2", "b", ends="skipped"))
        done = desk.act("replay", again=lambda *_: Draft("skipped", "not a customer"), fingerprint="f2")
        assert (done.moved, done.left) == (1, ((jobs[1], "it is as it was"),))
        assert set(desk.states().values()) == {"skipped"}

    # ----------------------------------------------------------------------------------------------------- the store

    def test_it_is_all_there_when_it_is_opened_again(self) -> None:
        """Rows, papers, leases, and the key of the hashes."""
        desk = self.desk()
        desk.accept(*several(3, traits={"city": "Ulm"}))
        claim = desk.started()[0]
        before, secret = desk.rows(), desk.store.secret
        desk.ledger.close()
        again = self.desk()
        assert (again.rows(), again.store.secret, len(secret)) == (before, secret, 32)
        assert again.end(claim, "delivered").state == "delivered"
        assert list(again.ledger.store.check()) == []

    def test_many_open_an_empty_store_at_once(self) -> None:
        """One makes the tables, and all have the same key."""
        with ThreadPoolExecutor(4) as threads:
            stores = list(threads.map(lambda _: self.make(), range(4)))
        self._stores += stores
        assert len({store.secret for store in stores}) == 1
        secrets = forked([lambda: list(self.make().secret)] * 2)
        assert secrets == [list(stores[0].secret)] * 2

    def test_a_newer_store_is_refused_untouched(self) -> None:
        """Who wrote it knows what it means."""
        store = self.store()
        store.write(lambda c: c.execute(update(tables.store).values(version=versions.VERSION + 1)))
        with pytest.raises(StoreError, match=f"newer mapper .version {versions.VERSION + 1}"):
            self.make()
        found = store.read(lambda c: c.execute(select(tables.store.c.version)).scalar())
        assert found == versions.VERSION + 1

    def test_an_older_store_is_brought_forward(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Step by step, in the transaction that says so; and once."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        steps: list[int] = []

        def step(older: int) -> Callable[[Any], None]:
            return lambda connection: (
                steps.append(older) or connection.execute(text(f"ALTER TABLE job ADD COLUMN extra{older} INTEGER"))
            )

        first = versions.VERSION
        monkeypatch.setattr(versions, "VERSION", first + 2)
        monkeypatch.setattr(versions, "STEPS", {first: step(first), first + 1: step(first + 1)})
        desk.ledger.close()
        for _ in range(2):
            again = self.desk()
            assert again.state(1) == "ready"
        assert steps == [first, first + 1]

    def test_a_step_that_fails_leaves_the_older_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half a migration is none."""
        desk = self.desk()

        def fails(connection: Any) -> None:
            connection.execute(text("ALTER TABLE job ADD COLUMN extra INTEGER"))
            connection.execute(text("ALTER TABLE there_is_none ADD COLUMN extra INTEGER"))

        with monkeypatch.context() as patch:
            patch.setattr(versions, "VERSION", versions.VERSION + 1)
            patch.setattr(versions, "STEPS", {versions.VERSION - 1: fails})
            with pytest.raises(StoreError):
                self.make()
        desk.accept(arrival("m1"))
        assert self.desk().state(1) == "ready"
        with pytest.raises(StoreError):
            desk.store.read(lambda c: c.execute(text("SELECT extra FROM job")))

    def test_it_is_anybodys_after_a_fork(self) -> None:
        """A child accepts, claims and settles through the parent's own object; the parent's goes on."""
        desk = self.desk()
        desk.accept(arrival("m1", "a"))

        def child(name: str) -> list[Any]:
            (receipt,) = desk.ledger.accept([arrival(name, name)])
            (claim,) = desk.ledger.claim(Wish(name, 1)).claims
            desk.ledger.start(name, frozenset([claim.job]))
            (settled,) = desk.ledger.finish([Ending(claim.job, claim.attempt, "delivered")])
            return [receipt.job, claim.job, settled.state]

        told = forked([lambda: child("b"), lambda: child("c")])
        desk.check()
        assert sorted(job for job, _, _ in told) == [2, 3]
        assert len({job for _, job, _ in told}) == 2
        (last,) = desk.started()
        desk.end(last, "delivered")
        assert set(desk.states().values()) == {"delivered"}

    def test_a_fork_in_the_middle_of_a_transaction(self) -> None:
        """A thread has the store just then: the child does not wait for a lock that nobody will open."""
        desk = self.desk()
        inside, leave = threading.Event(), threading.Event()
        begun = forking()

        def slow(connection: Any) -> None:
            connection.execute(select(tables.store)).all()
            inside.set()
            assert begun.wait(10)
            leave.wait(0.1)  # a store may let nobody fork before this is over

        with ThreadPoolExecutor(1) as threads:
            reading = threads.submit(desk.store.read, slow)
            assert inside.wait(10)
            told = forked([lambda: [receipt.job for receipt in desk.ledger.accept([arrival("m1")])]])
            leave.set()
            reading.result()
        assert told == [[1]]

    @pytest.mark.parametrize("table", ["paper", "identity"])
    def test_trouble_is_told_without_a_value(self, table: str, caplog: pytest.LogCaptureFixture) -> None:
        """A database quotes what was to be stored: what is raised, shown and logged does not.

        It shortens what is long, so that a value inside may be unseen by luck: these are the value, and little else.
        """
        for logger in ("", "sqlalchemy", "psycopg"):  # as low as an application may set them
            caplog.set_level(logging.DEBUG, logger)
        desk = self.desk()
        # A row that breaks a rule is what databases quote most of.
        desk.store.write(lambda c: c.execute(text(f"ALTER TABLE {table} ADD COLUMN due TEXT CHECK (due IS NOT NULL)")))
        with pytest.raises(StoreError) as told:
            desk.ledger.accept([replace(arrival("m1", traits={"a": CANARY}), raw=CANARY.encode())])
        shown = "".join(traceback.format_exception(told.value)) + repr(told.value) + str(told.value)
        assert CANARY not in shown
        assert CANARY not in caplog.text
        desk.store.write(lambda c: c.execute(text(f"ALTER TABLE {table} DROP COLUMN due")))
        desk.check()
        assert desk.states() == {}
        assert desk.jobs(arrival("m1")) == [1]

    @pytest.mark.parametrize("odd", ["a\0b", "\ud800", "é" * 9000], ids=["nul", "surrogate", "long"])
    def test_any_reason_can_be_written_down(self, odd: str) -> None:
        """A destination's answer is in it, and a person's own words: what is odd about them must not lose the end."""
        desk = self.desk()
        (job,) = desk.jobs(arrival("m1"))
        assert desk.end(desk.one(), "rejected", odd).state == "rejected"
        assert desk.act("replay", job, why=odd).moved == 1


#: Seconds after which a child that waits for ever dies.
_LONGEST = 20


def forking() -> threading.Event:
    """Set when this process begins to fork, before a store that is open hears of it: who came last is told first."""
    begun = threading.Event()
    os.register_at_fork(before=begun.set)
    return begun


def forked(works: list[Callable[[], Any]]) -> list[Any]:
    """What each gives in a process of its own, all at once; plain JSON."""
    pipes = []
    for work in works:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks is the point
            pid = os.fork()
        if pid == 0:
            _child(work, writing)
        os.close(writing)
        pipes.append((pid, reading))
    told = []
    for pid, reading in pipes:
        with os.fdopen(reading, "rb") as pipe:
            told.append(pipe.read())
        os.waitpid(pid, 0)
    return [codec.decode(text) for text in told]


def _child(work: Callable[[], Any], writing: int) -> None:
    """Write down what it gives, or what it raises; and never come back into the tests."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_LONGEST)
    try:
        gave = codec.encode(work())
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent has to see it
        gave = codec.encode({"raised": repr(error), "where": traceback.format_exc()})
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(gave)
    os._exit(0)


class GuardContract(StoreTests):
    """Pace and money: the rate, pauses, caps, ages, and the same order twice."""

    # --------------------------------------------------------------------------------------------------------- the rate

    @pytest.mark.parametrize("rate", [(30, 60), (5, 1), (7, 3600)])
    def test_no_window_holds_more_than_the_rate(self, rate: tuple[int, int]) -> None:
        """Two ledgers, four workers, uneven times, retries included: and it is not much slower than it may be."""
        policy = replace(PLAIN, rate=rate, schedule=Schedule(steps=(0.01,), jitter=0, tries=99))
        desk = self.desk(policy)
        desks = [desk, Desk(Steered(self.store(), desk.store.clock), policy=policy)]
        desk.ledger.accept(several(36))
        step, moments = rate[1] / rate[0], []
        for n in range(160):
            claims = desks[n % 2].ledger.claim(Wish(f"w{n % 4}", 5, ahead=min(step, 2.0) * (n % 3))).claims
            moments += [claim.at for claim in claims]
            desks[n % 2].ledger.start(f"w{n % 4}", frozenset(c.job for c in claims))
            ends = ["retry" if c.job % 2 and c.attempt == 1 else "delivered" for c in claims]
            desk.ledger.finish([Ending(c.job, c.attempt, end) for c, end in zip(claims, ends, strict=True)])  # type: ignore[arg-type]
            desk.later(step * (4 if n % 10 == 0 else 0.5))
        assert len(moments) == 54
        assert all(one < other for one, other in itertools.pairwise(moments))
        assert max(sum(1 for m in moments if start <= m < start + rate[1]) for start in moments) <= rate[0]

    def test_claims_are_spaced(self) -> None:
        """Each has its own moment; what lies further ahead than was asked for is not claimed."""
        desk = self.desk(replace(PLAIN, rate=(10, 1)))
        desk.accept(*several(30))
        claimed = desk.claimed(ahead=0.25)
        moments = [claim.at for claim in claimed.claims]
        assert len(moments) == 3
        assert {round(b - a, 3) for a, b in itertools.pairwise(moments)} == {0.102}
        assert desk.claim(TWO, ahead=0.05) == []
        again = desk.claimed(TWO, ahead=0.0).again
        assert again == pytest.approx(moments[-1] + 0.102, rel=0, abs=1e-6)
        desk.later(again - desk.store.now())
        assert len(desk.claim(TWO, ahead=0.0)) == 1

    def test_a_clock_that_ran_ahead_stops_nobody(self) -> None:
        """A moment that is too far away to be ours is not waited for; the rate holds from then on."""
        desk = self.desk(replace(PLAIN, rate=(10, 1)))
        desk.accept(*several(5))
        ahead = update(tables.gate).values(free=desk.store.now() + 10 * 365 * 86_400)
        desk.store.write(lambda c: c.execute(ahead))
        (claim,) = desk.claim(ahead=0.2)
        assert claim.at - desk.store.now() <= 0.2
        assert desk.claim(ahead=0.0) == []

    def test_a_rate_that_was_slower_is_not_waited_for_long(self) -> None:
        """Whoever makes it faster sees it."""
        slow = self.desk(replace(PLAIN, rate=(1, 3600)))
        slow.accept(*several(3))
        assert len(slow.claim(ahead=0.0)) == 1
        fast = slow.beside(replace(PLAIN, rate=(10, 1)))
        fast.later(0.5)
        assert len(fast.claim(TWO, ahead=0.2)) >= 1

    # ----------------------------------------------------------------------------------------------------------- pauses

    def test_an_answer_for_the_whole_account_stops_all(self) -> None:
        """Of all workers, also what is claimed already; for as long as it asks, and the job is no worse for it."""
        desk = self.desk()
        jobs = desk.jobs(*several(3))
        refused, claimed = desk.started(ONE, 1)[0], desk.claim(ONE, 1)
        settled = desk.end(refused, "retry", "slow down", status=429, asked=40.0, account=True)
        assert (settled.state, settled.due) == ("ready", desk.store.now())
        until = desk.store.now() + 40
        assert desk.start(*claimed) == []
        found = desk.claimed(TWO)
        assert (found.claims, found.again) == ((), until)
        status = desk.ledger.status()
        assert (status.paused, status.pause_reason) == (until, "slow down")
        desk.later(39.9)
        assert desk.claim() == []
        desk.later(0.2)
        assert desk.claim()[0].job == jobs[0]
        assert len(desk.rows(states=("ready",))) == 3
        assert desk.ledger.status().paused is None

    @pytest.mark.parametrize(
        ("asked", "seconds"), [(None, 30), (0.0, 1), (5.0, 5), (1e9, 86_400)], ids=["nothing", "zero", "five", "years"]
    )
    def test_how_long_a_pause_is(self, asked: float | None, seconds: float) -> None:
        """What is asked for, as far as it can be believed; else our own."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        desk.end(desk.one(), "retry", asked=asked, account=True)
        assert desk.ledger.status().paused == desk.store.now() + seconds

    def test_pauses_grow_until_something_is_delivered(self) -> None:
        """30, 60, 120 ... up to a quarter of an hour; a key that was refused is not hammered with."""
        desk = self.desk()
        desk.accept(*several(9))
        lengths = []
        for _ in range(7):
            desk.end(desk.one(), "pause", "the key was refused", account=True, asked=1.0)
            lengths.append((desk.ledger.status().paused or 0) - desk.store.now())
            desk.later(lengths[-1])
        assert lengths == [30, 60, 120, 240, 480, 900, 900]
        desk.end(desk.one(), "delivered")
        desk.end(desk.one(), "pause", account=True)
        assert (desk.ledger.status().paused or 0) - desk.store.now() == 30

    def test_a_short_pause_does_not_end_a_long_one(self) -> None:
        """Answers come in any order."""
        desk = self.desk()
        desk.accept(*several(2))
        one, other = desk.started()
        desk.end(one, "retry", asked=600.0, account=True)
        desk.end(other, "retry", asked=1.0, account=True)
        assert desk.ledger.status().paused == desk.store.now() + 600

    def test_a_person_ends_a_pause(self) -> None:
        """And that is written down; a second time there is none."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        desk.end(desk.one(), "pause", account=True)
        assert desk.ledger.resume("eve", "new key") is True
        assert desk.ledger.resume("eve") is False
        assert len(desk.claim()) == 1
        acts = desk.store.read(lambda c: c.execute(select(tables.act)).all())
        assert [(a.who, a.verb, a.job, a.why) for a in acts] == [("eve", "resume", None, "new key")]

    def test_many_in_a_row_without_a_final_answer(self) -> None:
        """Then one at a time is tried, with growing pauses, until one is answered."""
        desk = self.desk()
        desk.accept(*several(40))
        for claim in desk.started(most=IN_A_ROW):
            desk.end(claim, "retry" if claim.job % 2 else "unknown")
        assert desk.claim() == []
        desk.later(3600)
        (probe,) = desk.started()
        desk.end(probe, "retry")
        assert (desk.ledger.status().paused or 0) > desk.store.now()
        desk.later(3600)
        (probe,) = desk.started()
        desk.end(probe, "rejected")
        assert len(desk.claim()) > 1

    # ------------------------------------------------------------------------------------------------------------- caps

    def test_a_day_has_its_cap(self) -> None:
        """The surplus is held with its reason, and stays so; tomorrow's calls go."""
        desk = self.desk(replace(PLAIN, cap_day=3))
        jobs = desk.jobs(*several(8))
        assert len(desk.started()) == 3
        assert desk.claimed().held == 5
        assert desk.claim() == []
        assert {desk.why(job) for job in jobs[3:]} == {"cap: 3 a day is reached"}
        assert desk.ledger.status().today == 3
        desk.later(86_400)
        assert desk.claim() == []
        desk.accept(arrival("tomorrow"))
        assert len(desk.started()) == 1
        assert desk.ledger.status().today == 1

    def test_what_a_person_released_goes_beyond_the_cap(self) -> None:
        """And nothing else does."""
        desk = self.desk(replace(PLAIN, cap_day=2))
        desk.accept(*several(6))
        desk.started()
        desk.claimed()
        assert desk.act("release", 4, 5).moved == 2
        desk.accept(arrival("another"))
        assert [c.job for c in desk.started()] in ([], [4, 5])
        sent = {c.job for c in desk.started()} | {j for j, s in desk.states().items() if s == "sending"}
        assert sent == {1, 2, 4, 5}
        assert sorted(desk.rows(states=("held",))) == [3, 6, 7]

    def test_two_workers_do_not_pass_the_cap_together(self) -> None:
        """Both claimed when there was room for one each."""
        desk = self.desk(replace(PLAIN, cap_day=3))
        desk.accept(*several(8))
        one, two = desk.claim(ONE, 3), desk.claim(TWO, 3)
        assert [len(desk.start(*one, who=ONE)), len(desk.start(*two, who=TWO))] == [3, 0]

    def test_what_was_not_taken_does_not_count(self) -> None:
        """No card was printed, so that another may be; what nobody knows counts."""
        desk = self.desk(replace(PLAIN, cap_day=2))
        desk.accept(*several(6))
        one, two = desk.started()
        desk.end(one, "rejected")
        assert desk.ledger.status().today == 1
        (three,) = desk.started()
        desk.end(two, "unknown")
        desk.end(three, "delivered")
        assert desk.claim() == []

    def test_yesterdays_refusals_make_no_room_today(self) -> None:
        """Each day has its own count: what was started before midnight and refused after it was never in today's."""
        desk = self.desk(replace(PLAIN, cap_day=4))
        desk.accept(*several(12))
        yesterday = desk.started(ONE, 4)
        desk.later(86_400)
        today = desk.started(TWO, 4)
        desk.ends(yesterday, "rejected")
        desk.ends(today, "delivered")
        assert desk.ledger.status().today == 4
        assert desk.started(TWO) == []

    def test_a_run_has_its_cap(self) -> None:
        """Whoever runs says how many are left."""
        desk = self.desk(replace(PLAIN, cap_run=2))
        desk.accept(*several(5))
        assert len(desk.claim(run_left=2)) == 2
        assert desk.claimed(run_left=0).held == 3
        assert desk.claim(run_left=0) == []
        assert desk.why(5) == "cap: 2 a run is reached"
        assert desk.act("release", 5).moved == 1
        assert [claim.job for claim in desk.claim(run_left=0)] == [5]

    # ------------------------------------------------------------------------------------------------------------- ages

    def test_what_happened_long_ago_is_not_sent(self) -> None:
        """A replay of last year's archive orders nothing; a person may send it on purpose."""
        desk = self.desk(replace(PLAIN, stale_after=30 * 86_400.0))
        year = 365 * 86_400
        receipts = desk.accept(*several(3, at=NOON - year), arrival("new", "zoe", at=NOON - 29 * 86_400))
        assert [r.state for r in receipts] == ["suppressed"] * 3 + ["ready"]
        assert receipts[0].because == "stale: it happened more than 30 days ago"
        assert len(desk.claim()) == 1
        assert desk.act("replay", receipts[0].job).moved == 1
        assert [claim.job for claim in desk.claim()] == [receipts[0].job]

    def test_an_old_call_still_says_who_somebody_is(self) -> None:
        """It fills in what is not known, and changes nothing that is newer."""
        desk = self.desk(replace(PLAIN, stale_after=30 * 86_400.0))
        desk.accept(arrival("m1", traits={"city": "Ulm"}))
        desk.accept(arrival("m2", at=NOON - 1e8, traits={"city": "Bonn", "name": "Ada"}))
        (job,) = desk.jobs(arrival("m3"))
        assert desk.content(job)["traits"] == {"city": "Ulm", "name": "Ada"}

    @pytest.mark.parametrize("at", [NOON + 1e9, -1e9, 0.0])
    def test_odd_times_are_now(self, at: float) -> None:
        """A call from the future or from before 1970 was made when it came."""
        desk = self.desk(replace(PLAIN, stale_after=86_400.0))
        (receipt,) = desk.accept(arrival("m1", at=at))
        assert receipt.state == "ready"

    # --------------------------------------------------------------------------------------------------- the same order

    def test_the_same_order_is_sent_once(self) -> None:
        """Within the time, by the events' own times, in a batch or in two; the other says which was first."""
        desk = self.desk(replace(PLAIN, within=3600.0))
        receipts = desk.accept(
            arrival("m1", once="ada/1", at=NOON),
            arrival("m2", once="ada/1", at=NOON - 1800),
            arrival("m3", once="ada/2", at=NOON),
            arrival("m4", at=NOON),
        )
        receipts += desk.accept(arrival("m5", once="ada/1", at=NOON + 1), arrival("m6", once="ada/1", at=NOON - 3600))
        states = ["ready", "suppressed", "waiting", "waiting", "suppressed", "waiting"]
        assert [r.state for r in receipts] == states
        assert {receipts[n].because for n in (1, 4)} == {f"once_per: the same order as job {receipts[0].job}"}

    def test_an_archive_that_is_sent_in_a_minute_loses_none(self) -> None:
        """A month of a weekly order in one file: each week's leaves, in whatever order they stand there."""
        desk = self.desk(replace(PLAIN, within=6 * 86_400.0))
        weeks = [arrival(f"m{n}", once="ada", at=NOON - n * 7 * 86_400) for n in (3, 0, 2, 1)]
        assert {r.state for r in desk.accept(*weeks)} == {"ready", "waiting"}

    @pytest.mark.parametrize(
        ("ending", "again"), [("rejected", "ready"), ("unknown", "suppressed"), ("delivered", "suppressed")]
    )
    def test_an_order_that_nobody_took_may_be_given_again(self, ending: str, again: str) -> None:
        """What may have been taken may not."""
        desk = self.desk(replace(PLAIN, within=3600.0))
        desk.accept(arrival("m1", once="ada"))
        desk.end(desk.one(), ending)
        assert desk.accept(arrival("m2", once="ada"))[0].state == again

    def test_two_processes_give_the_same_order(self) -> None:
        """Exactly one of them is sent."""
        desk = self.desk(replace(PLAIN, within=3600.0))

        def order(name: str) -> list[str]:
            other = Desk(self.make(), policy=desk.ledger.policy)
            return [
                r.state for n in range(20) for r in other.ledger.accept([arrival(f"{name}{n}", name, once=f"k{n}")])
            ]

        states = [state for told in forked([lambda n=n: order(f"p{n}") for n in range(3)]) for state in told]
        desk.check()
        assert states.count("suppressed") == 40
        assert len({row.person for row in desk.rows().values()}) == 3


class PeopleContract(StoreTests):
    """Who is who, what is known of them, and how they are forgotten."""

    def known(self, desk: Desk, person: str | None = "ada", **more: Any) -> dict[str, Any]:
        """The traits that the next mapping would see."""
        known = desk.ledger.known(arrival("asked", person, **more))
        return {name: trait.value for name, trait in known.traits.items()} if known else {}

    # ---------------------------------------------------------------------------------------------------- who is who

    def test_a_bare_order_finds_its_address(self) -> None:
        """What was said earlier is in the request, and later calls never change it."""
        desk = self.desk()
        desk.accept(arrival("m1", traits={"city": "Ulm", "street": CANARY}))
        desk.later(60)
        (job,) = desk.jobs(arrival("m2", at=NOON + 1, traits={"template": 7}))
        desk.accept(arrival("m3", at=NOON + 2, traits={"city": "Bonn"}))
        assert desk.content(job)["traits"] == {"city": "Ulm", "street": CANARY, "template": 7}

    def test_a_batch_is_read_in_its_order(self) -> None:
        """A call knows what those before it in the batch said."""
        desk = self.desk()
        jobs = desk.jobs(*(arrival(f"m{n}", at=NOON + n, traits={f"t{n}": n}) for n in range(3)))
        assert [sorted(desk.content(job)["traits"]) for job in jobs] == [["t0"], ["t0", "t1"], ["t0", "t1", "t2"]]

    def test_late_and_repeated_calls_change_nothing_that_is_newer(self) -> None:
        """A tombstone holds against what is older; what nobody said may still come."""
        desk = self.desk()
        desk.accept(arrival("m1", at=NOON, traits={"city": "Ulm", "name": None}))
        desk.accept(arrival("m0", at=NOON - 60, traits={"city": "Bonn", "name": "Ada", "zip": "89073"}))
        desk.accept(arrival("m1", at=NOON, traits={"city": "Ulm", "name": None}))
        assert self.known(desk) == {"city": "Ulm", "name": None, "zip": "89073"}

    def test_a_visitor_turns_out_to_be_somebody(self) -> None:
        """From then on both are one, whichever name a call has; earlier calls count too, and later ones."""
        desk = self.desk()
        desk.accept(arrival("m1", None, anonymous="x", traits={"city": "Ulm"}))
        desk.accept(arrival("m2", "ada", traits={"name": "Ada"}))
        assert self.known(desk) == {"name": "Ada"}
        desk.accept(arrival("m3", "ada", anonymous="x"))
        desk.accept(arrival("m4", None, anonymous="x", traits={"zip": "89073"}))
        both = {"city": "Ulm", "name": "Ada", "zip": "89073"}
        assert self.known(desk) == self.known(desk, None, anonymous="x") == both
        assert self.known(desk, None, anonymous="y") == {}

    @pytest.mark.parametrize("first", [0, 1])
    def test_a_device_that_others_use_later_stays_with_the_first(self, first: int) -> None:
        """By when it was said, not by what came first: nobody gets somebody else's address."""
        desk = self.desk()
        desk.accept(arrival("m0", None, anonymous="x", at=NOON - 9, traits={"city": "Ulm"}))
        joins = [arrival("m1", "ada", anonymous="x", at=NOON), arrival("m2", "bob", anonymous="x", at=NOON + 9)]
        desk.accept(joins[first])
        desk.accept(joins[1 - first])
        assert [self.known(desk, name) for name in ("ada", "bob")] == [{"city": "Ulm"}, {}]

    def test_nobody_is_taken_for_somebody_else(self) -> None:
        """In however many batches people come, and come back: each is one, whose jobs alone are found and forgotten."""
        desk = self.desk()
        names = [f"p{n}" for n in range(6)]
        for batch, some in enumerate((names[:2], names[1:4], names[::-1])):
            desk.accept(*(arrival(f"{name}-{batch}", name) for name in some))
        found = {name: desk.ledger.rows(Filter(person=hashed(name))) for name in names}
        assert [len(rows) for rows in found.values()] == [2, 3, 2, 2, 1, 1]
        numbers = [{row.person for row in rows} for rows in found.values()]
        assert all(len(one) == 1 for one in numbers)
        assert len(set[int | None]().union(*numbers)) == len(names)
        assert desk.forget("p1").erased == 3
        assert sorted(desk.states().values()) == ["erased"] * 3 + ["ready"] * 5 + ["waiting"] * 3

    # ---------------------------------------------------------------------------------------------------- forgetting

    def everywhere(self, desk: Desk) -> list[int]:
        """Jobs of ada in each state that a person can be forgotten in; bob has one."""
        delivered, doubt, held, invalid = (
            desk.jobs(arrival("d", "ada", anonymous="x", traits={"street": CANARY}))[0],
            desk.jobs(arrival("u", "ada"))[0],
            desk.jobs(arrival("h", "ada"))[0],
            desk.jobs(arrival("i", "ada", ends="invalid"))[0],
        )
        desk.end(desk.one(), "delivered")
        desk.end(desk.one(), "unknown")
        desk.act("hold", held)
        ready, waiting = desk.jobs(arrival("r"), arrival("w"))
        desk.accept(arrival("b", "bob", traits={"street": "2 Elm"}))
        return [delivered, doubt, held, invalid, ready, waiting]

    def test_a_person_is_forgotten_wholly(self) -> None:
        """What was not sent is not; what was sent has no content any more; nobody else notices."""
        desk = self.desk()
        delivered, doubt, held, invalid, ready, waiting = jobs = self.everywhere(desk)
        receipt = desk.forget("ada", why="she asked")
        assert (receipt.erased, receipt.papers, receipt.identities, receipt.under_way) == (4, 6, 1, 0)
        states = desk.states()
        assert [states[job] for job in (delivered, invalid)] == ["delivered", "invalid"]
        assert {states[job] for job in (doubt, held, ready, waiting)} == {"erased"}
        stories = [desk.ledger.story(job) for job in jobs]
        assert [(s.event, s.target, s.content) for s in stories if s] == [(None, None, None)] * 6
        assert self.known(desk) == {}
        assert self.known(desk, "bob") == {"street": "2 Elm"}
        assert [codec.decode(c.content)["message"] for c in desk.claim()] == ["b"]
        acts = desk.store.read(lambda c: c.execute(select(tables.act)).all())
        assert [(a.verb, a.why) for a in acts][-1] == ("forget", "she asked")
        assert CANARY not in str(acts)
        assert desk.act("replay", invalid).moved == desk.act("release", held).moved == 0

    def test_forgetting_twice_finds_nothing_more(self) -> None:
        """And forgetting whom nobody knows is no mistake."""
        desk = self.desk()
        self.everywhere(desk)
        desk.forget("ada")
        for person in ("ada", "nobody"):
            again = desk.forget(person)
            assert (again.erased, again.papers, again.identities, again.under_way) == (0, 0, 0, 0)

    def test_a_late_call_does_not_bring_anybody_back(self) -> None:
        """It is accounted for, without content; a call that is made after that day is a new beginning."""
        desk = self.desk()
        desk.accept(arrival("m1", traits={"street": CANARY}))
        desk.later(60)
        desk.forget("ada")
        (late,) = desk.accept(arrival("m2", at=NOON + 30, traits={"city": "Ulm"}))
        (again,) = desk.accept(arrival("m1", traits={"street": CANARY}))
        assert (late.state, again.state, again.repeated) == ("erased", "erased", "same")
        story = desk.ledger.story(late.job)
        assert story is not None
        assert (story.event, story.content, self.known(desk)) == (None, None, {})
        desk.later(60)
        (fresh,) = desk.accept(arrival("m3", at=NOON + 90, traits={"city": "Bonn"}))
        assert (fresh.state, desk.content(fresh.job)["traits"]) == ("ready", {"city": "Bonn"})

    def test_who_was_forgotten_is_in_line_behind_what_is_under_way(self) -> None:
        """A new beginning overtakes nothing that left before it."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        claim = desk.one()
        desk.later(60)
        desk.forget("ada")
        desk.later(60)
        (fresh,) = desk.accept(arrival("m2", at=NOON + 90))
        assert fresh.state == "waiting"
        desk.end(claim, "delivered")
        assert desk.state(fresh.job) == "ready"

    def test_forgotten_for_good(self) -> None:
        """Later calls are not taken either; and forgetting once more, plainly, does not lift that."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        desk.forget("ada", for_good=True)
        desk.later(2e6)
        assert desk.accept(arrival("m2", at=NOON + 1e6))[0].state == "erased"
        desk.forget("ada")
        desk.later(1e6)
        assert desk.accept(arrival("m3", at=NOON + 2.5e6))[0].state == "erased"

    def test_the_names_of_one_device_are_forgotten_together(self) -> None:
        """What was said before it turned out who it was is theirs as well, and late calls under that name."""
        desk = self.desk()
        visits = desk.jobs(arrival("m1", None, anonymous="x", traits={"street": CANARY}))
        desk.end(desk.one(), "delivered")
        desk.accept(arrival("m2", "ada", anonymous="x", at=NOON + 1))
        desk.later(60)
        receipt = desk.forget("ada")
        assert (receipt.identities, receipt.papers, receipt.erased) == (1, 2, 1)
        story = desk.ledger.story(visits[0])
        assert story is not None
        assert story.event is None
        assert desk.accept(arrival("m3", None, anonymous="x"))[0].state == "erased"
        assert self.known(desk, None, anonymous="x") == {}

    def test_a_visitor_can_be_forgotten(self) -> None:
        """By the anonymousId alone."""
        desk = self.desk()
        desk.accept(arrival("m1", None, anonymous="x", traits={"street": CANARY}))
        desk.later(60)
        receipt = desk.forget("x")
        assert (receipt.erased, receipt.identities) == (1, 1)
        assert desk.accept(arrival("m2", None, anonymous="x"))[0].state == "erased"

    @pytest.mark.parametrize(
        ("ending", "state"),
        [
            ("delivered", "delivered"),
            ("rejected", "rejected"),
            ("retry", "erased"),
            ("unknown", "erased"),
            (None, "erased"),
        ],
    )
    def test_what_is_under_way_ends_first(self, ending: str | None, state: str) -> None:
        """Then it is forgotten too: what was sent is remembered as sent, what was not is not sent again."""
        desk = self.desk(RESEND)
        desk.accept(arrival("m1", traits={"street": CANARY}))
        claim = desk.one(ONE)
        receipt = desk.forget("ada")
        assert (receipt.under_way, receipt.erased, desk.state(claim.job)) == (1, 0, "sending")
        if ending is None:
            desk.lapse()
        else:
            desk.end(claim, ending)
        story = desk.ledger.story(claim.job)
        assert story is not None
        assert (story.row.state, story.event, story.content) == (state, None, None)
        desk.later(1e6)
        assert desk.claim() == []

    def test_a_claimed_job_of_somebody_forgotten_does_not_start(self) -> None:
        """Its worker holds its bytes, and is told no."""
        desk = self.desk()
        desk.accept(arrival("m1"))
        claims = desk.claim()
        assert desk.forget("ada").erased == 1
        assert desk.start(*claims) == []

    def test_forgetting_while_a_call_of_theirs_is_accepted(self) -> None:
        """One of the two is first; in neither case does something stay."""
        desk = self.desk()
        inside, leave = threading.Event(), threading.Event()

        def slow(one: Arrival, known: Identity | None) -> Draft:
            inside.set()
            leave.wait(10)
            return draft(one, known)

        other = desk.beside()
        other.ledger.mapping = slow
        with ThreadPoolExecutor(2) as threads:
            accepting = threads.submit(other.ledger.accept, [arrival("m1", traits={"street": CANARY})])
            assert inside.wait(10)
            forgetting = threads.submit(desk.ledger.forget, forget_wish("ada"))
            threading.Event().wait(0.3)
            leave.set()
            (receipt,) = accepting.result()
            forgetting.result()
        story = desk.ledger.story(receipt.job)
        assert story is not None
        assert (story.row.state, story.event, self.known(desk)) == ("erased", None, {})

    def test_somebody_with_many_jobs_is_forgotten(self) -> None:
        """More than a database takes in one list."""
        desk = self.desk()
        desk.ledger.accept([arrival(f"m{n}") for n in range(1200)])
        receipt = desk.forget("ada")
        assert (receipt.erased, receipt.papers) == (1200, 1200)

    # ---------------------------------------------------------------------------------------------------- in due time

    def test_contents_go_in_due_time(self) -> None:
        """Of what ended long ago; that it was sent stays known, so that it is not sent again."""
        desk = self.desk()
        sent, late, waits = desk.jobs(arrival("m1", "a"), arrival("m2", "b"), arrival("m3", "c"))
        one, two, _ = desk.started()
        desk.end(one, "delivered")
        desk.later(86_400)
        desk.end(two, "delivered")
        assert desk.ledger.prune(3600) == 1
        assert desk.ledger.prune(3600) == 0
        desk.check()
        gone = [(story := desk.ledger.story(job)) is not None and story.event is None for job in (sent, late, waits)]
        assert gone == [True, False, False]
        assert desk.accept(arrival("m1", "a"))[0].repeated == "same"


def forget_wish(person: str) -> Any:
    """What asks to forget somebody."""
    from mapper.delivery.ledger.forget import Wish as ForgetWish  # noqa: PLC0415 - the other Wish is a worker's

    return ForgetWish(hashed(person), "eve")
