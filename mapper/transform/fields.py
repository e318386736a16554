"""Fills one field: whether, from where, cleaned how, checked by which rules.

Knows how the keys of a field are worked through in order (the mapping language, sections 1.1 to 1.5).
Must not know the other fields but through the scope, nor what becomes of traits that are left over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from mapper.errors import ExpressionError, Level, Problem
from mapper.frozen import dataclass, field, replace
from mapper.identity import Known
from mapper.plan.fields import spelling
from mapper.plan.parts import Age, Candidate, Field, Located
from mapper.transform import presence
from mapper.transform.results import Filling, Tried, Verdict

#: Older than every trait: candidates that read only settings, and those whose traits are all absent.
OLDEST = 1 << 30

#: Why a field is left out whose ``when`` says so.
CONDITION = "its condition does not hold"

_WHAT_NOW = {"reject": "", "drop": "; the field is left out", "keep": "; it is sent as it came"}


@dataclass(slots=True)
class Scope:
    """What the expressions of one event see. ``document`` is the closed scope itself."""

    document: dict[str, Any]
    known: Known
    fillings: dict[str, Filling] = field(default_factory=dict)


@dataclass(slots=True)
class _Winner:
    index: int
    age: int
    value: Any


@dataclass(slots=True)
class _Search:
    """The search for a winner: what was tried, and what was unfit on the way."""

    tried: dict[int, Tried] = field(default_factory=dict)
    unfit: str | None = None
    winner: _Winner | None = None
    problems: list[Problem] = field(default_factory=list)


def fill(plan: Field, scope: Scope) -> Filling:
    """Fill one field."""
    problems: list[Problem] = []
    if plan.when is not None and not _holds(plan.when, plan, scope, problems):
        # A condition that failed is no answer: a required field then counts as missing.
        because = "its condition failed" if problems else CONDITION
        return Filling(plan.name, "left_out", because=because, problems=tuple(problems))
    if plan.const is not None:
        return Filling(plan.name, "sent", own(plan.const), source="const", problems=tuple(problems))
    search = _find(plan, scope)
    search.problems[:0] = problems
    if search.winner is not None:
        return _finish(plan, scope, search, search.winner)
    return _without_winner(plan, search)


def truth(value: Any) -> bool:
    """Truth as JMESPath has it: 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


def _holds(when: Located, plan: Field, scope: Scope, problems: list[Problem]) -> bool:
    try:
        return truth(when.expression.search(scope.document))
    except ExpressionError as error:
        problems.append(failed(when, error, plan.name))
        return False


def failed(located: Located, error: ExpressionError, name: str | None = None) -> Problem:
    """The warning that an expression failed on this event."""
    code = "over_budget" if error.code == "over_budget" else "expression_failed"
    return Problem(code, str(error), "warning", located.position, name, f"see `mapper explain {code}`")


def age_of(candidate: Candidate, ages: Mapping[str, int]) -> int:
    """How old a candidate is: the newest of the roots it reads. ``ages`` are those of all roots that are there."""
    if candidate.age is Age.NEWEST:
        return 0
    if candidate.age is Age.OLDEST:
        return OLDEST + 1
    roots: Iterable[str] = ages if candidate.every_root else candidate.roots
    return min((ages[root] for root in roots if root in ages), default=OLDEST)


def _find(plan: Field, scope: Scope) -> _Search:
    """Try the candidates age by age, newest first, in list order within an age."""
    search = _Search()
    limit = _anchor_age(plan, scope)
    aged = sorted((age_of(c, scope.known.ages), index) for index, c in enumerate(plan.candidates))
    cleared_at: int | None = None
    for age, index in aged:
        if cleared_at is not None and age > cleared_at:
            # The newer call said that there is none: an older call must not answer instead.
            break
        candidate = plan.candidates[index]
        if limit is not None and limit < age < OLDEST:
            search.tried[index] = _tried(candidate, "older")
            continue
        verdict = _try(plan, index, age, scope, search)
        if verdict == "cleared":
            cleared_at = age
        elif verdict == "taken":
            break
    return search


def _anchor_age(plan: Field, scope: Scope) -> int | None:
    anchor = scope.fillings.get(plan.anchor) if plan.anchor else None
    return anchor.age if anchor is not None else None


def _try(plan: Field, index: int, age: int, scope: Scope, search: _Search) -> Verdict:
    candidate = plan.candidates[index]
    try:
        found = candidate.located.expression.evaluate(scope.document)
    except ExpressionError as error:
        search.problems.append(failed(candidate.located, error, plan.name))
        search.tried[index] = _tried(candidate, "failed")
        return "failed"
    value, verdict = found.value, _verdict(candidate, found.value, scope)
    if verdict == "taken" and plan.type == "text":
        try:
            value = presence.fit(value, "text")
        except presence.Unfit as unfit:
            search.unfit = search.unfit or f"{candidate.located.text} is {unfit}"
            verdict = "unfit"
    elif verdict == "taken" and not _could_fit(plan, value):
        search.unfit = search.unfit or f"{candidate.located.text} is {_why_unfit(value, plan.type)}"
        verdict = "unfit"
    if verdict == "taken":
        search.winner = _Winner(index, age, value)
        search.problems.extend(_noted(code, plan, candidate.located) for code in found.notes)
    search.tried[index] = _tried(candidate, verdict, found.value)
    return verdict


def _could_fit(plan: Field, value: Any) -> bool:
    """Types other than text are judged after ``clean`` and ``values``; without those, at once."""
    return plan.clean is not None or plan.table is not None or presence.fits(value, plan.type)


def _why_unfit(value: Any, kind: str) -> str:
    try:
        presence.fit(value, kind)
    except presence.Unfit as unfit:
        return str(unfit)
    return "unfit"


def _verdict(candidate: Candidate, value: Any, scope: Scope) -> Verdict:
    if not presence.is_empty(value):
        return "taken"
    if candidate.path is None:
        return "absent"
    return "cleared" if _says_none(candidate.path, scope.known.tree) else "absent"


def _says_none(path: tuple[str | int, ...], tree: Any) -> bool:
    """Whether a null or a blank stands at a path, or a null above it."""
    for step in path:
        inside = isinstance(tree, dict) and step in tree
        if not inside and not (isinstance(tree, list) and isinstance(step, int) and step < len(tree)):
            return tree is None
        tree = tree[step]
    return presence.is_cleared(tree)


def _tried(candidate: Candidate, verdict: Verdict, value: Any = None) -> Tried:
    return Tried(candidate.located.text, candidate.located.position, verdict, value)


def _noted(code: str, plan: Field, located: Located) -> Problem:
    return Problem(code, NOTES.get(code, code), "warning", located.position, plan.name)


#: What the notes of functions say. Each code has its page under ``mapper explain``.
NOTES = {
    "zip_restored": "the ZIP had lost a leading zero; it was put back",
    "zip_state_differs": "the ZIP belongs to another state than the address",
}


def _without_winner(plan: Field, search: _Search) -> Filling:
    tried = tuple(search.tried[i] for i in sorted(search.tried))
    if search.unfit is not None:
        search.problems.append(wrong_type(plan, search.unfit))
        state = "rejected" if plan.if_wrong == "reject" else "empty"
        return Filling(plan.name, state, because=search.unfit, tried=tried, problems=tuple(search.problems))  # type: ignore[arg-type] # one of two words
    if plan.default is not None:
        value = own(plan.default)
        return Filling(plan.name, "sent", value, source="default", tried=tried, problems=tuple(search.problems))
    return Filling(plan.name, "empty", tried=tried, problems=tuple(search.problems))


def wrong_type(plan: Field, unfit: str) -> Problem:
    """The problem of a field for which every spelling that is there is unfit; ``unfit`` says why the first one is."""
    level: Level = "error" if plan.if_wrong == "reject" else "warning"
    message = unfit if level == "error" else f"{unfit}; the field is left out"
    hint = "name the part that is meant, such as traits.address.street, or set the field's type"
    return Problem("wrong_type", message, level, plan.position, plan.name, hint)


def own(fixed: Any) -> Any:
    """A fixed value for one result: whoever holds it may change it, and the plan is shared."""
    return deepcopy(fixed) if isinstance(fixed, list | dict) else fixed


def _finish(plan: Field, scope: Scope, search: _Search, winner: _Winner) -> Filling:
    """Clean, look up, judge and check a winner's value."""
    located = plan.candidates[winner.index].located
    _look_at_the_rest(plan, scope, search)
    filling = Filling(
        name=plan.name,
        state="sent",
        winner=winner.index,
        age=winner.age,
        source=located.text,
        before=winner.value,
        tried=tuple(search.tried[i] for i in sorted(search.tried)),
    )
    value, wrong = _cleaned(plan, winner.value, scope, search.problems)
    wrong += [] if wrong else list(broken(plan, value))
    if wrong:
        return _wrong(plan, filling, value, wrong, search.problems)
    search.problems.extend(_advice(plan, value, located))
    search.problems.extend(_mixed(plan, winner, scope, search))
    return replace(filling, value=value, problems=tuple(search.problems))


def _look_at_the_rest(plan: Field, scope: Scope, search: _Search) -> None:
    """Note which outranked spellings are there as well. One that fails was not needed: no warning."""
    for index, candidate in enumerate(plan.candidates):
        if index not in search.tried:
            try:
                value = candidate.located.expression.search(scope.document)
            except ExpressionError:
                continue
            verdict: Verdict = "present" if presence.fits(value, plan.type) else "absent"
            search.tried[index] = _tried(candidate, verdict, value)


def _cleaned(plan: Field, value: Any, scope: Scope, problems: list[Problem]) -> tuple[Any, list[Problem]]:
    """The value after ``clean``, ``values`` and the type, or what stood in the way."""
    if plan.clean is not None:
        value, wrong = _clean(plan, plan.clean, value, scope, problems)
        if wrong:
            return value, wrong
    if plan.table is not None:
        key = presence.as_text(value)
        if not isinstance(key, str) or spelling(key) not in plan.table:
            return value, [_not_understood(plan, "it is in no row of the table `values`", "values")]
        value = plan.table[spelling(key)]
    try:
        return presence.fit(value, plan.type), []
    except presence.Unfit as unfit:
        return value, [Problem("wrong_type", f"the value is {unfit}", "error", plan.position, plan.name)]


def _clean(plan: Field, clean: Located, value: Any, scope: Scope, problems: list[Problem]) -> tuple[Any, list[Problem]]:
    try:
        found = clean.expression.evaluate({**scope.document, "value": value})
    except ExpressionError as error:
        problems.append(failed(clean, error, plan.name))
        return value, [_not_understood(plan, f"{clean.text} failed on it", "clean")]
    if presence.is_empty(found.value):
        return value, [_not_understood(plan, f"{clean.text} gives nothing for it", "clean")]
    problems.extend(_noted(code, plan, clean) for code in found.notes)
    return found.value, []


def _not_understood(plan: Field, why: str, key: str) -> Problem:
    hint = f"mend the trait, or the field's {key}"
    position = plan.clean.position if key == "clean" and plan.clean is not None else plan.position
    return Problem("not_understood", f"the value is not understood: {why}", "error", position, plan.name, hint)


def broken(plan: Field, value: Any) -> Iterator[Problem]:
    """The problems of a finished value that breaks rules of its field."""
    for one in plan.rules.check(value):
        yield Problem(one.rule, f"it {one.message}", "error", one.position or plan.position, plan.name, one.hint)


def _wrong(plan: Field, filling: Filling, value: Any, wrong: list[Problem], problems: list[Problem]) -> Filling:
    """What ``if_wrong`` makes of a wrong value."""
    if plan.if_wrong == "reject":
        problems.extend(wrong)
        return replace(filling, state="rejected", value=value, because=wrong[0].code, problems=tuple(problems))
    softened = [replace(w, level="warning", message=w.message + _WHAT_NOW[plan.if_wrong]) for w in wrong]
    problems.extend(softened)
    if plan.if_wrong == "keep" and presence.fits(filling.before, plan.type):
        kept = presence.fit(filling.before, plan.type)
        return replace(filling, value=kept, because=wrong[0].code, problems=tuple(problems))
    return replace(filling, state="left_out", value=value, because=wrong[0].code, problems=tuple(problems))


def _mixed(plan: Field, winner: _Winner, scope: Scope, search: _Search) -> Iterator[Problem]:
    """A part of what belongs together that replaces an older one, while the first part stays: allowed, and said."""
    limit = _anchor_age(plan, scope)
    candidate = plan.candidates[winner.index]
    if limit is None or winner.age >= limit or candidate.age is not Age.BY_TRAITS:
        return
    roots = {root for c in plan.candidates for root in c.roots}
    replaces = any(hidden.name in roots for hidden in scope.known.hidden) or any(
        tried.verdict == "present" and age_of(plan.candidates[index], scope.known.ages) >= limit
        for index, tried in search.tried.items()
    )
    if replaces:
        message = f"it replaces an older value, but {plan.anchor}, which belongs to it, is still the older call's"
        hint = "check that the two fit together; a call that moves a person says the whole address"
        yield Problem("mixed_calls", message, "warning", candidate.located.position, plan.name, hint)


def _advice(plan: Field, value: Any, located: Located) -> Iterator[Problem]:
    """What only warns: the field's ``warn`` rules, and characters that cannot be printed."""
    for broken in plan.warn.check(value):
        position = broken.position or plan.position
        yield Problem(broken.rule, f"it {broken.message}", "warning", position, plan.name, broken.hint)
    if isinstance(value, str) and not value.isprintable():
        message = "the text holds a line break or a character that cannot be printed; it is sent as it is"
        yield Problem("unprintable", message, "warning", located.position, plan.name, "mend it at the source")
