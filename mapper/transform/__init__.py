"""Step 5: one event, through a plan, becomes fields, custom fields, accounts and problems.

Knows the order of one event: lay the layers, fill, judge, skip, route the rest. Must not raise for
bad data, touch the event, or build a request. It is a function of plan, event, identity and settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.errors import ExpressionError, Problem
from mapper.event import Identify, NotForUs
from mapper.identity import Known
from mapper.plan.parts import Place, Plan
from mapper.transform import custom, requirements
from mapper.transform.accounts import Ledger
from mapper.transform.fields import Scope, fill, truth
from mapper.transform.results import Account, Filling, Status, Transformed, Tried

__all__ = ["Account", "Filling", "Transformed", "Tried", "transform"]


def transform(plan: Plan, call: Identify | NotForUs, known: Known, settings: Mapping[str, Any]) -> Transformed:
    """Map and check one call. ``settings`` are the resolved ones that are not secret."""
    if isinstance(call, NotForUs):
        if call.problem is not None:
            return Transformed("invalid", problems=(call.problem,))
        return Transformed("skipped", because=call.because)
    scope = Scope(document(call, known, settings), known)
    for index in plan.order:
        field = plan.fields[index]
        filling = fill(field, scope)
        scope.fillings[field.name] = filling
        if filling.state == "sent":
            put(scope.document["fields"], field.place, filling.value)
    judged = requirements.judge(plan, scope)
    because, doubts = (call.switched_off, []) if call.switched_off else _skip(plan, scope)
    return _result(plan, call, scope, judged + doubts, because)


def _result(plan: Plan, call: Identify, scope: Scope, judged: list[Problem], because: str | None) -> Transformed:
    ledger = Ledger(plan, scope)
    routed = custom.route(plan, ledger)
    fillings = tuple(scope.fillings[field.name] for field in plan.fields)
    found = [*call.warnings, *(p for f in fillings for p in f.problems), *judged, *routed.warnings]
    order = {field.name: index for index, field in enumerate(plan.fields)}
    found.sort(key=lambda p: order.get(p.field or "", len(order)))
    problems = tuple(p for p in found if p.level == "error")
    status: Status = "skipped" if because is not None else "invalid" if problems else "ready"
    return Transformed(
        status=status,
        because=because,
        fields={f.name: f.value for f in fillings if f.state == "sent"},
        custom_fields=routed.custom_fields,
        problems=problems if because is None else (),
        warnings=tuple(p for p in found if p.level == "warning"),
        accounts=(*routed.accounts, *ledger.hidden(), *ledger.masked()),
        fillings=fillings,
    )


def document(call: Identify, known: Known, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The closed scope of one event."""
    return {
        **call.envelope,
        "traits": known.tree,
        "options": call.options,
        "audience": call.audience,
        "settings": dict(settings),
        "fields": {},
    }


def put(payload: dict[str, Any], place: Place, value: Any) -> None:
    """Put a value at its place, making the objects on the way."""
    for step in place[:-1]:
        payload = payload.setdefault(step, {})
    payload[place[-1]] = value


def _skip(plan: Plan, scope: Scope) -> tuple[str | None, list[Problem]]:
    """The reason of the first skip that holds. One that fails makes the event invalid: never print in doubt."""
    for skip in plan.skip:
        try:
            if truth(skip.when.expression.search(scope.document)):
                return skip.because, []
        except ExpressionError as error:
            message = f"whether to skip cannot be told: {error}"
            return None, [Problem("expression_failed", message, "error", skip.when.position)]
    return None, []
