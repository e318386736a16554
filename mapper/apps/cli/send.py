"""``mapper send``: files of events in, each sent once, with an account of every one.

Knows the options, and what is asked before money is spent. Must not decide what becomes of an event
(``mapper.apps.sending``), and never shows any part of a key.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mapper.apps.cli import loading
from mapper.apps.cli.app import IdentityOption, MappingOption, SettingsOption, app, say
from mapper.apps.cli.dispatch import Order, Papers, dispatch, to_sandbox
from mapper.apps.cli.exits import Exit
from mapper.apps.outbox import target
from mapper.apps.sending.run import Rehearsal
from mapper.delivery import pace
from mapper.frozen import replace
from mapper.pipeline import Mapper
from mapper.readers import UnreadableError

_TO = "sandbox, live, or an address that stands in for the mapping's host (and path). http goes to this machine only."
_RATE = "N/second, N/minute, N/hour or none, instead of the mapping's; only the sandbox takes a faster one."
_UNSENT = "Keep here what was not delivered; what a person has to look into before it is sent again is wrapped."
_RESULTS = "One line of JSON for each event: what became of it, without traits."
_YES = "Do not ask before something else than the sandbox is sent to. For scripts."


@app.command()
def send(  # noqa: PLR0913 - the options of a command
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files with one event a line; - is stdin.")],
    to: Annotated[str, typer.Option("--to", metavar="sandbox|live|URL", help=_TO)] = "sandbox",
    mapping: MappingOption = None,
    identity: IdentityOption = None,
    setting: SettingsOption = None,
    rate: Annotated[str | None, typer.Option("--rate", metavar="RATE", help=_RATE)] = None,
    unsent: Annotated[str | None, typer.Option("--unsent", metavar="FILE", help=_UNSENT)] = None,
    results: Annotated[str | None, typer.Option("--results", metavar="FILE", help=_RESULTS)] = None,
    yes: Annotated[bool, typer.Option("--yes", help=_YES)] = False,  # noqa: FBT002 - typer's way to say a switch
) -> None:
    """Send many events, each once within this run.

    They are sent one after the other, at the mapping's rate. Without --to it sends to a sandbox that it starts on this
    machine for the run.

    Sent once means once within this run: the same messageId, or the same order where the mapping says once_per. A
    messageId that comes again with another content is not sent, and is counted as conflicting. A later run does not
    remember an earlier one yet: sending the same file twice sends everything twice.

    Nothing is tried again. Sending stops when the key or the account is refused, after ten requests in a row
    without a final answer, and on Ctrl-C, which ends the request under way and then counts the rest as unsent (a
    second Ctrl-C leaves the rest unread). The files of --unsent and --results must not be there yet.
    """
    mapper = loading.mapping(mapping)
    order = Order(mapper, loading.settings(setting, mapper), tuple(files), identity, _rate(rate, to, mapper))
    order.check()
    papers = Papers(results, unsent)
    if to == "sandbox":
        raise typer.Exit(to_sandbox(order, papers))
    url = _address(to)
    secrets = mapper.secrets(loading.overrides(setting, mapper))
    agreed = _agreed(order, url, yes=yes)
    raise typer.Exit(Exit.NOT_DELIVERED if agreed is None else dispatch(agreed, url, secrets, papers))


def _rate(text: str | None, to: str, mapper: Mapper) -> tuple[int, int] | None:
    """The rate of a run. Raises a usage error."""
    own = mapper.plan.send.rate
    if text is None:
        return own
    try:
        rate = pace.read_rate(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from None
    if to != "sandbox" and pace.faster(rate, own):
        message = f"the mapping allows {pace.spell(own)}; a slower rate can be given here"
        raise typer.BadParameter(message, param_hint="--rate")
    return rate


def _address(to: str) -> str | None:
    """The address that stands in for the mapping's own; None is the mapping's own. Raises a usage error."""
    if to == "live":
        return None
    wrong = target.wrong(to)
    if wrong:
        raise typer.BadParameter(f"sandbox, live or an address is due: {wrong}", param_hint="--to")
    return to


# ------------------------------------------------------------------------------------------------ before money is spent


def _agreed(order: Order, url: str | None, *, yes: bool) -> Order | None:
    """The order as the person agreed to it, or None. Raises UnreadableError where nobody can be asked."""
    if not yes and not order.readable_twice:
        message = "how many are sent has to be known before you agree, and a pipe can be read once"
        raise UnreadableError(f"{message}: write the events to a file, or say --yes")
    if not yes and not sys.stdin.isatty():
        raise UnreadableError("this would send for real and nobody can be asked: say --yes if it is meant")
    where = _where(order, url)
    if not order.readable_twice:
        say(f"Sending to {where}, {pace.spell(order.rate)}.")
        return order
    rehearsal = Rehearsal()
    run = order.run(rehearsal.world())
    for event in order.events():
        run.take(event)
    count = run.counts["delivered"]
    say(f"{count:,} of {run.read:,} events are to be sent to {where},")
    say(f"{pace.spell(order.rate)}: about {_spell(rehearsal.seconds)}. Each may be printed and cost money.")
    if run.unguarded:
        say(f"{run.unguarded:,} of them are not guarded by once_per: a part of its key is empty.")
    agreed = replace(order, most=count, total=run.read)
    return agreed if yes or count == 0 or _typed(count) else None


def _where(order: Order, url: str | None) -> str:
    own = target.host(order.mapper.plan, order.settings.public)
    if url is None:
        return f"{own} ({order.mapper.destination}, live)"
    return f"{url} (in place of {own})"


def _typed(count: int) -> bool:
    """Whether the person types the count."""
    say("An earlier run is not remembered: what it sent would be sent again.")
    sys.stderr.write(f"Type {count} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().replace(",", "") == str(count):
        return True
    say("Nothing was sent.")
    return False


def _spell(seconds: float) -> str:
    """A duration in one unit."""
    units = (("hour", 3600.0), ("minute", 60.0), ("second", 1.0))
    unit, size = next((u for u in units if seconds >= 1.5 * u[1]), units[-1])
    number = max(1, round(seconds / size))
    return f"{number} {unit}{'' if number == 1 else 's'}"
