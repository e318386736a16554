"""What the tests of delivery share: made-up calls, a mapping of three lines, a clock that is steered, a worker by hand.

Knows the ledger's verbs. Must not know how a state is stored: it looks through the ledger's own looks.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from mapper import codec, identity
from mapper.delivery.ledger import Deed, Done, Forgotten, Ledger, overview
from mapper.delivery.ledger.claim import Wish
from mapper.delivery.ledger.forget import Wish as Forget
from mapper.delivery.ledger.store import Store
from mapper.delivery.policy import Policy
from mapper.delivery.schedule import Schedule
from mapper.delivery.states import EDGES
from mapper.delivery.values import Arrival, Claim, Claimed, Draft, Ending, Filter, Receipt, Row, Settled, Swept
from mapper.frozen import replace
from mapper.identity import Identity, Stamp, Trait

#: No rate, no cap, no age: what a test is not about does not get into its way.
PLAIN = Policy(stale_after=None, schedule=Schedule(jitter=0.0))
RESEND = replace(PLAIN, unknown="resend")
#: Two workers.
ONE, TWO = "here:1:aa", "there:2:bb"
#: A moment in 2026, UTC, at noon.
NOON = 1_780_315_200.0

_WAYS = {(edge.source, edge.target) for edge in EDGES}


class Clock:
    """A moment, which a test moves."""

    def __init__(self, moment: float = NOON) -> None:
        self.moment = moment


class Steered:
    """A store whose clock stands still until a test moves it. All else is the store's own."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self.store = store
        self.clock = clock or Clock()

    def now(self) -> float:
        """The moment at which the test has arrived."""
        return self.clock.moment

    def saw(self, moment: float) -> None:
        """Never behind what is stored, where the store itself keeps it so: where one machine's clock is all."""
        if self.store.alone:
            self.clock.moment = max(self.clock.moment, moment)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def hashed(text: str) -> str:
    """As an intake's keyed hash looks."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()[:24]


def arrival(message: str, person: str | None = "ada", **said: Any) -> Arrival:
    """A call that was read.

    Of what is said, ``anonymous`` is its anonymousId, ``at`` when it happened (NOON), ``traits`` its traits, ``once``
    the key of its order, ``ends`` what the mapping makes of it (ready). The rest is just another content.
    """
    at = said.pop("at", NOON)
    stamp = Stamp(int(at * 1e9), message)
    anonymous = said.pop("anonymous", None)
    traits = {name: Trait(value, stamp) for name, value in said.get("traits", {}).items()}
    decoded = {"message": message, "person": person, "anonymous": anonymous, **said}
    raw = codec.encode(decoded)
    return Arrival(
        raw=raw,
        decoded=decoded,
        message=hashed(message),
        digest=hashed(raw.decode()),
        person=None if person is None else hashed(person),
        anonymous=None if anonymous is None else hashed(anonymous),
        said=Identity(traits).as_record(),
        stamp=stamp,
    )


def draft(one: Arrival, known: Identity | None) -> Draft:
    """A mapping: the body is the call's message, and all that is known of its person with it."""
    ends = one.decoded.get("ends", "ready")
    if ends != "ready":
        return Draft(ends, "because the test says so")
    both = identity.merge(known or Identity(), Identity.from_record(one.said or []))
    traits = {name: trait.value for name, trait in both.traits.items() if trait.value is not None}
    content = codec.encode({"message": one.decoded["message"], "traits": traits})
    once = one.decoded.get("once")
    return Draft("ready", None, '{"method":"POST"}', content, None if once is None else hashed(once))


class Desk:
    """One account of a store, with a steered clock. After each verb the sums and the edges are checked."""

    def __init__(self, store: Store | Steered, account: str = "Inkwell", policy: Policy = PLAIN) -> None:
        self.store = store if isinstance(store, Steered) else Steered(store)
        self.ledger = Ledger(self.store, account, policy, draft, "made by the first")
        #: The states as they were when it looked last.
        self.seen = self.states()

    def beside(self, policy: Policy | None = None) -> Desk:
        """Another process's look at the same account."""
        return Desk(self.store, self.ledger.account, policy or self.ledger.policy)

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.store.clock.moment += seconds

    # -------------------------------------------------------------------------------------------------------- looking

    def rows(self, **chosen: Any) -> dict[int, Row]:
        """All jobs, by number."""
        found: dict[int, Row] = {}
        while page := self.ledger.rows(Filter(**chosen), max(found, default=0)):
            found.update((row.job, row) for row in page)
        return found

    def states(self) -> dict[int, str]:
        """The state of each job."""
        return {job: row.state for job, row in self.rows().items()}

    def state(self, job: int) -> str:
        """The state of one."""
        return self.rows(jobs=(job,))[job].state

    def why(self, job: int) -> str | None:
        """And its reason."""
        return self.rows(jobs=(job,))[job].because

    def content(self, job: int) -> Any:
        """What is stored to be sent, decoded; None where it is gone."""
        story = self.ledger.story(job)
        assert story is not None
        return None if story.content is None else codec.decode(story.content)

    def check(self) -> None:
        """Law 7: each accepted call is in exactly one state; and it came there by a way that is drawn."""
        states, status = self.states(), self.ledger.status()
        assert sum(status.counts.values()) == status.accepted == len(states)
        assert {state: count for state, count in status.counts.items() if count} == Counter(states.values())
        moved = {(was, states[job]) for job, was in self.seen.items() if states[job] != was}
        assert moved <= _WAYS, f"no edge: {moved - _WAYS}"
        assert self.seen.keys() <= states.keys()
        self.seen = states

    # ---------------------------------------------------------------------------------------------------------- verbs

    def accept(self, *arrivals: Arrival) -> list[Receipt]:
        """Take calls in, in one transaction."""
        receipts = self.ledger.accept(arrivals)
        self.check()
        assert self.store.read(lambda c: overview.misnumbered(c, self.ledger.account)) == 0
        return receipts

    def jobs(self, *arrivals: Arrival) -> list[int]:
        """Take calls in; their jobs."""
        return [receipt.job for receipt in self.accept(*arrivals)]

    def claimed(self, who: str = ONE, most: int = 100, **wish: Any) -> Claimed:
        """Claim what is due."""
        claimed = self.ledger.claim(Wish(who, most, **wish))
        self.check()
        return claimed

    def claim(self, who: str = ONE, most: int = 100, **wish: Any) -> list[Claim]:
        """Claim what is due; the claims."""
        return list(self.claimed(who, most, **wish).claims)

    def start(self, *claims: Claim, who: str = ONE) -> list[int]:
        """Start what was claimed; what may leave."""
        started = self.ledger.start(who, frozenset(claim.job for claim in claims))
        self.check()
        return sorted(started)

    def started(self, who: str = ONE, most: int = 100, **wish: Any) -> list[Claim]:
        """Claim what is due and start it."""
        claims = self.claim(who, most, **wish)
        begun = self.start(*claims, who=who)
        return [claim for claim in claims if claim.job in begun]

    def sent(self, who: str = ONE, most: int = 100, **wish: Any) -> list[Claim]:
        """As a worker does it: claim what is due, started with it where it may leave at once; start the others."""
        claims = self.claim(who, most, start=True, **wish)
        later = [claim for claim in claims if not claim.started]
        begun = self.start(*later, who=who) if later else []
        return [claim for claim in claims if claim.started or claim.job in begun]

    def one(self, who: str = ONE) -> Claim:
        """Start one job."""
        (claim,) = self.started(who, 1)
        return claim

    def end(self, claim: Claim, ending: Any, because: str = "so it went", **more: Any) -> Settled:
        """Tell how a try ended."""
        (settled,) = self.ledger.finish([Ending(claim.job, claim.attempt, ending, because, **more)])
        self.check()
        return settled

    def ends(self, claims: Iterable[Claim], ending: Any, **more: Any) -> list[Settled]:
        """Tell how several ended, in one transaction."""
        settled = self.ledger.finish([Ending(c.job, c.attempt, ending, "so it went", **more) for c in claims])
        self.check()
        return settled

    def give_back(self, *claims: Claim, who: str = ONE) -> None:
        """Give claims back."""
        self.ledger.give_back(who, frozenset(claim.job for claim in claims))
        self.check()

    def lapse(self, who: str = TWO) -> Swept:
        """So much time passes that every lease is over; then another worker sweeps."""
        self.later(self.ledger.policy.lease + 10)
        return self.sweep(who)

    def sweep(self, who: str = TWO) -> Swept:
        """Sweep, as a worker that has nothing of its own."""
        swept = self.ledger.sweep(who)
        self.check()
        return swept

    def act(self, verb: Any, *jobs: int, **more: Any) -> Done:
        """Do what a person does to these jobs; to all, where there are none."""
        chosen = more.pop("chosen", Filter(jobs=jobs or None))
        done = self.ledger.act(Deed(verb, chosen, more.pop("who", "eve"), **more))
        self.check()
        return done

    def forget(self, person: str, **more: Any) -> Forgotten:
        """Forget a person, by userId or anonymousId."""
        receipt = self.ledger.forget(Forget(hashed(person), "eve", **more))
        self.check()
        return receipt


class Hasty(Desk):
    """A desk that starts what it claims as a worker does: in the claim itself, where that may be."""

    def started(self, who: str = ONE, most: int = 100, **wish: Any) -> list[Claim]:
        """Claim what is due, and start it with that or after it."""
        return self.sent(who, most, **wish)
