"""Evaluates a JMESPath tree within a budget of steps, with our functions added.

Knows jmespath's interpreter. Must not know what the document means.

The budget exists because JMESPath is exponential in the length of an expression: 197 characters can
double a list until the process is gone. Every node visited and every element built costs a step, and so does
what a function is given: a text of 3,600 characters is wrapped in a third of a millisecond.
"""

from __future__ import annotations

from typing import Any

from jmespath import exceptions as theirs
from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter, _Expression

from mapper import functions
from mapper.errors import ExpressionError

#: A usual mapping's expression takes about 25 steps. A step takes a microsecond or two at most.
MAX_STEPS = 10_000
#: So many characters of text cost one step.
_CHARACTERS_A_STEP = 16

#: Functions that take no longer however much they are given.
AT_A_GLANCE = frozenset(
    {"abs", "ceil", "ends_with", "floor", "length", "not", "not_null", "starts_with", "to_array", "type"}
)
#: Functions that look at a text, but from a list or object at no more than its parts, each in less time than a step
#: takes. Others look at all that is inside.
FROM_OUTSIDE = frozenset(
    {"blank", "filled", "first_filled", "group_by", "items", "keys", "map", "max_by", "merge", "min_by", "reverse"}
    | {"sort_by", "values", "zip"}
)


class OverBudget(ValueError):  # noqa: N818 - it never leaves this room
    """The evaluation took more steps than it may."""


def evaluate(tree: dict[str, Any], document: Any, *, omit_null: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The value of a tree on a document, and the notes left by functions. Raises ExpressionError.

    ``omit_null`` leaves out members of ``{...}`` whose value is null: the rule of ``send.body`` alone.
    """
    run = Run(omit_null=omit_null)
    try:
        value = run.visit(tree, document)
    except Exception as error:  # noqa: BLE001 - the package leaks ValueError, TypeError, OverflowError, RecursionError
        raise worded(error) from None
    return value, tuple(run.notes)


def follow(path: tuple[str | int, ...], document: Any) -> Any:
    """The value at a path of names and indices that are not negative: what the interpreter finds, without one."""
    value = document
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


class Run(TreeInterpreter):
    """One evaluation: a fresh budget and a fresh list of notes, so that nothing is shared by threads."""

    def __init__(self, *, omit_null: bool = False, budgets: int = 1) -> None:
        """Start with the whole budget; ``budgets`` times as much for what does the work several times over."""
        self.notes: list[str] = []
        self.omit_null = omit_null
        self.steps = MAX_STEPS * budgets
        self._calls = _Functions(self)
        super().__init__(Options(custom_functions=self._calls))

    def charge(self, steps: int) -> None:
        """Spend some of the budget. Raises OverBudget."""
        self.steps -= steps
        if self.steps < 0:
            raise OverBudget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Visit one node, for one step."""
        self.charge(1)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Flatten a list, for a step an element."""
        flat = super().visit_flatten(node, value)
        self.charge(len(flat) if flat else 0)
        return flat

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        """Build a list, for a step a value that it holds, however deep: shared parts count each time."""
        built = super().visit_multi_select_list(node, value)
        self.weigh(built)
        return built

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        """Build an object, for a step a value that it holds, however deep."""
        built = super().visit_multi_select_dict(node, value)
        if self.omit_null and built is not None:
            built = {name: member for name, member in built.items() if member is not None}
        self.weigh(built)
        return built

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Compare two values; lists and objects for a step each value inside."""
        if node["value"] not in ("eq", "ne"):
            return super().visit_comparator(node, value)
        left, right = (self.visit(child, value) for child in node["children"])
        if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
            self.weigh(left)
        return self.COMPARATOR_FUNC[node["value"]](left, right)

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Call a function with values, and with what ``visit`` makes of ``&expr``."""
        return self._calls.call_function(name, arguments)

    def weigh(self, value: Any) -> None:
        """Spend a step for each value inside ``value``, and more for long texts."""
        waiting = [value]
        while waiting:
            top = waiting.pop()
            self.charge(1)
            if isinstance(top, str):
                self.charge(len(top) // _CHARACTERS_A_STEP)
            elif isinstance(top, list):
                waiting.extend(top)
            elif isinstance(top, dict):
                waiting.extend(top.values())


class _Functions(Functions):
    """Standard functions as the package has them, and ours beside them."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        self._charge(function_name, resolved_args)
        ours = functions.TABLE.get(function_name)
        value = super().call_function(function_name, resolved_args) if ours is None else self._call(ours, resolved_args)
        if isinstance(value, (str, list, dict)):
            self._run.weigh(value)
        return value

    def _charge(self, name: str, arguments: list[Any]) -> None:
        """Spend what it takes to look at the arguments."""
        if name in AT_A_GLANCE:
            return
        sized = [argument for argument in arguments if isinstance(argument, (str, list, dict))]
        for argument in sized:
            if name in FROM_OUTSIDE:
                self._run.charge(len(argument) // _CHARACTERS_A_STEP)
            else:
                self._run.weigh(argument)
        if name == "join" and len(sized) > 1:
            # What it makes is weighed as well, but a separator between a hundred thousand blanks takes gigabytes.
            self._run.charge(len(sized[0]) * max(len(sized[1]) - 1, 0) // _CHARACTERS_A_STEP)

    def _call(self, function: functions.Function, arguments: list[Any]) -> Any:
        plain = [_callable(a) if isinstance(a, _Expression) else a for a in arguments]
        if function.notes:
            return function.call(*plain, note=self._run.notes.append)
        return function.call(*plain)


def _callable(expression: Any) -> Any:
    return lambda value: expression.visit(expression.expression, value)


def worded(error: Exception) -> ExpressionError:
    """An evaluation's exception without any value of the document in its words."""
    if isinstance(error, ExpressionError):
        return error
    if isinstance(error, OverBudget):
        message = f"the expression takes more than {MAX_STEPS} steps on this event"
        return ExpressionError("over_budget", message, hint="make it smaller")
    if isinstance(error, theirs.JMESPathTypeError):
        wanted = " or ".join(error.expected_types)
        message = f"{error.function_name}() needs {wanted}, but was given {error.actual_type}"
        return ExpressionError("expression_failed", message)
    if isinstance(error, RecursionError):
        return ExpressionError("expression_failed", "the document is nested too deeply for this expression")
    return ExpressionError("expression_failed", f"the expression failed on this event ({type(error).__name__})")
