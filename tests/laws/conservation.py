"""Law 1: each leaf of each layer has one account, each account one end, and what it says is true.

Knows which layers a call has, and what an account says. Must not know how the engine finds its leaves.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from strategies import Case

from laws.sameness import Path, at, covers, leaves, same, sorted_deeply
from mapper import codec
from mapper.identity import Identity
from mapper.pipeline import Mapper, Result
from mapper.transform.results import Account

ENDS = ("mapped", "shadowed", "custom", "dropped")


def transform(case: Case) -> Result:
    """The result of a case."""
    return case.mapper.transform(case.event, identity=case.identity)


def said(case: Case) -> dict[str, dict[str, Any]]:
    """Each layer's traits: the call's, its context's, and the identity's less what belongs to one call."""
    context = case.event.get("context")
    older = context.get("traits") if isinstance(context, dict) else None
    known = case.identity
    remembered = {n: t.value for n, t in known.traits.items()} if isinstance(known, Identity) else dict(known or {})
    never = case.mapper.plan.never
    return {
        "call": case.event.get("traits") or {},
        "context": older if isinstance(older, dict) else {},
        "identity": {name: value for name, value in remembered.items() if name not in never},
    }


def check_conservation(case: Case, result: Result) -> int:
    """Law 1: each leaf of each layer has one account, each account one end, and nothing is invented. Counts leaves."""
    layers = said(case)
    count = 0
    for layer, traits in layers.items():
        accounts = [account for account in result.accounts if account.layer == layer]
        used: set[Path] = set()
        for path, leaf in ((path, leaf) for path, leaf in leaves(traits) if path):
            covering = [account for account in accounts if path[: len(account.path)] == account.path]
            assert len(covering) == 1, (case, layer, path, covering)
            check_account(case, result, covering[0], leaf, at(traits, covering[0].path))
            used.add(covering[0].path)
            count += 1
        assert used == {account.path for account in accounts}, (case, layer, accounts)
        assert len(used) == len(accounts), (case, layer, accounts)
    assert {account.layer for account in result.accounts} <= set(layers)
    check_custom(case, result)
    return count


def check_account(case: Case, result: Result, account: Account, leaf: Any, value: Any) -> None:
    """An account says what happened to its value, and that can be true."""
    assert account.end in ENDS, account
    if account.end == "mapped":
        assert same(account.value, leaf), (case, account)
        assert account.to, (case, account)
        for name in account.to:
            check_mapped(case, result, account, name)
    elif account.end == "shadowed":
        names = {field.name for field in case.mapper.plan.fields} | {"newer call"}
        assert account.to, (case, account)
        assert set(account.to) <= names, (case, account)
        assert not isinstance(value, list | dict) or not value, (case, account)
    elif account.end == "dropped":
        assert account.reason, (case, account)
        fit = {"null": value is None, "blank": isinstance(value, str) and not value.strip(), "empty": value in ([], {})}
        assert fit.get(account.reason, True), (case, account)
    else:
        assert value is not None, (case, account)


def check_mapped(case: Case, result: Result, account: Account, name: str) -> None:
    """Mapped means that the field is there, has a winner, and that the winner reads this leaf."""
    field = case.mapper.plan.field(name)
    filling = next((filling for filling in result.fillings if filling.name == name), None)
    assert field is not None, (case, account)
    assert filling is not None, (case, account)
    assert filling.state in ("sent", "rejected"), (case, account, filling.state)
    assert filling.winner is not None, (case, account)
    reads = field.candidates[filling.winner].located.expression.reads
    place: Path = ("traits",) if account.layer != "context" else ("context", "traits")
    places = ((*place, *account.path), ("traits", *account.path))
    assert any(covers(read, path) for read in reads.flows for path in places), (case, account, reads)


def check_custom(case: Case, result: Result) -> None:
    """Custom accounts and custom fields are the same things, under the same names, with the same values."""
    custom = [account for account in result.accounts if account.end == "custom"]
    names = [account.to[0] for account in custom]
    assert all(len(account.to) == 1 for account in custom), custom
    assert sorted(names) == sorted(result.custom_fields), (case, names, result.custom_fields)
    for account in custom:
        sent = result.custom_fields[account.to[0]]
        assert same(account.value, sent), (case, account, sent)
        check_custom_value(case, at(said(case)[account.layer], account.path), sent)
        assert account.to[0] not in taken(case.mapper), (case, account)


def check_custom_value(case: Case, value: Any, sent: Any) -> None:
    """A scalar is sent as it is; a list or object whole, as JSON text, or joined."""
    if not isinstance(value, list | dict):
        assert same(value, sent), (case, value, sent)
        return
    option = case.mapper.plan.custom_fields.nested if isinstance(value, dict) else case.mapper.plan.custom_fields.lists
    if isinstance(sent, str) and option in ("text", "join"):
        texts = [json.dumps(part, ensure_ascii=False) for part in value] if option == "join" else None
        assert texts is not None or same(codec.decode(sent), value), (case, value, sent)
    else:
        assert same(value, sent), (case, value, sent)
        assert not value or option == "keep", (case, value, sent)


def taken(mapper: Mapper) -> set[str]:
    """The names where custom fields go that belong to fields."""
    into = mapper.plan.custom_fields.into
    places = (field.place for field in mapper.plan.fields)
    return {p[len(into)] for p in places if len(p) > len(into) and p[: len(into)] == into}


def check_status(case: Case, result: Result) -> None:
    """The status, the reason, the problems and the request agree, and the body holds what the result says."""
    assert (result.request is not None) == (result.status == "ready"), (case, result)
    assert (result.because is not None) == (result.status == "skipped"), (case, result)
    assert bool(result.problems) == (result.status == "invalid"), (case, result)
    assert all(problem.level == "error" for problem in result.problems), (case, result.problems)
    assert all(problem.level == "warning" for problem in result.warnings), (case, result.warnings)
    if result.request is not None and case.mapper.plan.send.body is None:
        assert same(sorted_deeply(result.request.body), sorted_deeply(payload(case.mapper, result))), (case, result)


def payload(mapper: Mapper, result: Result) -> dict[str, Any]:
    """What the body has to be where nothing wraps it."""
    body: dict[str, Any] = {}
    for field in mapper.plan.fields:
        if field.name in result.fields:
            *above, last = field.place
            functools.reduce(lambda part, step: part.setdefault(step, {}), above, body)[last] = result.fields[
                field.name
            ]
    if result.custom_fields:
        into = mapper.plan.custom_fields.into
        functools.reduce(lambda part, step: part.setdefault(step, {}), into, body).update(result.custom_fields)
    return body
