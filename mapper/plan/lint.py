"""What is legal JMESPath and yet not what its author meant.

Knows the traps of the language, by tree and tokens. Must not know the scope.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mapper.errors import Findings, Position
from mapper.expressions import STAR, Expression
from mapper.expressions.syntax import nodes
from mapper.source import Scalar

_COMPARISONS = ("eq", "ne", "lt", "gt", "lte", "gte")


class Finding(NamedTuple):
    """One suspicion: code, message, hint, offset, and whether it is an error."""

    code: str
    message: str
    hint: str
    offset: int | None
    error: bool = False


def look(expression: Expression, scalar: Scalar, found: Findings, field: str | None, *, condition: bool) -> None:
    """Report what looks like a mistake in one expression."""
    for finding in _findings(expression):
        report = found.error if finding.error else found.warn
        report(finding.code, finding.message, scalar.at(finding.offset), finding.hint, field)
    if not condition and expression.tree["type"] == "or_expression" and _all_traits(expression.tree):
        message = "|| passes over false as well as over what is absent, and hides the other spelling"
        found.warn("or_list", message, scalar.position, "write a list: [first, second]", field)


def beside_a_comparison(expression: Expression, name: str) -> bool:
    """Whether ``name`` stands directly beside a comparison, as a quoted text is meant to."""
    tokens = expression.tokens
    for index, token in enumerate(tokens):
        if token.value == name and token.kind == "quoted_identifier":
            around = [tokens[i].kind for i in (index - 1, index + 1) if 0 <= i < len(tokens)]
            if any(kind in _COMPARISONS for kind in around):
                return True
    return False


def _findings(expression: Expression) -> Iterator[Finding]:
    for node in nodes(expression.tree):
        yield from _of_node(node, expression)
    for token in expression.tokens:
        if token.kind == "quoted_identifier" and beside_a_comparison(expression, token.value):
            message = "double quotes make a name of this, not a text"
            yield Finding("text_or_name", message, f"for a text write '{token.value}'", token.start)
    if any(path in (("traits",), ("traits", STAR)) for path in expression.reads.every):
        message = "this reads every trait at once"
        yield Finding("reads_everything", message, "name the traits that are meant", expression.offset_of("traits"))


def _of_node(node: dict[str, Any], expression: Expression) -> Iterator[Finding]:
    kind = node["type"]
    if kind == "subexpression" and node["children"][0]["type"] == "not_expression":
        offset = next((t.start for t in expression.tokens if t.kind == "not"), None)
        message = "! takes only the first name: this is never true"
        yield Finding("negation", message, "put what is negated in brackets: !(traits.x)", offset, error=True)
    elif kind == "comparator":
        yield from _of_comparison(node, expression)
    elif kind == "function_expression":
        yield from _of_call(node, expression)


def _of_comparison(node: dict[str, Any], expression: Expression) -> Iterator[Finding]:
    for side in node["children"]:
        if side["type"] == "literal" and isinstance(side["value"], str) and side["value"].isdigit():
            offset = next(
                (t.start for t in expression.tokens if t.kind == "literal" and t.value == side["value"]), None
            )
            message = "a number is never equal to a text: this is false where the trait is a number"
            hint = (
                f"compare with `{side['value']}` as well"
                if not side["value"].startswith("0")
                else "compare a field instead"
            )
            yield Finding("number_or_text", message, hint, offset)


def _of_call(node: dict[str, Any], expression: Expression) -> Iterator[Finding]:
    name = node["value"]
    offset = next((t.start for t in expression.tokens if t.value == name), None)
    if name == "to_string" and not _guarded(expression.tree, node):
        message = "to_string makes the text null of what is absent"
        yield Finding("to_string_null", message, "leave it out: a text field takes numbers as they are", offset)
    elif name == "to_number":
        message = "to_number takes the zeros from 02134 and reads words such as nan"
        yield Finding("to_number", message, "use type: number on the field instead", offset)
    elif name == "not_null":
        message = "not_null takes a blank text for a value"
        yield Finding("not_null_blank", message, "use first_filled, or a list of expressions", offset)


def _guarded(tree: dict[str, Any], call: dict[str, Any]) -> bool:
    """Whether a call stands on the right of an &&, so that it never sees null."""
    return any(
        node["type"] == "and_expression" and any(inner is call for inner in nodes(node["children"][1]))
        for node in nodes(tree)
    )


def _all_traits(tree: dict[str, Any]) -> bool:
    """Whether a chain of || joins mere paths below traits."""
    if tree["type"] == "or_expression":
        return all(_all_traits(child) for child in tree["children"])
    while tree["type"] == "subexpression":
        tree = tree["children"][0]
    return bool(tree["type"] == "field" and tree["value"] == "traits")


__all__ = ["Finding", "Position", "beside_a_comparison", "look"]
