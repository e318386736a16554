"""The options by which a person says which jobs are meant, and how something is done to them.

Knows how these options become values. Must not look at a job, nor know what is done to it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from mapper.apps.cli.stores import STORE, AccountOption, SourceOption, StoreOption
from mapper.delivery.names import Names
from mapper.delivery.states import MEANINGS, State
from mapper.delivery.values import Filter
from mapper.frozen import dataclass

#: No store has a higher number: its databases count in 64 bits.
_HIGHEST = 2**63 - 1
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"([0-9]{1,6})\s?([smhdw])", re.ASCII)
_WHEN = "2h or 3d ago, or a moment such as 2026-11-22T09:00 (UTC)"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person said of which jobs are meant, as it was typed."""

    state: list[str] | None = None
    job: list[int] | None = None
    message_id: str | None = None
    user: str | None = None
    reason: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    source: str = ""

    @property
    def everything(self) -> bool:
        """Whether nothing was said that leaves any job out."""
        said = (self.state, self.job, self.message_id, self.user, self.reason, self.since, self.until, self.limit)
        return not any(one is not None and one != [] for one in said)

    def filter(self, secret: bytes, now: float) -> Filter:
        """The filter for a store with this secret, by its clock. Raises a usage error."""
        names = Names(secret, self.source)
        return Filter(
            states=tuple(_state(one) for one in self.state or ()),
            jobs=tuple(possible(one) for one in self.job) if self.job else None,
            message=names.message(self.message_id) if self.message_id is not None else None,
            person=names.user(self.user) if self.user is not None else None,
            reason=self.reason or None,
            after=moment(self.since, now, "--since"),
            before=moment(self.until, now, "--until"),
            most=None if self.limit is None else min(self.limit, _HIGHEST),
        )


def possible(job: int) -> int:
    """A job's number, as a database can be asked for it. Raises a usage error."""
    if abs(job) > _HIGHEST:
        raise typer.BadParameter(f"there is no job {job}: no store counts that far")
    return job


def _state(text: str) -> State:
    """A state by its name. Raises a usage error."""
    for state in MEANINGS:
        if state == text:
            return state
    raise typer.BadParameter(f"there is no state {text!r}: {', '.join(MEANINGS)}", param_hint="--state")


def moment(text: str | None, now: float, option: str) -> float | None:
    """A moment: so long before ``now``, or in ISO 8601, UTC where it says no zone. Raises a usage error."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip().removesuffix("ago").strip())
    if ago is not None:
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        said = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"a moment is {_WHEN}", param_hint=option) from None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()


def _options(  # noqa: PLR0913 - it stands for the options, and is never called
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Jobs in this state. May be repeated.", show_default=False),
    ] = None,
    job: Annotated[
        list[int] | None,
        typer.Option("--job", metavar="N", help="The job of this number. May be repeated.", show_default=False),
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--message-id", metavar="ID", help="The job of this messageId.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="The jobs of this userId.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Jobs whose reason holds this text.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help=f"Accepted from then on: {_WHEN}.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Accepted before then.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many, the earliest first.")
    ] = None,
    source: SourceOption = "",
) -> None:
    """Stand for the options that say which jobs are meant."""


@dataclass(frozen=True, slots=True)
class Manner:
    """Where, by whom and how an act is done."""

    store: str
    account: str | None = None
    everything: bool = False
    dry_run: bool = False
    yes: bool = False
    why: str | None = None
    who: str | None = None


def _manner(  # noqa: PLR0913 - it stands for the options, and is never called
    store: StoreOption = STORE,
    account: AccountOption = None,
    everything: Annotated[  # noqa: FBT002 - typer's way to say a switch
        bool, typer.Option("--all", help="All jobs that this can be done to, where nothing else says which.")
    ] = False,
    dry_run: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--dry-run", help="Say what would move, by state and reason, and change nothing.")
    ] = False,
    yes: Annotated[  # noqa: FBT002 - as above
        bool, typer.Option("--yes", help="Do not ask before more than one job is moved. For scripts.")
    ] = False,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="A reason, to be kept beside the act.")
    ] = None,
    who: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who does it, where that is not this system's user.")
    ] = None,
) -> None:
    """Stand for the options that say how an act is done."""


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which jobs are meant: it gets them as one value, ``chosen``."""
    return _gathering(command, {"chosen": (Chosen, _options)})


def acting(command: Callable[..., None]) -> Callable[..., None]:
    """As ``choosing``, and the options that say how an act is done, as ``manner``."""
    return _gathering(command, {"chosen": (Chosen, _options), "manner": (Manner, _manner)})


def _gathering(command: Callable[..., None], parts: dict[str, tuple[type, Callable[..., None]]]) -> Callable[..., None]:
    together = {name: one for name, one in _parameters(command).items() if name not in parts}
    for _, options in parts.values():
        together |= _parameters(options)

    @wraps(command)
    def wrapped(**given: Any) -> None:
        values = {
            name: made(**{option: given.pop(option) for option in _parameters(options)})
            for name, (made, options) in parts.items()
        }
        command(**values, **given)

    # Typer reads a command's options from its signature.
    wrapped.__signature__ = inspect.Signature(list(together.values()))  # type: ignore[attr-defined]
    wrapped.__annotations__ = {name: one.annotation for name, one in together.items()}
    del wrapped.__wrapped__
    return wrapped


def _parameters(function: Callable[..., None]) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    return {
        one.name: one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters
    }
