"""A plan as text: the Python functions that are written for a mapping, and the expressions that they call.

Knows what to show of them, in which order, and how a line of them is broken. Must not write a line of either.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from mapper import compiled
from mapper.compiled import names
from mapper.compiled.layers import ANY, ONE, TWO
from mapper.compiled.search import is_plain
from mapper.pipeline import Mapper
from mapper.plan import Plan
from mapper.plan.parts import Located

_HEADER = """\
# The Python functions that mapper writes from {file!r}, to be read and not to be kept.
#
# Once it has mapped some events, mapper asks one of them first. Where it is not sure of something it raises an
# exception, and the event is mapped the slow way, which gives the same result and explains it: that is what
# `mapper preview` shows. The comments quote the mapping; fields stand in the order in which they need each other.
#
#   map_one_layer    for a call that has no context.traits, of a person of whom no more is known
#   map_two_layers   for a call that has context.traits as well
#   map_any_layers   for a person of whom earlier calls are known
#
#   v_zip, w_zip, a_zip   of the field zip: its value; the spelling that won, or None; how old that is (0 is this call)
#                         (the steps of a longer spelling are joined by \\ud800, which no text from JSON can hold; a
#                         field whose name makes no Python name is called by its number: v__3)
#   find_zip              the careful search through all spellings, where the first ones are not there or are no text;
#                         spelling_4_of_zip and its like, below, are expressions that it calls
#   tell_zip              the whole story of the field, where its value is not plain to see
#   clean_zip, when_zip   expressions of the field, below; require_0, skip_0: those of the whole event
#   rules_zip             whether a value surely keeps the rules; wrong_zip what is wrong; missing_zip that it is absent
#   found, notes, left    problems, with the numbers of their fields; what functions noted; winners that are left out
#   route                 makes custom fields of what no field took; own copies a fixed value; truth is JMESPath's
"""

_EXPRESSIONS = """\
# The expressions that they call; mere paths stand in the functions. A document is what an expression can read.
"""

_INTERPRETED = "# no Python: as long lists may take it too many steps, the interpreter counts them"

#: Characters of a line; where a line cannot be broken it is longer.
_WIDTH = 120
#: Lines of the mapping that a comment quotes at most.
_QUOTED = 16
#: A comment that names a line of the mapping.
_NAMES_LINE = re.compile(r"( *)# .*, line ([0-9]+)")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_IF = re.compile(r" *(?:if|elif|else)\b")
#: What stands for itself in a line of Python: a text, a bracket, and where a line may be broken inside brackets.
_BREAKS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[()\[\]{},]|: | (?=(?:and|or|if|else|for) )""")


def text(mapper: Mapper) -> str:
    """All of it, as Python that can be parsed."""
    parts = [_HEADER.format(file=mapper.file), *(compiled.source(mapper.plan, layers) for layers in (ONE, TWO, ANY))]
    called = [_expression(title, name, located) for title, name, located in _called(mapper.plan)]
    parts += [_EXPRESSIONS, *called] if called else []
    written = "\n\n".join(part.strip("\n") for part in parts).split("\n")
    lines = (line.rstrip() for line in _quoting(written, mapper.text.split("\n")))
    return "\n".join(part for line in lines for part in _broken(line)) + "\n"


def _expression(title: str, name: str, located: Located) -> str:
    expression = located.expression
    source = expression.source or f"# {expression.text!r}\n{_INTERPRETED}"
    return f"# {title}, line {located.position.line}\n{source.replace('def evaluate(', f'def {name}(', 1)}"


def _called(plan: Plan) -> Iterator[tuple[str, str, Located]]:
    """Each expression, what it is for and what it is called, in the order in which the functions meet them."""
    words = names.words(one.name for one in plan.fields)
    for number in plan.order:
        one, word = plan.fields[number], words[number]
        if one.when is not None:
            yield f"{one.name!r}, when", f"when_{word}", one.when
        for place, spelling in enumerate(one.candidates, start=1):
            if not is_plain(spelling):
                yield repr(one.name), f"spelling_{place}_of_{word}", spelling.located
        if one.clean is not None:
            yield f"{one.name!r}, clean", f"clean_{word}", one.clean
    for number, requirement in enumerate(plan.require):
        if requirement.when is not None:
            yield "require, when", f"require_{number}", requirement.when
    yield from (("skip", f"skip_{number}", one.when) for number, one in enumerate(plan.skip))


# --------------------------------------------------------------------------------------------------- quoting the file


def _quoting(lines: Iterable[str], file: list[str]) -> Iterator[str]:
    """The lines; behind each comment that names a line of the mapping that line, and what is below it."""
    for line in lines:
        yield line
        found = _NAMES_LINE.fullmatch(line)
        if found is not None:
            quoted = list(_entry(file, int(found[2])))
            yield from (f"{found[1]}#   {part}" for part in textwrap.dedent("\n".join(quoted)).split("\n"))


def _entry(file: list[str], number: int) -> Iterator[str]:
    """A line of the mapping, and those after it that are indented further."""
    first = file[number - 1]
    yield _shown(first)
    for line in file[number : number + _QUOTED - 1]:
        if len(line) - len(line.lstrip()) <= len(first) - len(first.lstrip()):
            return
        yield _shown(line)
    yield "..."


def _shown(line: str) -> str:
    """A line without what would end a comment, or could not be seen in it."""
    return "".join(character if character.isprintable() else " " for character in line)


# --------------------------------------------------------------------------------------------------- breaking lines


def _broken(line: str) -> Iterator[str]:
    """A line of Python in lines that are not too long, as far as brackets allow it."""
    indent = " " * (len(line) - len(line.lstrip()))
    if line.lstrip().startswith("#"):
        yield from _broken_comment(line, indent)
        return
    if len(line) > _WIDTH and (colon := _colon(line)):
        yield from _broken(line[:colon])
        yield from _broken(f"{indent}    {line[colon:].lstrip()}")
        return
    depth = 0
    while len(line) > _WIDTH:
        place, depth = _place(line, depth)
        if not line[:place].strip():
            break
        yield line[:place].rstrip()
        line = f"{indent}    {line[place:].lstrip()}"
    yield line


def _broken_comment(line: str, indent: str) -> Iterator[str]:
    head = f"{indent}# "
    yield from (
        [line]
        if len(line) <= _WIDTH
        else textwrap.wrap(
            line[len(head) :], _WIDTH, initial_indent=head, subsequent_indent=f"{head}    ", break_on_hyphens=False
        )
    )


def _colon(line: str) -> int:
    """Behind the colon of an ``if`` whose statement stands in the same line; 0 where there is none."""
    depth = 0
    for found in _BREAKS.finditer(line) if _IF.match(line) else ():
        sign = found.group()
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if depth == 0 and sign == ": ":
            return found.end() - 1
    return 0


def _place(line: str, depth: int) -> tuple[int, int]:
    """Where a line can be broken, with the number of brackets open there; 0 where it cannot.

    It is the last place that fits, in as few brackets as can be; where none fits, the first one. ``depth`` is the
    number of brackets open before the line.
    """
    best = 0, depth
    for found in _BREAKS.finditer(line):
        sign = found.group()
        depth += (sign in _OPENING) - (sign in _CLOSING)
        fits = found.end() <= _WIDTH and depth <= best[1]
        if depth > 0 and sign in (",", " ") and (fits or not best[0]):
            best = found.end(), depth
    return best
