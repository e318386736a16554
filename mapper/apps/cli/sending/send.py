"""``mapper send``: files of events in, each sent once, with an account of every one.

Knows the options, and in which order they are looked at. Must not decide what becomes of an event
(``mapper.delivery``), and never shows any part of a key.
"""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Annotated

import typer

from mapper.apps.cli import loading, stores
from mapper.apps.cli.app import IdentityOption, MappingOption, SettingsOption, app, say
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.stores import StoreOption
from mapper.delivery import pace
from mapper.frozen import replace
from mapper.pipeline import Mapper
from mapper.plan.send import seconds

if TYPE_CHECKING:  # a database library, rich and HTTP are loaded only when something is sent
    from mapper.apps.cli.sending.dispatch import Order

_TO = "sandbox, live, or an address that stands in for the mapping's host (and path). http goes to this machine only."
_RATE = "N/second, N/minute, N/hour or none, instead of the mapping's; only the sandbox takes a faster one."
_STALE = "Events that are older are not sent: 12h, 30d, or none. [default: the mapping's, or else 30d]"
_RESULTS = "A new file: one line of JSON for each event, what became of it, without traits."
_SOURCE = "Which of your sources the events are from: a userId means somebody within one source only."
_YES = "Do not ask before something else than the sandbox is sent to. For scripts."

ToOption = Annotated[str, typer.Option("--to", metavar="sandbox|live|URL", help=_TO)]
RateOption = Annotated[str | None, typer.Option("--rate", metavar="RATE", help=_RATE)]
YesOption = Annotated[bool, typer.Option("--yes", help=_YES)]

_DURATION = re.compile("[1-9][0-9]{0,8}[smhd]", re.ASCII)


@app.command(short_help="Send many events, each once. Again on the same file sends nothing twice.")
def send(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files with one event a line; - is stdin.")],
    to: ToOption = "sandbox",
    store: StoreOption = stores.STORE,
    mapping: MappingOption = None,
    identity: IdentityOption = None,
    setting: SettingsOption = None,
    source: Annotated[str, typer.Option("--source", metavar="NAME", help=_SOURCE)] = "",
    rate: RateOption = None,
    stale_after: Annotated[str | None, typer.Option("--stale-after", metavar="DURATION|none", help=_STALE)] = None,
    results: Annotated[str | None, typer.Option("--results", metavar="FILE", help=_RESULTS)] = None,
    yes: YesOption = False,  # noqa: FBT002 - typer's way to say a switch
) -> None:
    """Send many events, each once.

    All of them are accepted first: they are in the store then, and nothing is lost. Then what waits there is sent, at
    the mapping's rate, that of earlier runs too. However it is interrupted, the same command again, or `mapper worker`,
    goes on; what was accepted before is not accepted again, and what was sent is not sent again.

    Without --to it sends to a sandbox that it starts on this machine for the run, from a store that ends with it unless
    --store is given.

    It waits up to a minute for what is to be tried again, and stops where the key is refused. On Ctrl-C it ends what is
    under way, 25 seconds at most; a second Ctrl-C leaves at once.
    """
    # All that sends is loaded here, so that --help does without.
    from mapper.apps.cli.sending import asking
    from mapper.apps.cli.sending.dispatch import Order, Run
    from mapper.delivery.policy import of_plan

    called, mapper = mapping, loading.mapping(mapping)
    policy = of_plan(mapper.plan)
    policy = replace(policy, rate=rate_of(rate, to, mapper), stale_after=_age(stale_after, policy.stale_after))
    overrides = loading.overrides(setting, mapper)
    mapper.resolved(overrides)
    order = Order(mapper, tuple(files), identity, policy, results, source, overrides, store, called=called)
    order.check()
    if to == "sandbox":
        raise typer.Exit(_to_sandbox(order, kept=_is_said(context, "store")))
    order = replace(order, url=address_of(to))
    mapper.secrets(overrides)
    asking.refuse_unasked(order, yes=yes)
    with Run(order) as run:
        agreed = order if yes else asking.agreed(run)
        if agreed is None:
            raise typer.Exit(Exit.NOT_DELIVERED)
        run.order = agreed
        raise typer.Exit(run.to_the_end())


def rate_of(text: str | None, to: str, mapper: Mapper) -> tuple[int, int] | None:
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


def address_of(to: str) -> str | None:
    """The address that stands in for the mapping's own; None is the mapping's own. Raises a usage error."""
    if to == "live":
        return None
    from mapper.apps.outbox import target

    wrong = target.wrong(to)
    if wrong:
        raise typer.BadParameter(f"sandbox, live or an address is due: {wrong}", param_hint="--to")
    return to


def _age(text: str | None, own: float | None) -> float | None:
    """The age after which nothing is sent, in seconds. Raises a usage error."""
    if text is None:
        return own
    if text == "none":
        return None
    if _DURATION.fullmatch(text) is None:
        raise typer.BadParameter("a duration is due, such as 12h or 30d, or none", param_hint="--stale-after")
    return float(seconds(text))


def _is_said(context: typer.Context, name: str) -> bool:
    """Whether an option is on the command line itself."""
    given = context.get_parameter_source(name)
    return given is not None and given.name == "COMMANDLINE"


def _to_sandbox(order: Order, *, kept: bool) -> int:
    """Send to a sandbox of the run; from a store of the run, unless one is kept."""
    from mapper.apps.cli.sending.dispatch import Run, sandboxed

    with tempfile.TemporaryDirectory(prefix="mapper-", ignore_cleanup_errors=True) as directory:
        here = order if kept else replace(order, store=f"{directory}/{stores.STORE}", kept=False)
        with sandboxed(here) as order_there, Run(order_there) as run:
            if order.policy.rate is not None:
                say(f"{pace.spell(order.policy.rate)}; --rate none lets the sandbox take them as fast as it can")
            return run.to_the_end()
