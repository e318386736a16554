"""A condition that databases say in different ways: a column is one of several values.

Knows two dialects. Must not know a table.

``IN (?, ?, ...)`` is another statement for each number of values, so it is parsed and planned anew each time. One
parameter that holds them all keeps a statement one statement.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, String, Text, TypeDecorator, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from mapper import codec


class _Several(TypeDecorator[Any]):
    """A list: an array where the database has some, else its JSON text."""

    impl = Text
    cache_ok = True

    def __init__(self, *, numbers: bool = False) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(BigInteger if self.numbers else String))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The list as the driver takes it."""
        return list(value) if dialect.name == "postgresql" else codec.encode(list(value)).decode()


class _Among(FunctionElement[bool]):
    name = "among"
    type = Boolean()
    inherit_cache = True
    _is_implicitly_boolean = True  # else SQLite's dialect writes `... = 1`, and no index would be used


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column is one of the values of the parameter ``some``."""
    several = _Several(numbers=isinstance(column.type, BigInteger))
    return _Among(column, bindparam("some", type_=several))


@compiles(_Among, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, some = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({some}))"  # noqa: S608 - a column of ours, a parameter


@compiles(_Among, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, some = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({some})"
