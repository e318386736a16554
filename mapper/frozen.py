"""Dataclasses with slots, made six times as fast as the standard library makes them: a command starts quickly.

Knows how a class of plain fields becomes a value: slotted, compared by its fields, frozen where it says so. Must not
know any such class.

``@dataclass(slots=True)`` of the standard library writes up to six functions as text and compiles each, 0.3 ms for a
class; ninety of them are a third of the time that ``mapper preview`` takes to start. Here the code of ``__init__`` is
compiled once for each number of fields, and the others are the same few functions for every class. What comes out is a
dataclass to `replace`, `fields` and `asdict`; for a type checker the names are the standard library's own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field, replace
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        cls: Any = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, **others: Any
    ) -> Any:
        """The standard library's decorator; a class with slots is made here."""

        def made(plain: type) -> type:
            if not slots or others:
                return dataclasses.dataclass(plain, frozen=frozen, slots=slots, eq=eq, **others)
            return _made(plain, frozen=frozen, eq=eq)

        return made if cls is None else made(cls)


_MISSING = dataclasses.MISSING
_FIELD = dataclasses._FIELD  # type: ignore[attr-defined] # noqa: SLF001 - what marks a field: `fields` looks for it


def _made(plain: type, *, frozen: bool, eq: bool) -> type:
    """The class again, with slots for its fields and the methods of a value."""
    fields: dict[str, Any] = {}
    for above in plain.__mro__[:0:-1]:
        fields.update(above.__dict__.get("__dataclass_fields__", {}))
    inherited = frozenset(fields)
    members = dict(plain.__dict__)
    for name, kind in members.get("__annotations__", {}).items():
        fields[name] = _field(name, kind, members.pop(name, _MISSING))
    own = {"__init__": _init(fields, frozen=frozen, then="__post_init__" in members), "__repr__": _repr}
    if eq:
        own |= {"__eq__": _eq, "__hash__": _hash if frozen else None, "_compared": _compared(fields)}
    for name in ("__dict__", "__weakref__", "__hash__" if members.get("__hash__") is None else ""):
        members.pop(name, None)
    members |= {name: method for name, method in (own | _STATE if frozen else own).items() if name not in members}
    members |= {"__setattr__": _setattr, "__delattr__": _delattr} if frozen else {}
    members |= {
        "__dataclass_fields__": fields,
        "__match_args__": tuple(fields),
        "__slots__": tuple(name for name in fields if name not in inherited),
    }
    return type(plain)(plain.__name__, plain.__bases__, members)


def _field(name: str, kind: Any, said: Any) -> Any:
    made: Any = said if isinstance(said, dataclasses.Field) else field(default=said)
    made.name, made.type, made.kw_only = name, kind, False
    made._field_type = _FIELD  # noqa: SLF001 - as above
    return made


def _init(fields: dict[str, Any], *, frozen: bool, then: bool) -> Any:
    """The one method that is made for each class: it is called for every value. Raises TypeError as Python does.

    Its code is a pattern's with the fields' names in it: to compile each anew would take ten times as long.
    """
    makers = {n: one.default_factory for n, one in enumerate(fields.values()) if one.default_factory is not _MISSING}
    pattern = _pattern(len(fields), frozenset(makers), frozen=frozen, then=then)
    names = {f"f{n}": name for n, name in enumerate(fields)}
    code = pattern.replace(
        co_varnames=tuple(names.get(name, name) for name in pattern.co_varnames),
        co_names=tuple(names.get(name, name) for name in pattern.co_names),
        co_consts=tuple(names.get(const, const) for const in pattern.co_consts),
    )
    seen = {"set_field": object.__setattr__, "MISSING": _MISSING, **{f"make{n}": make for n, make in makers.items()}}
    return FunctionType(code, seen, "__init__", _defaults(fields))


@cache
def _pattern(count: int, made: frozenset[int], *, frozen: bool, then: bool) -> CodeType:
    """The code of an ``__init__`` for so many fields, called f0, f1 and so on; those of ``made`` have a factory."""
    lines = []
    for n in range(count):
        value = f"make{n}() if f{n} is MISSING else f{n}" if n in made else f"f{n}"
        lines.append(f" set_field(self, 'f{n}', {value})" if frozen else f" self.f{n} = {value}")
    lines += [" self.__post_init__()"] if then else [] if lines else [" pass"]
    parameters = ", ".join(("self", *(f"f{n}" for n in range(count))))
    names: dict[str, Any] = {}
    exec(f"def __init__({parameters}):\n" + "\n".join(lines), names)  # noqa: S102 - nobody's text but ours
    code: CodeType = names["__init__"].__code__
    return code


def _defaults(fields: dict[str, Any]) -> tuple[Any, ...]:
    defaults = []
    for name, one in fields.items():
        if one.default is not _MISSING or one.default_factory is not _MISSING:
            defaults.append(one.default)
        elif defaults:
            message = f"the field {name!r} has no default and follows one that has"
            raise TypeError(message)
    return tuple(defaults)


def _compared(fields: dict[str, Any]) -> Any:
    names = [name for name, one in fields.items() if one.compare]
    return staticmethod(attrgetter(*names) if names else lambda _: ())


def _eq(self: Any, other: Any) -> Any:
    return self._compared(self) == self._compared(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(self._compared(self))


def _repr(self: Any) -> str:
    shown = (f"{n}={getattr(self, n)!r}" for n, one in self.__dataclass_fields__.items() if one.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _setattr(_: Any, name: str, __: Any) -> None:
    message = f"cannot assign to field {name!r}"
    raise dataclasses.FrozenInstanceError(message)


def _delattr(_: Any, name: str) -> None:
    message = f"cannot delete field {name!r}"
    raise dataclasses.FrozenInstanceError(message)


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__dataclass_fields__]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__dataclass_fields__, state, strict=True):
        object.__setattr__(self, name, value)


#: For pickle and copy: a frozen value cannot be filled field by field.
_STATE = {"__getstate__": _getstate, "__setstate__": _setstate}
