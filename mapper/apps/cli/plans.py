"""A plan as text: the Python function that is written for a mapping, and the expressions that it calls.

Knows what to show of them, in which order. Must not write a line of either.
"""

from __future__ import annotations

from collections.abc import Iterator

from mapper import compiled
from mapper.compiled.search import is_plain
from mapper.pipeline import Mapper
from mapper.plan import Plan
from mapper.plan.parts import Located

_HEADER = """\
# The Python function that mapper writes from {file!r}, to be read and not to be kept.
#
# Once it has mapped some events, mapper asks this function first; for calls with context.traits, and for people of whom
# more is known, it writes another one like it. Where the function is not sure of something it raises an exception, and
# the event is mapped the slow way, which gives the same result and explains it: that is what `mapper preview` shows.
# The lines in the comments are those of the mapping; the fields stand in the order in which they need each other.
#
#   v3, w3, a3    field 3: its value; the spelling that won, or None; how old that is (0 is this call)
#                 (the steps of a longer spelling are joined by \\ud800, which no text from JSON can hold)
#   found, notes  problems with the numbers of their fields; what functions noted
#   left          the spellings that won, of fields that are left out
#   find3         the careful search through all spellings of field 3, where the first ones are not there or are no text
#   tell3         the whole story of field 3, where its value is not plain to see
#   rules3        whether a value surely keeps the rules; wrong3 what is wrong otherwise; missing3 that it is missing
#   clean3        an expression, see below: in the order of the function, under the names of their fields
#   route         makes custom fields of what no field took; own copies a fixed value; truth is JMESPath's
"""

_EXPRESSIONS = """\
# The expressions that it calls; mere paths stand in the function itself. A document is what an expression can read.
"""

_INTERPRETED = "# no Python: as long lists may take it too many steps, the interpreter counts them"


def text(mapper: Mapper) -> str:
    """All of it, as Python that can be parsed."""
    parts = [_HEADER.format(file=mapper.file), compiled.source(mapper.plan)]
    called = [_expression(name, located) for name, located in _called(mapper.plan)]
    parts += [_EXPRESSIONS, *called] if called else []
    lines = "\n\n".join(part.strip("\n") for part in parts).split("\n")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _expression(name: str, located: Located) -> str:
    expression = located.expression
    source = expression.source or f"# {expression.text!r}\n{_INTERPRETED}"
    return f"# {name}, line {located.position.line}\n{source}"


def _called(plan: Plan) -> Iterator[tuple[str, Located]]:
    """Each expression and what it is for, in the order in which the function meets them."""
    for number in plan.order:
        one = plan.fields[number]
        if one.when is not None:
            yield f"{one.name!r}, when", one.when
        yield from ((repr(one.name), spelling.located) for spelling in one.candidates if not is_plain(spelling))
        if one.clean is not None:
            yield f"{one.name!r}, clean", one.clean
    yield from (("require, when", one.when) for one in plan.require if one.when is not None)
    yield from (("skip", one.when) for one in plan.skip)
