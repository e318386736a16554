"""Names become transports: ours, and those that other distributions install.

Knows how a name is looked up and what shape a transport must have. Must not know what a transport
does, nor import one before it is asked for: the names stand here as text.

Another distribution adds a transport in its own pyproject.toml::

    [project.entry-points."mapper.transports"]
    carrier_pigeon = "pigeons:Pigeon"

Whatever the name stands for is called with the resolved settings by name, secret ones included, and
must give an object with ``async def send(self, request)``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, cast

from mapper.errors import PluginError
from mapper.ports import Transport

#: The group of entry points under which transports are installed.
GROUP = "mapper.transports"

#: Our own, so that a plain checkout that nobody installed has them too. No other distribution can take these names.
OWN: Mapping[str, str] = {
    "http": "mapper.transports.http:Http",
    "memory": "mapper.transports.memory:Memory",
    "file": "mapper.transports.file:File.from_settings",
}


def names() -> tuple[str, ...]:
    """The names of all installed transports, sorted."""
    return tuple(sorted({*OWN, *metadata.entry_points(group=GROUP).names}))


def transport(name: str, settings: Mapping[str, Any]) -> Transport:
    """The transport of that name, made with the resolved settings and checked.

    Raises PluginError where the name is not installed, is installed twice, cannot be imported or made,
    or is not a transport; the message names the distribution that it came from.
    """
    entry = _entry(name)
    origin = _origin(entry)
    made = _made(_loaded(entry, origin), settings, origin)
    fault = _fault(made)
    if fault:
        raise PluginError(f"{origin} is not a transport: {fault}")
    return cast("Transport", made)


def _entry(name: str) -> metadata.EntryPoint:
    if name in OWN:
        return metadata.EntryPoint(name, OWN[name], GROUP)
    # The same line may be found twice (an editable install beside an older one): that is one transport.
    found = {entry.value: entry for entry in metadata.entry_points(group=GROUP, name=name)}
    if not found:
        raise PluginError(f"no transport is called {name!r}; installed are {', '.join(names())}")
    if len(found) > 1:
        origins = " and ".join(sorted(_origin(entry) for entry in found.values()))
        raise PluginError(f"the transport name {name!r} is taken twice: {origins}")
    return next(iter(found.values()))


def _origin(entry: metadata.EntryPoint) -> str:
    """Which transport of which distribution, for a message."""
    owner = f" of the distribution {entry.dist.name!r}" if entry.dist else ""
    return f"the transport {entry.name!r}{owner} ({entry.value})"


def _loaded(entry: metadata.EntryPoint, origin: str) -> Callable[[Mapping[str, Any]], object]:
    try:
        made_by = entry.load()
    except Exception as error:
        raise PluginError(f"{origin} could not be imported: {type(error).__name__}") from error
    if not callable(made_by):
        raise PluginError(f"{origin} cannot be called with the settings to make one")
    return cast("Callable[[Mapping[str, Any]], object]", made_by)


def _made(make: Callable[[Mapping[str, Any]], object], settings: Mapping[str, Any], origin: str) -> object:
    try:
        return make(settings)
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        # Without its text and its cause: a constructor that was handed secrets may quote one.
        raise PluginError(f"{origin} could not be made from the settings: {type(error).__name__}") from None


def _fault(made: object) -> str | None:
    """What keeps an object from being a transport, or None."""
    send = getattr(made, "send", None)
    if send is None:
        return "it has no 'send'"
    if not inspect.iscoroutinefunction(send):
        return "its 'send' is not an 'async def'"
    try:
        inspect.signature(send).bind(object())
    except (TypeError, ValueError):
        return "its 'send' does not take one request"
    return None
