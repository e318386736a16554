"""Step 3a: one JMESPath text becomes an Expression: checked once, evaluated many times.

Knows JMESPath: its syntax, its functions and ours, what an expression reads and what flows into
its value. Must not know fields, destinations or which names a mapping may use (``mapper.plan``
closes the scope), and lets no exception of the jmespath package out.

The language is standard JMESPath as the jmespath package has it, plus ``mapper.functions``. What
that package only finds on the first unlucky event is found here when the expression is compiled:
an unknown function, a wrong count of arguments, a slice of step zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mapper.errors import ExpressionError
from mapper.expressions import interpreter, reads, syntax, trace
from mapper.expressions.reads import STAR, Path, Reads
from mapper.expressions.trace import Origin

__all__ = ["STAR", "Evaluation", "Expression", "ExpressionError", "Origin", "Path", "Reads", "compile"]


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
    """

    text: str
    tree: dict[str, Any] = field(repr=False)
    reads: Reads = field(repr=False)
    plain: Path | None = field(repr=False)
    tokens: tuple[syntax.Token, ...] = field(repr=False)

    def search(self, document: Any) -> Any:
        """Its value on a document of plain JSON values.

        Raises ExpressionError where standard JMESPath has an error, and where the evaluation takes
        more steps than its budget.
        """
        if self.plain is not None:
            return interpreter.follow(self.plain, document)
        return interpreter.evaluate(self.tree, document)[0]

    def evaluate(self, document: Any) -> Evaluation:
        """As ``search``, together with the notes that functions left."""
        if self.plain is not None:
            return Evaluation(interpreter.follow(self.plain, document))
        value, notes = interpreter.evaluate(self.tree, document)
        return Evaluation(value, notes)

    def build(self, document: Any) -> Any:
        """As ``search``, but members of ``{...}`` whose value is null are left out (for ``send.body``)."""
        return interpreter.evaluate(self.tree, document, omit_null=True)[0]

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
    return Expression(text, tree, reads.walk(tree), reads.plain_path(tree), tokens)
