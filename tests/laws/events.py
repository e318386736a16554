"""Laws 2, 3 and 5: nothing is touched, every face makes the same bytes, and what is not read decides nothing.

Knows what may be changed in an event, and where a value may show. Must not know how an event is mapped.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from strategies import SECRET, Case

from laws.conservation import transform
from laws.files import inside
from laws.sameness import Path, at, leaves, outcome_of, plain, replaced, same, touches, twin
from mapper import codec, event, identity, outcome
from mapper.errors import SettingsError
from mapper.pipeline import Mapper, Result
from mapper.request import Request


def check_pure(case: Case) -> Result:
    """Law 2: it does not raise, changes nothing that it was given, and does the same again."""
    before = copy.deepcopy((case.event, plain(case.identity), plain(case.mapper.settings)))
    result = transform(case)
    after = (case.event, plain(case.identity), plain(case.mapper.settings))
    assert same(before, after), case
    again = transform(case)
    assert same(plain(result), plain(again)), case
    lines = case.mapper.text.split("\n")
    for problem in (*result.problems, *result.warnings):
        assert problem.position is None or inside(problem, lines), (case, problem)
    return result


def check_faces(case: Case) -> None:
    """Law 3: an event as a value, as text and as bytes makes the same bytes."""
    if isinstance(case.event, str):
        return  # a text that is handed over is an event's text, not an event
    texts = (json.dumps(case.event), json.dumps(case.event, ensure_ascii=False, indent=1))
    faces = [case.event, *texts, texts[1].encode(), codec.encode(case.event), "\ufeff" + texts[0]]
    results = [case.mapper.transform(face, identity=case.identity) for face in faces]
    requests = [result.request.content if result.request else None for result in results]
    assert len(set(requests)) == 1, (case, requests)
    assert all(same(plain(result), plain(results[0])) for result in results), case


def read_by(mapper: Mapper, *, plain_paths: bool = True) -> set[Path]:
    """Every path that some expression of fields, conditions or requirements reads; or all but plain candidates."""
    located = [field.when for field in mapper.plan.fields] + [field.clean for field in mapper.plan.fields]
    candidates = [candidate for field in mapper.plan.fields for candidate in field.candidates]
    located += [candidate.located for candidate in candidates if plain_paths or candidate.path is None]
    located += [skip.when for skip in mapper.plan.skip] + [entry.when for entry in mapper.plan.require]
    return {path for one in located if one is not None for path in one.expression.reads.every}


def check_unread_traits(case: Case, result: Result) -> int:
    """Law 5: a trait that no expression reads changes no field, whatever it becomes."""
    reads = {path[1:] for path in read_by(case.mapper) if path[:1] == ("traits",)}
    reads |= {path[2:] for path in read_by(case.mapper) if path[:2] == ("context", "traits") or path == ("context",)}
    changed = 0
    for path, leaf in leaves(case.event.get("traits") or {}):
        if not path or path[0] == _audience_key(case.event) or any(touches(read, path) for read in reads):
            continue
        others = [replaced(case.event, ("traits", *path), new) for new in ("other", None, [leaf], {"x": leaf})]
        if len(path) == 1:
            others.append({**case.event, "traits": {n: v for n, v in case.event["traits"].items() if n != path[0]}})
        for other in others:
            again = case.mapper.transform(other, identity=case.identity)
            assert same(plain(result.fields), plain(again.fields)), (case, path, again)
            assert (result.status, result.because) == (again.status, again.because), (case, path, again)
        changed += 1
    return changed


def _audience_key(call: dict[str, Any]) -> Any:
    context = call.get("context")
    personas = context.get("personas") if isinstance(context, dict) else None
    return personas.get("computation_key") if isinstance(personas, dict) else None


def check_unmapped(case: Case, result: Result) -> int:
    """What is not accounted as mapped flowed nowhere: exchanged for its like, it changes no field."""
    irregular = [read[1:] for read in read_by(case.mapper, plain_paths=False) if read[:1] == ("traits",)]
    changed = 0
    for account in result.accounts:
        like = twin(account.value)
        if account.end == "mapped" or account.layer != "call" or like is None:
            continue
        if account.path[0] == _audience_key(case.event) or any(touches(read, account.path) for read in irregular):
            continue
        if not isinstance(at(case.event["traits"], account.path), list | dict):
            again = case.mapper.transform(replaced(case.event, ("traits", *account.path), like), identity=case.identity)
            assert same(result.fields, again.fields), (case, account, result.fields, again.fields)
            changed += 1
    return changed


def check_request(case: Case, result: Result) -> None:
    """A request survives storage, and putting secrets in leaves it as it was."""
    made = result.request
    if made is None:
        return
    stored = json.loads(json.dumps(made.as_dict()))
    again = Request.from_dict(stored)
    assert same(plain(again), plain(made)), (case, made.as_dict())
    assert same(codec.decode(made.content), made.body), case
    before = copy.deepcopy(plain(made))
    assert outcome_of(lambda: made.with_secrets({}), SettingsError)[0] == ("error" if made.secrets else "value"), case
    prepared = made.with_secrets(case.mapper.secrets())
    assert same(before, plain(made)), case
    assert (SECRET in str(plain(prepared))) == bool(made.secrets), case
    assert SECRET not in json.dumps(made.as_dict()), case
    assert same(plain(again.with_secrets(case.mapper.secrets())), plain(prepared)), case


def canaried(value: Any, marks: list[str]) -> Any:
    """A value whose texts and numbers are each a canary; the names stay."""
    if isinstance(value, dict):
        return {name: canaried(member, marks) for name, member in value.items()}
    if isinstance(value, list):
        return [canaried(member, marks) for member in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        marks.append(str(918273000000 + len(marks)))
        return int(marks[-1])
    marks.append(f"CANARY{len(marks)}x")
    return marks[-1] + ("" if value.strip() else " and a longer text than most rules let through")


def check_silence(case: Case) -> None:
    """No text that is made for people or logs holds a trait's value or the secret: none of them sings."""
    canaries: list[str] = []
    members = {name: canaried(case.event[name], canaries) for name in ("traits", "context") if name in case.event}
    known = canaried(case.identity, canaries) if isinstance(case.identity, dict) else None
    case = Case(case.mapping, case.mapper, {**case.event, **members}, known)
    result = transform(case)
    call = event.read(codec.normal(case.event), "D")
    things: list[Any] = [
        result,
        call,
        identity.from_traits(known or {}),
        case.mapper,
        *result.problems,
        *result.warnings,
    ]
    things += [*result.accounts, *result.fillings, [tried for filling in result.fillings for tried in filling.tried]]
    made = result.request
    if made is not None:
        reply = outcome.Reply(400, {"retry-after": "1"}, " ".join(canaries).encode())
        things += [made, made.with_secrets(case.mapper.secrets()), reply, outcome.classify(reply, made.answers)]
        things.append(outcome_of(lambda: made.with_secrets({}), SettingsError)[1])
    words = "\n".join(f"{thing!r}\n{thing}" for thing in things)
    found = [canary for canary in (*canaries, SECRET) if canary in words]
    assert not found, (case.mapping, case.event, found, [thing for thing in things if found[0] in f"{thing!r}{thing}"])
