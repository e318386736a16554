"""How long an event waits on an idle queue: from the call of ``accept`` until its request is handed to the transport.

    python benchmarks/ledger_latency.py --work STORE     be the worker in another process

Knows an outbox that accepts and a worker that sends nowhere, in a thread of this process or in another process. Must
not know what is a good time. Moments are by the clock that all processes of one machine share.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue

from ledger_rig import events, outbox

from mapper.outcome import Reply
from mapper.request import Request

#: Seconds between two events, so that the queue is empty and the worker at rest: from, to.
_PAUSE = 0.02, 0.06
_PATIENCE = 20.0


class Ringing:
    """A transport that tells somebody when a request came."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self._tell = tell

    async def send(self, _: Request) -> Reply:
        """Take it."""
        self._tell(time.monotonic())
        return Reply(202)


@contextmanager
def beside(store: str) -> Iterator[Callable[[bytes], float]]:
    """Accept an event and say how long it waited; the worker is a thread of this process."""
    came: Queue[float] = Queue()
    with outbox(store, Ringing(came.put)) as box:
        thread = threading.Thread(target=box.run)
        thread.start()
        try:
            yield lambda event: _waited(lambda: box.accept(event), lambda: came.get(timeout=_PATIENCE))
        finally:
            box.stop()
            thread.join()


@contextmanager
def elsewhere(store: str) -> Iterator[Callable[[bytes], float]]:
    """The same with a worker in a process of its own."""
    command = [sys.executable, __file__, "--work", store]
    with outbox(store) as box, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        came = worker.stdout
        assert came is not None, "it has a pipe"
        try:
            assert came.readline() == "ready\n", "it is about to work"
            yield lambda event: _waited(lambda: box.accept(event), lambda: float(came.readline()))
        finally:
            worker.kill()


def _waited(accept: Callable[[], object], arrival: Callable[[], float]) -> float:
    start = time.monotonic()
    accept()
    return arrival() - start


def waits(accept: Callable[[bytes], float], count: int) -> list[float]:
    """How long so many events waited, in seconds, one after the other with a pause between; after some to warm up."""
    drawn = random.Random(1)
    taken = []
    for one in events(count + 5):
        time.sleep(drawn.uniform(*_PAUSE))
        taken.append(accept(one))
    return taken[5:]


def percentile(waited: list[float], part: float) -> float:
    """The value that a part of all does not exceed."""
    return sorted(waited)[math.ceil(len(waited) * part) - 1]


def main() -> None:
    """Be the worker; each line is the moment at which a request came."""
    transport = Ringing(lambda moment: print(repr(moment), flush=True))
    with outbox(sys.argv[2], transport) as box:
        print("ready", flush=True)
        box.run()


if __name__ == "__main__":
    main()
