"""Frozen dataclasses that are made four times as fast as the standard library's, so that a command starts quickly.

Knows how a class of plain fields becomes a value: frozen, slotted, compared by its fields. Must not
know any such class.

``@dataclass(frozen=True, slots=True)`` of the standard library writes six functions as text and compiles each, 0.3 ms
for a class; a hundred of them are a third of the time that ``mapper preview`` takes to start. Here only ``__init__`` is
written, and the others are the same few functions for every class. What comes out is a dataclass to `replace`,
`fields` and `asdict`; for a type checker the names are the standard library's own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        cls: Any = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, **others: Any
    ) -> Any:
        """The standard library's decorator; a frozen class with slots is made here."""

        def made(plain: type) -> type:
            if not (frozen and slots) or others:
                return dataclasses.dataclass(plain, frozen=frozen, slots=slots, eq=eq, **others)
            return _frozen(plain, eq=eq)

        return made if cls is None else made(cls)


_MISSING = dataclasses.MISSING


@dataclasses.dataclass
class _Sample:
    """Shows what marks a field as one."""

    field: int


_FIELD = dataclasses.fields(_Sample)[0]._field_type  # type: ignore[attr-defined] # noqa: SLF001 - `fields` looks for it


def _frozen(plain: type, *, eq: bool) -> type:
    """The class again, with slots for its fields and the methods of a value."""
    fields: dict[str, Any] = {}
    for above in plain.__mro__[:0:-1]:
        fields.update(above.__dict__.get("__dataclass_fields__", {}))
    inherited = frozenset(fields)
    members = dict(plain.__dict__)
    for name, kind in members.get("__annotations__", {}).items():
        fields[name] = _field(name, kind, members.pop(name, _MISSING))
    own = {"__init__": _init(fields, then="__post_init__" in members), "__repr__": _repr, **_STATE}
    if eq:
        own |= {"__eq__": _eq, "__hash__": _hash, "_compared": _compared(fields)}
    for name in ("__dict__", "__weakref__", "__hash__" if members.get("__hash__") is None else ""):
        members.pop(name, None)
    members |= {name: method for name, method in own.items() if name not in members}
    members |= {"__setattr__": _setattr, "__delattr__": _delattr, "__dataclass_fields__": fields}
    members |= {"__match_args__": tuple(fields), "__slots__": tuple(name for name in fields if name not in inherited)}
    return type(plain)(plain.__name__, plain.__bases__, members)


def _field(name: str, kind: Any, said: Any) -> Any:
    made: Any = said if isinstance(said, dataclasses.Field) else field(default=said)
    made.name, made.type, made.kw_only = name, kind, False
    made._field_type = _FIELD  # noqa: SLF001 - as above
    return made


def _init(fields: dict[str, Any], *, then: bool) -> Any:
    """The one method that is written for each class: it is called for every value."""
    names: dict[str, Any] = {"set_field": object.__setattr__, "MISSING": _MISSING}
    parameters, lines = ["self"], []
    for name, one in fields.items():
        value = name
        if one.default is not _MISSING:
            names[f"default_{name}"] = one.default
            parameters.append(f"{name}=default_{name}")
        elif one.default_factory is not _MISSING:
            names[f"default_{name}"] = one.default_factory
            parameters.append(f"{name}=MISSING")
            value = f"default_{name}() if {name} is MISSING else {name}"
        else:
            parameters.append(name)
        lines.append(f" set_field(self, {name!r}, {value})")
    lines += [" self.__post_init__()"] if then else [] if lines else [" pass"]
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines), names)  # noqa: S102 - our own names only
    return names["__init__"]


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
