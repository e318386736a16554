"""What is legal JMESPath and yet not what its author meant.

Knows the traps of the language, by tree and tokens. Must not know the scope.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from mapper.expressions import STAR, Expression
from mapper.expressions.syntax import Token
from mapper.plan import hints
from mapper.source.complaints import quoted

_COMPARISONS = ("eq", "ne", "lt", "gt", "lte", "gte")
_OPENING, _CLOSING = ("lparen", "lbracket", "lbrace", "filter"), ("rparen", "rbracket", "rbrace")
#: What ends the operand of a ``!``, outside brackets.
_ENDS = (*_COMPARISONS, *_CLOSING, "or", "and", "pipe", "comma", "colon", "eof")


class Finding(NamedTuple):
    """One suspicion: code, message, hint, where in the text it is, and whether it is an error."""

    code: str
    message: str
    hint: str
    offset: int | None
    width: int = 1
    error: bool = False


def look(expression: Expression, *, condition: bool = False, unknown: Collection[str] = ()) -> Iterator[Finding]:
    """What looks like a mistake in one expression. Names that are ``unknown`` are reported by who knows the scope."""
    negations = list(_negations(expression))
    yield from negations
    yield from _compared_digits(expression)
    for name, start in _calls(expression):
        # In a condition, to_string is a way to compare.
        if not (condition and name == "to_string"):
            yield from _of_call(name, start, expression)
    for token in _compared_names(expression):
        if token.value not in unknown:
            yield _text_in_double_quotes(token, expression)
    if not negations and any(path in (("traits",), ("traits", STAR)) for path in expression.reads.every):
        message = "this reads every trait at once"
        yield Finding("reads_everything", message, "name the traits that are meant", expression.offset_of("traits"))
    if not condition and expression.tree["type"] == "or_expression" and _all_traits(expression.tree):
        message = "|| passes over false as well as over what is absent, and hides the other spelling"
        parts = ", ".join(part.strip() for part in expression.text.split("||"))
        yield Finding("or_list", message, f"write a list: [{parts}]", 0, len(expression.text))


def beside_a_comparison(expression: Expression, name: str) -> bool:
    """Whether ``name`` stands directly beside a comparison and on no dot, as a quoted text is meant to."""
    return any(token.value == name for token in _compared_names(expression))


def _compared_names(expression: Expression) -> Iterator[Token]:
    """The names in double quotes beside a comparison; one that hangs on a dot is meant as a name."""
    tokens = expression.tokens
    for index, token in enumerate(tokens):
        before, after = (tokens[i].kind if 0 <= i < len(tokens) else "" for i in (index - 1, index + 1))
        beside = before in _COMPARISONS or (after in _COMPARISONS and before != "dot")
        if token.kind == "quoted_identifier" and beside and after != "dot":
            yield token


def _text_in_double_quotes(token: Token, expression: Expression) -> Finding:
    width = len(token.value) + 2
    write = hints.rewritten(expression, token.start, token.start + width, f"'{token.value}'")
    hint = f"for a text write {write or quoted(token.value)}"
    return Finding("text_or_name", "double quotes make a name of this, not a text", hint, token.start, width)


def _negations(expression: Expression) -> Iterator[Finding]:
    """Each ``!`` before a dotted name: JMESPath takes ``!a.b`` for ``(!a).b``."""
    for index, token in enumerate(expression.tokens):
        if token.kind == "not":
            end, dotted = _operand(expression, index + 1)
            if dotted:
                operand = expression.text[token.start + 1 : end].rstrip()
                end = token.start + 1 + len(operand)
                write = hints.rewritten(expression, token.start + 1, end, f"({operand.strip()})")
                hint = f"put what is negated in brackets: write {write or '!(traits.x)'}"
                message = "! takes only the first name: this is never true"
                yield Finding("negation", message, hint, token.start, end - token.start, error=True)


def _operand(expression: Expression, index: int) -> tuple[int, bool]:
    """Where the operand that begins with a token ends, and whether a dot stands in it outside brackets."""
    depth, dotted = 0, False
    for token in expression.tokens[index:]:
        if not depth and token.kind in _ENDS:
            return token.start, dotted
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        dotted = dotted or (not depth and token.kind == "dot")
    return len(expression.text), dotted


def _compared_digits(expression: Expression) -> Iterator[Finding]:
    """Each text of digits that is compared with a path, which may lead to a number. A field is text, whatever came."""
    message = "a number is never equal to a text, so this does not see a trait that comes as a number"
    for index, token in enumerate(expression.tokens):
        digits = token.value
        path = _compared_path(expression, index) if isinstance(digits, str) and digits.isdigit() else None
        if path is None or path.group().startswith("fields."):
            continue
        hint = f"compare a field, which is text: fields.NAME == '{digits}'"
        if not digits.startswith("0"):
            write = hints.rewritten(expression, *path.span(), f"text({path.group()})")
            hint = f"write {write}" if write else hint
        yield Finding("number_or_text", message, hint, token.start, len(digits) + 2)


def _compared_path(expression: Expression, index: int) -> re.Match[str] | None:
    """The path beside the comparison that a literal stands in, if there is one."""
    tokens = expression.tokens
    if tokens[index].kind != "literal":
        return None
    if index and tokens[index - 1].kind in _COMPARISONS:
        return _PATH_BEFORE.search(expression.text, 0, tokens[index - 1].start)
    if tokens[index + 1].kind in _COMPARISONS:
        return _PATH.match(expression.text, tokens[index + 2].start)
    return None


#: A path of plain names; a call, or a name that hangs on something else, is none.
_PATH = re.compile(r"[A-Za-z_][\w.]*(?![\w.(\[])")
_PATH_BEFORE = re.compile(r"(?<![\w.\"\])])[A-Za-z_][\w.]*(?=\s*$)")


def _calls(expression: Expression) -> Iterator[tuple[str, int]]:
    for token, after in pairwise(expression.tokens):
        if token.kind == "unquoted_identifier" and after.kind == "lparen":
            yield token.value, token.start


def _of_call(name: str, start: int, expression: Expression) -> Iterator[Finding]:
    if name == "to_string":
        message = "to_string makes the text null of what is absent, and 90250.0 of a number that came as 90250.0"
        text = re.sub(r"\bto_string\(", "text(", expression.text)
        write = quoted(re.sub(r"\bjoin\(", "join_filled(", text))
        yield Finding("to_string_null", message, f"write {write}", start, len(name))
    elif name == "to_number":
        message = "to_number takes the zeros from 02134 and reads words such as nan"
        write = hints.rewritten(expression, start, start + len(name), "number") or "number(...)"
        yield Finding("to_number", message, f"write {write}", start, len(name))
    elif name == "not_null":
        message = "not_null takes a blank text for a value"
        write = hints.rewritten(expression, start, start + len(name), "first_filled") or "first_filled(...)"
        yield Finding("not_null_blank", message, f"write {write}", start, len(name))


def _all_traits(tree: dict[str, Any]) -> bool:
    """Whether a chain of || joins mere paths below traits."""
    if tree["type"] == "or_expression":
        return all(_all_traits(child) for child in tree["children"])
    while tree["type"] == "subexpression":
        tree = tree["children"][0]
    return bool(tree["type"] == "field" and tree["value"] == "traits")
