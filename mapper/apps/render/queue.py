"""Jobs as a person reads them: a list, one job's whole story, and what an act would move.

Knows the layout of these pages. Must not ask a store, nor a clock. It shows a person's values only where it is given
the content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from mapper import codec
from mapper.apps.render.counting import counted
from mapper.apps.render.moments import length, moment
from mapper.apps.render.terminal import Screen, Text, block, cell_len, cut, padded
from mapper.delivery.states import MEANINGS, State
from mapper.delivery.values import Act, Attempt, Row, Story
from mapper.frozen import dataclass

STYLES: dict[State, str] = {
    "unknown": "bold red",
    "held": "yellow",
    "delivered": "green",
    "rejected": "red",
    "dead": "red",
    "invalid": "yellow",
}
_HEADS = ("job", "state", "age", "tries", "http", "reason")
_GAP = "  "
_INDENT = 2


# ------------------------------------------------------------------------------------------------------------- the list


def listed(rows: Sequence[Row], now: float, screen: Screen) -> Iterator[Text]:
    """Jobs, one a line: nothing of anybody is in it."""
    cells = [_cells(row, now) for row in rows]
    widths = [max(len(head), *(cell_len(row[n]) for row in cells)) for n, head in enumerate(_HEADS[:-1])]
    right = (True, False, True, True, True)
    yield Text(_line(_HEADS, widths, right), "bold")
    yield Text(screen.signs.rule * screen.width, "dim")
    indent, place = sum(widths) + len(_GAP) * len(widths), widths[0] + len(_GAP)
    for row, said in zip(rows, cells, strict=True):
        line = Text(_line((*said[:-1], ""), widths, right))
        line.stylize(STYLES.get(row.state, ""), place, place + len(row.state))
        line.append(cut(screen.legible(said[-1]), screen.width - indent, screen.signs), "dim")
        line.rstrip()
        yield line


def _cells(row: Row, now: float) -> tuple[str, ...]:
    status = str(row.status) if row.status is not None else ""
    tries = str(row.attempts) if row.attempts else ""
    later = row.state == "ready" and row.due is not None and row.due - now >= 1
    due = f"due in {length(row.due - now)}" if later and row.due is not None else ""
    repeats = f"came {row.duplicates + row.conflicts + 1} times" if row.duplicates + row.conflicts else ""
    reason = "; ".join(filter(None, (due, row.because or "", repeats)))
    return str(row.job), row.state, length(now - row.accepted), tries, status, reason


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    fitted = [
        " " * (width - cell_len(cell)) + cell if flush else padded(cell, width)
        for cell, width, flush in zip(cells, widths, right, strict=False)
    ]
    return _GAP.join([*fitted, cells[-1]])


# ------------------------------------------------------------------------------------------------------------ the story


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing that happened to a job."""

    at: float
    what: str
    said: str = ""
    style: str = ""


def told(story: Story, now: float, screen: Screen) -> Iterator[Text]:
    """One job: what it is, and what happened to it, in order."""
    row = story.row
    yield Text(f"job {row.job}: ", "bold").append(row.state, STYLES.get(row.state, "bold"))
    yield from block(MEANINGS[row.state], _INDENT, screen, "dim")
    for label, words in _facts(story, now):
        first, *rest = block(words, _INDENT + 10, screen)
        yield Text(" " * _INDENT).append(f"{label:<10}", "bold").append(first.plain[_INDENT + 10 :])
        yield from rest
    yield Text("")
    for step in sorted(_steps(story), key=lambda one: one.at):
        head = f"{moment(step.at)}  "
        yield Text(" " * _INDENT).append(head, "dim").append(screen.legible(step.what), step.style)
        if step.said:
            yield from block(step.said, _INDENT + len(head), screen, "dim")


def _facts(story: Story, now: float) -> Iterator[tuple[str, str]]:
    row = story.row
    if row.because:
        yield "reason", row.because
    yield "age", length(now - row.accepted)
    if row.due is not None and row.state in ("ready", "waiting"):
        yield "due", f"in {length(row.due - now)}" if row.due > now else "now"
    if row.duplicates:
        yield "repeated", counted(row.duplicates, "time")
    if row.conflicts:
        yield "conflict", f"{counted(row.conflicts, 'time')} with another content"
    yield "mapping", row.fingerprint or "-"
    if story.event is None:
        yield "content", "gone: forgotten, or past its time"


def _steps(story: Story) -> Iterator[_Step]:
    row = story.row
    yield _Step(row.accepted, "accepted")
    yield from (_try(one) for one in story.attempts)
    yield from (_act(one) for one in story.acts)
    if row.attempts > len(story.attempts):
        yield _Step(row.changed, f"try {row.attempts} began", "its end is not known yet")
    elif row.changed > max([row.accepted, *(a.ended for a in story.attempts), *(a.at for a in story.acts)]):
        yield _Step(row.changed, row.state, row.because or "", STYLES.get(row.state, ""))


def _try(one: Attempt) -> _Step:
    status = f", HTTP {one.status}" if one.status is not None else ""
    took = length(one.ended - one.started) if one.ended - one.started >= 1 else "at once"
    style = {"delivered": "green", "rejected": "red", "unknown": "bold red"}.get(one.ending, "yellow")
    return _Step(one.ended, f"try {one.number}: {one.ending}{status} ({took})", one.because or "", style)


def _act(one: Act) -> _Step:
    moved = f": {one.was} to {one.became}" if one.was and one.became else ""
    return _Step(one.at, f"{one.verb} by {one.who}{moved}", one.why or "", "cyan")


def content(story: Story, screen: Screen) -> Iterator[Text]:
    """What was accepted and what is sent: names and addresses. Secrets are not among it, the transport adds them."""
    for title, stored in (("the event", story.event), ("the request's body, without secrets", story.content)):
        yield Text("")
        yield Text(title, "bold")
        if stored is None:
            yield Text("  none")
            continue
        for line in _pretty(stored, screen):
            yield Text(f"  {screen.legible(line)}")


def _pretty(stored: bytes, screen: Screen) -> list[str]:
    try:
        decoded = codec.decode(stored)
    except codec.NotJson:
        return stored.decode("utf-8", "backslashreplace").split("\n")
    return json.dumps(decoded, ensure_ascii=screen.plain, indent=2).split("\n")


# ------------------------------------------------------------------------------------------------------------- an act


@dataclass(frozen=True, slots=True)
class Moved:
    """So many jobs of one state and reason, and what becomes of them; ``style`` is of what they become."""

    number: int
    was: str
    becomes: str
    because: str | None = None


def _way(row: Moved, screen: Screen) -> str:
    if row.was == row.becomes:
        return f"{row.was}, as before"
    return f"{row.was} {'->' if screen.plain else '→'} {row.becomes}"


def moves(rows: Iterable[Moved], screen: Screen) -> Iterator[Text]:
    """What an act moves: how many, from where to where, and a reason. Those that stay as they are come last."""
    rows = tuple(sorted(rows, key=lambda row: row.was == row.becomes))
    number = max((len(f"{row.number:,}") for row in rows), default=0)
    ways = [_way(row, screen) for row in rows]
    way = max((cell_len(one) for one in ways), default=0)
    for row, said in zip(rows, ways, strict=True):
        line = Text(" " * _INDENT + f"{row.number:>{number},}  ").append(padded(said, way))
        if row.because:
            room = screen.width - _INDENT - number - 2 - way - 2
            line.append(_GAP + cut(screen.legible(row.because), max(room, 8), screen.signs), "dim")
        line.rstrip()
        yield line
