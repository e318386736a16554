"""Step 3a: one JMESPath text becomes an Expression: checked once, evaluated many times.

Knows JMESPath: its syntax, its functions and ours, what an expression reads and what flows into
its value. Must not know fields, destinations or which names a mapping may use (``mapper.plan``
closes the scope), and lets no exception of the jmespath package out.

The language is standard JMESPath as the jmespath package has it, plus ``mapper.functions``. What
that package only finds on the first unlucky event is found here when the expression is compiled:
an unknown function, a wrong count of arguments, a slice of step zero.
"""

from __future__ import annotations

from typing import Any

from mapper.errors import ExpressionError
from mapper.expressions import interpreter, lazily, reads, syntax, trace
from mapper.expressions.reads import STAR, Path, Reads
from mapper.expressions.sure import Function, Unsure
from mapper.expressions.trace import Origin
from mapper.expressions.trace import _selects as selects
from mapper.frozen import dataclass, field

__all__ = [
    "STAR",
    "Evaluation",
    "Expression",
    "ExpressionError",
    "Function",
    "Origin",
    "Path",
    "Reads",
    "Unsure",
    "compile",
    "compile_when",
]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The value of an expression and the notes that its functions left (problem codes)."""

    value: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression. Immutable; safe to share between threads.

    ``reads``  every path it can read, split into what flows into the value and what is only tested.
    ``plain``  its path where it is a mere chain of names and indices, such as ``traits.address.city``;
               else None.
    ``whole_flows``  see ``_whole_flows``.
    """

    text: str
    tree: dict[str, Any] = field(repr=False)
    reads: Reads = field(repr=False)
    plain: Path | None = field(repr=False)
    whole_flows: tuple[Path, ...] | None = field(repr=False)
    tokens: tuple[syntax.Token, ...] = field(repr=False)
    _searching: lazily.Lazily = field(repr=False)
    _building: lazily.Lazily = field(repr=False)

    def search(self, document: Any) -> Any:
        """Its value on a document of plain JSON values.

        Raises ExpressionError where standard JMESPath has an error, and where the evaluation takes
        more steps than its budget.
        """
        function = self._searching.due
        if function is not None:
            try:
                return function(document, [])
            except Unsure:
                pass
        if self.plain is not None:
            return interpreter.follow(self.plain, document)
        return interpreter.evaluate(self.tree, document)[0]

    def evaluate(self, document: Any) -> Evaluation:
        """As ``search``, together with the notes that functions left."""
        function = self._searching.due
        if function is not None:
            noted: list[str] = []
            try:
                return Evaluation(function(document, noted), tuple(noted))
            except Unsure:
                pass
        if self.plain is not None:
            return Evaluation(interpreter.follow(self.plain, document))
        value, notes = interpreter.evaluate(self.tree, document)
        return Evaluation(value, notes)

    def build(self, document: Any) -> Any:
        """As ``search``, but members of ``{...}`` whose value is null are left out (for ``send.body``)."""
        function = self._building.due
        if function is not None:
            try:
                return function(document, [])
            except Unsure:
                pass
        return interpreter.evaluate(self.tree, document, omit_null=True)[0]

    def compiled(self) -> bool:
        """Make its Python function now, and not only after some evaluations; False where there is none."""
        return self._searching.function is not None

    def function(self) -> Function | None:
        """Its Python function of a document and a list for notes: ``search``'s value, or Unsure; compiled if need be.

        None where only the interpreter can evaluate it, and in mode ``off``. It raises nothing but Unsure: then ask
        ``evaluate``, and drop what was added to the list.
        """
        return self._searching.function if lazily.MODE != "off" else None

    @property
    def source(self) -> str | None:
        """The text of that function, for people to read."""
        return self._searching.source

    def trace(self, document: Any) -> tuple[Any, tuple[Origin, ...]]:
        """Its value, and the places in the document whose values flowed into it.

        An origin is a path; everything at and below it flowed. Raises ExpressionError as ``search``.
        """
        return trace.trace(self.tree, document)

    def offset_of(self, name: str) -> int | None:
        """Where the text first uses ``name`` as a first name: the 0-based character, or None."""
        return syntax.offset_of(self.tokens, name)


def compile(text: str) -> Expression:  # noqa: A001 - the field's word, as in re.compile and jmespath.compile
    """Check and compile one expression.

    Raises ExpressionError, with the offset of the mistake where it is known: ``syntax``,
    ``unknown_function``, ``argument_count``, ``slice_step``, ``too_long``.
    """
    tree, tokens = syntax.parse(text)
    return Expression(
        text,
        tree,
        reads.walk(tree),
        reads.plain_path(tree),
        _whole_flows(tree),
        tokens,
        lazily.Lazily(text, tree),
        lazily.Lazily(text, tree, omit_null=True),
    )


def _whole_flows(tree: dict[str, Any]) -> tuple[Path, ...] | None:
    """The paths of a call's arguments, where the call takes plain paths and literals alone and makes its value anew.

    So for ``split_name(traits.name)`` and ``us_zip(traits.zip, 'US')``, with names and indices after it as in
    ``split_name(traits.name).first``. None for all else: for functions that only test (``blank``), that give one of
    their arguments or its elements (``first_filled``, ``values``), or that take ``&expr``.

    The law: where the expression has a value on a document and that is not null, the origins of ``trace`` are these
    paths, in this order, without those that the document does not have. A path whose value is null is had.
    """
    call, *steps = _links(tree)
    if call["type"] != "function_expression" or any(step["type"] not in _STEPS for step in steps):
        return None
    if reads.only_tests(call["value"]) or selects(call["value"]):
        return None
    arguments = [argument for argument in call["children"] if argument["type"] != "literal"]
    paths = {reads.plain_path(argument) for argument in arguments}
    return None if None in paths else tuple(sorted((p for p in paths if p is not None), key=repr))


#: What may follow such a call: a member or element of what was built flowed as the whole did.
_STEPS = frozenset({"current", "field", "identity", "index"})


def _links(node: dict[str, Any]) -> list[dict[str, Any]]:
    """What stands between the dots, brackets and pipes, the first first."""
    if node["type"] not in ("subexpression", "index_expression", "pipe"):
        return [node]
    return [link for child in node["children"] for link in _links(child)]


def compile_when(mode: str) -> None:
    """When expressions become Python functions: ``auto``, ``on`` (at once) or ``off``. For the whole process."""
    if mode in ("auto", "on", "off"):
        lazily.MODE = mode
