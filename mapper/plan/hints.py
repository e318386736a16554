"""What the author of a wrong expression may have meant, as a text to write.

Knows the habits that people bring along, and how an expression's text is rewritten and quoted for YAML.
Must not report anything: whoever found the mistake does. A rewritten expression is only shown if it compiles.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from mapper import expressions
from mapper.errors import ExpressionError
from mapper.expressions import Expression
from mapper.source import Scalar
from mapper.source.complaints import quoted

#: Names that people reach for, and what they mean here.
_HABITS = {
    "trait": "traits",
    "Traits": "traits",
    "properties": "traits",
    "user": "traits",
    "event": "traits",
    "data": "traits",
    "user_id": "userId",
    "userid": "userId",
    "anonymous_id": "anonymousId",
    "message_id": "messageId",
    "config": "settings",
    "env": "settings",
    "field": "fields",
}

_STRAIGHT = str.maketrans("“”‘’", "''''")
#: Characters that a name may have between double quotes only, and those of every name.
_NAME = re.compile(r"[\w $#/:-]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def of_error(error: ExpressionError, scalar: Scalar, names: Collection[str]) -> str | None:
    """What to write instead of a text that is no expression, where these names are known."""
    text = scalar.text
    if scalar.cut_from is not None:
        return f"YAML ends a text at a # after a space, and inside brackets at a comma: write {quoted(scalar.cut_from)}"
    if error.code != "syntax":
        return error.hint
    if "traits" not in names and re.fullmatch(r"[\w.,;:/=+ -]+", text):
        return f"for a fixed text write {_fixed(text, names)}"
    if re.fullmatch(r"[^\W\d_][\w'’,&-]*( [\w'’.,&-]+)*|[+-]?\d[\w.:,/ -]*", text):
        return _fixed_or_trait(text, names)
    for why, mended in _mended(text, error.offset or 0):
        if compiles(mended):
            return f"{why}: write {quoted(mended)}"
    return error.hint


def _fixed(text: str, names: Collection[str]) -> str:
    """How a fixed text is written: a field has a key for it; elsewhere it is a text inside the expression."""
    return f"const: {quoted(text)}" if "traits" in names else quoted(f"'{text}'")


def _fixed_or_trait(text: str, names: Collection[str]) -> str:
    """For words or a number that stand alone: a fixed text was meant, or a trait's name."""
    trait = f'traits."{text}"' if re.search(r"\W", text) else f"traits.{text}"
    fixed = f"for a fixed text write {_fixed(text, names)}"
    return fixed if text[0].isdigit() or text[0] in "+-" else f"for a trait write {trait}; {fixed}"


def _mended(text: str, at: int) -> Iterator[tuple[str, str]]:
    """Likely repairs of an expression that fails at a character: what is wrong, and the repaired text."""
    character, before = text[at : at + 1], text[:at].rstrip()
    if character == "$" and text[at:].startswith("$."):
        yield "names stand here without $", text.replace("$.", "")
    if character and character in "“”‘’":
        inner = text[1:-1] if text[-1] in "“”‘’" and at == 0 else text
        yield "these are curly quotes", inner.translate(_STRAIGHT)
    if character and not character.isprintable():
        yield "an invisible character stands here", "".join(c for c in text if c.isprintable())
    if character == ",":
        yield "the comma is too much", text[:at] + text[at + 1 :]
    if before.endswith(","):
        yield "the comma before it is too much", before[:-1] + text[at:]
    number = _NUMBER.match(text, at)
    if number and number.start() > 0:
        yield "a number stands in backticks", f"{text[:at]}`{number.group()}`{text[number.end() :]}"
    name = _name_around(text, at)
    if name:
        yield "such a name needs double quotes", name


def _name_around(text: str, at: int) -> str | None:
    """The text with double quotes around the name that holds a character which a bare name may not have."""
    found = _NAME.search(text[:at][::-1])
    start = at - (found.end() if found and found.start() == 0 else 0)
    rest = _NAME.match(text, at)
    end = rest.end() if rest else at
    name = text[start:end].strip()
    start += len(text[start:end]) - len(text[start:end].lstrip())
    if not re.match(r"[\w$]", name) or re.search(r"\b(traits|fields|settings|value|context)\b", name):
        return None
    below = "" if text[:start].endswith(".") else "traits."
    return f'{text[:start]}{below}"{name}"{text[start + len(name) :]}'


def compiles(text: str) -> bool:
    """Whether a text is an expression."""
    try:
        expressions.compile(text)
    except ExpressionError:
        return False
    return True


def rewritten(expression: Expression, start: int, end: int, new: str) -> str | None:
    """The expression with some of its characters exchanged, in quotes for YAML; None where that is no expression."""
    text = expression.text[:start] + new + expression.text[end:]
    return quoted(text) if compiles(text) else None


def of_name(name: str, expression: Expression, scalar: Scalar, names: Collection[str], *, compared: bool) -> str:
    """What to write instead of a first name that is not known. ``compared`` says that it stands beside a comparison."""
    offset = expression.offset_of(name)
    alone = expression.plain == (name,)
    if name in ("true", "false", "null") and offset is not None:
        write = rewritten(expression, offset, offset + len(name), f"`{name}`")
        return f"it stands in backticks: write {write}"
    if not name:
        return "for an empty text write '' with single quotes"
    if compared and offset is not None:
        # A name beside a comparison was typed in double quotes; as a text it stands in single ones.
        write = rewritten(expression, offset, offset + len(name) + 2, f"'{name}'")
        return f"for a text write {write}" if write else f"for a text write '{name}'"
    capital = re.fullmatch(r"[A-Z0-9]{1,3}|[A-Z][a-z]+", name)
    if alone and (capital or not scalar.plain):
        reason = "" if capital else "YAML took the quotes away; "
        trait = f"; for a trait write traits.{name}" if "traits" in names else ""
        return f"{reason}for a fixed text write {_fixed(name, names)}{trait}"
    meant = _HABITS.get(name)
    if meant in names:
        return f"did you mean {meant}?"
    near = get_close_matches(name, names, 1, 0.75)
    if near:
        return f"did you mean {near[0]}?"
    return f"a trait is written traits.{name}" if "traits" in names else f"the names are {', '.join(sorted(names))}"
