"""In which order the fields can be filled, and which fields stand in each other's way.

Knows what a field needs and where it goes. Must not know what its expressions mean.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from mapper.errors import Findings
from mapper.expressions import Expression
from mapper.plan.parts import Field, Place


def place_of(name: str) -> Place:
    """The steps of a field's name: dots nest, and a dot after a backslash belongs to the key."""
    steps, step, escaped = [], "", False
    for character in name:
        if escaped:
            step += character if character == "." else f"\\{character}"
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ".":
            steps.append(step)
            step = ""
        else:
            step += character
    return (*steps, step + ("\\" if escaped else ""))


def arrange(fields: tuple[Field, ...], found: Findings) -> tuple[int, ...]:
    """The indices of the fields, each after those that it needs. A circle is reported."""
    graph = TopologicalSorter({index: _needs(field, fields) for index, field in enumerate(fields)})
    try:
        return tuple(graph.static_order())
    except CycleError as error:
        circle = [fields[index] for index in error.args[1]]
        first = min(circle, key=lambda f: (f.position.line, f.position.column))
        message = f"these fields need each other: {' -> '.join(f.name for f in circle)}"
        found.error("circle", message, first.position, "let one of them read the trait instead", first.name)
        return tuple(range(len(fields)))


def _needs(field: Field, fields: tuple[Field, ...]) -> list[int]:
    expressions = [c.located.expression for c in field.candidates]
    expressions += [located.expression for located in (field.when, field.clean) if located is not None]
    places = {place for e in expressions for place in _places_read(e)}
    return [
        index
        for index, other in enumerate(fields)
        if other.name == field.anchor or any(_touch(place, other.place) for place in places)
    ]


def _places_read(expression: Expression) -> set[Place]:
    return {
        tuple(step for step in path[1:] if isinstance(step, str))
        for path in expression.reads.every
        if path and path[0] == "fields"
    }


def _touch(one: Place, other: Place) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def check_places(fields: tuple[Field, ...], into: Place, found: Findings) -> None:
    """Report two fields on one place, and a field inside another."""
    for index, field in enumerate(fields):
        if any(not step for step in field.place):
            found.error(
                "bad_name", "a step of this name is empty", field.position, "write a\\. for a dot in a key", field.name
            )
        for earlier in fields[:index]:
            if _touch(field.place, earlier.place):
                message = f"{field.name!r} and {earlier.name!r} (line {earlier.position.line}) go to the same place"
                found.error("place_taken", message, field.position, "remove one of them", field.name)
        if field.place == into[: len(field.place)] and not _opens(field, into):
            message = f"custom fields go into {'.'.join(into)}, and {field.name!r} stands there"
            hint = "give the field type: object and const: {}, or move the custom fields"
            found.error("place_taken", message, field.position, hint, field.name)


def _opens(field: Field, into: Place) -> bool:
    return not into or (field.place == into and isinstance(field.const, dict))
