"""One scene: a store, a receiver, an accepting process and workers, the driver in front of them, and the verdict.

Knows how the programs of this package are put together. Must not know which fault is made, nor how the product works.

    with Stage(store) as stage, stage.running("service"), stage.running("worker"):
        stage.post(100)
        stage.clear()
        stage.judge(part)
"""

from __future__ import annotations

import contextlib
import importlib
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from . import checker, events, journal, programs
from .driver import Driver
from .events import Event, event
from .forks import ForkServer
from .receiver import Control
from .report import Report

#: Seconds between two looks at what is waited for.
_GLANCE: Final = 0.02


#: Seconds by which a request may arrive late on a busy machine: a window is looked at without them.
JITTER: Final = 0.05


@dataclass(slots=True)
class Part:
    """What one part of the campaign found: ``figures`` for a line, ``faults`` for people. ``skipped`` says why."""

    name: str
    faults: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """All in one line."""
        if self.skipped:
            return f"{self.name:22} skipped: {self.skipped}"
        figures = "  ".join(f"{name} {value}" for name, value in self.figures.items())
        tail = "  ".join(f"FAULT {fault}" for fault in self.faults)
        return f"{self.name:22} {self.seconds:5.1f} s  {figures}  {tail}".rstrip()

    def due(self, holds: object, fault: str) -> None:
        """Note a fault where something does not hold."""
        if not holds:
            self.faults.append(fault)

    def ended(self) -> Self:
        """Itself, with its time taken."""
        self.seconds = time.monotonic() - self.began
        return self


def told(parts: Part | Sequence[Part]) -> Report:
    """One part, or several that belong together, as the campaign's report; each is a line of its own."""
    some = [parts] if isinstance(parts, Part) else parts
    faults = Counter(f"{part.name}: {fault}" for part in some for fault in part.faults)
    return Report("\n    ".join(["", *(part.summary for part in some)]) if len(some) > 1 else some[0].summary, faults)


def beside(name: str) -> Any:
    """A module of the tests that stands beside this package, such as ``postgres``."""
    return importlib.import_module(programs.beside(name))


@contextlib.contextmanager
def postgres(server: Any) -> Iterator[Any]:
    """The server that was given, or one for as long as the block runs; None where PostgreSQL is not installed."""
    module = beside("postgres")
    shelf = module.installed()
    if server is not None or shelf is None:
        yield server
        return
    with module.Postgres(shelf) as own:
        yield own


class Stage:
    """The scene, from ``__enter__`` to ``__exit__``.

    ``store``    a URL; none is an SQLite file in the scene's own directory ``room``
    ``send``     lines for the mapping's part ``send``
    ``options``  of each process, as in ``worker``
    """

    def __init__(self, store: str = "", send: Sequence[str] = (), **options: Any) -> None:
        self._stack = contextlib.ExitStack()
        self._send = send
        self._numbers = iter(range(1, 10_000_000))
        self._posting = threading.Lock()
        self.at = events.now()
        self.options: dict[str, Any] = {"product": "mapper", "store": store, "lease": 20.0, **options}
        self.room: Path
        self.driver: Driver
        self.forks: ForkServer
        self.url = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
            (self.room / "store").mkdir()
            self.options["mapping"] = programs.mapping(self.room, self._send)
            self.options["store"] = self.options["store"] or str(self.room / "store" / "mapper.db")
            self.control()
            paths = self.room / "receiver.log", self.room / "control.json"
            self.url = stack.enter_context(programs.receiver(*paths))
            forks = ForkServer("mapper", {"FAULTS_URL": self.url}, self.room / "noise.txt")
            self.forks = stack.enter_context(forks)
            self.drive(self.forks.port)
            stack.callback(lambda: self.driver.close())  # noqa: PLW0108 - it may be another one by then
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # ------------------------------------------------------------------------------------------------ who plays

    def control(self, scripts: dict[str, list[str]] | None = None, default: str = "202") -> None:
        """Tell the receiver what to do from now on."""
        Control(scripts or {}, default).write(self.room / "control.json")

    def drive(self, port: int) -> None:
        """Let the driver post to an accepting process that listens elsewhere."""
        self.driver = Driver(self.room / "driver.log", port, timeout=8.0)

    def spawn(self, role: str, **more: Any) -> int:
        """Start a process; its number."""
        return self.forks.spawn(role, **{**self.options, **more})

    @contextlib.contextmanager
    def running(self, role: str, count: int = 1, **more: Any) -> Iterator[list[int]]:
        """So many processes of a role for as long as the block runs; their numbers."""
        pids = [self.spawn(role, **more) for _ in range(count)]
        try:
            yield pids
        finally:
            for pid in pids:
                self.forks.stop(pid)

    # ---------------------------------------------------------------------------------------------- what is posted

    def event(self, users: int | None = None) -> Event:
        """The next event."""
        with self._posting:
            return event("e", next(self._numbers), at=self.at, users=users)

    def post(self, count: int, users: int | None = None) -> list[Event]:
        """Post so many events at once, until they are acknowledged."""
        batch = [self.event(users) for _ in range(count)]
        for start in range(0, count, 200):
            self.driver.deliver(*batch[start : start + 200])
        return batch

    @contextlib.contextmanager
    def load(self, *, batch: int = 5, pause: float = 0.02, users: int = 40, patience: float = 60.0) -> Iterator[Load]:
        """Somebody who posts without end for as long as the block runs, and repeats what is not acknowledged.

        The block begins when something was acknowledged and something has arrived.
        """
        load = Load(self, lambda: [self.event(users) for _ in range(batch)], pause, patience)
        thread = threading.Thread(target=load.run, daemon=True)
        thread.start()
        self.until(lambda: load.posted and self.received(), 20.0)
        try:
            yield load
        finally:
            load.over.set()
            thread.join(patience + 10)

    # ---------------------------------------------------------------------------------------------- what comes of it

    def received(self) -> list[checker.Line]:
        """The receiver's requests so far, in the order of their arrival."""
        lines = journal.read(self.room / "receiver.log")
        return sorted((line for line in lines if line["kind"] == "request"), key=lambda line: line["mono"])

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state. Raises ConnectionError."""
        found: dict[str, int] = self.driver.look("/status")[0]["counts"]
        return found

    def until(self, holds: Callable[[], object], patience: float) -> float | None:
        """Wait until something holds; the seconds that it took, None where it did not happen in time."""
        began = time.monotonic()
        while time.monotonic() - began < patience:
            with contextlib.suppress(ConnectionError):
                if holds():
                    return time.monotonic() - began
            time.sleep(_GLANCE)
        return None

    def clear(self, patience: float = 30.0) -> float | None:
        """Wait until nothing has to happen any more; the seconds that it took, None where it does not come."""
        return self.until(lambda: not any(self.counts().get(state) for state in checker.UNFINISHED), patience)

    def states(self) -> dict[str, str]:
        """The ledger's state of each event."""
        return checker.states_of(journal.read(self.room / "driver.log"), self.driver.look("/ledger"))

    def judge(self, part: Part, *, inside: int = 0) -> None:
        """Add what the checker found to a part; the mapping holds, so nothing may be taken twice, known or not.

        ``inside`` is how many second requests there may be because the receiver took what it did not admit.
        """
        ledger = self.driver.look("/ledger")
        verdict = checker.judge(journal.read(self.room / "driver.log"), self.received(), ledger)
        part.figures |= {"acked": part.figures.get("acked", 0) + verdict.acked}
        for name, count in verdict.faults.items():
            part.faults.append(f"{name} {count}")
        part.due(len(verdict.duplicated_inside) <= inside, f"duplicated inside {len(verdict.duplicated_inside)}")
        said = (self.room / "noise.txt").read_text("utf-8", "replace")
        part.due(events.CANARY not in said, "a name stands in what the processes printed")


class Load:
    """Posts batches until it is over. ``refused`` counts calls without a 2xx, ``slowest`` is in seconds."""

    def __init__(self, stage: Stage, draw: Callable[[], list[Event]], pause: float, patience: float) -> None:
        self.over = threading.Event()
        self.posted = 0
        self.refused = 0
        self.slowest = 0.0
        self.gave_up = 0
        self._stage = stage
        self._draw = draw
        self._pause = pause
        self._patience = patience

    def run(self) -> None:
        """Post, until it is over and the last batch is acknowledged."""
        while not self.over.is_set():
            batch, began = self._draw(), time.monotonic()
            while self._stage.driver.post(*batch) is None:
                self.refused += 1
                if time.monotonic() - began > self._patience:
                    self.gave_up += 1
                    return
                time.sleep(0.05)
            self.posted += len(batch)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.over.wait(self._pause)

    def tell(self, part: Part) -> None:
        """What happened, for a part."""
        part.figures |= {"refused calls": self.refused, "slowest accept s": round(self.slowest, 1)}
        part.due(not self.gave_up, "an accept did not come back in time")
