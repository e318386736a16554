"""Every mistake that a mapping can hold, and the report of it: character for character, in 80 columns of ASCII.

The files in tests/problems hold the cases: a name, a text, and the report. What a text leaves out of a mapping is
added behind it, so that its line numbers are its own; ``alone: true`` adds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mapper import codes, pipeline
from mapper.apps.render import problems, terminal
from mapper.errors import Position

CASES = Path(__file__).resolve().parent / "problems"
SCREEN = terminal.Screen(80, terminal.ASCII)

#: The parts of a mapping that have to be there.
PARTS = {
    "mapping": "mapping: 1\n",
    "destination": "destination: Example\n",
    "fields": "fields: {email: traits.email}\n",
    "send": "send: {url: 'https://example.com/'}\n",
}


def cases() -> Iterator[dict[str, Any]]:
    """All cases of all files."""
    for path in sorted(CASES.glob("*.yaml")):
        yield from yaml.safe_load(path.read_text("utf-8"))


def whole(case: dict[str, Any]) -> str:
    """The mapping of a case."""
    text = str(case["text"])
    if case.get("alone"):
        return text
    return text + "".join(part for key, part in PARTS.items() if not re.search(rf"^{key}:", text, re.MULTILINE))


def report(text: str) -> str:
    """The report of a mapping, as ``mapper check`` prints it."""
    _, found, read = pipeline.inspect(text, "x.yaml", {})
    return "\n".join(line.plain.rstrip() for line in problems.report(found, read, SCREEN)) + "\n"


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case["name"])
def test_the_report_is_as_written(case: dict[str, Any]) -> None:
    """The report says what is wrong, points at it, and says what to write."""
    assert report(whole(case)) == case["expect"]


def test_every_problem_of_a_mapping_has_a_case() -> None:
    """Whatever ``mapper explain`` shows an example of has a case here as well."""
    heading = re.compile(r"^x\.yaml:\S+ \w+ (\w+):", re.MULTILINE)
    reported = {code for case in cases() for code in heading.findall(case["expect"])}
    # No ledger and samples are for `mapper check` alone: they are tested with it.
    wanted = {code.name for code in codes.TABLE.values() if code.wrong}
    assert wanted - reported == set()


def test_the_reports_fit() -> None:
    """No line is longer than the screen, and nothing in it needs more than ASCII."""
    for case in cases():
        lines = report(whole(case)).splitlines()
        assert [line for line in lines if len(line) > SCREEN.width] == []


def test_ten_mistakes_are_reported_at_once() -> None:
    """One run finds all that is wrong, each with its place, a caret and what to write."""
    ten = next(case for case in cases() if case["name"] == "ten mistakes at once")
    _, found, text = pipeline.inspect(whole(ten), "x.yaml", {})
    assert len({problem.code for problem in found}) == len(found) == 10
    assert all(problem.position and problem.hint for problem in found)
    for problem in found:
        assert inside(problem.position, text)


def inside(position: Position | None, text: str) -> bool:
    """Whether a position is a place in a text."""
    lines = text.split("\n")
    return position is not None and position.line <= len(lines) and position.column <= len(lines[position.line - 1]) + 1


def test_every_position_lies_inside_its_file() -> None:
    """No report points beside the file (law 6)."""
    for case in cases():
        _, found, text = pipeline.inspect(whole(case), "x.yaml", {})
        assert all(inside(problem.position, text) for problem in found)
