"""The laws, each as a check that raises AssertionError with the case in its words.

Knows what has to hold, from the outside: leaves are found anew here, and values are compared strictly (1 is neither
true nor 1.0, and the order of names counts). Must not know how the engine does it.

The tests draw a few hundred cases for these checks, ``make fuzz`` draws tens of thousands, and the planted faults
show that each check can fail.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jmespath
import msgspec
from hypothesis import HealthCheck, settings
from strategies import SECRET, Case

from mapper import codec, event, expressions, identity, outcome, pipeline
from mapper.errors import ExpressionError, MappingError, Problem, SettingsError
from mapper.expressions import STAR, Expression
from mapper.identity import Identity
from mapper.pipeline import Mapper, Result
from mapper.request import Request
from mapper.transform.results import Account

Path = tuple[str | int, ...]
ENDS = ("mapped", "shadowed", "custom", "dropped")


# ------------------------------------------------------------------------------------------------------ comparing


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: kinds, whole or not, minus zero, and the order of names."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


def plain(value: Any) -> Any:
    """Anything that the engine returns as plain values, so that ``same`` can look into it."""
    if isinstance(value, Expression):
        return value.text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    return [plain(member) for member in value] if isinstance(value, list | tuple) else value


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each scalar, null and empty container, with its path."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inside = list(steps)
    if not inside:
        yield path, value
    for step, part in inside:
        yield from leaves(part, (*path, step))


def at(value: Any, path: Path) -> Any:
    """The value at a path; KeyError, IndexError or TypeError where there is none."""
    return functools.reduce(lambda part, step: part[step], path, value)


def replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy with another value at a path."""
    if not path:
        return new
    part = copy.copy(value)
    part[path[0]] = replaced(value[path[0]], path[1:], new)
    return part


def covers(read: Path, path: Path) -> bool:
    """Whether a read path (STAR is any step) is a path or stands above it."""
    return len(read) <= len(path) and all(step in (STAR, own) for step, own in zip(read, path, strict=False))


def touches(read: Path, path: Path) -> bool:
    """Whether a read path is at, above or below a path."""
    return all(step in (STAR, own) for step, own in zip(read, path, strict=False))


# ---------------------------------------------------------------------------------------------------------- JSON

#: Why the strict reading refuses what msgspec takes.
_STRICTER = ("twice", "surrogate", "digits", "deep", "too large")


def check_codec(text: str) -> str:
    """A text is read as the strict reading does, as text and as bytes; and as msgspec does where that takes it too."""
    strict = outcome_of(lambda: codec.strict(text.encode()), codec.NotJson)
    for face in (text, text.encode()):
        ours = outcome_of(functools.partial(codec.decode, face), codec.NotJson)
        assert ours[0] == strict[0], (text, ours, strict)
        assert same(ours[1], strict[1]) or str(ours[1]) == str(strict[1]), (text, ours, strict)
    theirs = outcome_of(lambda: msgspec.json.decode(text.encode()), msgspec.DecodeError)
    if strict[0] == theirs[0] == "value":
        assert same(strict[1], theirs[1]), (text, strict, theirs)
    elif theirs[0] == "value":
        assert any(word in str(strict[1]) for word in _STRICTER), (text, strict, theirs)
    return strict[0]


# --------------------------------------------------------------------------------------------------- expressions


def some(count: int) -> settings:
    """So many examples: slow to draw is not wrong here, and a busy machine is no failure."""
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
    return settings(max_examples=count, suppress_health_check=slow, report_multiple_bugs=False)


def outcome_of(work: Callable[[], Any], *errors: type[Exception]) -> tuple[str, Any]:
    """What came of it: a value, or an error of one of these kinds."""
    try:
        return "value", work()
    except errors as error:
        return "error", error


def check_search(text: str, document: Any) -> str:
    """Law 4: our value is that of the jmespath package, or both fail. Says which."""
    expression = expressions.compile(text)
    ours = outcome_of(lambda: expression.search(document), ExpressionError)
    theirs = outcome_of(lambda: jmespath.compile(text).search(document), Exception)
    if ours[0] == "error" and ours[1].code == "over_budget":
        return "budget"
    assert ours[0] == theirs[0], (text, document, ours, theirs)
    assert ours[0] == "error" or same(ours[1], theirs[1]), (text, document, ours, theirs)
    if ours[0] == "error":
        return "error"
    return "null" if ours[1] is None else "value"


def check_compile(text: str) -> str:
    """Law 4: what the package cannot compile we cannot either, and we refuse no more than we say."""
    ours = outcome_of(lambda: expressions.compile(text), ExpressionError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        theirs = outcome_of(lambda: jmespath.compile(text), Exception)
    if ours[0] == "value":
        assert theirs[0] == "value", (text, theirs)
        return "value"
    error = ours[1]
    assert error.offset is None or 0 <= error.offset <= len(text), (text, error.offset)
    stray = theirs[0] == "value" and any(node["type"] == "expref" for node in nodes(theirs[1].parsed))
    assert error.code != "syntax" or theirs[0] == "error" or stray, (text, error)
    return str(error.code)


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a tree."""
    yield tree
    for child in tree.get("children", ()):
        if isinstance(child, dict):
            yield from nodes(child)


def check_trace(text: str, document: Any) -> bool:
    """The trace has the evaluation's value, its origins are real, and each was known beforehand. False: both fail."""
    expression = expressions.compile(text)
    searched = outcome_of(lambda: expression.search(document), ExpressionError)
    traced = outcome_of(lambda: expression.trace(document), ExpressionError)
    if "error" in (searched[0], traced[0]):
        budget = any(end == "error" and made.code == "over_budget" for end, made in (searched, traced))
        assert budget or searched[0] == traced[0], (text, document, searched, traced)
        return False
    value, origins = traced[1]
    assert same(searched[1], value), (text, document, searched, value)
    for origin in origins:
        at(document, origin)
        assert any(covers(read, origin) for read in expression.reads.flows), (text, document, origin, expression.reads)
    return True


#: Functions whose result depends on the elements that they do not choose.
_COMPARING = ("max(", "min(", "sort(")


def check_flow(text: str, document: Any) -> int:
    """What neither flowed nor was tested decides nothing: it is exchanged for its like, and the value stays."""
    expression = expressions.compile(text)
    traced = outcome_of(lambda: expression.trace(document), ExpressionError)
    if traced[0] == "error" or any(name in text for name in _COMPARING):
        return 0
    value, origins = traced[1]
    changed = 0
    for path, leaf in leaves(document):
        like = twin(leaf)
        used = any(covers(origin, path) for origin in origins)
        if like is None or used or any(touches(test, path) for test in expression.reads.tests):
            continue
        again = expression.search(replaced(document, path, like))
        assert same(value, again), (text, document, path, origins, expression.reads, value, again)
        changed += 1
    return changed


def check_unread(text: str, document: Any) -> int:
    """A leaf that the expression does not read can be anything at all."""
    expression = expressions.compile(text)
    before = outcome_of(lambda: expression.search(document), ExpressionError)
    changed = 0
    for path, _ in leaves(document):
        if path and not any(touches(read, path) for read in expression.reads.every):
            for new in (None, "other", [{"a": 1}], {"a": {"b": 2}}, 7):
                after = outcome_of(functools.partial(expression.search, replaced(document, path, new)), ExpressionError)
                assert before[0] == after[0], (text, document, path, new)
                assert before[0] == "error" or same(before[1], after[1]), (text, document, path, new)
            changed += 1
    return changed


def twin(value: Any) -> Any:
    """Another value of the same kind, truth and blankness; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    if isinstance(value, str):
        return value + ("1" if value.strip().isdecimal() else "x" if value.strip() else " ")
    return value + 1 if isinstance(value, int) else -value if math.isfinite(value) and value else None


# -------------------------------------------------------------------------------------------------- conservation


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


def sorted_deeply(value: Any) -> Any:
    """A value whose objects have their names in alphabetical order."""
    if isinstance(value, dict):
        return {name: sorted_deeply(value[name]) for name in sorted(value)}
    return [sorted_deeply(part) for part in value] if isinstance(value, list) else value


# ----------------------------------------------------------------------------------- purity, faces, unread traits


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


# ------------------------------------------------------------------------------------- requests, secrets, canaries


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
    if result.request is not None:
        reply = outcome.Reply(400, {"retry-after": "1"}, " ".join(canaries).encode())
        things += [result.request, result.request.with_secrets(case.mapper.secrets())]
        things += [reply, outcome.classify(reply, result.request.answers)]
        things.append(outcome_of(lambda: result.request.with_secrets({}), SettingsError)[1])
    words = "\n".join(f"{thing!r}\n{thing}" for thing in things)
    found = [canary for canary in (*canaries, SECRET) if canary in words]
    assert not found, (case.mapping, case.event, found, [thing for thing in things if found[0] in f"{thing!r}{thing}"])


# -------------------------------------------------------------------------------------------------- mapping files


def inside(problem: Problem, lines: list[str]) -> bool:
    """Whether a problem's position, and what its caret underlines, lies inside its file; the end of a line counts."""
    place = problem.position
    if place is None or not 1 <= place.line <= len(lines) or place.width < 1:
        return False
    end = len(lines[place.line - 1]) + 1
    return 1 <= place.column <= end and (place.width == 1 or place.column + place.width <= end)


def check_file(text: str) -> Mapper | None:
    """Law 6: a file loads or is refused with problems that stand in it, and nothing else happens."""
    made, problems, shown = pipeline.inspect(text, "f.yaml", environ={})
    lines = shown.split("\n")
    for problem in problems:
        assert problem.position is not None, (text, problem)
        assert inside(problem, lines), (text, problem)
        assert problem.position.file == "f.yaml", problem
        assert problem.message, problem
    errors = [problem for problem in problems if problem.level == "error"]
    assert (made is None) == bool(errors), (text, problems)
    if made is None:
        assert outcome_of(lambda: pipeline.loads(text, "f.yaml", environ={}), MappingError)[0] == "error", text
    return made


# ------------------------------------------------------------------------------------------------------- identity


def bytes_of(known: Identity) -> bytes:
    """An identity as its store would keep it."""
    return codec.encode(known.as_dict())


def check_merge(calls: list[event.Identify], order: list[int]) -> None:
    """Law 9: any order, any grouping, any repetition of calls makes the same identity, to the byte."""
    written = [identity.of_call(call, ("plan",)) for call in calls]
    empty = Identity()
    whole = functools.reduce(identity.merge, written, empty)
    shuffled = functools.reduce(identity.merge, [written[i % len(written)] for i in order] + written[::-1], empty)
    assert bytes_of(whole) == bytes_of(shuffled), (calls, order)
    half = len(written) // 2
    left, right = (functools.reduce(identity.merge, part, empty) for part in (written[:half], written[half:]))
    assert bytes_of(identity.merge(left, right)) == bytes_of(whole), calls
    assert bytes_of(identity.merge(right, left)) == bytes_of(whole), calls
    assert bytes_of(identity.merge(whole, whole)) == bytes_of(whole), calls
    for one in written:
        assert bytes_of(identity.merge(whole, one)) == bytes_of(whole), calls
        assert bytes_of(identity.merge(one, one)) == bytes_of(one), calls
    assert "plan" not in whole.traits, calls
    check_last_writer(calls, whole)
    stored = Identity.from_dict(json.loads(json.dumps(whole.as_dict())))
    assert same(plain(stored), plain(whole)), calls


def check_last_writer(calls: list[event.Identify], whole: Identity) -> None:
    """Each trait is some call's that no other call with the trait comes after, and no clock runs ahead of receipt."""
    for name, trait in whole.traits.items():
        writers = [call for call in calls if name in call.traits or name in call.context_traits]
        times = [_time_of(call) - (name not in call.traits) for call in writers]
        assert trait.stamp.time == max(times), (calls, name)
        said_then = [
            c.traits.get(name, c.context_traits.get(name))
            for c, t in zip(writers, times, strict=True)
            if t == max(times) and (c.message_id or "") == trait.stamp.message_id
        ]
        assert any(same(trait.value, value) for value in said_then), (calls, name)


def _time_of(call: event.Identify) -> int:
    """When a call happened: the first readable time, never after its receipt."""
    said_at = [identity.instant(call.envelope[name]) for name in ("timestamp", "originalTimestamp", "sentAt")]
    received = identity.instant(call.envelope["receivedAt"])
    known = [moment for moment in said_at if moment is not None][:1] + ([received] if received is not None else [])
    return min(known, default=identity.ANCIENT.time + 1)
