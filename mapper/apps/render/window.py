"""What of several accounts is shown in a window that is too low for all of them.

Knows what alarms, and how much is left out. Must not ask a terminal how high it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from mapper.apps.render import status
from mapper.apps.render.counting import counted
from mapper.apps.render.status import Picture
from mapper.apps.render.terminal import Screen, Text, block

#: What is shown of an account at least, however low the window is.
_LEAST = 3


def fitted(pictures: Sequence[Picture], screen: Screen, height: int) -> list[Text]:
    """The pictures of some accounts in at most ``height`` lines.

    Where that is too few, what alarms comes first and empty states are left out; the last line says what is not shown.
    """
    whole = _together([list(status.page(one, screen)) for one in pictures])
    if len(whole) <= height:
        return whole
    ranked = sorted(pictures, key=lambda one: one.alarm, reverse=True)
    pages = [list(status.page(one, screen, brief=True)) for one in ranked]
    shown = len(pages)
    while shown > 1 and len(_together(pages[:shown])) + len(_note(ranked[shown:], 0, screen)) > height:
        shown -= 1
    lines = _together(pages[:shown])
    note = _note(ranked[shown:], 0, screen)
    if len(lines) + len(note) > height:
        note = _note(ranked[shown:], 1, screen)
        room = max(height - len(note), _LEAST)
        note = _note(ranked[shown:], len(lines) - room, screen)
        lines = lines[:room]
    return [*lines, *note]


def _together(pages: Sequence[list[Text]]) -> list[Text]:
    """Pages with a free line between them."""
    lines: list[Text] = []
    for page in pages:
        lines += [Text(""), *page] if lines else page
    return lines


def _note(hidden: Sequence[Picture], lines: int, screen: Screen) -> list[Text]:
    """What is not shown, and how it can be seen; nothing where all is."""
    more = [counted(lines, "more line")] if lines > 0 else []
    if hidden:
        alarms = sum(one.alarm > 0 for one in hidden)
        waits = f", {alarms:,} of them with something to settle" if alarms else ""
        more.append(f"{counted(len(hidden), 'more account')}{waits}")
    if not more:
        return []
    way = "a taller window, or --account" if hidden else "a taller window"
    style = "bold red" if any(one.alarm for one in hidden) else "bold"
    return list(block(f"{' and '.join(more)}: {way}", 0, screen, style))
