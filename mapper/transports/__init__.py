"""The ways out, and one door to all of them: ``asend`` and ``send``.

Knows that a request and a transport make an Outcome, whatever happens on the way. Must not know how
any transport works, nor import one before it is needed: HTTP is costly to load, and a dry run needs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor

from mapper import outcome, plugins
from mapper.errors import PluginError, SettingsError
from mapper.outcome import Failure, Outcome, Reply
from mapper.ports import Transport
from mapper.request import Request

__all__ = ["asend", "send"]

#: Seconds after which a transport that does not come back is left, its send ``unknown``. It is for the
#: transports of strangers: ours end by their own, shorter deadlines.
PATIENCE = 120.0
#: Seconds that closing may take.
FAREWELL = 5.0


async def asend(request: Request, transport: Transport | str | None = None) -> Outcome:
    """Send one request once, and say how it ended.

    ``transport`` is an object with ``async def send(request)``, which stays open, or an installed name
    (``http``, ``memory``, ``file``, or another distribution's), which is made for this send and closed
    after it. None is ``http``. A named transport gets the secrets from the environment variables that
    the request names. For more than a few sends make one ``Http`` and pass it: connections are reused.

    Bad weather is an Outcome, and so is a transport that raises or hangs: it is ``unknown``, because it
    may have sent before it broke.

    Raises PluginError where the transport cannot be had or is none, and SettingsError where a secret
    has no value. In both cases nothing was sent.
    """
    if not isinstance(request, Request):
        message = f"a Request is due, not {type(request).__name__}; a result that is not ready has none"
        raise TypeError(message)
    if transport is None or isinstance(transport, str):
        made = plugins.transport(transport or "http", _from_environment(request))
        try:
            return await _outcome(request, made)
        finally:
            await _close(made)
    if isinstance(transport, type) or not callable(getattr(transport, "send", None)):
        raise PluginError(f"{_type_name(transport)} is not a transport: an object with 'async def send' is due")
    return await _outcome(request, transport)


def send(request: Request, transport: Transport | str | None = None) -> Outcome:
    """As ``asend``, for code without an event loop: it runs on a private one and returns when it has ended.

    Inside a running loop the private one runs in a thread of its own, and the caller's loop stands still
    meanwhile: write ``await asend(...)`` there. The connections of a transport object are closed at the
    end, because they cannot outlive the loop; the object itself can be used again.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_send_and_close(request, transport))
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(_send_and_close(request, transport))).result()


async def _send_and_close(request: Request, transport: Transport | str | None) -> Outcome:
    try:
        return await asend(request, transport)
    finally:
        await _close(transport)


async def _outcome(request: Request, transport: Transport) -> Outcome:
    """The Outcome of one send. Only SettingsError leaves it: the transport's contract is that nothing was sent then."""
    try:
        async with asyncio.timeout(PATIENCE):
            result: object = await transport.send(request)
        if not isinstance(result, Reply | Failure):
            gave = f"the transport {_type_name(transport)} gave neither a Reply nor a Failure"
            result = Failure("transport_failed", maybe_sent=True, message=gave)
        return outcome.classify(result, request.answers)
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's bug must not lose the account of a send
        # Its type only: the text of an exception may quote the request.
        failed = f"the transport {_type_name(transport)} failed with {type(error).__name__}"
        return outcome.classify(Failure("transport_failed", maybe_sent=True, message=failed), request.answers)


def _from_environment(request: Request) -> dict[str, str]:
    """The secret settings that the request needs and the environment has."""
    pairs = [pair for secret in request.secrets for pair in secret.settings]
    return {name: os.environ[variable] for name, variable in pairs if variable and variable in os.environ}


async def _close(transport: object) -> None:
    """Let go of a transport's connections, where it has any. What goes wrong there changes no outcome."""
    close = getattr(transport, "aclose", None)
    if close is not None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(FAREWELL):
                await close()


def _type_name(thing: object) -> str:
    return thing.__name__ if isinstance(thing, type) else type(thing).__name__
