"""A declarative mapping engine: one YAML file turns Identify calls into the exact requests of a destination.

Knows the public names. Must not hold any logic; inside the package import the modules, never this door.

    import mapper

    postcards = mapper.load("mappings/my-destination.yaml")
    result = postcards.transform(event)          # never raises for what is in the event
    if result.request is not None:
        outcome = mapper.send(result.request)

    outbox = mapper.Outbox(postcards, store="mapper.db")
    outbox.accept(event)                         # on disk when this returns, and sent once
    outbox.drain()

The street, in order: source, mapping, functions, expressions, rules, plan, event, identity, transform,
request, outcome; what it asks of the world is in ports. Names are loaded when they are first used, so
that ``import mapper`` brings in none of the libraries that it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mapper import expressions
    from mapper.apps.outbox import Outbox
    from mapper.delivery.values import Receipt, Status, StoreError
    from mapper.errors import MapperError, MappingError, PluginError, Problem, SettingsError
    from mapper.identity import Identity
    from mapper.outcome import Failure, Outcome, Reply
    from mapper.pipeline import Mapper, Result, load, loads
    from mapper.ports import Transport
    from mapper.request import Request
    from mapper.transports import asend, send
    from mapper.transports.http import Http
    from mapper.transports.memory import Memory

_HOMES = {
    "Failure": "mapper.outcome",
    "Http": "mapper.transports.http",
    "Identity": "mapper.identity",
    "Mapper": "mapper.pipeline",
    "MapperError": "mapper.errors",
    "Memory": "mapper.transports.memory",
    "MappingError": "mapper.errors",
    "Outbox": "mapper.apps.outbox",
    "Outcome": "mapper.outcome",
    "PluginError": "mapper.errors",
    "Problem": "mapper.errors",
    "Receipt": "mapper.delivery.values",
    "Reply": "mapper.outcome",
    "Request": "mapper.request",
    "Result": "mapper.pipeline",
    "SettingsError": "mapper.errors",
    "Status": "mapper.delivery.values",
    "StoreError": "mapper.delivery.values",
    "Transport": "mapper.ports",
    "asend": "mapper.transports",
    "load": "mapper.pipeline",
    "loads": "mapper.pipeline",
    "send": "mapper.transports",
}

__all__ = [
    "Failure",
    "Http",
    "Identity",
    "Mapper",
    "MapperError",
    "MappingError",
    "Memory",
    "Outbox",
    "Outcome",
    "PluginError",
    "Problem",
    "Receipt",
    "Reply",
    "Request",
    "Result",
    "SettingsError",
    "Status",
    "StoreError",
    "Transport",
    "asend",
    "expressions",
    "load",
    "loads",
    "send",
]


if not TYPE_CHECKING:  # a checker would take any name for a public one

    def __getattr__(name: str) -> Any:
        """Load a public name from its home when it is first asked for."""
        if name == "expressions":
            return import_module("mapper.expressions")
        home = _HOMES.get(name)
        if home is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
