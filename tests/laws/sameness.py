"""Comparing strictly, and finding one's way in values: what all laws need.

Knows JSON values and paths. Must not know any law.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypothesis import HealthCheck, settings

from mapper.expressions import STAR, Expression

Path = tuple[str | int, ...]


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


def sorted_deeply(value: Any) -> Any:
    """A value whose objects have their names in alphabetical order."""
    if isinstance(value, dict):
        return {name: sorted_deeply(value[name]) for name in sorted(value)}
    return [sorted_deeply(part) for part in value] if isinstance(value, list) else value


def twin(value: Any) -> Any:
    """Another value of the same kind, truth and blankness; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    if isinstance(value, str):
        return value + ("1" if value.strip().isdecimal() else "x" if value.strip() else " ")
    return value + 1 if isinstance(value, int) else -value if math.isfinite(value) and value else None


def outcome_of(work: Callable[[], Any], *errors: type[Exception]) -> tuple[str, Any]:
    """What came of it: a value, or an error of one of these kinds."""
    try:
        return "value", work()
    except errors as error:
        return "error", error


def some(count: int) -> settings:
    """So many examples: slow to draw is not wrong here, and a busy machine is no failure."""
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
    return settings(max_examples=count, suppress_health_check=slow, report_multiple_bugs=False)
