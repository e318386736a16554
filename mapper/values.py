"""Values written in the file: texts, numbers and flags, read by a field's type.

Knows how a scalar becomes a typed value, and how other YAML tools would misread it. Must not know
which keys hold such values.
"""

from __future__ import annotations

import re
from typing import Any

from mapper.errors import Findings
from mapper.source import Node, Scalar, Series

#: What a field can be, as its ``type`` key says.
TYPES = ("text", "number", "whole", "flag", "list", "object", "any")

#: A number as JSON writes it.
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", re.ASCII)

#: What YAML 1.1 (many tools) or YAML 1.2 (editors) makes of plain words and signs.
_OTHER_WORDS = {
    **dict.fromkeys(("yes", "Yes", "YES", "on", "On", "ON", "y", "Y", "true", "True", "TRUE"), "true"),
    **dict.fromkeys(("no", "No", "NO", "off", "Off", "OFF", "n", "N", "false", "False", "FALSE"), "false"),
    **dict.fromkeys(("null", "Null", "NULL", "~"), "nothing at all"),
    **dict.fromkeys(("=", "<<"), "an error"),
}
#: The same for what begins with a digit, a sign or a dot. (Texts: hardly a mapping has such a scalar.)
_NUMERIC = frozenset("0123456789+-.")
_OTHER_NUMBERS = (
    (r"[-+]?0[0-7]+", "a smaller number"),
    (r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?", "a number of seconds"),
    (r"[-+]?0x[0-9a-fA-F]+|[-+]?0b[01_]+|0o[0-7]+", "another number"),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", "a date"),
    (r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?", "a number"),
    (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "a number that is none"),
)


def reads_differently(scalar: Scalar) -> str | None:
    """What another YAML tool would read instead of this text, or None where all agree."""
    if not scalar.plain:
        return None
    text = scalar.text
    if text[:1] not in _NUMERIC:
        return _OTHER_WORDS.get(text)
    return next((other for pattern, other in _OTHER_NUMBERS if re.fullmatch(pattern, text, re.ASCII)), None)


def json_value(node: Node) -> Any:
    """A node's value where plain scalars are numbers, flags or null exactly if JSON reads them so.

    ``02134``, ``NO`` and ``12:30`` stay text; ``90250`` is a number and ``"90250"`` is text.
    """
    if isinstance(node, Scalar):
        return _json_scalar(node)
    if isinstance(node, Series):
        return [json_value(part) for part in node.parts]
    return {key.text: json_value(value) for key, value in node.pairs}


def _json_scalar(scalar: Scalar) -> Any:
    if not scalar.plain:
        return scalar.text
    if scalar.text in ("true", "false"):
        return scalar.text == "true"
    if scalar.text in ("null", ""):
        return None
    return number(scalar.text) if _JSON_NUMBER.fullmatch(scalar.text) else scalar.text


def number(text: str) -> int | float:
    """The number of a JSON number's text: whole where it is written whole."""
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)


def typed(node: Node, kind: str, found: Findings) -> Any:
    """A value of the file, read by a field's type. None, with a problem, where it does not fit."""
    if isinstance(node, Scalar) and node.plain and not node.text:
        hint = "write the value behind the colon; for a blank text write ''"
        found.error("empty_value", "a value is due here, and there is none", node.position, hint)
        return None
    if kind in ("any", "list", "object"):
        return _structured(node, kind, found)
    if not isinstance(node, Scalar):
        found.error("wrong_shape", f"one {kind} value is due here", node.position)
        return None
    if kind == "text":
        other = reads_differently(node)
        if other:
            message = f"{node.text} is read as text here, but other YAML tools read {other}"
            found.warn("reads_differently", message, node.position, f"write '{node.text}'")
        return node.text
    return _typed_scalar(node, kind, found)


def _structured(node: Node, kind: str, found: Findings) -> Any:
    value = json_value(node)
    if value is None:
        hint = "leave it out: what is null counts as absent"
        found.error("empty_value", "null is no value", node.position, hint)
        return None
    wanted = {"list": list, "object": dict}.get(kind)
    if wanted is not None and not isinstance(value, wanted):
        found.error("wrong_shape", f"the field is of type {kind}; this is not", node.position)
        return None
    return value


def _typed_scalar(scalar: Scalar, kind: str, found: Findings) -> Any:
    hint = None if scalar.plain else "write it without quotes"
    if kind == "flag":
        if scalar.plain and scalar.text in ("true", "false"):
            return scalar.text == "true"
        found.error("wrong_word", "the field is of type flag: true or false is due", scalar.position, hint)
        return None
    if scalar.plain and _JSON_NUMBER.fullmatch(scalar.text):
        value = number(scalar.text)
        if kind == "number" or isinstance(value, int):
            return value
    noun = "a whole number" if kind == "whole" else "a number"
    found.error("not_a_number", f"the field is of type {kind}: {noun} is due", scalar.position, hint)
    return None
