"""The laws of the two languages that come from outside: JSON and JMESPath.

Knows the packages that they are compared with, and their trees. Must not know a mapping or an event.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import jmespath
import msgspec

from laws.sameness import at, covers, leaves, outcome_of, replaced, same, touches, twin
from mapper import codec, expressions
from mapper.errors import ExpressionError

#: Why the strict reading refuses what msgspec takes.
_STRICTER = ("twice", "surrogate", "digits", "deep", "too large")


def check_codec(text: str) -> str:
    """A text is read as the strict reading does, as text and as bytes; and as msgspec does where that takes it too."""
    strict = outcome_of(lambda: codec.strict(text.encode()), codec.NotJson)
    for face in (text, text.encode()):
        ours = outcome_of(functools.partial(codec.decode, face), codec.NotJson)
        assert ours[0] == strict[0], (text, ours, strict)
        assert same(ours[1], strict[1]) or str(ours[1]) == str(strict[1]), (text, ours, strict)
    theirs = outcome_of(lambda: msgspec.json.decode(text.encode()), msgspec.DecodeError)
    if strict[0] == theirs[0] == "value":
        assert same(strict[1], theirs[1]), (text, strict, theirs)
    elif theirs[0] == "value":
        assert any(word in str(strict[1]) for word in _STRICTER), (text, strict, theirs)
    return strict[0]


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a tree."""
    yield tree
    for child in tree.get("children", ()):
        if isinstance(child, dict):
            yield from nodes(child)


def check_search(text: str, document: Any) -> str:
    """Law 4: our value is that of the jmespath package, or both fail. Says which."""
    expression = expressions.compile(text)
    ours = outcome_of(lambda: expression.search(document), ExpressionError)
    theirs = outcome_of(lambda: jmespath.compile(text).search(document), Exception)
    if ours[0] == "error" and ours[1].code == "over_budget":
        return "budget"
    assert ours[0] == theirs[0], (text, document, ours, theirs)
    assert ours[0] == "error" or same(ours[1], theirs[1]), (text, document, ours, theirs)
    if ours[0] == "error":
        return "error"
    return "null" if ours[1] is None else "value"


def check_compile(text: str) -> str:
    """Law 4: what the package cannot compile we cannot either, and we refuse no more than we say."""
    ours = outcome_of(lambda: expressions.compile(text), ExpressionError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        theirs = outcome_of(lambda: jmespath.compile(text), Exception)
    if ours[0] == "value":
        assert theirs[0] == "value", (text, theirs)
        return "value"
    error = ours[1]
    assert error.offset is None or 0 <= error.offset <= len(text), (text, error.offset)
    stray = theirs[0] == "value" and any(node["type"] == "expref" for node in nodes(theirs[1].parsed))
    assert error.code != "syntax" or theirs[0] == "error" or stray, (text, error)
    return str(error.code)


def check_trace(text: str, document: Any) -> bool:
    """The trace has the evaluation's value, its origins are real, and each was known beforehand. False: both fail."""
    expression = expressions.compile(text)
    searched = outcome_of(lambda: expression.search(document), ExpressionError)
    traced = outcome_of(lambda: expression.trace(document), ExpressionError)
    if "error" in (searched[0], traced[0]):
        budget = any(end == "error" and made.code == "over_budget" for end, made in (searched, traced))
        assert budget or searched[0] == traced[0], (text, document, searched, traced)
        return False
    value, origins = traced[1]
    assert same(searched[1], value), (text, document, searched, value)
    for origin in origins:
        at(document, origin)
        assert any(covers(read, origin) for read in expression.reads.flows), (text, document, origin, expression.reads)
    return True


#: Functions whose result depends on the elements that they do not choose.
_COMPARING = ("max(", "min(", "sort(")


def check_flow(text: str, document: Any) -> int:
    """What neither flowed nor was tested decides nothing: it is exchanged for its like, and the value stays."""
    expression = expressions.compile(text)
    traced = outcome_of(lambda: expression.trace(document), ExpressionError)
    if traced[0] == "error" or any(name in text for name in _COMPARING):
        return 0
    value, origins = traced[1]
    changed = 0
    for path, leaf in leaves(document):
        like = twin(leaf)
        used = any(covers(origin, path) for origin in origins)
        if like is None or used or any(touches(test, path) for test in expression.reads.tests):
            continue
        again = expression.search(replaced(document, path, like))
        assert same(value, again), (text, document, path, origins, expression.reads, value, again)
        changed += 1
    return changed


def check_unread(text: str, document: Any) -> int:
    """A leaf that the expression does not read can be anything at all."""
    expression = expressions.compile(text)
    before = outcome_of(lambda: expression.search(document), ExpressionError)
    changed = 0
    for path, _ in leaves(document):
        if path and not any(touches(read, path) for read in expression.reads.every):
            for new in (None, "other", [{"a": 1}], {"a": {"b": 2}}, 7):
                after = outcome_of(functools.partial(expression.search, replaced(document, path, new)), ExpressionError)
                assert before[0] == after[0], (text, document, path, new)
                assert before[0] == "error" or same(before[1], after[1]), (text, document, path, new)
            changed += 1
    return changed
