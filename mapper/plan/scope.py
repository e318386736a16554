"""The closed scope: which names an expression may use, and where.

Knows the table of names (the mapping language, section 1.2) and compiles an expression against it.
Must not know what a field or a request does with its value.
"""

from __future__ import annotations

from mapper import expressions
from mapper.errors import ExpressionError, Findings, Position
from mapper.event import ENVELOPE
from mapper.expressions import Expression
from mapper.frozen import dataclass
from mapper.plan import hints, lint
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


#: Names that are known in one place only, and what to write in the others.
_ELSEWHERE = {
    "traits": "bring it into a field first, and write fields.NAME",
    "value": "only clean knows value; write the trait, such as traits.name",
    "payload": "only send.body knows payload",
    "reply": "only send.answers knows reply",
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
            hint = hints.of_error(error, scalar, scope.names)
            self.found.error(error.code, str(error), scalar.at(error.offset, error.width), hint, field)
            return None
        before = len(self.found.problems)
        self._check_names(expression, scalar, scope, field)
        unknown = expression.reads.names - scope.names
        for finding in lint.look(expression, condition=condition, unknown=unknown):
            report = self.found.error if finding.error else self.found.warn
            report(finding.code, finding.message, scalar.at(finding.offset, finding.width), finding.hint, field)
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
        if name in _ELSEWHERE:
            message = f"{name} is not known in {scope.noun}"
            self.found.error("unknown_name", message, place, _ELSEWHERE[name], field)
            return
        compared = lint.beside_a_comparison(expression, name)
        hint = hints.of_name(name, expression, scalar, scope.names, compared=compared)
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
                near = self.found.nearest(".".join(steps), [".".join(p) for p in self.declared.places])
                hint = f"did you mean fields.{near}?" if near else "fields holds this file's own fields"
                self.found.error("unknown_field", f"there is no field {'.'.join(steps)!r}", place, hint, field)
        elif first == "audience" and second not in ("key", "entered", "left"):
            self.found.error("unknown_name", "audience has key, entered and left", place, None, field)
        elif first == "context" and second == "traits" and not scope.context_traits:
            hint = "bring it into a field first, and write fields.NAME"
            self.found.error("unknown_name", f"traits are not known in {scope.noun}", place, hint, field)

    def _check_setting(self, name: str, scope: Scope, place: Position, field: str | None) -> None:
        if name not in self.declared.settings:
            near = self.found.nearest(name, self.declared.settings)
            hint = f"did you mean settings.{near}?" if near else f"declare it: settings: {{{name}: {{env: NAME}}}}"
            self.found.error("unknown_setting", f"there is no setting {name!r}", place, hint, field)
        elif name in self.declared.secrets and not scope.secrets:
            message = f"the secret setting {name!r} may only be used under send.secrets"
            hint = "a request never holds a secret; the transport adds it"
            self.found.error("secret_elsewhere", message, place, hint, field)
