"""Runs the cases that authors write: the ``tests:`` of a mapping, and whole files of cases.

Knows the form of a case and how an expectation is compared (the mapping language, section 1.12).
Must not know how a difference is laid out for a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mapper import source
from mapper.errors import Findings, MappingError, Position, Problem
from mapper.frozen import dataclass, field
from mapper.pipeline import Mapper, Result
from mapper.shapes import Entry
from mapper.source import Node, Series, Table
from mapper.transform import presence
from mapper.values import json_value

#: What a case need not say.
_SUPPLIED = {"type": "identify", "messageId": "test-message"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise: ``where`` is a section and perhaps a name in it."""

    where: str
    expected: Any
    actual: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one case went.

    Where something differs, ``problems`` are those of the event that nobody expected, and ``because`` says why it was
    skipped, unless that was expected.
    """

    name: str
    position: Position | None
    differences: tuple[Difference, ...] = ()
    problems: tuple[Problem, ...] = ()
    because: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything came out as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Case:
    """One case, as values."""

    name: str
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    identity: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    position: Position | None = None


def run_tests(mapper: Mapper) -> tuple[Verdict, ...]:
    """Run the tests in a mapping's own file. The environment's settings do not count: a test says its own."""
    cases = (
        Case(
            name=test.name,
            given=json_value(test.given),
            expect=_expectation(test.expect),
            identity=json_value(test.identity) if test.identity is not None else None,
            settings=json_value(test.settings) if test.settings is not None else {},
            position=test.position,
        )
        for test in mapper.written.tests
    )
    return tuple(run_case(mapper, case) for case in cases)


def _expectation(entry: Entry) -> dict[str, Any]:
    return {
        name: json_value(value) if isinstance(value, Table | Series) else getattr(value, "text", value)
        for name, value in entry.values.items()
    }


def run_case(mapper: Mapper, case: Case) -> Verdict:
    """Run one case."""
    result = mapper.transform({**_SUPPLIED, **case.given}, _settings(mapper, case.settings), case.identity)
    differences = tuple(
        d for section, expected in case.expect.items() for d in _compare(section, expected, result, mapper)
    )
    if not differences or case.expect.get("status") == result.status != "invalid":
        return Verdict(case.name, case.position, differences)
    expected = case.expect.get("problems", ())
    unexpected = tuple(problem for problem in result.problems if problem.code not in expected)
    because = None if "because" in case.expect else result.because
    return Verdict(case.name, case.position, differences, unexpected, because)


def _settings(mapper: Mapper, given: Mapping[str, Any]) -> dict[str, Any]:
    """A test's own settings over stand-ins for what is required, so that it runs on every machine."""
    stand_in = {"text": "test", "number": 1, "whole": 1, "flag": True}
    own = {s.name: s.default if s.default is not None else None for s in mapper.plan.settings}
    own.update({s.name: stand_in[s.type] for s in mapper.plan.settings if s.required and own[s.name] is None})
    own.update(dict.fromkeys(_bases(mapper), "https://test.invalid"))
    return {**own, **given}


def _bases(mapper: Mapper) -> Iterable[str]:
    for piece in mapper.plan.send.url:
        if not isinstance(piece, str) and piece.base and piece.located.expression.plain:
            yield str(piece.located.expression.plain[1])


def _compare(section: str, expected: Any, result: Result, mapper: Mapper) -> Iterable[Difference]:
    actual = _actual(section, result)
    if section == "fields":
        expected = {name: _as_field(name, value, mapper) for name, value in expected.items()}
    elif section in ("problems", "warnings"):
        found = result.problems if section == "problems" else result.warnings
        actual = codes(found) if isinstance(expected, list) else by_code(found)
        expected = sorted(set(expected)) if isinstance(expected, list) else _sorted(expected)
    elif section in ("dropped", "shadowed") and isinstance(expected, list):
        actual, expected = sorted(actual), sorted(str(path) for path in expected)
    return _differences(section, expected, actual)


def _actual(section: str, result: Result) -> Any:
    if section in ("dropped", "shadowed"):
        ends = (a for a in result.accounts if a.end == section)
        return {label(a): a.reason if section == "dropped" else ", ".join(a.to) for a in ends}
    if section == "accounts":
        return {label(a): told(a) for a in result.accounts}
    if section == "body":
        return result.request.body if result.request is not None else None
    return getattr(result, section)


def label(account: Any) -> str:
    """An account's path with dots; the layer in front where it is not the call's."""
    return account.name if account.layer == "call" else f"{account.layer}:{account.name}"


def told(account: Any) -> str:
    """An account in a few words: ``mapped first_name``, ``dropped null``."""
    return f"{account.end} {account.reason if account.end == 'dropped' else ', '.join(account.to)}"


def codes(problems: Iterable[Problem]) -> list[str]:
    """The codes that occur, sorted."""
    return sorted({problem.code for problem in problems})


def by_code(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """The fields by code, each sorted."""
    table: dict[str, list[str]] = {}
    for problem in problems:
        table.setdefault(problem.code, []).extend((problem.field or "").split(", ") if problem.field else [])
    return _sorted(table)


def _sorted(table: Any) -> dict[str, list[str]]:
    return {
        code: sorted(set(fields if isinstance(fields, list) else [fields])) for code, fields in sorted(table.items())
    }


def _as_field(name: str, value: Any, mapper: Mapper) -> Any:
    field_ = mapper.plan.field(name)
    return presence.as_text(value) if field_ is not None and field_.type == "text" else value


def _differences(where: str, expected: Any, actual: Any) -> Iterable[Difference]:
    """Name by name for objects, whole for anything else. true is not 1 here."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in dict.fromkeys((*expected, *actual)):
            if not _same(expected.get(name), actual.get(name)) or (name in expected) != (name in actual):
                yield Difference(f"{where}.{name}", expected.get(name), actual.get(name))
    elif not _same(expected, actual):
        yield Difference(where, expected, actual)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def read_cases(text: str, file: str) -> list[dict[str, Any]]:
    """The cases of a file with a list under ``cases``; what the file says at its top counts for each.

    Plain scalars are numbers, flags and null exactly if JSON reads them so. Raises MappingError.
    """
    read = source.read(text, file)
    root: Node = read.root
    listed = root.get("cases") if isinstance(root, Table) else None
    if not isinstance(root, Table) or not isinstance(listed, Series) or read.problems:
        found = Findings()
        found.error("wrong_shape", "a file of cases has a list under cases", root.position)
        raise MappingError((*read.problems, *found.problems), read.text)
    shared = {key.text: json_value(node) for key, node in root.pairs if key.text != "cases"}
    return [{**shared, **json_value(case), "line": case.position.line} for case in listed.parts]
