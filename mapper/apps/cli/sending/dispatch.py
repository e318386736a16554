"""One run of ``mapper send``: every line accepted, what waits sent, and the account of it afterwards.

Knows how the parts of a run are put together. Must not ask anything, nor decide what becomes of an event.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from mapper.apps.cli import loading, outputs, stores
from mapper.apps.cli.app import say
from mapper.apps.cli.exits import Exit, signalled
from mapper.apps.cli.sending import sums
from mapper.apps.cli.sending.draining import Backlog, Gauge, Labour
from mapper.apps.cli.sending.signals import Signals
from mapper.apps.cli.sending.slips import Slips
from mapper.apps.cli.sending.sums import Sum, Way
from mapper.apps.cli.sending.taking import Taking
from mapper.apps.outbox import Outbox, Policy, Sending, Status
from mapper.apps.render.sending import Line
from mapper.delivery.ledger.accept import Mapping
from mapper.delivery.ledger.turns import Holder
from mapper.delivery.values import Arrival, Draft, StoreBusyError
from mapper.errors import MapperError
from mapper.frozen import dataclass, field, replace
from mapper.identity import Identity
from mapper.pipeline import Mapper
from mapper.readers import UnreadableError, ndjson

_STOPPING = b"\nStopping: 25 s at most for what is under way. Ctrl-C again leaves at once.\n"

#: Seconds. A run waits no longer than this for a retry, the end of a pause, or what other workers have under way.
PATIENCE = 60.0
#: Seconds after which a worker that still has the store is not one that was just about to end; and between two looks.
_SETTLED, _GLANCE = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be sent, from where to where.

    ``store``      where jobs are kept; ``kept`` is false where it ends with the run
    ``url``        the address that stands in for the mapping's own; ``account`` where that does not name the account
    ``settings``   over the environment's, by name; ``called`` how the mapping was named, where it was
    ``most``       how many lines are accepted, where a person agreed to a number
    """

    mapper: Mapper
    files: tuple[str, ...]
    identity: str | None
    policy: Policy
    results: str | None = None
    source: str = ""
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    store: str = stores.STORE
    kept: bool = True
    url: str | None = None
    account: str | None = None
    most: int | None = None
    called: str | None = None

    @property
    def _inputs(self) -> tuple[str, ...]:
        return self.files if self.identity is None else (*self.files, self.identity)

    def check(self) -> None:
        """Raise UnreadableError where a file cannot be read, UnwritableError where the results cannot be."""
        for name in self._inputs:
            ndjson.check(name)
        if self._inputs.count("-") > 1:
            raise UnreadableError("standard input can be read once")
        if self.results is not None:
            outputs.check_new(self.results)

    @property
    def readable_twice(self) -> bool:
        """Whether the events can be counted first and sent afterwards."""
        return all(Path(name).is_file() for name in self._inputs)

    @property
    def way(self) -> Way:
        """What a person needs to know to go on with it."""
        store = stores.option(self.store)
        mapping = "" if self.called is None else f" -m {shlex.quote(self.called)}"
        to = "" if self.url is None else f" --to {shlex.quote(self.url)}"
        worker = f"mapper worker{store}{mapping}{to}" if self.account is None else None
        return Way(self.kept, store, worker, self.policy.stale_after, self.mapper.destination, mapping)


class Guards:
    """What is made of events, and how many orders of them ``once_per`` does not guard: a part of its key is empty."""

    def __init__(self, inner: Mapping, *, guarded: bool) -> None:
        self._inner = inner
        self._guarded = guarded
        self.unguarded = 0

    def __call__(self, arrival: Arrival, known: Identity | None) -> Draft:
        """Map one event."""
        draft = self._inner(arrival, known)
        self.unguarded += self._guarded and draft.state == "ready" and draft.once is None
        return draft


class Run:
    """A run of an order, from ``__enter__`` to ``__exit__``: its outbox, and what is known of it so far.

    Raises StoreError, SettingsError, UnreadableError.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.gauge = Gauge()
        self.sum = Sum()
        known = loading.known(order.identity, order.mapper)
        self.outbox = Outbox(
            order.mapper,
            order.store,
            settings=order.settings,
            sending=Sending(url=order.url, policy=order.policy, account=order.account, watcher=self.gauge),
            source=order.source,
            known=None if known is None else known.of,
        )
        self.guards = Guards(self.outbox.intake.draft, guarded=order.mapper.plan.send.once_per is not None)
        self.outbox.ledger.mapping = self.guards
        self._signals = Signals(self._stop)
        self._sending = self._left = False

    def __enter__(self) -> Self:
        """Keep the store open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the store; not where a worker was left at work, because the process ends then."""
        if not self._left:
            self.outbox.close()

    def to_the_end(self) -> int:
        """Accept, send, and show the account; the exit code. Raises MapperError."""
        with Slips() as slips, self._signals:
            self._accept(slips)
            try:
                self._send()
            except KeyboardInterrupt:
                self._left = True
                say("Left at once. What was under way stands as unknown when the store is used next.")
                return signalled(self._signals.number)
            self.sum.add(slips, self.outbox.ledger)
            own = self.sum.counts["delivered"] - slips.delivered
            self.sum.others = max(0, self.gauge.moves["delivered"] - own)
            ledger = self.outbox.ledger
            self.sum.show(replace(self.order.way, account=stores.own(ledger.store, ledger.account)))
            if self.order.results is not None:  # last: what became of the events is said, whatever becomes of the file
                sums.write(self.order.results, slips, self.outbox.ledger)
        return self._exit

    @property
    def _exit(self) -> int:
        """The exit code: that of the signal, where one came and something was not delivered."""
        broken_off = self._signals.count and self.sum.exit is Exit.NOT_DELIVERED
        return signalled(self._signals.number) if broken_off else self.sum.exit

    def _stop(self) -> None:
        """What the first Ctrl-C does. It runs inside a signal, where a stream may be in the middle of a line."""
        self.sum.stopped = self._signals.called
        self.outbox.stop()
        if self._sending:
            with suppress(OSError, ValueError):
                os.write(sys.stderr.fileno(), _STOPPING)

    # ------------------------------------------------------------------------------------------------------------- in

    def _accept(self, slips: Slips) -> None:
        before, taking = self.guards.unguarded, Taking(self.outbox, slips, self.order.most)
        try:
            with Line(sys.stderr) as line:
                taking.all(self.order.files, self._signals, line)
        except MapperError:
            if slips.read and self.order.kept:
                say(f"Accepted up to {taking.up_to}, and kept; nothing was sent by this run.")
                say("The same command goes on from there, once this is mended:")
            raise
        self.sum.cut, self.sum.up_to = taking.cut, taking.up_to
        self.sum.unguarded = self.guards.unguarded - before

    # ------------------------------------------------------------------------------------------------------------ out

    def _send(self) -> None:
        """Send what waits, until nothing is due soon, or until told to stop."""
        self.sum.status = self.outbox.status()
        if self.sum.stopped is not None:
            return
        self.sum.sender = self.other_worker()
        if self.sum.sender is not None:
            return
        backlog = Backlog(self.outbox, self.gauge)
        if self.order.kept:
            self._announce(backlog)
        self._sending = True
        try:
            with Line(sys.stderr) as line:
                self._watched(backlog, line)
        except StoreBusyError:
            self.sum.sender = self.other_worker()
            if self.sum.sender is None:
                raise
        self._sending = False
        self.sum.status = self.outbox.status()
        self.sum.elsewhere = self._elsewhere(self.sum.status)
        self.sum.stopped = self._why_it_stopped()

    def _announce(self, backlog: Backlog) -> None:
        """Say how many are to be sent. What is under way is another worker's, or was that of one that is gone."""
        alone, under_way = self.outbox.ledger.store.alone, backlog.status.counts["sending"]
        if alone and self.order.policy.unknown == "resend":
            under_way = 0
        left = backlog.left - under_way
        if left > 0:
            say(f"{sums.many(left, 'job')} to be sent, {sums.at_rate(left, self.order.policy.rate)}.")
        if under_way:
            are = "is" if under_way == 1 else "are"
            them = "it" if under_way == 1 else "them"
            gone = f"at a worker that is gone; a person has to settle {them}" if alone else "at another worker"
            say(f"{under_way:,} {are} under way {gone}.")

    def other_worker(self) -> Holder | None:
        """The process that has an SQLite store, and keeps it: one that is about to end does not send what is new."""
        until = time.monotonic() + _SETTLED
        while (found := stores.holder_of(self.order.store)) is not None:
            if time.monotonic() > until:
                return found
            time.sleep(_GLANCE)
        return None

    def _watched(self, backlog: Backlog, line: Line) -> None:
        whole = max(1, backlog.left)

        def look() -> None:
            if self.gauge.refused is not None:
                self.outbox.stop()
            if backlog.late:
                backlog.look()
            line.show(backlog.words(self.order.policy.gap), 1 - backlog.left / max(whole, backlog.left))

        Labour(self._drain, self.outbox.stop).watched(self._signals, look)

    def _drain(self) -> None:
        """Send until nothing is due soon. What other workers have is waited for, and what they let go is sent."""
        until = time.monotonic() + PATIENCE
        status, others = self.outbox.drain(PATIENCE), not self.outbox.ledger.store.alone
        while True:
            had, others = others, self._elsewhere(status) > 0
            stopped = self.sum.stopped is not None or self.gauge.refused is not None
            if stopped or not (had or others) or time.monotonic() > until:
                return
            time.sleep(_GLANCE)
            # A drain begins to count anew: what a run may start at most is started by one.
            capped = self.order.policy.cap_run is not None
            status = self.outbox.status() if capped else self.outbox.drain(PATIENCE)

    def _elsewhere(self, status: Status) -> int:
        """Jobs that other workers of the store have, where it may have several."""
        if self.outbox.ledger.store.alone:
            return 0
        return status.counts["sending"] + (status.counts["ready"] if status.due is None else 0)

    def _why_it_stopped(self) -> str | None:
        """Why jobs are left, in words; None where none are."""
        status = self.sum.status
        assert status is not None  # noqa: S101 - it was looked at
        if not any(status.counts[state] for state in ("waiting", "ready")):
            return None
        if self.gauge.refused is not None:
            paused = f"paused for {sums.lasting(status.paused - status.now)} more" if status.paused is not None else ""
            return ", ".join(filter(None, (f"the key or the account was refused ({self.gauge.refused})", paused)))
        if self.sum.stopped is not None:
            return self.sum.stopped
        if status.paused is not None:
            return f"paused for {sums.lasting(status.paused - status.now)} more: {status.pause_reason}"
        if status.due is not None and status.due > status.now:
            return f"nothing more is due before {sums.lasting(status.due - status.now)} from now"
        return None


@contextmanager
def sandboxed(order: Order) -> Iterator[Order]:
    """An order that goes to a sandbox which lives as long as the block. What the sandbox counted is said in the end."""
    # The sandbox brings an HTTP server along, which nobody else needs.
    from mapper.apps.sandbox import Sandbox, spelt

    with Sandbox(order.mapper, order.mapper.resolved(order.settings)) as sandbox:
        yield replace(order, url=sandbox.url, settings=dict(sandbox.settings), account=account_of_sandbox(order.mapper))
    say(f"The sandbox counted {spelt(sandbox.counts)}.")


def account_of_sandbox(mapper: Mapper) -> str:
    """The account of what was sent to a sandbox of a run: its address is another one each time."""
    return f"{mapper.destination} sandbox"
