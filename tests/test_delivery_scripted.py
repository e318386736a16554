"""Events whose answers are written beforehand end exactly as written, each person's in order: the receiver judges.

Each event has a script of answers, one for each request. The receiver knows nothing of the ledger: it sees requests,
and says no where one comes out of its order, too often, or after its end.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from deliveries import NOON, PLAIN, Steered, arrival, draft

from mapper import codec
from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.ledger.claim import Wish
from mapper.delivery.schedule import Schedule
from mapper.delivery.values import Claim, Ending
from mapper.frozen import replace

#: Steps of a second, and tries enough for any script.
POLICY = replace(PLAIN, schedule=Schedule(steps=(1.0,), jitter=0.2, tries=6))
#: Where a script ends, and what then stands in the ledger. Silence is a worker that never says how it ended.
ENDS = {"delivered": "delivered", "rejected": "rejected", "unknown": "unknown", "silence": "unknown", "six": "dead"}


def script(luck: random.Random) -> list[str]:
    """The answers to one event's requests."""
    end = luck.choices(list(ENDS), [80, 8, 5, 2, 5])[0]
    if end == "six":
        return ["retry"] * 6
    return ["retry"] * luck.choices([0, 1, 2, 5], [75, 15, 7, 3])[0] + [end]


class Receiver:
    """What stands at the other end: it has the scripts, and writes down whatever is wrong."""

    def __init__(self, scripts: dict[str, list[str]]) -> None:
        self.scripts = scripts
        self.seen: Counter[str] = Counter()
        self.bodies: dict[str, bytes] = {}
        self.wrong: list[str] = []
        self._last: dict[str, int] = {}
        self._under_way: dict[str, str] = {}

    def take(self, claim: Claim) -> str:
        """A request comes; the answer that is due."""
        event = codec.decode(claim.content)["message"]
        person, number = event.split("-")
        self.seen[event] += 1
        if self.seen[event] > len(self.scripts[event]):
            self.wrong.append(f"{event} came after its end")
            return "delivered"
        if self.bodies.setdefault(event, claim.content) != claim.content:
            self.wrong.append(f"{event} came with other bytes")
        if self._under_way.setdefault(person, event) != event:
            self.wrong.append(f"{event} came beside {self._under_way[person]}")
        if int(number) < self._last.get(person, -1):
            self.wrong.append(f"{event} came after {self._last[person]}")
        self._last[person] = int(number)
        return self.scripts[event][self.seen[event] - 1]

    def ended(self, event: str) -> None:
        """This request is over, for whoever waits behind it."""
        self._under_way.pop(event.split("-", maxsplit=1)[0], None)


def run(count: int, where: Path, seed: int, rate: tuple[int, int] | None = None) -> None:
    """Accept, send by hand in batches until nothing is left, and compare with the scripts."""
    luck = random.Random(seed)  # noqa: S311 - an invented crowd
    people = max(1, count // 12)
    owners = [f"p{luck.randrange(people)}" for _ in range(count)]
    numbers: Counter[str] = Counter()
    events = []
    for person in owners:
        events.append((f"{person}-{numbers[person]}", person))
        numbers[person] += 1
    receiver = Receiver({event: script(luck) for event, _ in events})
    store = Steered(open_store(str(where)))
    ledger = Ledger(store, "Inkwell", replace(POLICY, rate=rate), draft, "f")
    for start in range(0, count, 500):
        ledger.accept([arrival(event, person, at=NOON) for event, person in events[start : start + 500]])
    for event, person in luck.sample(events, count // 10):  # a tenth of all comes twice
        assert ledger.accept([arrival(event, person, at=NOON)])[0].repeated == "same"
    _send_all(ledger, store, receiver, luck)
    _judge(ledger, receiver)
    store.close()


def _send_all(ledger: Ledger, store: Steered, receiver: Receiver, luck: random.Random) -> None:
    worker = 0
    while (due := ledger.due()) is not None:
        store.clock.moment = max(store.clock.moment, due)
        who = f"worker:{worker}"
        claims = ledger.claim(Wish(who, 400, start=luck.random() < 0.7)).claims
        if not claims:
            store.clock.moment += 60.0  # paused: too many in a row had no final answer
            continue
        later = frozenset(claim.job for claim in claims if not claim.started)
        store.clock.moment = max(store.clock.moment, claims[-1].at)
        assert ledger.start(who, later) == later
        answers = [(claim, receiver.take(claim)) for claim in luck.sample(claims, len(claims))]
        told = [(claim, answer) for claim, answer in answers if answer != "silence"]
        ledger.finish([Ending(c.job, c.attempt, answer) for c, answer in told])  # type: ignore[arg-type]
        silent = len(answers) - len(told)
        if silent:  # that worker is dead; the next one sweeps
            worker += 1
            assert ledger.sweep(f"worker:{worker}").unknown == silent
        for claim, _ in answers:
            receiver.ended(codec.decode(claim.content)["message"])


def _judge(ledger: Ledger, receiver: Receiver) -> None:
    assert receiver.wrong == []
    asked = {event: len(answers) for event, answers in receiver.scripts.items()}
    assert receiver.seen == asked
    due = Counter("dead" if s == ["retry"] * 6 else ENDS[s[-1]] for s in receiver.scripts.values())
    status = ledger.status()
    assert {state: n for state, n in status.counts.items() if n} == due
    assert status.accepted == len(receiver.scripts)
    for number in range(1, 200):
        story = ledger.story(number)
        if story is not None and story.event is not None:
            answers = receiver.scripts[codec.decode(story.event)["message"]]
            assert [a.ending for a in story.attempts] == ["unknown" if a == "silence" else a for a in answers]


def test_three_thousand_events_end_as_scripted(tmp_path: Path) -> None:
    """The same each time; most of them are started with their claim."""
    run(3_000, tmp_path / "mapper.db", 7)


def test_a_rate_changes_no_end(tmp_path: Path) -> None:
    """Of what is claimed most has its moment ahead of it, and is started then."""
    run(500, tmp_path / "mapper.db", 7, (1000, 1))


@pytest.mark.fuzz
def test_a_hundred_thousand_events_end_as_scripted(tmp_path: Path, fuzz_seed: int) -> None:
    """Others each time."""
    run(100_000, tmp_path / "mapper.db", fuzz_seed)
