"""The closed scope: which names an expression may use, and where.

Knows the table of names (the mapping language, section 1.2) and compiles an expression against it.
Must not know what a field or a request does with its value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from mapper import expressions
from mapper.errors import ExpressionError, Findings
from mapper.event import ENVELOPE
from mapper.expressions import Expression
from mapper.plan import lint
from mapper.plan.parts import Located, Place
from mapper.source import Scalar

_ENVELOPE = frozenset(ENVELOPE)
_CALL = _ENVELOPE | {"options", "audience", "settings", "fields"}


@dataclass(frozen=True, slots=True)
class Scope:
    """One column of the table of names."""

    noun: str
    names: frozenset[str]
    secrets: bool = False
    context_traits: bool = True


FIELD = Scope("an expression of a field", _CALL | {"traits"})
CLEAN = Scope("a clean expression", FIELD.names | {"value"})
SEND = Scope("an expression of send", _CALL, context_traits=False)
BODY = Scope("the body", _CALL | {"payload"}, context_traits=False)
SECRET = Scope("a secret", frozenset({"settings"}), secrets=True)
REPLY = Scope("an expression of answers", frozenset({"reply"}))

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


@dataclass(frozen=True, slots=True)
class Declared:
    """What the file declares: names of settings, of secret settings, and the places of fields."""

    settings: frozenset[str]
    secrets: frozenset[str]
    places: frozenset[Place]


class Compiler:
    """Compiles the expressions of one file, and reports what is wrong with each at its own place."""

    def __init__(self, declared: Declared, found: Findings) -> None:
        """Remember what the file declares, and where problems go."""
        self.declared = declared
        self.found = found

    def compile(
        self, scalar: Scalar, scope: Scope, field: str | None = None, *, condition: bool = False
    ) -> Located | None:
        """The expression of a scalar, or None where it is wrong."""
        try:
            expression = expressions.compile(scalar.text)
        except ExpressionError as error:
            hint = _CUT_BY_COMMENT if scalar.cut_by_comment and _is_open(scalar.text) else error.hint
            self.found.error(error.code, str(error), scalar.at(error.offset, error.width), hint, field)
            return None
        before = len(self.found.problems)
        self._check_names(expression, scalar, scope, field)
        lint.look(expression, scalar, self.found, field, condition=condition)
        if any(p.level == "error" for p in self.found.problems[before:]):
            return None
        return Located(expression, scalar)

    def _check_names(self, expression: Expression, scalar: Scalar, scope: Scope, field: str | None) -> None:
        if expression.reads.whole:
            hint = "write `value`" if "value" in scope.names else "write the name: traits.email, for example"
            offset = next(
                (t.start for t in expression.tokens if t.kind in ("current", "star", "flatten", "filter")), None
            )
            message = "at the top of an expression, this means everything at once"
            self.found.error("bare_current_node", message, scalar.at(offset), hint, field)
        for name in sorted(expression.reads.names - scope.names):
            self._unknown(name, expression, scalar, scope, field)
        for path in sorted(expression.reads.every, key=repr):
            self._check_member(path, expression, scalar, scope, field)

    def _unknown(self, name: str, expression: Expression, scalar: Scalar, scope: Scope, field: str | None) -> None:
        place = scalar.at(expression.offset_of(name), len(name))
        if name in ("value", "payload", "traits", "reply"):
            message = f"{name} is not known in {scope.noun}"
            hint = "bring it into a field first, and write fields.NAME" if name == "traits" else None
            self.found.error("unknown_name", message, place, hint, field)
            return
        hint = _what_was_meant(name, expression, scalar, scope)
        self.found.error("unknown_name", f"{scope.noun} knows no name {name!r}", place, hint, field)

    def _check_member(
        self, path: expressions.Path, expression: Expression, scalar: Scalar, scope: Scope, field: str | None
    ) -> None:
        if len(path) < 2 or not isinstance(path[1], str):  # noqa: PLR2004 - a first name and one below it
            return
        first, second = path[0], path[1]
        place = scalar.at(expression.offset_of(str(first)), len(f"{first}.{second}"))
        if first == "settings":
            self._check_setting(second, scope, place, field)
        elif first == "fields":
            steps = tuple(s for s in path[1:] if isinstance(s, str))
            if not any(p[: len(steps)] == steps or steps[: len(p)] == p for p in self.declared.places):
                near = get_close_matches(".".join(steps), [".".join(p) for p in self.declared.places], 1)
                hint = f"did you mean fields.{near[0]}?" if near else "fields holds this file's own fields"
                self.found.error("unknown_field", f"there is no field {'.'.join(steps)!r}", place, hint, field)
        elif first == "audience" and second not in ("key", "entered", "left"):
            self.found.error("unknown_name", "audience has key, entered and left", place, None, field)
        elif first == "context" and second == "traits" and not scope.context_traits:
            hint = "bring it into a field first, and write fields.NAME"
            self.found.error("unknown_name", f"traits are not known in {scope.noun}", place, hint, field)

    def _check_setting(self, name: str, scope: Scope, place: lint.Position, field: str | None) -> None:
        if name not in self.declared.settings:
            near = get_close_matches(name, self.declared.settings, 1)
            hint = f"did you mean settings.{near[0]}?" if near else f"declare it: settings: {{{name}: {{env: NAME}}}}"
            self.found.error("unknown_setting", f"there is no setting {name!r}", place, hint, field)
        elif name in self.declared.secrets and not scope.secrets:
            message = f"the secret setting {name!r} may only be used under send.secrets"
            hint = "a request never holds a secret; the transport adds it"
            self.found.error("secret_elsewhere", message, place, hint, field)


_CUT_BY_COMMENT = "YAML takes a # after a space as a comment: put the whole expression in single quotes"


def _is_open(text: str) -> bool:
    """Whether a quote or a bracket is opened and not closed: the comment has eaten the rest."""
    return text.count("'") % 2 == 1 or text.count("`") % 2 == 1 or text.count("(") != text.count(")")


def _what_was_meant(name: str, expression: Expression, scalar: Scalar, scope: Scope) -> str:
    if name in ("true", "false", "null"):
        return f"write `{name}` with backticks, and the whole expression in single quotes"
    if lint.beside_a_comparison(expression, name):
        return f"for a text write '{name}' with single quotes"
    if expression.plain == (name,) and re.fullmatch(r"[A-Z0-9]{1,3}|[A-Z][a-z]+", name):
        return f"for a fixed text write const: {name}; for a trait write traits.{name}"
    if not scalar.plain and expression.plain == (name,):
        return f"YAML took the quotes away. For a fixed text write const: {name}; for a trait write traits.{name}"
    meant = _HABITS.get(name)
    if meant in scope.names:
        return f"did you mean {meant}?"
    near = get_close_matches(name, scope.names, 1, 0.75)
    if near:
        return f"did you mean {near[0]}?"
    return (
        f"a trait is written traits.{name}"
        if "traits" in scope.names
        else f"the names are {', '.join(sorted(scope.names))}"
    )
