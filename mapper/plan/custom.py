"""The custom fields' part of a plan: patterns, places and reserved names.

Knows which names custom fields may not take. Must not see an event.
"""

from __future__ import annotations

from mapper import mapping as written
from mapper import rules
from mapper.errors import Findings
from mapper.plan.order import place_of
from mapper.plan.parts import CustomFields, Field, Glob, Place
from mapper.source import Scalar, Table


def compile_custom_fields(
    part: written.CustomFields, fields: tuple[Field, ...], secrets: tuple[str, ...], found: Findings
) -> CustomFields:
    """The custom fields' part; ``secrets`` are the names that secrets take in the body."""
    into = place_of(part.into.text) if part.into is not None else ()
    return CustomFields(
        none=part.none,
        into=into,
        nested=part.nested,
        lists=part.lists,
        names=part.names,
        separator=part.separator,
        prefix=part.prefix,
        suffix=part.suffix,
        drop=tuple(_glob(scalar, found) for scalar in part.drop),
        lift=frozenset(part.lift),
        keep_empty=part.empty == "keep",
        name_rules=_rules(part.name_rules, "text", found),
        rules=_rules(part.rules, "any", found),
        reserved=_reserved(into, fields, secrets),
    )


def _rules(table: Table | None, kind: str, found: Findings) -> rules.Rules:
    return rules.compile(table, kind, found) if table is not None else rules.EMPTY


def _glob(scalar: Scalar, found: Findings) -> Glob:
    steps = place_of(scalar.text)
    if any(not step for step in steps):
        found.error("bad_name", "a step of this pattern is empty", scalar.position, "write address.* or **.token")
    return Glob(scalar.text, steps, scalar.position)


def _reserved(into: Place, fields: tuple[Field, ...], secrets: tuple[str, ...]) -> dict[str, str]:
    """Names at ``into`` that belong to someone, and to whom."""
    owners = {name: f"the secret {name}" for name in secrets} if not into else {}
    for field in fields:
        if len(field.place) > len(into) and field.place[: len(into)] == into:
            owners.setdefault(field.place[len(into)], f"field {field.name}")
    return owners
