"""How an account stands, as a picture: bars for its jobs, and what a person wants to know of them.

Knows the layout of that picture. Must not ask a store, nor a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mapper.apps.render.moments import clock, length
from mapper.apps.render.terminal import Screen, Text, block, cell_len, command, cut
from mapper.delivery import pace
from mapper.delivery.states import BLOCKING, MEANINGS, OPEN, TERMINAL, State
from mapper.delivery.values import Status
from mapper.frozen import dataclass

_STYLES: dict[State, str] = {
    "waiting": "cyan",
    "ready": "cyan",
    "sending": "bright_cyan",
    "unknown": "bold red",
    "held": "yellow",
    "delivered": "green",
    "rejected": "red",
    "dead": "red",
    "invalid": "yellow",
    "skipped": "bright_black",
    "suppressed": "bright_black",
    "erased": "bright_black",
}
#: How that is drawn at which a person has to look.
_ALARM = _STYLES["unknown"]
#: A fact: its name, the words, and how they are drawn.
_Line = tuple[str, str, str]
_NAME = max(len(state) for state in MEANINGS)
_LABEL = 11
_INDENT = 2
#: Bars are read best where they are not too long; what is left says what a state means.
_LONGEST_BAR = 40
_EIGHTHS = "▏▎▍▌▋▊▉█"
_LEVELS, _ASCII_LEVELS = "▁▂▃▄▅▆▇█", "_.:-=+*#"
#: From so many deliveries on they say how fast it goes; of fewer a minute's count is all that can be said.
_ENOUGH = 10
_MINUTE = 60
#: Seconds. What just began is not told by its first second.
_SHORTEST = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn of one account.

    ``store``    what the store is, for people
    ``pulse``    how many were delivered in each of the last seconds
    ``workers``  the names of those that work; None where that cannot be known
    ``none``     what is said where nobody works
    ``lapsed``   jobs that are ``sending`` by a worker that let its lease end: it is gone
    ``rate``     the mapping's rate and ``cap`` a day, where ``mapped`` says that a mapping was asked
    ``again``    the store as an option, where a command has to repeat it; ``own`` the account as one
    """

    status: Status
    store: str
    pulse: tuple[int, ...] = ()
    workers: tuple[str, ...] | None = None
    none: str = ""
    lapsed: int = 0
    mapped: bool = False
    rate: tuple[int, int] | None = None
    cap: int | None = None
    again: str = ""
    own: str = ""

    @property
    def backlog(self) -> int:
        """Jobs that are on their way: a person need not do anything for them."""
        return sum(self.status.counts[state] for state in BLOCKING) - self.lapsed

    @property
    def alarm(self) -> int:
        """How urgently a person has to look at it: 0 is not at all."""
        counts = self.status.counts
        waits = (counts["held"], self.status.paused is not None, self.lapsed or counts["unknown"])
        return max((rank for rank, one in enumerate(waits, start=1) if one), default=0)

    @property
    def speed(self) -> float:
        """Deliveries a minute, as it goes now."""
        first = next((n for n, count in enumerate(self.pulse) if count), None)
        if first is None or sum(self.pulse) < _ENOUGH:
            return float(self.status.recent)
        return sum(self.pulse) * _MINUTE / max(len(self.pulse) - first, _SHORTEST)


def page(picture: Picture, screen: Screen, *, brief: bool = False) -> Iterator[Text]:
    """The picture of one account. A ``brief`` one begins with what waits for a person, and shows no empty state."""
    yield from _title(picture, screen)
    facts = list(_facts(picture, screen))
    if brief:
        yield from _told([fact for fact in facts if fact[2] == _ALARM], screen)
        yield from _asked(picture, screen)
    room = _Room(len(f"{max(picture.status.accepted, 1):,}"), screen)
    yield from _group("open", OPEN, picture, room, empty=not brief)
    yield from _group("ended", TERMINAL, picture, room, empty=False)
    if not brief:
        yield Text("")
    yield from _told([fact for fact in facts if not brief or fact[2] != _ALARM], screen)
    asked = [] if brief else list(_asked(picture, screen))
    if asked:
        yield from (Text(""), *asked)


def _told(facts: Iterable[_Line], screen: Screen) -> Iterator[Text]:
    """Facts, each with its name before it."""
    for label, words, style in facts:
        first, *rest = block(words, _INDENT + _LABEL, screen)
        line = Text(" " * _INDENT).append(f"{label:<{_LABEL}}", "bold").append(first.plain[_INDENT + _LABEL :], style)
        yield from (line, *rest)


def _asked(picture: Picture, screen: Screen) -> Iterator[Text]:
    """What waits for a person, each with its command."""
    for words, typed, style in _tasks(picture):
        yield from block(words, _INDENT, screen, style)
        yield from command(typed, _INDENT + 2, screen, style)


def _title(picture: Picture, screen: Screen) -> Iterator[Text]:
    name, now = screen.legible(picture.status.account), f"{clock(picture.status.now, picture.status.now)} UTC"
    store = cut(screen.legible(picture.store), screen.width, screen.signs)
    between = screen.width - cell_len(name) - cell_len(store) - cell_len(now) - 4
    if between >= 0:
        yield Text(name, "bold").append(f"  {store}", "dim").append(" " * (between + 2) + now, "dim")
        return
    yield from block(name, 0, screen, "bold")
    yield Text(f"{store}", "dim").append(f"  {now}" if cell_len(store) + cell_len(now) < screen.width - 1 else "")


# ------------------------------------------------------------------------------------------------------------ the bars


@dataclass(frozen=True, slots=True)
class _Room:
    """How wide the numbers are, and where all of it is shown."""

    number: int
    screen: Screen

    @property
    def bar(self) -> int:
        """Cells for a bar."""
        return max(8, min(self.screen.width - self.before - 2, _LONGEST_BAR))

    @property
    def before(self) -> int:
        """Cells before a bar."""
        return _INDENT + 2 + _NAME + 2 + self.number + 2


def _group(title: str, states: tuple[State, ...], picture: Picture, room: _Room, *, empty: bool) -> Iterator[Text]:
    """Some states, their bars measured by the longest of them; those that are ``empty``, too, or not."""
    counts = {state: picture.status.counts[state] for state in states}
    shown = {state: n for state, n in counts.items() if n or empty}
    total, longest = sum(counts.values()), max(counts.values())
    yield Text(" " * _INDENT).append(f"{title:<{_NAME + 4}}{total:>{room.number},}", "bold")
    for state, number in shown.items():
        gone = state == "sending" and picture.lapsed
        yield _bar(state, number, longest, room, _ALARM if gone else _STYLES[state])


def _bar(state: State, number: int, longest: int, room: _Room, style: str) -> Text:
    style = style if number else "dim"
    line = Text(" " * (_INDENT + 2)).append(f"{state:<{_NAME + 2}}{number:>{room.number},}  ", style)
    drawn = bar(number, longest, room.bar, room.screen)
    left = room.screen.width - room.before - room.bar - 2
    line.append(drawn, style)
    if left >= cell_len(MEANINGS[state]):
        line.append(" " * (room.bar - cell_len(drawn) + 2) + MEANINGS[state], "dim")
    line.rstrip()
    return line


def bar(number: float, longest: float, cells: int, screen: Screen) -> str:
    """A bar of at most so many cells; what is not nothing can be seen."""
    if number <= 0 or longest <= 0:
        return ""
    eighths = max(1, round(8 * cells * min(1.0, number / longest)))
    if screen.plain:
        return "#" * max(1, eighths // 8)
    whole, part = divmod(eighths, 8)
    return _EIGHTHS[-1] * whole + (_EIGHTHS[part - 1] if part else "")


def sparkline(counts: Iterable[int], cells: int, screen: Screen) -> str:
    """Counts as a row of small bars, several of them in each where there are more than cells."""
    values = list(counts)
    each = max(1, -(-len(values) // cells))
    values = [sum(values[n : n + each]) for n in range(0, len(values), each)]
    levels = _ASCII_LEVELS if screen.plain else _LEVELS
    top = max(values, default=0)
    return "".join(levels[-(-value * (len(levels) - 1) // top)] for value in values) if top else ""


# ----------------------------------------------------------------------------------------------------------- the facts


def _facts(picture: Picture, screen: Screen) -> Iterator[_Line]:
    status = picture.status
    repeated = f"; {status.repeated:,} came again" if status.repeated else ""
    conflicting = f"; {status.conflicting:,} came again with another content" if status.conflicting else ""
    yield "accepted", f"{status.accepted:,}{repeated}{conflicting}", ""
    yield from _speed(picture, screen)
    yield from _backlog(picture)
    if status.today or picture.cap is not None:
        yield from _today(picture, screen)
    yield from _workers(picture)
    if picture.lapsed:
        yield "sending", _lapsed(status.counts["sending"], picture.lapsed), _ALARM
    if status.paused is not None:
        left = length(status.paused - status.now)
        why = f": {status.pause_reason}" if status.pause_reason else ""
        yield "paused", f"until {clock(status.paused, status.now)} UTC, for {left} more{why}", _ALARM


def _speed(picture: Picture, screen: Screen) -> Iterator[_Line]:
    speed, unit = picture.speed, picture.rate[1] if picture.mapped and picture.rate else _MINUTE
    now = pace.per(_few(speed * unit / _MINUTE), unit) if speed else "nothing in the last minute"
    allowed = f" (the mapping allows {pace.spell(picture.rate)})" if picture.mapped and picture.rate else ""
    yield "rate", f"{now}{allowed}", "green" if speed else ""
    minute = sparkline(picture.pulse, 30, screen)
    if minute:
        yield "", f"{minute}  the last {len(picture.pulse)} seconds", "green"


def _few(number: float) -> str:
    """A number of which two digits say enough: a slow worker's deliveries a second are less than one."""
    return f"{number:,.0f}" if round(number) >= _ENOUGH else f"{number:.2g}"


def _backlog(picture: Picture) -> Iterator[_Line]:
    status, backlog = picture.status, picture.backlog
    if not backlog:
        return
    oldest = f"; the oldest came {length(status.now - status.oldest)} ago" if status.oldest is not None else ""
    later = status.due is not None and status.due - status.now >= 1 and not status.counts["sending"]
    next_ = f"; the next is due in {length(status.due - status.now)}" if later and status.due is not None else ""
    yield "backlog", f"{backlog:,}{oldest}{next_}", ""
    idle = picture.workers == ()
    left = [f"{length(backlog * _MINUTE / picture.speed)} at this rate"] if picture.speed and not idle else []
    if picture.mapped and picture.rate is not None:
        count, seconds = picture.rate
        left.append(f"{length(backlog * seconds / count)} at {pace.spell(picture.rate)}")
    if left:
        yield "would take" if idle else "time left", ", ".join(left), ""


def _today(picture: Picture, screen: Screen) -> Iterator[_Line]:
    today, cap = picture.status.today, picture.cap
    if cap is None:
        yield "today", f"{today:,} sent", ""
        return
    drawn = bar(today, cap, 20, screen)
    used = f"{today:,} of {cap:,} a day"
    yield "today", f"{used}  {drawn}" if drawn else used, "yellow" if today >= cap else ""


def _workers(picture: Picture) -> Iterator[_Line]:
    if picture.workers:
        yield "worker" if len(picture.workers) == 1 else "workers", ", ".join(picture.workers), ""
    elif picture.workers is not None and (picture.backlog or picture.lapsed):
        yield "worker", picture.none, "yellow"


def _lapsed(sending: int, lapsed: int) -> str:
    """How many of those under way nobody has any more, what that means, and who sees to them."""
    if sending == 1:
        return "1, with a lease that is over: it may have been taken; a worker settles it"
    some = f"{lapsed:,} of them" if lapsed < sending else "all"
    they, them = ("it", "it") if lapsed == 1 else ("they", "them")
    return f"{sending:,}, {some} with a lease that is over: {they} may have been taken; a worker settles {them}"


def _tasks(picture: Picture) -> Iterator[_Line]:
    """What waits for a person, the command that does it, and how both are shown."""
    counts, own = picture.status.counts, f"{picture.again}{picture.own}"
    if counts["unknown"]:
        asked = f"{counts['unknown']:,} may have been taken: look it up at the destination, then (or --again)"
        yield asked, f"mapper queue resolve{own} --job N --delivered", _ALARM
    if counts["held"]:
        asked = f"{counts['held']:,} held until a person releases {'it' if counts['held'] == 1 else 'them'}"
        yield asked, f"mapper queue release{own} --state held", "yellow"
    if picture.status.paused is not None:
        yield "what ends the pause", f"mapper queue release{own} --pause", "yellow"
