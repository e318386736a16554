"""How the tests of a mapping went: one line each, and under a failure what came out otherwise, field by field.

Knows how a difference is laid out. Must not run a test, nor know what is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mapper import codec
from mapper.apps.render.counting import counted
from mapper.apps.render.problems import place
from mapper.apps.render.terminal import Screen, Text, block, cell_len, padded
from mapper.pipeline.cases import Difference, Verdict

_INDENT = 6
_GAP = 2


def page(verdicts: Sequence[Verdict], file: str, screen: Screen) -> Iterator[Text]:
    """All verdicts, and how many passed."""
    if not verdicts:
        words = f"{file} has no tests. Write some under `tests:`, each with name, given and expect."
        yield from block(words, 0, screen)
        return
    for verdict in verdicts:
        yield from _verdict(verdict, screen)
    failed = sum(not verdict.passed for verdict in verdicts)
    yield Text("")
    count = f"{counted(len(verdicts) - failed, 'test')} passed"
    yield Text(f"{count}, {failed} failed", "bold red") if failed else Text(count, "bold green")


def _verdict(verdict: Verdict, screen: Screen) -> Iterator[Text]:
    signs = screen.signs
    sign, style = (signs.fine, "green") if verdict.passed else (signs.wrong, "bold red")
    where = f" ({place(verdict.position)})" if verdict.position and not verdict.passed else ""
    first, *rest = block(f"{verdict.name}{where}", 4, screen)
    yield Text(" ").append(padded(sign, 2), style).append(" ").append(first.plain[4:])
    yield from rest
    if not verdict.passed:
        yield from differences(verdict.differences, screen)
        yield from _reasons(verdict, screen)


def _reasons(verdict: Verdict, screen: Screen) -> Iterator[Text]:
    """Why the event ended as it did: the reason of a skip; each problem's field, its code, and the line of its rule."""
    if verdict.because is not None:
        yield from block(f"skipped: {verdict.because}", _INDENT, screen)
    for problem in verdict.problems:
        field = f"{problem.field}: " if problem.field else ""
        where = f" (line {problem.position.line})" if problem.position else ""
        yield from block(f"{field}{problem.code}: {problem.message}{where}", _INDENT, screen)


def differences(found: Iterable[Difference], screen: Screen) -> Iterator[Text]:
    """A table of where, expected and got; one below the other where a line is too short for both."""
    rows = [(screen.legible(d.where), _value(d.expected, screen), _value(d.actual, screen)) for d in found]
    where = max(len("field"), *(cell_len(row[0]) for row in rows))
    expected = max(len("expected"), *(cell_len(row[1]) for row in rows))
    got = max(len("got"), *(cell_len(row[2]) for row in rows))
    if _INDENT + where + expected + got + 2 * _GAP > screen.width:
        for row in rows:
            yield from _stacked(row, screen)
        return
    yield _line(("", "expected", "got"), where, expected).copy()
    for row in rows:
        yield _line(row, where, expected)


def _line(row: tuple[str, str, str], where: int, expected: int) -> Text:
    gap = " " * _GAP
    line = Text(" " * _INDENT).append(padded(row[0], where) + gap)
    line.append(padded(row[1], expected) + gap, "green").append(row[2], "red")
    line.rstrip()
    return line


def _stacked(row: tuple[str, str, str], screen: Screen) -> Iterator[Text]:
    yield from block(row[0], _INDENT, screen)
    yield from block(f"expected  {row[1]}", _INDENT + 2, screen, "green")
    yield from block(f"got       {row[2]}", _INDENT + 2, screen, "red")


def _value(value: Any, screen: Screen) -> str:
    """A value as JSON. What is not there and what is null look alike to a mapping."""
    return "nothing" if value is None else screen.legible(codec.encode(value).decode())
