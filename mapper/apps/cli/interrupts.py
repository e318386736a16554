"""Ctrl-C, where something is under way that must not be torn.

Knows signals. Must not know what is under way.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupts:
    """Ctrl-C (and SIGTERM) between ``__enter__`` and ``__exit__``: the first asks to stop, the second to leave at once.

    ``on_first`` is called for the first one. Neither raises anything, but where ``breakable`` says that nothing is
    lost: there the second one raises KeyboardInterrupt. Outside the main thread signals stay as they are, and so does
    a signal that whoever started us wants ignored.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.count = 0
        self._on_first = on_first
        self._breakable = False
        self._stop = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen to signals."""
        if threading.current_thread() is threading.main_thread():
            heeded = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._heard) for number in heeded}
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals as they were."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _heard(self, *_: int | FrameType | None) -> None:
        self.count += 1
        self._stop.set()
        if self.count == 1:
            self._on_first()
        elif self._breakable:
            raise KeyboardInterrupt

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """A block that the second Ctrl-C may break off with KeyboardInterrupt, at once if it came already."""
        self._breakable = True
        try:
            if self.count > 1:
                raise KeyboardInterrupt
            yield
        finally:
            self._breakable = False

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the first Ctrl-C."""
        self._stop.wait(seconds)
