"""How a mapping fits a sample of events: expressions that nothing ever filled, traits that nothing reads.

Knows the layout of two lists. Must not find anything itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapper.apps.render.counting import counted
from mapper.apps.render.terminal import Screen, Text, block, cell_len, cut, padded
from mapper.errors import Problem

_MOST_TRAITS = 40


def never_matched(problems: Sequence[Problem], events: int, screen: Screen) -> Iterator[Text]:
    """One line for each expression that never matched, with what was perhaps meant below it."""
    if not problems:
        return
    yield Text(f"never filled in {counted(events, 'event')} of the sample", "bold")
    names = max(cell_len(problem.field or "") for problem in problems)
    for problem in problems:
        place = problem.position
        text = problem.message.partition(" was never ")[0]
        label = f"  {place.line if place else '':>4}  {padded(problem.field or '', names)}  "
        yield Text(label, "dim").append(cut(text, screen.width - cell_len(label), screen.signs), "not dim")
        if problem.hint:
            yield from block(problem.hint, cell_len(label) + 2, screen, "yellow")
    yield Text("")


def unread(traits: Sequence[tuple[str, int]], screen: Screen) -> Iterator[Text]:
    """The traits that no expression reads, with the number of events that each was in."""
    if not traits:
        return
    yield Text("traits that no expression reads: they become custom fields, unless they are dropped", "bold")
    width = max(len(f"{count:,}") for _, count in traits)
    for name, count in traits[:_MOST_TRAITS]:
        yield Text(f"  {count:>{width},}  {cut(screen.legible(name), screen.width - width - 4, screen.signs)}")
    if len(traits) > _MOST_TRAITS:
        yield Text(f"  and {len(traits) - _MOST_TRAITS} more")
    yield Text("")
