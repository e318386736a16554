"""Watchers: who is told of what an outbox does, so that a host's own logs and monitoring show it.

Knows how several are told, and that one that fails hurts nobody. Must not know what any of them makes of it.

    from mapper.apps.outbox.watching.logs import Logs
    from mapper.apps.outbox.watching.prometheus import Prometheus

    watcher = Watchers(Logs(), Prometheus())
    mapper.Outbox(postcards, sending=Sending(watcher=watcher))

    logs   the standard library's     prometheus, opentelemetry   extras: their library is imported there only
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mapper.delivery.values import Claim, Ending, Receipt, Settled, StoreError, Swept
from mapper.delivery.worker import Watcher
from mapper.errors import MapperError

__all__ = ["MissingExtraError", "Watcher", "Watchers"]


class MissingExtraError(MapperError, ImportError):
    """A watcher needs a library that is not installed; the message says how it is."""

    def __init__(self, extra: str) -> None:
        """``extra`` is the name of ours that brings the library."""
        super().__init__(f"this needs a library that is not installed: pip install 'segment-mapper[{extra}]'")


class Watchers(Watcher):
    """Tells each of several watchers, in their order.

    What one of them raises is warned of once (its type, and never its text) and goes no further: that a card was sent
    has to be written down, whatever becomes of the monitoring.
    """

    def __init__(self, *watchers: Watcher | None) -> None:
        self._watchers = tuple(watcher for watcher in watchers if watcher is not None)
        self._warned: set[tuple[int, str]] = set()

    def _tell(self, what: str, *of: Any) -> None:
        for number, watcher in enumerate(self._watchers):
            try:
                getattr(watcher, what)(*of)
            except Exception as error:  # noqa: BLE001 - a stranger's bug must not stop a worker
                self._warn(number, what, error)

    def _warn(self, number: int, what: str, error: Exception) -> None:
        if (number, what) in self._warned:
            return
        self._warned.add((number, what))
        name = type(self._watchers[number]).__name__
        with suppress(Warning):  # where warnings are errors
            warnings.warn(f"the watcher {name} failed in {what!r}: {type(error).__name__}", RuntimeWarning, 2)

    def accepted(self, receipts: Sequence[Receipt]) -> None:
        """Events were taken in."""
        self._tell("accepted", receipts)

    def claimed(self, count: int, held: int) -> None:
        """Jobs were claimed, or held."""
        self._tell("claimed", count, held)

    def begun(self, claim: Claim) -> None:
        """A try begins."""
        self._tell("begun", claim)

    def ended(self, claim: Claim, ending: Ending) -> None:
        """A try has ended."""
        self._tell("ended", claim, ending)

    def settled(self, ending: Ending, settled: Settled) -> None:
        """How a try ended is written down."""
        self._tell("settled", ending, settled)

    def swept(self, swept: Swept) -> None:
        """Something had lapsed."""
        self._tell("swept", swept)

    def paused(self, until: float, because: str | None) -> None:
        """The account sends nothing for a while."""
        self._tell("paused", until, because)

    def trouble(self, error: StoreError) -> None:
        """The store could not be used."""
        self._tell("trouble", error)

    def recovered(self) -> None:
        """The store can be used again."""
        self._tell("recovered")
