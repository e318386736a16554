"""The case files in tests/cases and the example files in examples come out as the mapping language says they must.

Knows how an expectation is compared with a result. Must not know what any mapping does: expectations stand in
the case files, and for the examples in expected.json, which examples/make_events.py declares beside each kind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mapper import event, identity, pipeline
from mapper.pipeline import cases

TESTS = Path(__file__).resolve().parent
EXAMPLES = TESTS.parent / "examples"
EXPECTED = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))

#: The three ways in which the examples are run, and what differs in each from the table of kinds.
CIRCUMSTANCES: dict[str, dict[str, Any]] = {
    "people known": {"known": True, "settings": None, "kinds": {}, "totals": EXPECTED["totals"]},
    "a template in the settings": {
        "known": True,
        "settings": EXPECTED["with_settings"],
        "kinds": EXPECTED["with_settings_kinds"],
        "totals": EXPECTED["with_settings_totals"],
    },
    "nobody known": {
        "known": False,
        "settings": None,
        "kinds": EXPECTED["without_identity_kinds"],
        "totals": EXPECTED["without_identity_totals"],
    },
}


# --- comparing ----------------------------------------------------------------------------------------------------


def differences(expect: dict[str, Any], result: Any) -> list[str]:
    """What a result has otherwise than expected, one line a section; a section that is not listed is not compared."""
    found = []
    for section, wanted in expect.items():
        got = _section(section, wanted, result)
        if not _same(_ordered(wanted), _ordered(got), as_text=section == "fields"):
            found.append(f"{section}: expected {wanted!r}, got {got!r}")
    return found


def _section(name: str, wanted: Any, result: Any) -> Any:
    """A section of the result in the form in which it is expected."""
    if name in ("problems", "warnings"):
        return _codes(getattr(result, name), by_code=isinstance(wanted, dict))
    if name in ("dropped", "shadowed"):
        tell = _target if name == "shadowed" else _reason
        ends = {_path(a): tell(a) for a in result.accounts if a.end == name}
        return ends if isinstance(wanted, dict) else list(ends)
    if name == "accounts":
        return {_path(a): _account(a) for a in result.accounts}
    if name == "body":
        return result.request.body if result.request else None
    return getattr(result, name)


def _codes(problems: Iterable[Any], *, by_code: bool) -> Any:
    """The codes, each once; or by code the fields that are named, and none where no field is."""
    if not by_code:
        return list(dict.fromkeys(p.code for p in problems))
    table: dict[str, list[str]] = {}
    for problem in problems:
        # A problem of several fields, such as any_of, names them all in one text.
        table.setdefault(problem.code, []).extend(problem.field.split(", ") if problem.field else [])
    return {code: list(dict.fromkeys(names)) for code, names in table.items()}


def _path(account: Any) -> str:
    """``address.street`` for the call, ``identity:address.street`` for an older layer."""
    path = ".".join(str(step) for step in account.path)
    return path if account.layer == "call" else f"{account.layer}:{path}"


def _account(account: Any) -> str:
    """``mapped first_name``, ``dropped blank``."""
    return f"{account.end} {_reason(account) if account.end == 'dropped' else _target(account)}"


def _reason(account: Any) -> str:
    """Why a leaf was dropped."""
    return str(account.reason)


def _target(account: Any) -> str:
    """The fields, the custom field, or for a hidden leaf the newer call."""
    return ", ".join(account.to) or str(account.reason)


def _ordered(value: Any) -> Any:
    """Lists of names in one order: which of two problems is told first is not part of an expectation."""
    if isinstance(value, dict):
        return {key: sorted(part) if _names(part) else part for key, part in value.items()}
    return sorted(value) if _names(value) else value


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _same(wanted: Any, got: Any, *, as_text: bool = False) -> bool:
    """Equal as JSON values: true is not 1. Where a field is text, an expected number stands for its text."""
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or got is None:
        return wanted is got
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(_same(wanted[k], got[k], as_text=as_text) for k in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(_same, wanted, got))
    if as_text and isinstance(got, str) and isinstance(wanted, int | float):
        return str(wanted) == got
    return bool(wanted == got)


# --- the case files -----------------------------------------------------------------------------------------------


def _cases() -> Iterator[Any]:
    for path in sorted((TESTS / "cases").glob("*.yaml")):
        for case in cases.read_cases(path.read_text(encoding="utf-8"), path.name):
            yield pytest.param(case, id=f"{path.stem}: {case['name']}")


@cache
def _mapper(name: str | None, text: str | None) -> Any:
    """The mapping of a case: a shipped one by name, or the text in the file."""
    return pipeline.loads(text, file="case.yaml") if text is not None else pipeline.load(name or "")


def _mapper_of(case: dict[str, Any]) -> Any:
    return _mapper(None if case.get("text") else case["mapping"], case.get("text"))


@pytest.mark.parametrize("case", list(_cases()))
def test_case(case: dict[str, Any]) -> None:
    """A case of a case file comes out as it says."""
    given = {"type": "identify", "messageId": "test-message", **case["given"]}
    result = _mapper_of(case).transform(given, settings=case.get("settings"), identity=case.get("identity"))
    assert differences(case["expect"], result) == [], case.get("why")


def test_a_wrong_expectation_is_found() -> None:
    """The comparison above can fail: each section that is wrong is reported."""
    given = {
        "type": "identify",
        "messageId": "m",
        "userId": "u1",
        "traits": {"template_id": "T1", "vip": True, "zip": "1"},
    }
    result = pipeline.load("inkit").transform(given)
    wrong = {
        "status": "ready",
        "because": "nothing",
        "fields": {"template_id": 1},
        "custom_fields": {"vip": 1},
        "problems": {"missing": []},
        "warnings": ["none_such"],
        "dropped": {"vip": "blank"},
        "accounts": {"vip": "mapped vip"},
        "body": {},
    }
    assert [line.split(":")[0] for line in differences(wrong, result)] == list(wrong)


# --- the examples -------------------------------------------------------------------------------------------------


@cache
def _lines(name: str) -> tuple[Any, ...]:
    return tuple(json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines())


@cache
def _people() -> dict[str, Any]:
    """What the earlier calls say of each person, in whatever order they stand in the file."""
    known: dict[str, Any] = {}
    for line in _lines(EXPECTED["identity"]):
        call = event.read(line, "Inkit")
        assert isinstance(call, event.Identify)
        user = call.user_id or ""
        known[user] = identity.merge(known.get(user, identity.Identity()), identity.of_call(call))
    return known


def _kind(call: Any) -> str:
    return str(call["messageId"]).split("-", 1)[0]


def _outcome(call: Any, circumstance: dict[str, Any]) -> Any:
    known = _people().get(call.get("userId")) if circumstance["known"] else None
    return _mapper(EXPECTED["mapping"], None).transform(call, settings=circumstance["settings"], identity=known)


def test_examples_are_what_their_generator_makes() -> None:
    """The files are rewritten from the generator: nobody edits them by hand."""
    command = [sys.executable, str(EXAMPLES / "make_events.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_examples_are_counted() -> None:
    """Every kind is there as often as expected.json says, and there are enough of them."""
    counted = Counter(map(_kind, _lines("events.ndjson")))
    assert counted == {name: kind["count"] for name, kind in EXPECTED["kinds"].items()}
    assert counted.total() >= 220
    assert len({call["messageId"] for call in _lines("events.ndjson")}) == counted.total()


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_examples_come_out_as_expected(name: str) -> None:
    """Every example event ends as the mapping language says of its kind."""
    circumstance = CIRCUMSTANCES[name]
    kinds = {**EXPECTED["kinds"], **circumstance["kinds"]}
    wrong = {}
    totals: Counter[str] = Counter()
    for call in _lines("events.ndjson"):
        result = _outcome(call, circumstance)
        totals[result.status] += 1
        found = differences({k: v for k, v in kinds[_kind(call)].items() if k != "count"}, result)
        if found:
            wrong[call["messageId"]] = found
    assert wrong == {}
    assert totals == circumstance["totals"]


def test_examples_print_the_right_person() -> None:
    """Every field that the generator knows of a person is what would be printed."""
    calls = {call["messageId"]: call for call in _lines("events.ndjson")}
    wrong = {}
    for message_id, fields in EXPECTED["fields"].items():
        got = _outcome(calls[message_id], CIRCUMSTANCES["people known"]).fields
        of_person = {k: v for k, v in got.items() if k in fields or k.startswith("address_")}
        if of_person != fields:
            wrong[message_id] = (fields, of_person)
    assert wrong == {}


def test_known_people_have_no_order_of_calls() -> None:
    """Earlier calls in reverse order make the same people."""
    backwards: dict[str, Any] = {}
    for line in reversed(_lines(EXPECTED["identity"])):
        call = event.read(line, "Inkit")
        assert isinstance(call, event.Identify)
        user = call.user_id or ""
        backwards[user] = identity.merge(backwards.get(user, identity.Identity()), identity.of_call(call))
    assert backwards == _people()


@pytest.mark.parametrize("name", EXPECTED["files"])
def test_documented_event(name: str) -> None:
    """A file with a single event comes out as the documentation says."""
    call = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    assert differences(EXPECTED["files"][name], _outcome(call, CIRCUMSTANCES["people known"])) == []
