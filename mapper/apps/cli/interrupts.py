"""Ctrl-C, where something is under way that must not be torn.

Knows signals. Must not know what is under way.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

#: Seconds that cleaning up may take before another Ctrl-C is heeded.
_CLEANING = 2.0


class Stopped(KeyboardInterrupt):
    """A signal asks to stop, as Ctrl-C does. ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def raised() -> Iterator[None]:
    """A block that Ctrl-C, SIGTERM and SIGHUP end in the same way: by Stopped, so that it can clean up.

    What comes right after it is ignored: a second key press must not break off the cleaning. Outside the main thread
    signals stay as they are, and so does a signal that whoever started us wants ignored.
    """
    deaf_until = 0.0

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal deaf_until
        if time.monotonic() >= deaf_until:
            deaf_until = time.monotonic() + _CLEANING
            raise Stopped(number)

    before = _listening(stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listening(to: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Listen to the signals that nobody wants ignored; what listened before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    heeded = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, to) for number in heeded}


class Interrupts:
    """Ctrl-C (and SIGTERM) between ``__enter__`` and ``__exit__``: the first asks to stop, the second to leave at once.

    ``on_first`` is called for the first one. Neither raises anything, but where ``breakable`` says that nothing is
    lost: there they raise Stopped. Outside the main thread signals stay as they are, and so does a signal that whoever
    started us wants ignored.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.count = 0
        self._on_first = on_first
        self._number = int(signal.SIGINT)
        self._breaks: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen to signals."""
        self._before = _listening(self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals as they were."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _heard(self, number: int, _: FrameType | None) -> None:
        self.count += 1
        self._number = number
        if self.count == 1:
            self._on_first()
        self._break()

    def _break(self) -> None:
        if self._breaks is not None and self.count > self._breaks:
            raise Stopped(self._number)

    @contextmanager
    def breakable(self, after: int = 1) -> Iterator[None]:
        """A block that the signal after so many breaks off with Stopped, at once if it came already."""
        self._breaks = after
        try:
            self._break()
            yield
        finally:
            self._breaks = None
