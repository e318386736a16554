"""A person as a page: what is known, trait by trait, and the receipt of forgetting it.

Knows the layout of these pages. Must not ask a store. The first shows a person's values, because seeing them is what
it is for; the second holds nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mapper import codec
from mapper.apps.render import table
from mapper.apps.render.counting import counted
from mapper.apps.render.moments import length, moment
from mapper.apps.render.terminal import Screen, Text, block
from mapper.frozen import dataclass, field


@dataclass(frozen=True, slots=True)
class Known:
    """A trait that is known. ``said`` is when, None where its call did not say; a value of None was cleared."""

    name: str
    value: Any = field(repr=False)
    said: float | None


@dataclass(frozen=True, slots=True)
class Person:
    """What an account knows of a person. ``forgotten`` is when it was forgotten, and whether for good."""

    account: str
    traits: tuple[Known, ...]
    jobs: int
    forgotten: tuple[float, bool] | None = None


def page(person: Person, now: float, screen: Screen) -> Iterator[Text]:
    """What is known of one person."""
    traits = f"{counted(len(person.traits), 'trait')} {'is' if len(person.traits) == 1 else 'are'} known"
    yield from block(f"{person.account}: {traits}, {counted(person.jobs, 'job')}", 0, screen, "bold")
    if person.forgotten is not None:
        good = ", for good: later events are not taken either" if person.forgotten[1] else ""
        yield from block(f"forgotten on {moment(person.forgotten[0])} UTC{good}", 0, screen, "yellow")
    if person.traits:
        yield Text("")
        yield from table.tables({"trait": [_row(one, now, screen) for one in person.traits]}, screen, "said")


def _row(one: Known, now: float, screen: Screen) -> table.Row:
    said = f"{moment(one.said)}, {length(now - one.said)} ago" if one.said is not None else "at a time unknown"
    if one.value is None:
        return table.Row(screen.signs.none, "dim", one.name, "(cleared)", said)
    value = one.value if isinstance(one.value, str) else codec.encode(one.value).decode()
    return table.Row(screen.signs.fine, "green", one.name, value, said, whole=("value",))


@dataclass(frozen=True, slots=True)
class Gone:
    """What was found of a person and is gone."""

    account: str
    at: float
    stopped: int
    contents: int
    identities: int
    under_way: int
    scrubbed: bool = True


def receipt(gone: Gone, who: str, screen: Screen, *, for_good: bool) -> Iterator[Text]:
    """The receipt of forgetting somebody."""
    yield from block(f"{gone.account}: forgotten on {moment(gone.at)} UTC, by {who}", 0, screen, "bold")
    counts = (
        (gone.stopped, "job stopped", "jobs stopped", ": not sent, or not once more"),
        (gone.contents, "event with its request", "events with their requests", " erased"),
        (gone.identities, "identity", "identities", " erased"),
    )
    width = max(len(f"{number:,}") for number, *_ in counts)
    for number, one, several, what in counts:
        first, *rest = block(f"{one if number == 1 else several}{what}", width + 4, screen)
        yield Text(f"  {number:>{width},}  {first.plain.lstrip()}")
        yield from rest
    if gone.under_way:
        said = f"{gone.under_way:,} under way: erased as soon as it is known how they ended; look again then"
        yield from block(said, 2, screen, "bold yellow")
    if not gone.scrubbed and not gone.under_way:
        said = "another program reads the store: the bytes are overwritten when a command opens it next"
        yield from block(said, 2, screen, "bold yellow")
    if not any(number for number, *_ in counts) and not gone.under_way:
        yield from block("nothing was known (ids of another source are other people: --source)", 2, screen, "dim")
    later = "events of this person are not taken any more" if for_good else "events from before now are not taken"
    yield from block(later, 2, screen, "dim")
