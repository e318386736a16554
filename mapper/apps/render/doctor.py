"""What a doctor found, as a page: a mark, what was looked at, what was found, what to do.

Knows the layout of that page. Must not look at anything itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from mapper.apps.render.counting import counted
from mapper.apps.render.terminal import Screen, Text, block, cell_len, padded
from mapper.frozen import dataclass

_STYLES = {"ok": "green", "warning": "bold yellow", "error": "bold red"}
_MARK = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    level: Literal["ok", "warning", "error"]
    what: str
    said: str
    hint: str = ""


def page(lines: Sequence[Line], screen: Screen) -> Iterator[Text]:
    """All of it, and how many errors and warnings there are."""
    signs = {"ok": screen.signs.fine, "warning": screen.signs.doubt, "error": screen.signs.wrong}
    name = max((cell_len(one.what) for one in lines), default=0)
    indent = _MARK + name + 2
    for one in lines:
        first, *rest = block(one.said, indent, screen)
        line = Text(" ").append(padded(signs[one.level], 2), _STYLES[one.level]).append(" ")
        yield line.append(padded(one.what, name), "bold").append(f"  {first.plain[indent:]}")
        yield from rest
        if one.hint:
            yield from block(f"to do: {one.hint}", indent, screen, _STYLES[one.level])
    yield Text("")
    wrong = [counted(n, level) for level in ("error", "warning") if (n := sum(one.level == level for one in lines))]
    worst = "error" if any(one.level == "error" for one in lines) else "warning" if wrong else "ok"
    yield Text(" and ".join(wrong) or "all is well", _STYLES[worst])
