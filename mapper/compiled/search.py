"""The careful search for one field's winner, in a form that costs little: what the generated function asks in doubt.

Knows which spelling of a field wins (the mapping language, sections 1.3 and 1.4), as ``mapper.transform.fields``
does, which tells the whole story of each spelling. Must not make a problem: it says why nothing fits, and Unsure where
an expression fails. A law holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mapper.errors import ExpressionError
from mapper.expressions import Expression, Unsure
from mapper.frozen import dataclass, field
from mapper.plan.parts import Candidate, Field
from mapper.transform import presence
from mapper.transform.fields import OLDEST, age_of

#: Stands for a trait that is not there: null is something that a sender says.
ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "ABSENT", "__bool__": lambda _: False})()

#: A document's value, or Unsure; the notes of functions go into the list.
Evaluate = Callable[[Any, list[str]], Any]


@dataclass(slots=True)
class Layers:
    """The traits of one event, by age. ``stamps`` are (age, roots of that age), newest first, the call's always."""

    tree: dict[str, Any] = field(repr=False)
    stamps: Sequence[tuple[int, Mapping[str, Any]]] = field(repr=False)
    ages: Mapping[str, int]


def one_layer(tree: dict[str, Any]) -> Layers:
    """The traits of a call of which nothing older is known."""
    return Layers(tree, ((0, tree),), dict.fromkeys(tree, 0))


@dataclass(slots=True)
class Found:
    """A field's winner: its index (-1 where there is none), its value, its age.

    ``cleared`` says that the search ended because somebody said that there is none; ``unfit`` says why the first
    spelling that is unfit is so, where nothing else is filled.
    """

    index: int
    value: Any = field(default=None, repr=False)
    age: int | None = None
    cleared: bool = False
    unfit: str | None = None


class Search:
    """One field's candidates, ready to be searched."""

    def __init__(self, plan: Field) -> None:
        """Keep what decides."""
        self.type = plan.type
        self.judged_later = plan.type != "text" and (plan.clean is not None or plan.table is not None)
        self.candidates = tuple(
            (index, one, None if is_plain(one) else evaluation(one.located.expression))
            for index, one in enumerate(plan.candidates)
        )

    def find(self, layers: Layers, document: Any) -> Found:
        """The winner. Raises Unsure where a spelling fails."""
        unfit: list[str] = []
        for age, roots in layers.stamps:
            cleared = False
            for index, candidate, evaluate in self.candidates:
                if evaluate is None:
                    value = at(roots, candidate.path or ())
                    cleared = cleared or (value is not ABSENT and presence.is_cleared(value))
                elif age_of(candidate, layers.ages) == age:
                    value = _evaluated(evaluate, document)
                else:
                    continue
                fitted = self._fit(value, candidate, unfit)
                if fitted is not None:
                    return Found(index, fitted, age)
            if cleared:
                return Found(-1, cleared=True, unfit=unfit[0] if unfit else None)
        return self._last(layers, document, unfit)

    def _last(self, layers: Layers, document: Any, unfit: list[str]) -> Found:
        """The candidates that are older than every trait."""
        for wanted in (OLDEST, OLDEST + 1):
            for index, candidate, evaluate in self.candidates:
                if evaluate is not None and age_of(candidate, layers.ages) == wanted:
                    fitted = self._fit(_evaluated(evaluate, document), candidate, unfit)
                    if fitted is not None:
                        return Found(index, fitted, wanted)
        return Found(-1, unfit=unfit[0] if unfit else None)

    def _fit(self, value: Any, candidate: Candidate, unfit: list[str]) -> Any:
        """A filled value that fits, else None; why it is unfit goes into the list."""
        if value is ABSENT or presence.is_empty(value):
            return None
        if self.judged_later:
            return value
        try:
            # Only a text is converted before `clean`; what else fits stays as it came until the end.
            fitted = presence.fit(value, self.type)
        except presence.Unfit as why:
            unfit.append(f"{candidate.located.text} is {why}")
            return None
        return fitted if self.type == "text" else value


def is_plain(candidate: Candidate) -> bool:
    """Whether a candidate is a mere path below the traits that starts with a name."""
    return candidate.path is not None and isinstance(candidate.path[0], str)


#: Joins the steps of a path in a token: half of a surrogate pair, which no text from JSON can hold.
_JOINT = "\ud800"


def token(path: tuple[str | int, ...]) -> str:
    """What stands for a winner that is a mere path: a root trait's own name, or the steps, joined."""
    return _JOINT.join([str(step) for step in path])


def tokens(number: int, plan: Field) -> tuple[str, ...]:
    """What stands for each candidate of field ``number``. Two fields that read one path share its token."""
    return tuple(
        token(one.path) if is_plain(one) and one.path is not None else f"{_JOINT}{number}{_JOINT}{index}"
        for index, one in enumerate(plan.candidates)
    )


#: Stands for the winner of a field for which every spelling that is there is unfit: it is there, and it is wrong.
UNFIT = _JOINT


def at(roots: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at a path; ABSENT where nothing does, and null where a null stands above it."""
    value = roots
    step: Any
    for step in path:
        if not isinstance(value, dict if isinstance(step, str) else list):
            return None if value is None else ABSENT
        try:
            value = value[step]
        except LookupError:
            return ABSENT
    return value


def _evaluated(evaluate: Evaluate, document: Any) -> Any:
    notes: list[str] = []
    value = evaluate(document, notes)
    if notes:
        raise Unsure
    return value


def evaluation(expression: Expression) -> Evaluate:
    """How an expression is asked: its compiled function, or else the interpreter. What fails is Unsure."""
    function = expression.function()
    if function is not None:
        return function

    def interpreted(document: Any, notes: list[str]) -> Any:
        try:
            found = expression.evaluate(document)
        except ExpressionError:
            raise Unsure from None
        notes.extend(found.notes)
        return found.value

    return interpreted
