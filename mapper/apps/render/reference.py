"""Functions and codes as pages to look things up in.

Knows the layout of such a page. Must not know any function or code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mapper import codec
from mapper.apps.render.terminal import Screen, Text, block
from mapper.codes import Code
from mapper.functions import Function

_INDENT = 4


def functions(ours: Iterable[Function], standard: Sequence[str], screen: Screen) -> Iterator[Text]:
    """Each function with what it does, then the names of the standard ones."""
    for one in ours:
        yield Text(one.signature, "bold")
        yield from block(one.summary, _INDENT, screen)
    yield Text("")
    yield Text("and the functions of standard JMESPath:", "bold")
    yield from block(", ".join(standard), _INDENT, screen)
    yield Text("")
    yield Text("mapper functions NAME shows one with its examples.")


def function(one: Function, screen: Screen) -> Iterator[Text]:
    """One function with its examples."""
    yield Text(one.signature, "bold")
    yield from block(one.summary, _INDENT, screen)
    for example in one.examples:
        yield Text("")
        if example.document is not None:
            yield from block(f"of     {_json(example.document)}", _INDENT, screen, "dim")
        yield from block(f"write  {example.expression}", _INDENT, screen)
        yield from block(f"gives  {_json(example.value)}", _INDENT, screen)


def standard(name: str, screen: Screen) -> Iterator[Text]:
    """A function of standard JMESPath: others have described it."""
    yield Text(f"{name}()", "bold")
    yield from block("a function of standard JMESPath: see https://jmespath.org/specification.html", _INDENT, screen)


def codes(table: Iterable[Code], screen: Screen) -> Iterator[Text]:
    """Each code with its title."""
    rows = list(table)
    width = max(len(one.name) for one in rows)
    for one in rows:
        first, *rest = block(one.title, width + 2, screen)
        yield Text(f"{one.name:<{width}}  ", "bold").append(first.plain[width + 2 :], "not bold")
        yield from rest
    yield Text("")
    yield Text("mapper explain CODE says more.")


def code(one: Code, screen: Screen) -> Iterator[Text]:
    """One code: what it means, what is wrong and right, what to do."""
    yield Text(one.name, "bold").append(f": {one.title}", "not bold")
    yield Text("")
    yield from block(one.means, 0, screen)
    for label, text, style in (("wrong", one.wrong, "red"), ("right", one.right, "green")):
        if text:
            yield Text("")
            yield Text(f"{label}:")
            yield from (Text(" " * _INDENT).append(line, style) for line in text.split("\n"))
    yield Text("")
    yield from block(f"What to do: {one.to_do}", 0, screen)


def _json(value: object) -> str:
    return codec.encode(value).decode()
