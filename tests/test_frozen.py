"""Dataclasses that are made quickly are what the standard library's are."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from mapper import frozen


class Plain:
    """A class of every kind of field, before any decorator."""

    name: str
    count: int = 3
    secret: str = frozen.field(default="hidden", repr=False)
    many: list[int] = frozen.field(default_factory=list)
    beside: Any = frozen.field(default=None, compare=False)

    @property
    def loud(self) -> str:
        """A property stays one."""
        return self.name.upper()


def made(decorator: Any) -> Any:
    """The class again, and made by a decorator."""
    members = {name: copy.copy(value) for name, value in vars(Plain).items() if name not in ("__dict__", "__weakref__")}
    return decorator(frozen=True, slots=True)(type("Plain", (), members))


OURS, THEIRS = made(frozen.dataclass), made(dataclasses.dataclass)
ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}), (("a", 4), {}), ((), {"name": "a", "many": [1]}), (("a", 4, "s", [2], 5), {}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "named"), ARGUMENTS)
def test_values_are_the_same(given: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Fields, defaults, text, and a changed copy."""
    ours, theirs = OURS(*given, **named), THEIRS(*given, **named)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert repr(ours) == repr(theirs)
    assert "hidden" not in repr(ours)
    assert ours.loud == theirs.loud
    assert dataclasses.asdict(frozen.replace(ours, count=9)) == dataclasses.asdict(dataclasses.replace(theirs, count=9))
    assert OURS.__match_args__ == THEIRS.__match_args__
    assert OURS.__slots__ == THEIRS.__slots__


def test_values_are_compared_by_their_fields() -> None:
    """As the standard library does it: those that count, and of one class only."""
    assert OURS("a") == OURS("a", beside=1) != OURS("b")
    assert OURS("a") != THEIRS("a")
    assert OURS("a").many is not OURS("a").many
    with pytest.raises(TypeError):
        hash(OURS("a"))  # it holds a list


def test_values_do_not_change() -> None:
    """Nor do they take what they have no slot for."""
    value = OURS("a")
    for name in ("name", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.name
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("given", [(), ("a", 1, "s", [], None, 6)])
def test_missing_and_needless_arguments_are_errors(given: tuple[Any, ...]) -> None:
    """The same class of error."""
    for kind in (OURS, THEIRS):
        with pytest.raises(TypeError):
            kind(*given)


@frozen.dataclass(frozen=True, slots=True)
class Point:
    """To be inherited from, hashed and stored."""

    x: int
    y: int = 0


@frozen.dataclass(frozen=True, slots=True)
class Marked(Point):
    """One field more, and one judged."""

    mark: str = ""

    def __post_init__(self) -> None:
        """Refuse a mark that is too long."""
        if len(self.mark) > 1:
            message = "a mark is one character"
            raise ValueError(message)


def test_a_class_inherits_fields() -> None:
    """Slots are not given twice, and what comes after the making is called."""
    assert (Marked(1, 2, "a").x, Marked.__slots__) == (1, ("mark",))
    assert len({Point(1), Point(1), Point(2)}) == 2
    with pytest.raises(ValueError, match="one character"):
        Marked(1, 2, "ab")
    value = Marked(1, 2, "a")
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value  # noqa: S301 - our own


@dataclasses.dataclass(slots=True)
class Theirs:
    """Of the standard library, to compare with."""

    name: str
    many: list[int] = dataclasses.field(default_factory=list)
    count: int = 0


@frozen.dataclass(slots=True)
class Ours:
    """The same, made here."""

    name: str
    many: list[int] = frozen.field(default_factory=list)
    count: int = 0


def test_a_class_that_is_not_frozen_changes() -> None:
    """It has slots and is compared, but has no hash; the pickled one is the same."""
    for kind in (Ours, Theirs):
        value = kind("a", count=2)
        value.many.append(1)
        value.name = "b"
        assert value == kind("b", [1], 2) != kind("b")
        assert dataclasses.asdict(value) == {"name": "b", "many": [1], "count": 2}
        assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == value  # noqa: S301 - our own
        with pytest.raises(AttributeError):
            value.other = 1  # type: ignore[union-attr]
        with pytest.raises(TypeError):
            hash(value)


def test_defaults_come_last() -> None:
    """What has none after what has one is a mistake, as in the standard library."""
    for decorator in (frozen.dataclass, dataclasses.dataclass):
        members = {"__annotations__": {"first": int, "second": int}, "first": 1}
        with pytest.raises(TypeError, match="second"):
            decorator(slots=True)(type("Wrong", (), members))


def test_classes_of_as_many_fields_keep_their_own_names() -> None:
    """One pattern serves them all."""
    one, two = (
        frozen.dataclass(frozen=True, slots=True)(type("One", (), {"__annotations__": dict.fromkeys(names, int)}))
        for names in (("f1", "f0"), ("MISSING", "set_field"))
    )
    assert dataclasses.asdict(one(1, 2)) == {"f1": 1, "f0": 2}
    assert dataclasses.asdict(two(set_field=2, MISSING=1)) == {"MISSING": 1, "set_field": 2}
    with pytest.raises(TypeError, match="'set_field'"):
        two(1)
