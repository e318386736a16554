"""``mapper worker``: sends what is accepted into a store, until it is told to stop.

Knows the options, and in which order they are looked at. Must not send itself.
"""

from __future__ import annotations

import sys

import typer

from mapper.apps.cli import loading, stores
from mapper.apps.cli.app import MappingOption, SettingsOption, app
from mapper.apps.cli.exits import Exit
from mapper.apps.cli.sending.send import RateOption, ToOption, YesOption, address_of, rate_of
from mapper.apps.cli.stores import StoreOption
from mapper.readers import UnreadableError


@app.command(short_help="Send what is accepted into a store, until it is stopped.")
def worker(  # noqa: PLR0913 - the options of a command
    to: ToOption = "live",
    store: StoreOption = stores.STORE,
    mapping: MappingOption = None,
    setting: SettingsOption = None,
    rate: RateOption = None,
    yes: YesOption = False,  # noqa: FBT002 - typer's way to say a switch
) -> None:
    """Send what is accepted into a store, until it is stopped.

    It sends what waits there for --to (live, or the address that `mapper send` was given), and what is accepted
    meanwhile, at the mapping's rate. An SQLite store has one worker at a time; PostgreSQL any number, and the rate is
    theirs together.

    On Ctrl-C or SIGTERM it ends what is under way, 25 seconds at most, and exits with 0; a second one leaves at once.
    What a worker that was killed had under way stands as unknown.
    """
    # All that sends is loaded here, so that --help does without.
    from mapper.apps.cli.sending import working

    if to == "sandbox":
        raise typer.BadParameter("live, or the address of a running `mapper sandbox`, is due", param_hint="--to")
    mapper, url = loading.mapping(mapping), address_of(to)
    rates = rate_of(rate, to, mapper)
    overrides = loading.overrides(setting, mapper)
    mapper.secrets(overrides)
    if not yes and not sys.stdin.isatty():
        raise UnreadableError("this would send for real and nobody can be asked: say --yes if it is meant")
    job = working.Job(mapper, store, url, rates, overrides)
    raise typer.Exit(Exit.FINE if working.work(job, asked=yes) else Exit.NOT_DELIVERED)
