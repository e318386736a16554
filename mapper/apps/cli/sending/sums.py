"""The account of a run: what became of each line, counted, said in sentences, and written down where that is asked for.

Knows states, slips and words. Must not send, nor hold a trait.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from mapper import codec
from mapper.apps.cli import outputs
from mapper.apps.cli.exits import Exit, highest
from mapper.apps.cli.sending.slips import Slip, Slips
from mapper.apps.outbox import Status
from mapper.apps.render import sending, terminal
from mapper.apps.render.counting import counted
from mapper.apps.render.sending import Count
from mapper.delivery import pace
from mapper.delivery.ledger import Ledger
from mapper.delivery.ledger.accept import spell as spell_age
from mapper.delivery.ledger.turns import Holder
from mapper.delivery.states import MEANINGS, State
from mapper.delivery.values import Row
from mapper.frozen import dataclass, field

_STYLES = {
    "delivered": "green",
    "rejected": "red",
    "dead": "red",
    "unknown": "bold red",
    "held": "red",
    "conflicting": "red",
    "invalid": "yellow",
}
#: What somebody waits for in vain, once nothing is sent any more.
_IN_VAIN: tuple[State, ...] = ("unknown", "held", "rejected", "dead")
_WAITING: tuple[State, ...] = ("waiting", "ready", "sending")

_REPEATED = "the same call again: it is counted once, above"
_CONFLICTING = "not accepted: another content under the messageId of an earlier call"
#: How the ledger's reason of a stale event begins.
_STALE = "stale"


@dataclass(frozen=True, slots=True)
class Way:
    """What a person needs to know of a run to go on with it.

    ``kept``     whether the store outlives the run      ``store``   the option that names it, where one is needed
    ``worker``   the command that goes on with its jobs; None where only the same command does
    ``stale``    seconds of age beyond which nothing is sent; None is never
    ``called``   the destination                     ``mapping`` the option that names it, where one was said
    ``account``  the option that names the account, where the store has several
    """

    kept: bool
    store: str
    worker: str | None
    stale: float | None
    called: str
    mapping: str = ""
    account: str = ""

    @property
    def own(self) -> str:
        """The options of a command that acts on the jobs of this run's account."""
        return f"{self.store}{self.account}"


@dataclass(slots=True)
class Sum:
    """The account of a run.

    ``counts``     first lines of a job, by its state     ``stale``   those of them that were too old
    ``repeated``   the same calls again                   ``conflicting``  with another content
    ``before``     accepted by an earlier run already     ``unguarded``    orders that once_per does not guard
    ``cut``        why some lines were not accepted       ``up_to``   the last line that was
    ``stopped``    why sending ended before all was sent  ``sender``  the other process that is the store's worker
    ``others``     of other runs, delivered as well   ``elsewhere``  jobs that another worker has under way
    """

    counts: Counter[State] = field(default_factory=Counter)
    stale: int = 0
    repeated: int = 0
    conflicting: int = 0
    before: int = 0
    unguarded: int = 0
    cut: str | None = None
    up_to: str = ""
    stopped: str | None = None
    sender: Holder | None = None
    others: int = 0
    elsewhere: int = 0
    status: Status | None = None

    @property
    def waiting(self) -> int:
        """Jobs of this run that are not sent yet."""
        return sum(self.counts[state] for state in _WAITING)

    @property
    def exit(self) -> Exit:
        """The exit code."""
        vain = self.conflicting + sum(self.counts[state] for state in _IN_VAIN)
        open_ended = 0 if self._handed_over else self.waiting
        bad = vain or open_ended or self.cut
        invalid = Exit.SOME_INVALID if self.counts["invalid"] else Exit.FINE
        return highest([Exit.NOT_DELIVERED if bad else Exit.FINE, invalid])

    @property
    def _handed_over(self) -> bool:
        """Whether the store's worker sends what waits: it works for this account."""
        if self.sender is None or self.status is None:
            return False
        return self.sender.account in (None, self.status.account)

    def add(self, slips: Slips, ledger: Ledger) -> None:
        """Count every line as it stands now. Raises StoreError."""
        self.before = slips.before
        for slip, row in slips.settled(ledger):
            self._count(slip, row)

    def _count(self, slip: Slip, row: Row) -> None:
        if slip.again == "conflict":
            self.conflicting += 1
        elif slip.again:
            self.repeated += 1
        else:
            self.counts[row.state] += 1
            self.stale += row.state == "suppressed" and (row.because or "").startswith(_STALE)

    # ------------------------------------------------------------------------------------------------------- shown

    def show(self, way: Way) -> None:
        """Show the account on stderr."""
        screen = terminal.screen(sys.stderr)
        terminal.show(sending.account(list(self._rows()), screen), sys.stderr)
        for sentence in self._sentences(way):
            terminal.show(terminal.block(sentence, 0, screen), sys.stderr)

    def _rows(self) -> Iterator[Count]:
        for state, means in MEANINGS.items():
            if self.counts[state] or state == "delivered":
                words = self._kept_back() if state == "suppressed" else means
                yield Count(self.counts[state], state, words, _STYLES.get(state, ""))
        if self.repeated:
            yield Count(self.repeated, "repeated", _REPEATED)
        if self.conflicting:
            yield Count(self.conflicting, "conflicting", _CONFLICTING, _STYLES["conflicting"])

    def _kept_back(self) -> str:
        """Why some were suppressed, and how many of each."""
        again = self.counts["suppressed"] - self.stale
        both = ((self.stale, "too old"), (again, "the same order again"))
        return "not sent: " + ", ".join(f"{number:,} {why}" for number, why in both if number)

    def _sentences(self, way: Way) -> Iterator[str]:
        """What a person has to know besides the counts."""
        if self.before:
            yield f"{many(self.before, 'call')} accepted by an earlier run already; none of them is sent twice."
        if self.others:
            yield f"{many(self.others, 'job')} of other runs delivered as well."
        if self.cut:
            yield f"What comes after {self.up_to} was not read: {self.cut}."
        yield from self._about_waiting(way)
        if self.stale:
            yield from self._about_age(way)
        if self.conflicting:
            yield (
                f"{many(self.conflicting, 'call')} not accepted: ask the sender which content was meant; the other"
                " needs a messageId of its own."
            )
        if self.unguarded:
            yield f"{many(self.unguarded, 'order')} not guarded by once_per: a part of its key is empty."
        yield from self._to_settle(way)
        if self.counts["invalid"]:
            yield "mapper transform says why events are invalid."

    def _about_waiting(self, way: Way) -> Iterator[str]:
        if self.stopped:
            yield f"Sending stopped: {self.stopped}."
        if self.status is not None and self.status.paused is not None and way.kept:
            yield f"`mapper queue release{way.own} --pause` ends the pause, once its reason is gone."
        left = sum(self.status.counts[state] for state in _WAITING) if self.status is not None else self.waiting
        again = "the same command again" + (f", or `{way.worker}`," if way.worker else "")
        if self._handed_over:
            yield from self._about_sender()
            return
        if self.elsewhere:
            yield (
                f"{many(self.elsewhere, 'job')} under way at another worker of this store: `mapper queue"
                f" status{way.store}` says how they end."
            )
        left -= self.elsewhere
        if not left:
            return
        if not way.kept:
            yield f"{many(left, 'job')} not sent: the sandbox's store ends with the run (--store keeps one)."
        elif self.sender is not None:
            yield (
                f"{many(left, 'job')} kept in the store, and nothing sends them yet: process {self.sender.process} is"
                f" its worker, for {self.sender.account}, and it has one at a time. When that has stopped, {again}"
                " sends them."
            )
        else:
            yield f"{many(left, 'job')} kept in the store: {again} sends them."

    def _about_sender(self) -> Iterator[str]:
        """What another process does for this run."""
        if self.waiting and self.sender is not None:
            process = self.sender.process
            yield f"{many(self.waiting, 'job')} kept in the store: process {process} is its worker and sends them."

    def _about_age(self, way: Way) -> Iterator[str]:
        older = f"older than {spell_age(way.stale)}" if way.stale is not None else "too old when they were accepted"
        replay = f"mapper queue replay{way.own}{way.mapping} --state suppressed --reason stale"
        out = f"`{replay}` sends them all the same; before they are accepted, "
        yield (
            f"{many(self.stale, 'event')} not sent: {older}. {out if way.kept else ''}--stale-after none keeps no event"
            " back for its age."
        )

    def _to_settle(self, way: Way) -> Iterator[str]:
        if self.counts["unknown"]:
            yield (
                f"{many(self.counts['unknown'], 'job')} may have been taken: ask {way.called}"
                + (f", then settle them: `mapper queue list{way.store} --state unknown`." if way.kept else ".")
            )
        if self.counts["held"] and way.kept:
            held = many(self.counts["held"], "job")
            yield f"{held} held: `mapper queue release{way.own} --state held` lets them go."
        wrong = self.counts["rejected"] + self.counts["dead"]
        if wrong and way.kept:
            why = f"`mapper queue list{way.store} --state rejected --state dead`"
            yield f"{why} says why {many(wrong, 'job')} ended so."


def write(results: str, slips: Slips, ledger: Ledger) -> None:
    """Write the results: every line as it stands now. Raises StoreError, UnwritableError."""
    with outputs.replacing(results, outputs.PRIVATE) as stream:
        for slip, row in slips.settled(ledger):
            _write(stream, slip, row)


def _write(stream: BinaryIO, slip: Slip, row: Row) -> None:
    """One line of the results."""
    conflict = slip.again == "conflict"
    told = {
        "file": slip.file,
        "line": slip.line,
        "message_id": slip.message_id,
        "job": row.job,
        "state": row.state,
        "repeated": slip.again or None,
        "status": row.status,
        "because": _CONFLICTING if conflict else row.because,
    }
    stream.write(codec.encode(told) + b"\n")


def many(number: int, noun: str) -> str:
    """A number of things: ``1 job``, ``1,200 jobs``."""
    return counted(number, noun)


def lasting(seconds: float) -> str:
    """A duration in one unit."""
    units = (("hour", 3600.0), ("minute", 60.0), ("second", 1.0))
    unit, size = next((u for u in units if seconds >= 1.5 * u[1]), units[-1])
    return counted(max(1, round(seconds / size)), unit)


def at_rate(count: int, rate: tuple[int, int] | None) -> str:
    """A rate, and how long so many requests take at least: ``300 a minute: about 5 minutes``."""
    took = f": about {lasting(pace.seconds_for(count, rate))}" if rate is not None else ""
    return f"{pace.spell(rate)}{took}"
