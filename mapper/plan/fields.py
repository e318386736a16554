"""Fields, requirements and skips: from what was written to what can be run.

Knows how each key of a field becomes a part of the plan. Must not see an event.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mapper import mapping as written
from mapper import rules
from mapper.errors import Findings
from mapper.expressions import STAR
from mapper.plan.order import place_of
from mapper.plan.parts import Age, Candidate, Field, Located, Requirement, Skip
from mapper.plan.scope import CLEAN, FIELD, Compiler
from mapper.rules import predicates
from mapper.shapes import warn_if_read_differently
from mapper.source import Node, Scalar, Series, Table
from mapper.values import typed


def compile_field(field: written.Field, anchors: dict[str, str], compiler: Compiler) -> Field:
    """One field of the plan; what is wrong is reported and left out."""
    name, found = field.name.text, compiler.found
    when = compiler.compile(field.when, FIELD, name, condition=True) if field.when is not None else None
    clean = compiler.compile(field.clean, CLEAN, name) if field.clean is not None else None
    located = [compiler.compile(source, FIELD, name) for source in field.sources]
    planned = Field(
        name=name,
        place=place_of(name),
        type=field.type,
        position=field.name.position,
        candidates=tuple(candidate(one) for one in located if one is not None),
        when=when,
        clean=clean,
        table=_table(field, found) if field.values else None,
        default=typed(field.default, field.type, found) if field.default is not None else None,
        const=typed(field.const, field.type, found) if field.const is not None else None,
        rules=_rules(field.rules, field, found),
        warn=_rules(field.warn, field, found),
        if_wrong=field.if_wrong,
        anchor=anchors.get(name),
    )
    _check_twice(field, found)
    _check_fixed(planned, field, found)
    return planned


def candidate(located: Located) -> Candidate:
    """One expression of ``from``, with what decides its age."""
    expression = located.expression
    below = [path for path in expression.reads.every if path and path[0] == "traits"]
    roots = frozenset(str(path[1]) for path in below if len(path) > 1 and path[1] != STAR)
    every_root = any(len(path) == 1 or path[1] == STAR for path in below)
    plain = expression.plain
    path = plain[1:] if plain is not None and plain[0] == "traits" and len(plain) > 1 else None
    return Candidate(located, path, roots, every_root, _age(expression.reads.names))


def _age(names: frozenset[str]) -> Age:
    if "traits" in names:
        return Age.BY_TRAITS
    return Age.NEWEST if names - {"settings"} else Age.OLDEST


def _rules(table: Table | None, field: written.Field, found: Findings) -> rules.Rules:
    return rules.compile(table, field.type, found, field.name.text) if table is not None else rules.EMPTY


def spelling(text: str) -> str:
    """A text as a table of values compares it: trimmed, composed, without regard to case."""
    return predicates.nfc(text).strip().casefold()


def _table(field: written.Field, found: Findings) -> dict[str, Any]:
    """Spelling -> result. A result is a spelling of itself unless another result claims it."""
    table: dict[str, Any] = {}
    places: dict[str, Scalar] = {}
    for result, spellings in field.values:
        value = typed(result, field.type, found)
        for node in spellings:
            if not isinstance(node, Scalar):
                found.error("wrong_shape", "a spelling is a text", node.position, None, field.name.text)
                continue
            warn_if_read_differently(node, found)
            first = places.setdefault(spelling(node.text), node)
            if table.setdefault(spelling(node.text), value) != value:
                message = f"the spelling {node.text!r} stands under two results (first on line {first.position.line})"
                found.error("spelled_twice", message, node.position, "keep one of the two", field.name.text)
    for result, _ in field.values:
        table.setdefault(spelling(result.text), typed(result, field.type, Findings()))
    return table


def _check_twice(field: written.Field, found: Findings) -> None:
    seen: set[str] = set()
    for source in field.sources:
        if source.text in seen:
            found.warn(
                "listed_twice", "this expression is listed twice", source.position, "remove one", field.name.text
            )
        seen.add(source.text)


def _check_fixed(planned: Field, field: written.Field, found: Findings) -> None:
    """A fixed value skips ``clean`` and has to keep the rules: that can be seen now."""
    for key, node, value in (("default", field.default, planned.default), ("const", field.const, planned.const)):
        if node is None or value is None or value == "":
            continue
        for broken in planned.rules.check(value):
            message = f"the {key} breaks the rule {broken.rule}: it {broken.message}"
            found.error("fixed_value_breaks_rule", message, _start(node), "change the value or the rule", planned.name)


def _start(node: Node) -> Any:
    return node.parts[0].position if isinstance(node, Series) and node.parts else node.position


def compile_requirement(entry: written.Requirement, fields: dict[str, Field], compiler: Compiler) -> Requirement:
    """One entry of ``require``."""
    found = compiler.found
    names = tuple(name.text for name in entry.names if known_field(name, fields, found))
    pairs = tuple(
        (name.text, rules.compile(table, fields[name.text].type, found, name.text))
        for name, table in entry.rules
        if known_field(name, fields, found)
    )
    when = compiler.compile(entry.when, FIELD, condition=True) if entry.when is not None else None
    return Requirement(entry.kind, names, pairs, when, entry.message, entry.if_wrong, entry.position)


def compile_skip(entry: written.Skip, compiler: Compiler) -> Skip | None:
    """One entry of ``skip``."""
    when = compiler.compile(entry.when, FIELD, condition=True)
    return Skip(when, entry.because) if when is not None else None


def known_field(name: Scalar, fields: Collection[str], found: Findings) -> bool:
    """Whether a field of this name is declared; if not, that is reported."""
    if name.text in fields:
        return True
    near = found.nearest(name.text, fields)
    hint = f"did you mean {near!r}?" if near else "declare it under fields"
    found.error("unknown_field", f"there is no field {name.text!r}", name.position, hint)
    return False
