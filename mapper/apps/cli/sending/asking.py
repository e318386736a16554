"""What is said and asked before money is spent: how many, where to, how fast.

Knows how a person is asked. Must not send, and shows nothing of anybody.
"""

from __future__ import annotations

import sys

from mapper.apps.cli.app import say
from mapper.apps.cli.sending import sums
from mapper.apps.cli.sending.dispatch import Order, Run
from mapper.apps.cli.sending.taking import batches
from mapper.apps.outbox import target
from mapper.apps.outbox.rehearsal import rehearse
from mapper.frozen import replace
from mapper.pipeline import Mapper
from mapper.readers import UnreadableError


def refuse_unasked(order: Order, *, yes: bool) -> None:
    """Raise UnreadableError where nobody can be asked, or cannot be told how many."""
    if not yes and not order.readable_twice:
        message = "how many are sent has to be known before you agree, and a pipe can be read once"
        raise UnreadableError(f"{message}: write the events to a file, or say --yes")
    if not yes and not sys.stdin.isatty():
        raise UnreadableError("this would send for real and nobody can be asked: say --yes if it is meant")


def agreed(run: Run) -> Order | None:
    """The order as the person agreed to it, or None."""
    order = run.order
    counts = run.outbox.status().counts
    waiting = counts["waiting"] + counts["ready"]
    found = rehearse(run.outbox, lambda: batches(order.files))
    there = where(order.mapper, order.settings, order.url)
    sent = f"{found.sent:,} of {sums.many(found.read, 'event')} {'is' if 1 in (found.sent, found.read) else 'are'}"
    say(f"{'' if found.exact else 'at most '}{sent} to be sent to {there}")
    if waiting:
        say(f"and {sums.many(waiting, 'job')} of earlier runs, which still wait in the store,")
    total = found.sent + waiting
    if total:
        say(f"{sums.at_rate(total, order.policy.rate)}. Each may be printed and cost money.")
    other = run.other_worker() if total else None
    if other is not None and other.account not in (None, run.outbox.ledger.account):
        say(f"Process {other.process} is the store's worker, for {other.account}: they wait until it has stopped.")
    if run.guards.unguarded:
        say(f"{run.guards.unguarded:,} of them are not guarded by once_per: a part of its key is empty.")
    return replace(order, most=found.read) if total == 0 or _agrees(total) else None


def where(mapper: Mapper, settings: dict[str, str], url: str | None) -> str:
    """Where it is sent to, for a person."""
    own = target.host(mapper.plan, mapper.resolved(settings).public)
    return f"{own} ({mapper.destination}, live)" if url is None else f"{url} (in place of {own})"


def typed(question: str) -> str:
    """What the person types; empty where that is nothing."""
    sys.stderr.write(question)
    sys.stderr.flush()
    line = ""
    try:
        line = sys.stdin.readline()
    finally:
        if not line.endswith("\n"):  # Ctrl-C or Ctrl-D: the cursor is still behind the question
            say("")
    return line.strip()


def _agrees(count: int) -> bool:
    """Whether the person types the count."""
    if typed(f"Type {count} to go on: ").replace(",", "") == str(count):
        return True
    say("Nothing was accepted, and nothing was sent.")
    return False
