"""One run of ``mapper send``: the world that it sends into, every event, and the account of it afterwards.

Knows how the parts of a run are put together and shown. Must not ask anything, nor decide what becomes of an event.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from mapper.apps.cli import loading
from mapper.apps.cli.app import say
from mapper.apps.cli.exits import Exit, highest
from mapper.apps.cli.interrupts import Interrupts
from mapper.apps.outbox import target
from mapper.apps.sending.records import AGAIN, FATES, Records
from mapper.apps.sending.run import Run, World
from mapper.delivery import pace
from mapper.frozen import dataclass
from mapper.outcome import Outcome
from mapper.pipeline import Mapper
from mapper.plan.settings import Settings
from mapper.readers import UnreadableError, ndjson
from mapper.readers.events import Event, Reader
from mapper.request import Request
from mapper.transports import asend

_STYLES = {
    "delivered": "green",
    "rejected": "red",
    "unknown": "bold red",
    "paused": "red",
    "conflicting": "red",
    "invalid": "yellow",
}

_STOPPING = b"\nStopping: the request under way is waited for, the rest is counted. Ctrl-C again leaves at once.\n"


@dataclass(frozen=True, slots=True)
class Papers:
    """The names of the files that a run writes, where it writes any."""

    results: str | None = None
    unsent: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be sent: the files and how they are mapped, at which rate.

    ``most``   how many requests may leave, where a person agreed to a number
    ``total``  how many events there are, where they were counted
    """

    mapper: Mapper
    settings: Settings
    files: tuple[str, ...]
    identity: str | None
    rate: tuple[int, int] | None
    most: int | None = None
    total: int | None = None

    @property
    def _inputs(self) -> tuple[str, ...]:
        return self.files if self.identity is None else (*self.files, self.identity)

    def check(self) -> None:
        """Raise UnreadableError where a file cannot be read."""
        for name in self._inputs:
            ndjson.check(name)
        if self._inputs.count("-") > 1:
            raise UnreadableError("standard input can be read once")

    @property
    def readable_twice(self) -> bool:
        """Whether the events can be counted first and sent afterwards."""
        return all(Path(name).is_file() for name in self._inputs)

    def events(self) -> Generator[Event, None, None]:
        """The events, from the start. Raises UnreadableError."""
        known = loading.known(self.identity, self.mapper)
        return Reader(self.mapper, self.settings, known).events(self.files)

    def run(self, world: World) -> Run:
        """A run of this order in a world."""
        bounds = [bound for bound in (self.mapper.plan.send.cap_run, self.most) if bound is not None]
        return Run(self.mapper.plan, self.settings.public, world, rate=self.rate, most=min(bounds, default=None))


def to_sandbox(order: Order, papers: Papers) -> Exit:
    """Send to a sandbox that lives as long as the run, and say what it counted."""
    # The sandbox brings an HTTP server along, which nobody else needs.
    from mapper.apps.sandbox import Sandbox

    with Sandbox(order.mapper, order.settings) as sandbox:
        if order.rate is not None:
            say(f"{pace.spell(order.rate)}; --rate none lets the sandbox take them as fast as it can")
        exit_code = dispatch(order, sandbox.url, sandbox.settings, papers)
    counts = sandbox.counts
    words = ", ".join(f"{counts[name]:,} {name}" for name in ("accepted", "refused", "dropped", "repeated"))
    say(f"The sandbox counted {counts['received']:,} requests: {words}.")
    return exit_code


def dispatch(order: Order, url: str | None, secrets: Mapping[str, Any], papers: Papers) -> Exit:
    """Run an order to the end and show the account of it.

    ``url`` stands in for the mapping's own address. Raises SettingsError, UnreadableError and UnwritableError.
    """
    interrupts = Interrupts(lambda: _stop(run))
    with Records(papers.results, papers.unsent) as records, _world(url, secrets, interrupts) as world, interrupts:
        run = order.run(world)
        try:
            whole = _take_all(order, run, records, interrupts)
        finally:
            if run.read:
                _show(run, order, papers)
    undelivered = Exit.NOT_DELIVERED if run.undelivered or not whole else Exit.FINE
    return highest([undelivered, Exit.SOME_INVALID if run.counts["invalid"] else Exit.FINE])


def _stop(run: Run) -> None:
    """What the first Ctrl-C does. It runs inside a signal, where a stream may be in the middle of a line."""
    run.stop("Ctrl-C")
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), _STOPPING)


@contextmanager
def _world(url: str | None, secrets: Mapping[str, Any], interrupts: Interrupts) -> Iterator[World]:
    """The real world: one connection after the other on a loop of its own."""
    # Loading HTTP takes a tenth of a second: not before it is needed.
    from mapper.transports.http import Http

    transport = Http(secrets)
    with asyncio.Runner() as runner:

        def post(request: Request) -> Outcome:
            try:
                with interrupts.breakable():
                    return runner.run(asend(target.aimed(request, url), transport))
            except KeyboardInterrupt:
                return Outcome("unknown", "Ctrl-C broke it off; it may have been taken", kind="interrupted")

        try:
            yield World(post, time.monotonic, interrupts.wait)
        finally:
            runner.run(transport.aclose())


def _take_all(order: Order, run: Run, records: Records, interrupts: Interrupts) -> bool:
    """Take every event; False where a second Ctrl-C left some unread."""
    # Drawn with rich.
    from mapper.apps.render.sending import Line

    last: Event | None = None
    with Line(sys.stderr, order.total) as line, closing(order.events()) as stream:
        try:
            for event in _read(stream, interrupts):
                records.keep(run.take(event))
                last = event
                line.show(run.read, _progress(run))
        except KeyboardInterrupt:
            say(f"What comes after {_place(last)} was not read.")
            return False
    return True


def _place(event: Event | None) -> str:
    if event is None:
        return "the start"
    return f"line {event.number} of {'standard input' if event.file == '-' else event.file}"


def _read(stream: Iterator[Event], interrupts: Interrupts) -> Iterator[Event]:
    """The events. Only while one is read may a second Ctrl-C break in: then nothing is half done."""
    while True:
        with interrupts.breakable():
            event = next(stream, None)
        if event is None:
            return
        yield event


def _progress(run: Run) -> str:
    undelivered = f", {run.undelivered:,} not" if run.undelivered else ""
    return f"{run.read:,} read, {run.counts['delivered']:,} delivered{undelivered}"


def _show(run: Run, order: Order, papers: Papers) -> None:
    """The account of a run."""
    # Drawn with rich.
    from mapper.apps.render import terminal
    from mapper.apps.render.sending import Count, account

    rows = [
        Count(run.counts[fate], fate, means, _STYLES.get(fate, ""))
        for fate, means in FATES.items()
        if run.counts[fate] or fate == "delivered"
    ]
    screen = terminal.screen(sys.stderr)
    terminal.show(account(rows, screen), sys.stderr)
    for sentence in _sentences(run, order, papers):
        terminal.show(terminal.block(sentence, 0, screen), sys.stderr)


def _sentences(run: Run, order: Order, papers: Papers) -> Iterator[str]:
    """What a person has to know besides the counts."""
    if run.stopped is not None:
        yield f"Sending stopped: {run.stopped}."
    if run.conflicts:
        yield f"{_many(run.conflicts, 'call')} not sent: the messageId of an earlier one, and another content."
    if run.unguarded:
        yield f"{_many(run.unguarded, 'order')} not guarded by once_per: a part of its key is empty."
    if run.counts["unknown"]:
        doubtful = f"{_many(run.counts['unknown'], 'event')} may have been taken"
        yield f"{doubtful}: ask {order.mapper.destination} before sending them again."
    again = sum(run.counts[fate] for fate in AGAIN)
    if again:
        kept = f"kept in {papers.unsent}" if papers.unsent else "not kept (--unsent FILE keeps them)"
        yield f"{_many(again, 'event')} that may be sent again: {kept}."
    if run.counts["invalid"]:
        yield "mapper transform says why events are invalid."


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
