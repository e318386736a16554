"""What must hold between several fields, after each was filled.

Knows ``require`` and ``required`` (the mapping language, section 1.5). Must not fill a field.
"""

from __future__ import annotations

from typing import Any

from mapper.errors import ExpressionError, Level, Problem
from mapper.frozen import replace
from mapper.plan.parts import Field, Plan, Requirement
from mapper.rules import Rules
from mapper.transform.fields import CONDITION, Scope, failed, truth
from mapper.transform.results import Filling


def judge(plan: Plan, scope: Scope) -> list[Problem]:
    """Judge all requirements in order: rules and groups first, since they may drop a field, then what is missing.

    Changes ``scope.fillings`` where a field is dropped.
    """
    problems: list[Problem] = []
    holding = [r for r in plan.require if _applies(r, scope, problems)]
    for requirement in holding:
        if requirement.kind == "rules":
            problems.extend(_rules(requirement, plan, scope))
        elif requirement.kind == "together":
            problems.extend(_together(requirement, scope))
    problems.extend(_missing(field, scope.fillings[field.name]) for field in plan.fields if _lacks(field, scope))
    for requirement in holding:
        if requirement.kind in ("any_of", "all_of"):
            problems.extend(_presence(requirement, scope))
    return problems


def _applies(requirement: Requirement, scope: Scope, problems: list[Problem]) -> bool:
    if requirement.when is None:
        return True
    try:
        return truth(requirement.when.expression.search(scope.document))
    except ExpressionError as error:
        # Whether it had to hold cannot be known: in doubt nothing is printed.
        problems.append(replace(failed(requirement.when, error), level="error"))
        return False


def _there(name: str, scope: Scope) -> bool:
    """A rejected field is there: it is wrong, not missing."""
    return scope.fillings[name].state in ("sent", "rejected")


def _lacks(field: Field, scope: Scope) -> bool:
    if not field.rules.required or _there(field.name, scope):
        return False
    return scope.fillings[field.name].because != CONDITION


def _missing(field: Field, filling: Filling) -> Problem:
    return missing(field, cleared=any(tried.verdict == "cleared" for tried in filling.tried))


def missing(field: Field, *, cleared: bool) -> Problem:
    """The problem of a required field that is not filled."""
    message = "it is required and missing" + ("; the newest call cleared it" if cleared else "")
    spellings = " or ".join(candidate.located.text for candidate in field.candidates)
    hint = f"send {spellings}; or add your own spelling to `from`" if spellings else "give it a `from`"
    return Problem("missing", message, "error", field.position, field.name, hint)


def _rules(requirement: Requirement, plan: Plan, scope: Scope) -> list[Problem]:
    problems = []
    for name, rules in requirement.rules:
        filling = scope.fillings[name]
        if filling.state != "sent":
            field = plan.field(name)
            if rules.required and field is not None and filling.state != "rejected" and not field.rules.required:
                problems.append(_missing(field, filling))
            continue
        found = broken(requirement, name, rules, filling.value)
        problems += found
        if found and requirement.if_wrong == "drop":
            scope.fillings[name] = replace(filling, state="left_out", because=found[-1].code)
    return problems


def broken(requirement: Requirement, name: str, rules: Rules, value: Any) -> list[Problem]:
    """The problems of a finished value that breaks the rules of a requirement."""
    return [
        _levelled(
            Problem(
                one.rule, requirement.message or f"it {one.message}", position=one.position, field=name, hint=one.hint
            ),
            requirement,
        )
        for one in rules.check(value)
    ]


def _levelled(problem: Problem, requirement: Requirement) -> Problem:
    """A broken requirement as the entry's ``if_wrong`` wants it: an error, or only a warning."""
    level: Level = "error" if requirement.if_wrong == "reject" else "warning"
    return replace(problem, level=level, position=problem.position or requirement.position)


def _together(requirement: Requirement, scope: Scope) -> list[Problem]:
    there = [name for name in requirement.names if _there(name, scope)]
    if len(there) in (0, len(requirement.names)):
        return []
    absent = [name for name in requirement.names if name not in there]
    message = requirement.message or f"{', '.join(requirement.names)} go together, and {', '.join(absent)} is missing"
    if requirement.if_wrong == "drop":
        for name in there:
            filling = replace(scope.fillings[name], state="left_out", because=f"{', '.join(absent)} is missing")
            scope.fillings[name] = filling
    return [_levelled(Problem("together", message, field=", ".join(requirement.names)), requirement)]


def _presence(requirement: Requirement, scope: Scope) -> list[Problem]:
    there = [name for name in requirement.names if _there(name, scope)]
    names = ", ".join(requirement.names)
    if requirement.kind == "any_of":
        return [] if there else [nothing_of(requirement)]
    absent = [name for name in requirement.names if name not in there]
    message = requirement.message or f"all of {names} are needed"
    return [_levelled(Problem("all_of", message, field=name, hint="send it"), requirement) for name in absent]


def nothing_of(requirement: Requirement) -> Problem:
    """The problem of an ``any_of`` of which nothing is there."""
    names = ", ".join(requirement.names)
    message = requirement.message or f"at least one of {names} is needed"
    return _levelled(Problem("any_of", message, field=names, hint="send one of them"), requirement)
