"""Problems as a person reads them: where, what, the line with a caret, what to write instead.

Knows the layout of a report. Must not know what any code means, nor find anything wrong itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from mapper.apps.render.counting import counted
from mapper.apps.render.frames import frame
from mapper.apps.render.terminal import Screen, Text, block, cell_len, wrapped
from mapper.errors import Position, Problem

_STYLES = {"error": "bold red", "warning": "bold yellow"}
_INDENT = 4


def report(problems: Iterable[Problem], text: str, screen: Screen) -> Iterator[Text]:
    """All problems of one file with their lines, and how many there are. ``text`` is the file's content."""
    problems = without_secrets(problems)
    lines = masked(text, problems).split("\n")
    for problem in problems:
        yield from heading(problem, screen)
        if problem.position is not None:
            yield from frame(problem.position, lines, problem.hint, screen)
        elif problem.hint:
            yield from block(problem.hint, _INDENT, screen)
        yield Text("")
    yield from summary(problems, screen)


def brief(problems: Iterable[Problem], screen: Screen) -> Iterator[Text]:
    """Problems without a file's text: each with its hint."""
    for problem in problems:
        yield from heading(problem, screen)
        if problem.hint:
            yield from block(problem.hint, _INDENT, screen)


def heading(problem: Problem, screen: Screen) -> Iterator[Text]:
    """``mappings/x.yaml:3:47: error unknown_key: a field has no key 'requird'``."""
    place = f"{problem.position}: " if problem.position else ""
    label = f"{problem.level} {problem.code}"
    first, *rest = wrapped(screen.legible(f"{place}{label}: {problem.message}"), screen.width, _INDENT)
    line = Text(first)
    start = first.find(label)
    if start >= 0:
        line.stylize(_STYLES[problem.level], start, start + len(label))
    yield line
    yield from (Text(" " * _INDENT + more) for more in rest)


def summary(problems: Iterable[Problem], screen: Screen) -> Iterator[Text]:
    """How many errors and warnings there are, and where they are explained."""
    problems = list(problems)
    count = " and ".join(
        counted(sum(p.level == level for p in problems), level)
        for level in ("error", "warning")
        if any(p.level == level for p in problems)
    )
    if not count:
        return
    example = next((p for p in problems if p.level == "error"), problems[0]).code
    advice = f"explain any of them: mapper explain {example}"
    if cell_len(count) + cell_len(advice) + 2 <= screen.width:
        yield Text(count, "bold").append(f"   {advice}", "not bold")
    else:
        yield Text(count, "bold")
        yield Text(advice)


def place(position: Position | None) -> str:
    """``mappings/x.yaml:17``: enough to find a line."""
    return f"{PurePath(position.file)}:{position.line}" if position else ""


def without_secrets(problems: Iterable[Problem]) -> list[Problem]:
    """The problems without those that quote a secret which stands in the file."""
    problems = list(problems)
    secret = {p.position for p in problems if p.code == "secret_in_file"}
    return [p for p in problems if p.code == "secret_in_file" or p.position not in secret]


def masked(text: str, problems: Iterable[Problem]) -> str:
    """The text with stars where a secret stands in it: a report may end in a log."""
    lines = text.split("\n")
    for position in (p.position for p in problems if p.code == "secret_in_file"):
        if position is not None and position.line <= len(lines):
            line, start = lines[position.line - 1], position.column - 1
            lines[position.line - 1] = line[:start] + "*" * position.width + line[start + position.width :]
    return "\n".join(lines)
