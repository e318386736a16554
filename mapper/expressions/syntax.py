"""JMESPath text -> tree and tokens, with every mistake worded and placed.

Knows jmespath's parser and lexer. Must not evaluate anything.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, NamedTuple

from jmespath import exceptions as theirs
from jmespath.functions import Functions
from jmespath.lexer import Lexer
from jmespath.parser import Parser

from mapper import functions
from mapper.errors import ExpressionError

Node = dict[str, Any]

#: A mapping's longest sensible expression is a tenth of this (reliability: hostile expressions).
MAX_LENGTH = 4_000
#: How deeply the tree may be nested: evaluation is recursive.
MAX_DEPTH = 64

#: What goes wrong most often, by the character that the lexer stumbles over.
_STUMBLES = {
    "“": "these are curly quotes; write straight ones",
    "”": "these are curly quotes; write straight ones",
    "‘": "these are curly quotes; write straight ones",
    "’": "these are curly quotes; write straight ones",
    "-": 'a name with a dash needs double quotes: traits."first-name"',
    "=": "to compare, write ==",
    "/": "a name with a slash needs double quotes",
    "$": "names here start with traits, userId, context and so on, without $",
    "#": "a name with # needs double quotes",
    "+": "there is no arithmetic; join_filled(' ', [a, b]) joins texts",
}


class Token(NamedTuple):
    """One token of an expression: jmespath's kind, its value, and its first character's offset."""

    kind: str
    value: Any
    start: int


def parse(text: str) -> tuple[Node, tuple[Token, ...]]:
    """The tree and the tokens of an expression. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError("too_long", f"an expression may have {MAX_LENGTH} characters, this has {len(text)}")
    try:
        with warnings.catch_warnings():
            # Old-style literals such as `foo` are standard behaviour of the package; its warning has no place.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            tree: Node = dict(Parser().parse(text).parsed)
            tokens = tuple(Token(t["type"], t["value"], t["start"]) for t in Lexer().tokenize(text))
    except theirs.JMESPathError as error:
        raise _worded(error, text) from None
    except (ValueError, RecursionError, OverflowError):
        raise ExpressionError("syntax", "this is not a JMESPath expression that can be read", 0) from None
    _check_depth(tree)
    kinds = {node["type"] for node in nodes(tree)}
    for kind, check in _CHECKS:
        if kind in kinds:  # most expressions are paths
            check(tree, tokens)
    return tree, tokens


def offset_of(tokens: tuple[Token, ...], name: str) -> int | None:
    """The offset of the first identifier ``name`` that does not hang on a dot and is not called."""
    for index, token in enumerate(tokens):
        if token.value == name and token.kind in ("unquoted_identifier", "quoted_identifier"):
            before = tokens[index - 1].kind if index else ""
            after = tokens[index + 1].kind if index + 1 < len(tokens) else ""
            if before != "dot" and after not in ("lparen", "colon"):
                return token.start
    return None


def nodes(tree: Node) -> Iterator[Node]:
    """Every node, in the order in which its text was written."""
    yield tree
    children = tree.get("children", ())
    if tree["type"] == "filter_projection":
        children = (children[0], children[2], children[1])
    for child in children:
        if isinstance(child, dict):
            yield from nodes(child)


def known_functions() -> tuple[str, ...]:
    """The names of all functions: standard ones and ours."""
    return tuple(sorted({*Functions.FUNCTION_TABLE, *functions.TABLE}))


def _worded(error: theirs.JMESPathError, text: str) -> ExpressionError:
    if isinstance(error, theirs.EmptyExpressionError) or not text.strip():
        return ExpressionError("syntax", "the expression is empty", 0)
    if isinstance(error, theirs.IncompleteExpressionError):
        return ExpressionError("syntax", "the expression ends too early", max(len(text) - 1, 0), _unbalanced(text))
    offset = min(getattr(error, "lex_position", 0) or 0, max(len(text) - 1, 0))
    if isinstance(error, theirs.LexerError):
        return _lexer_error(error, text, offset)
    shown = text[offset : offset + 1]
    if getattr(error, "token_type", "") == "EOF":
        return ExpressionError("syntax", "the expression ends too early", offset, _unbalanced(text))
    return ExpressionError(
        "syntax", f"{shown!r} is not expected here", offset, _STUMBLES.get(shown) or _hint(text, offset)
    )


def _lexer_error(error: theirs.LexerError, text: str, offset: int) -> ExpressionError:
    character = text[offset : offset + 1]
    if "Unclosed" in str(error.message):
        return ExpressionError("syntax", f"the quote {character} is opened here and never closed", offset)
    hint = _STUMBLES.get(character)
    if character.isspace():
        return ExpressionError("syntax", f"an odd white space (U+{ord(character):04X})", offset, "write a plain space")
    if character and ord(character) > 127 and not hint:  # noqa: PLR2004 - the end of ASCII
        hint = f'a name with {character} needs double quotes: traits."..."'
    return ExpressionError("syntax", f"{character!r} cannot stand here", offset, hint)


def _hint(text: str, offset: int) -> str | None:
    before = text[:offset].rstrip()
    if before.endswith(","):
        return "remove the comma before it, or write what comes after"
    if text[offset : offset + 1].isdigit() and before.endswith("."):
        return "a place in a list is written [0], and a name that starts with a digit needs double quotes"
    return _unbalanced(text)


def _unbalanced(text: str) -> str | None:
    for opening, closing in ("()", "[]", "{}"):
        if text.count(opening) > text.count(closing):
            return f"a {opening} is not closed"
        if text.count(opening) < text.count(closing):
            return f"a {closing} is not opened"
    return None


def _check_depth(tree: Node) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ExpressionError("too_deep", f"nested more than {MAX_DEPTH} levels deep", 0)
        level = [c for node in level for c in node.get("children", ()) if isinstance(c, dict)]


def _check_calls(tree: Node, tokens: tuple[Token, ...]) -> None:
    calls = [node for node in nodes(tree) if node["type"] == "function_expression"]
    offsets = [t.start for t, after in pairwise(tokens) if _is_call(t, after)]
    if len(offsets) != len(calls):
        # jmespath takes `(name) (argument)` for a call too; where each one stands cannot be told then.
        offsets = [0] * len(calls)
    for node, offset in zip(calls, offsets, strict=True):
        _check_call(node["value"], len(node["children"]), offset)


def _is_call(token: Token, after: Token) -> bool:
    return token.kind == "unquoted_identifier" and after.kind == "lparen"


def _check_call(name: str, count: int, offset: int) -> None:
    least, most = _arity(name, offset)
    if count >= least and (most is None or count <= most):
        return
    wanted = f"at least {least}" if most is None else str(least) if least == most else f"{least} to {most}"
    noun = "argument" if wanted == "1" else "arguments"
    message = f"{name}() takes {wanted} {noun}, this has {count}"
    raise ExpressionError("argument_count", message, offset, _usage(name), len(name))


def _arity(name: str, offset: int) -> tuple[int, int | None]:
    ours = functions.TABLE.get(name)
    if ours is not None:
        return ours.least, ours.most
    standard = Functions.FUNCTION_TABLE.get(name)
    if standard is None:
        near = get_close_matches(name, known_functions(), 1)
        hint = f"did you mean {near[0]}()?" if near else "`mapper functions` lists them all"
        raise ExpressionError("unknown_function", f"there is no function {name}()", offset, hint, len(name))
    signature = standard["signature"]
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    return len(signature), None if variadic else len(signature)


def _usage(name: str) -> str | None:
    ours = functions.TABLE.get(name)
    return ours.signature if ours else None


def _check_slices(tree: Node, tokens: tuple[Token, ...]) -> None:
    for node in nodes(tree):
        if node["type"] == "slice" and node["children"][2] == 0:
            offset = next((t.start for t in tokens if t.kind == "colon"), 0)
            raise ExpressionError("slice_step", "a slice cannot have the step 0", offset)


def _check_references(tree: Node, tokens: tuple[Token, ...]) -> None:
    """Refuse ``&expr`` where no function takes one, as JMESPath's grammar does: the package makes a value of it."""
    taken = {id(child) for node in nodes(tree) for child in _references_taken(node)}
    if any(node["type"] == "expref" and id(node) not in taken for node in nodes(tree)):
        offset = next((t.start for t in tokens if t.kind == "expref"), 0)
        hint = "write sort_by(traits.orders, &date), for example"
        raise ExpressionError("syntax", "& stands only before an argument of a function that takes one", offset, hint)


def _references_taken(node: Node) -> Iterator[Node]:
    """The arguments of a call that may be ``&expr``."""
    if node["type"] != "function_expression":
        return
    ours = functions.TABLE.get(node["value"])
    if ours is not None:
        kinds = [parameter.kind == "expression" for parameter in ours.parameters]
    else:
        kinds = ["expref" in part["types"] for part in Functions.FUNCTION_TABLE[node["value"]]["signature"]]
    yield from (child for child, takes in zip(node["children"], kinds, strict=False) if takes)


#: What can be wrong with a node of a kind, though its grammar is right.
_CHECKS = (("function_expression", _check_calls), ("slice", _check_slices), ("expref", _check_references))
