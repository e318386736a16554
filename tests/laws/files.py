"""Law 6: a file loads, or is refused with problems that stand in it.

Knows what a place in a file is. Must not know YAML or the mapping language.
"""

from __future__ import annotations

from laws.sameness import outcome_of
from mapper import pipeline
from mapper.errors import MappingError, Problem
from mapper.pipeline import Mapper


def inside(problem: Problem, lines: list[str]) -> bool:
    """Whether a problem's position, and what its caret underlines, lies inside its file; the end of a line counts."""
    place = problem.position
    if place is None or not 1 <= place.line <= len(lines) or place.width < 1:
        return False
    end = len(lines[place.line - 1]) + 1
    return 1 <= place.column <= end and (place.width == 1 or place.column + place.width <= end)


def check_file(text: str) -> Mapper | None:
    """Law 6: a file loads or is refused with problems that stand in it, and nothing else happens."""
    made, problems, shown = pipeline.inspect(text, "f.yaml", environ={})
    lines = shown.split("\n")
    for problem in problems:
        assert problem.position is not None, (text, problem)
        assert inside(problem, lines), (text, problem)
        assert problem.position.file == "f.yaml", problem
        assert problem.message, problem
    errors = [problem for problem in problems if problem.level == "error"]
    assert (made is None) == bool(errors), (text, problems)
    if made is None:
        assert outcome_of(lambda: pipeline.loads(text, "f.yaml", environ={}), MappingError)[0] == "error", text
    return made
