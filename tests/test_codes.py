"""Every code has its page under ``mapper explain``, every page has its code, and the examples on them are true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mapper import codes, functions, pipeline
from mapper.delivery.states import MEANINGS
from mapper.rules import RULES

PACKAGE = Path(__file__).resolve().parent.parent / "mapper"

#: What is called with a code, and at which place among the arguments.
GIVERS = {
    "error": 0,
    "warn": 0,
    "Problem": 0,
    "ExpressionError": 0,
    "Finding": 0,
    "_wrong": 1,
    "_stop": 1,
    "_problem": 1,
}
#: Codes that stand for no call of a giver: a broken rule's code is the rule's name.
RULE_CODES = {*RULES, "type"}


def modules() -> Iterator[ast.Module]:
    """The package's modules, without the descriptions themselves."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name != "codes" or path.parent.parent != PACKAGE:
            yield ast.parse(path.read_text("utf-8"))


def given() -> set[str]:
    """The codes that are written down where a problem is made."""
    found = set()
    for tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = GIVERS.get(name)
                codes_there = node.args[place : place + 1] if place is not None else []
                codes_there += node.args[:1] if name in ("_problem", "_wrong") else []
                texts = (a.value for a in codes_there if isinstance(a, ast.Constant) and isinstance(a.value, str))
                found |= {text for text in texts if is_code(text)}
    return found


def is_code(text: str) -> bool:
    """Whether a text has the form of a code."""
    return text.replace("_", "").isalpha() and text.islower()


def words() -> set[str]:
    """All texts in the package that stand alone."""
    return {
        node.value
        for tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_code_is_explained() -> None:
    """No report names a code that ``mapper explain`` does not know."""
    notes = {note for function in functions.TABLE.values() for note in function.notes}
    every = given() | RULE_CODES | notes
    assert len(given()) > 50
    assert every - set(codes.TABLE) == set()


def test_every_state_is_explained() -> None:
    """A list shows a state's name, and its page begins with what the state means there."""
    assert {state: codes.TABLE[state].title for state in MEANINGS if state in codes.TABLE} == MEANINGS


def test_every_reason_that_begins_with_a_word_is_explained() -> None:
    """``stale: it happened ...`` can be looked up by its first word."""
    texts = (
        node.values[0].value
        for path in sorted((PACKAGE / "delivery").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant)
    )
    reasons = {found[1] for text in texts if (found := re.match("([a-z]+(?:_[a-z]+)*): ", str(text)))}
    assert reasons >= {"stale", "once_per", "cap"}
    assert reasons - set(codes.TABLE) == set()


def test_every_explanation_is_of_a_code() -> None:
    """No page stays behind when its code goes."""
    assert set(codes.TABLE) - words() - RULE_CODES == set()


def test_codes_are_words() -> None:
    """Codes are stable lower-case words, each with its page filled."""
    for name, code in codes.TABLE.items():
        assert is_code(name)
        assert name == code.name
        assert all([code.title, code.means, code.to_do])
        assert code.means.endswith(".")
        assert code.to_do.endswith(".")
        assert bool(code.wrong) == bool(code.right)


def whole(lines: str) -> str:
    """A whole mapping around a few lines of one."""
    rest = {"fields": "fields:\n  email: traits.email\n", "send": "send:\n  url: https://example.com/\n"}
    missing = "".join(text for name, text in rest.items() if not lines.startswith(name) and f"\n{name}" not in lines)
    return f"mapping: 1\ndestination: Example\n{missing}{lines}\n"


EXAMPLES = [code for code in codes.TABLE.values() if code.wrong]


@pytest.mark.parametrize("code", EXAMPLES, ids=lambda code: code.name)
def test_the_examples_are_true(code: codes.Code) -> None:
    """What a page calls wrong brings the code about, and what it calls right does not."""
    wrong, right = found(whole(code.wrong)), found(whole(code.right))
    assert code.name in wrong
    assert right == set()


def found(text: str) -> set[str]:
    """The codes of a mapping's problems, as ``mapper check`` finds them."""
    _, problems, _ = pipeline.inspect(text, "x.yaml", {})
    return {problem.code for problem in problems}
