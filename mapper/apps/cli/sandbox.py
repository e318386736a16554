"""``mapper sandbox``: the mapping's own destination, pretended on this machine, until Ctrl-C.

Knows its options and what is printed for each arrival. Must not know how anything is checked.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
from typing import Annotated

import typer

from mapper import codec
from mapper.apps.cli import loading
from mapper.apps.cli.app import MappingOption, SettingsOption, app, say, write
from mapper.apps.sandbox import KEY, PORT, Arrival, Faults, Sandbox, spelt
from mapper.errors import SettingsError
from mapper.pipeline import Mapper
from mapper.plan.settings import Settings, resolve

_ANSWER = "Answer this status instead of the one that the checks give."
_FOR = "Only the first N requests go wrong."
_EVERY = "Only each Nth request goes wrong."
_SHOW = "Print the bodies too: names and addresses, without the key."

#: Seconds after which a Ctrl-C is heeded that came just as the wait began: it would not end the wait.
_LOOK = 0.5


@app.command()
def sandbox(  # noqa: PLR0913 - the options of a command
    mapping: MappingOption = None,
    setting: SettingsOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 is any free one.")] = PORT,
    answer: Annotated[int | None, typer.Option(metavar="STATUS", help=_ANSWER)] = None,
    retry_after: Annotated[float | None, typer.Option(metavar="SECONDS", help="Send Retry-After with it.")] = None,
    slow: Annotated[float, typer.Option(metavar="SECONDS", help="Wait before answering.")] = 0,
    drop: Annotated[bool, typer.Option("--drop", help="Close the connection instead of answering.")] = False,  # noqa: FBT002 - typer's way to say a switch
    first: Annotated[int | None, typer.Option("--for", metavar="N", help=_FOR)] = None,
    every: Annotated[int | None, typer.Option(metavar="N", help=_EVERY)] = None,
    show: Annotated[bool, typer.Option("--show", help=_SHOW)] = False,  # noqa: FBT002 - as above
) -> None:
    """Pretend to be the destination, on this machine.

    It checks and lists what arrives, and nothing leaves the machine. Required fields, rules, the place of the key and
    the answers are those of the mapping. Each arrival is one line on stdout; / and /received of the printed address
    list the last 10,000 with their bodies. The key is: sandbox.
    """
    if not all(map(math.isfinite, (slow, retry_after or 0.0))):  # typer takes the word nan for a number
        raise typer.BadParameter("seconds are a number")
    try:
        faults = Faults(answer, retry_after, slow, drop, first, every)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    mapper = loading.mapping(mapping)
    try:
        pretended = Sandbox(mapper, _settings(setting, mapper), faults=faults, port=port)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise typer.BadParameter(f"cannot listen on port {port}: {reason}", param_hint="--port") from None
    _serve(pretended, mapper, show=show)


def _settings(given: list[str] | None, mapper: Mapper) -> Settings:
    """The settings, as far as they are known: a destination does not need those that make up a request."""
    known = {**mapper.settings.public, **mapper.settings.secret, **loading.overrides(given, mapper)}
    settings = resolve(mapper.plan, {}, known)
    wrong = tuple(problem for problem in settings.problems if problem.code != "setting_missing")
    if wrong:
        raise SettingsError(wrong)
    return settings


def _serve(pretended: Sandbox, mapper: Mapper, *, show: bool) -> None:
    """Serve until Ctrl-C, or until nobody reads our output any more."""
    over, gone = threading.Event(), threading.Event()

    def arrived(arrival: Arrival) -> None:
        try:
            write(_line(arrival, show=show))
        except OSError:
            gone.set()
            over.set()

    pretended.on_arrival = arrived
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with pretended:
        try:
            _welcome(pretended, mapper)
            while not over.wait(_LOOK):
                pass
        except KeyboardInterrupt:
            say("")
    counts = pretended.counts
    say(spelt(counts))
    say("".join(f"  {count:>6,}  answered {status}\n" for status, count in counts["by_status"].items()).rstrip("\n"))
    if gone.is_set():
        raise BrokenPipeError


def _welcome(pretended: Sandbox, mapper: Mapper) -> None:
    """Where it is, and how to send to it."""
    names = dict.fromkeys(name for secret in mapper.plan.send.secrets for _, name in secret.settings if name)
    say(f"{mapper.destination}, pretended, is at {pretended.url} (key: {KEY}); Ctrl-C ends it")
    say(f"  to send to it: mapper send FILE --to {pretended.url}")
    for name in names:
        say(f"                 with {name}={KEY} in the environment")
    say(f"  what arrived:  {pretended.url}/ and /received")
    sys.stderr.flush()


def _line(arrival: Arrival, *, show: bool) -> bytes:
    """One line of output. The body only where it is asked for."""
    body = codec.encode(arrival.body) + b"\n" if show and arrival.body is not None else b""
    return arrival.line.encode() + b"\n" + body
