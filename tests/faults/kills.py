"""The campaign: SIGKILL at each point of a delivery, many times, judged from the receiver's log.

Knows the points, and what has to be true after each. Must not know how the product keeps its promises.

A lane is one point under one policy, with a store, a receiver and a fork server of its own. In each of its cycles an
event is posted, a process dies at the point, and a new one has to clear up within a few leases. Before every second
death of a worker somebody else's event is posted with it, and there is a rate: then what is due is claimed first and
started one after the other, and not in one transaction as where all of it may leave at once.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from . import canaries, checker, journal, programs
from .driver import Driver
from .events import Event, event, now
from .forks import ForkServer
from .receiver import Control
from .report import Options, Report, left_out

Policy = Literal["hold", "resend"]
POLICIES: Final[tuple[Policy, ...]] = ("hold", "resend")

#: Seconds for a process to reach its point.
_REACH: Final = 20.0
#: How a process ends that was killed.
SIGKILLED: Final = -9


@dataclass(frozen=True, slots=True)
class Point:
    """A moment to die at.

    ``at``      the name of a failpoint, or of a behaviour of the receiver
    ``dies``    which process: the accepting one, the worker, the worker by the receiver's hand, or the one that erases
                a person and empties the log behind it
    ``known``   False where nobody can know whether the request was taken: unknown under hold, sent again under resend
    """

    name: str
    at: str
    dies: Literal["accept", "work", "receive", "forget"]
    known: bool = True

    @property
    def paced(self) -> bool:
        """Whether it matters how a job was started: not where nobody sends, nor where it has ended already."""
        return self.dies in ("work", "receive") and self.at != "after_finish"


POINTS: Final = (
    Point("P2", "svc_parsed", "accept"),
    Point("P3", "in_accept", "accept"),
    Point("P4", "after_accept", "accept"),
    Point("P5", "svc_answered", "accept"),
    Point("P7", "after_claim", "work"),
    Point("P8", "before_start", "work"),
    Point("P9", "after_start", "work", known=False),
    Point("P10", "on_connect", "receive", known=False),
    Point("P11", "kill_half", "receive", known=False),
    Point("P12", "kill_full", "receive", known=False),
    Point("P13", "kill_status", "receive", known=False),
    Point("P14", "after_reply", "work", known=False),
    Point("P15", "in_finish", "work", known=False),
    Point("P16", "after_finish", "work"),
    Point("P17", "in_checkpoint", "forget"),
    Point("P19a", "in_forget", "forget"),
    Point("P19b", "after_forget", "forget"),
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is run.

    ``store``     for PostgreSQL: the URL of a server, without a database
    ``lease``     seconds after which what a dead process had begun counts as lapsed
    ``patience``  seconds after a kill until what is still unfinished counts as stuck
    ``lanes``     how many run at once
    ``room``      the directory for everything; one of the system's where none is given
    ``bug``       the mistake of the standin
    """

    engine: str = "sqlite"
    times: int = 50
    product: str = "mapper"
    store: str = ""
    lease: float = 0.5
    patience: float = 30.0
    lanes: int = 3
    points: tuple[str, ...] = ()
    room: Path | None = None
    bug: str | None = None

    @property
    def chosen(self) -> list[Point]:
        """All points, or those that were asked for."""
        return [point for point in POINTS if not self.points or point.name in self.points]


@dataclass(slots=True)
class Result:
    """What one lane found.

    ``missed``     cycles in which nothing died
    ``misplaced``  events in another state than they should be in
    ``residue``    events of people of whom a byte was left after they were erased
    ``leaked``     how many outputs of its processes, its exported ledger included, have a canary in them
    ``broken``     why the lane ended early, where it did
    """

    point: Point
    policy: Policy
    kills: int = 0
    missed: int = 0
    misplaced: list[str] = field(default_factory=list)
    residue: list[str] = field(default_factory=list)
    leaked: int = 0
    broken: str = ""
    verdict: checker.Verdict | None = None

    @property
    def faults(self) -> dict[str, int]:
        """How many of each fault."""
        found = {
            "missed": self.missed,
            "misplaced": len(self.misplaced),
            "residue": len(self.residue),
            "leaked": self.leaked,
            "broken": bool(self.broken),
        }
        mine = {name: int(count) for name, count in found.items() if count}
        judged = {} if self.verdict is None else self.verdict.faults
        return {**judged, **self._forbidden(), **mine}

    @property
    def duplicates(self) -> int:
        """How often something was taken once more."""
        verdict = self.verdict
        return len(verdict.duplicated_inside) + len(verdict.duplicated_outside) if verdict else 0

    def _forbidden(self) -> dict[str, int]:
        """Duplicates where there may be none: under hold, of what was known, and a second one of the same event."""
        allowed = self.policy == "resend" and not self.point.known
        again = Counter(self.verdict.duplicated_inside if self.verdict else ())
        more = sum(count > 1 for count in again.values()) if allowed else self.duplicates
        return {"duplicated": more} if more else {}


class Lane:
    """One point under one policy; ``room`` is a directory of its own."""

    def __init__(self, campaign: Campaign, point: Point, policy: Policy, room: Path) -> None:
        self.result = Result(point, policy)
        self._campaign = campaign
        self._room = room
        self._control = room / "control.json"
        self._options: dict[str, Any] = {
            "product": campaign.product,
            "store": str(room / "store" / "mapper.db"),
            "mapping": str(programs.HERE / ("mapping.yaml" if policy == "hold" else "mapping-resend.yaml")),
            "lease": campaign.lease,
            "bug": campaign.bug,
        }
        #: A mapping with a rate, whether this cycle's worker has it, and the events that were posted beside others.
        self._with_rate = programs.mapping(room, [programs.PACED], resend=policy == "resend")
        self._paced = False
        self._beside: set[str] = set()
        self._seed = f"{point.name}{policy}"
        self._at = now()
        self._number = 0
        self._forks: ForkServer
        self._driver: Driver

    def run(self) -> None:
        """Every cycle of the lane, and the verdict. Raises OSError or RuntimeError where a process does not answer."""
        with contextlib.ExitStack() as stack:
            self._open(stack)
            cycle: dict[str, Callable[[], None]] = {
                "accept": self._accepting,
                "work": self._working,
                "receive": self._received,
                "forget": self._forgetting,
            }
            with self._around():
                for number in range(self._campaign.times):
                    self._paced = self.result.point.paced and (number + POLICIES.index(self.result.policy)) % 2 == 0
                    cycle[self.result.point.dies]()
            with self._running("service"), self._running("worker"):
                self._clear()
                ledger = self._driver.look("/ledger")
        self._judge(ledger)

    def _open(self, stack: contextlib.ExitStack) -> None:
        (self._room / "store").mkdir()
        if self._campaign.engine == "postgresql":
            self._options["store"] = stack.enter_context(_database(self._campaign.store, self._seed.lower()))
        Control().write(self._control)
        url = stack.enter_context(programs.receiver(self._room / "receiver.log", self._control))
        forks = ForkServer(self._campaign.product, {"FAULTS_URL": url}, self._room / "noise.txt")
        self._forks = stack.enter_context(forks)
        self._driver = Driver(self._room / "driver.log", self._forks.port)
        stack.callback(self._driver.close)

    @contextlib.contextmanager
    def _around(self) -> Iterator[None]:
        """What runs through all cycles: the processes that do not die."""
        dies = self.result.point.dies
        with contextlib.ExitStack() as stack:
            for role in {"accept": ["worker"], "forget": ["service", "worker"]}.get(dies, ["service"]):
                stack.enter_context(self._running(role))
            yield

    @contextlib.contextmanager
    def _running(self, role: str) -> Iterator[None]:
        pid = self._forks.spawn(role, **self._options)
        try:
            yield
        finally:
            self._forks.stop(pid)

    def _event(self) -> Event:
        self._number += 1
        return event(self._seed, self._number, at=self._at)

    def _post(self, one: Event) -> None:
        """Post an event, and where there is a rate another one with it."""
        others = [self._event()] if self._paced else []
        self._beside.update(other.id for other in others)
        self._driver.deliver(one, *others)

    def _worker(self, **more: Any) -> int:
        """Start the worker that is to die."""
        paced = {"mapping": self._with_rate} if self._paced else {}
        return self._forks.spawn("worker", **{**self._options, **paced, **more})

    def _died(self, pid: int) -> bool:
        """Wait for a process to die at its point; it is stopped where it does not."""
        point = self.result.point
        ended = self._forks.wait(pid, _REACH)
        if ended is None:
            self._forks.stop(pid)
        self.result.kills += ended == SIGKILLED
        self.result.missed += ended != SIGKILLED
        if ended == SIGKILLED and point.dies != "receive":
            self._driver.killed(point.at, pid, opens=not point.known)
        return ended == SIGKILLED

    def _clear(self) -> None:
        """Wait until nothing has to happen any more; what is left after that is found stuck."""
        end = time.monotonic() + self._campaign.patience
        pause = 0.01
        while time.monotonic() < end:
            counts = self._driver.look("/status")[0]["counts"]
            if not any(counts.get(state) for state in checker.UNFINISHED):
                return
            time.sleep(pause)
            pause = min(pause * 1.5, self._campaign.lease / 5)  # looks take the time of those who are looked at

    def _accepting(self) -> None:
        """The accepting process dies; its successor gets the event again, unless it was acknowledged."""
        one = self._event()
        pid = self._forks.spawn("service", **self._options, failpoint=self.result.point.at)
        receipts = self._driver.post(one)
        self._died(pid)
        if receipts is None:
            with self._running("service"):
                self._driver.deliver(one)

    def _working(self) -> None:
        """The worker dies; its successor has to clear up."""
        self._post(self._event())
        self._died(self._worker(failpoint=self.result.point.at))
        with self._running("worker"):
            self._clear()

    def _received(self) -> None:
        """The receiver kills the worker."""
        one, at = self._event(), self.result.point.at
        pid_file = str(self._room / "pid")
        Path(pid_file).unlink(missing_ok=True)
        at_once = at == "on_connect"
        scripts = {} if at_once else {one.id: [at, "202"]}
        Control(scripts, pid_file=pid_file, on_connect=at_once).write(self._control)
        self._post(one)
        self._died(self._worker(pid_file=pid_file))
        Control(scripts).write(self._control)
        with self._running("worker"):
            self._clear()

    def _forgetting(self) -> None:
        """A person is erased: the first process dies, the second finishes; then no byte may be left."""
        one = self._event()
        self._driver.deliver(one)
        self._clear()
        self._died(self._forks.spawn("forget", **self._options, user=one.user_id, failpoint=self.result.point.at))
        ended = self._forks.wait(self._forks.spawn("forget", **self._options, user=one.user_id))
        if ended != 0 or self._stands(one.secret.encode()):
            self.result.residue.append(one.id)

    def _stands(self, secret: bytes) -> bool:
        """Whether a text is anywhere in the store, in plain or in hex."""
        left = (path.read_bytes() for path in dumped(self._options["store"], self._room / "dump"))
        return any(secret in text or secret.hex().encode() in text for text in left)

    def _judge(self, ledger: list[checker.Line]) -> None:
        (self._room / "ledger.txt").write_text("\n".join(map(str, ledger)), "utf-8")
        self.result.leaked = len(canaries.leaks(self._room / "ledger.txt", self._room / "noise.txt"))
        driver, received = journal.read(self._room / "driver.log"), journal.read(self._room / "receiver.log")
        self.result.verdict = checker.judge(driver, received, ledger)
        expected = {"unknown"} if self.result.policy == "hold" and not self.result.point.known else {"delivered"}
        if self.result.point.dies == "forget":
            expected.add("erased")
        found = checker.states_of(driver, ledger)
        # What was posted beside another was under way when that one's worker died, or not yet, or no more.
        beside = {each: {*expected, "delivered"} for each in self._beside}
        self.result.misplaced = [
            each
            for each, state in found.items()
            if state not in beside.get(each, expected) and state not in checker.UNFINISHED
        ]


def campaign(order: Campaign, tell: Callable[[str], None]) -> list[Result]:
    """Run it, and tell a line for each point. The logs of lanes with faults are kept, and their place is told."""
    room = Path(tempfile.mkdtemp(prefix="faults-", dir=order.room))
    results: list[Result] = []
    with ThreadPoolExecutor(order.lanes) as pool:
        jobs = [[pool.submit(_lane, order, point, policy, room) for policy in POLICIES] for point in order.chosen]
        for pair in jobs:
            results += (done := [job.result() for job in pair])
            tell(spelled(done))
    if any(result.faults for result in results):
        tell(f"the logs are in {room}")
    else:
        shutil.rmtree(room)
    return results


def spelled(pair: Sequence[Result]) -> str:
    """One point under both policies, in a line."""
    verdicts = [result.verdict for result in pair if result.verdict]
    names = ("lost", "spurious", "corrupted", "stuck")
    counts = {name: sum(len(getattr(verdict, name)) for verdict in verdicts) for name in names}
    other: Counter[str] = Counter()
    for result in pair:
        other.update({name: count for name, count in result.faults.items() if name not in names})
    words = [f"{pair[0].point.name:5}{pair[0].point.at:14}", f"kills {sum(result.kills for result in pair):4}"]
    words += [f"{name} {count}" for name, count in counts.items()]
    words += [f"duplicates under {result.policy} {result.duplicates}" for result in pair]
    words += [f"{name.upper()} {count}" for name, count in other.items()]
    return "  ".join([*words, *(result.broken for result in pair if result.broken)])


def on_sqlite(options: Options) -> Report:
    """The part of ``all``: every point under both policies."""
    return _reported(options, Campaign(times=options.times, room=options.room))


def on_postgresql(options: Options) -> Report:
    """The same on PostgreSQL."""
    if options.server is None:
        return left_out()
    server = f"postgresql://postgres@127.0.0.1:{options.server.port}"
    # More lanes than processors: most of the time each waits for a lease to lapse.
    order = Campaign("postgresql", options.times, store=server, room=options.room, lanes=6)
    return _reported(options, order)


def _reported(options: Options, order: Campaign) -> Report:
    results = campaign(order, lambda line: options.tell(f"    {line}"))
    faults: Counter[str] = Counter()
    for result in results:
        faults.update(result.faults)
    again = {policy: sum(each.duplicates for each in results if each.policy == policy) for policy in POLICIES}
    figures = [f"{sum(result.kills for result in results):,} kills at {len(order.chosen)} points"]
    figures += [f"{name} {faults[name]}" for name in ("lost", "spurious", "corrupted", "stuck", "leaked")]
    figures += [f"duplicates under {policy} {count}" for policy, count in again.items()]
    return Report(", ".join(figures), faults)


def dumped(store: str, file: Path) -> list[Path]:
    """All that is in a store, as files: those of SQLite, the log's included; of PostgreSQL a dump, in ``file``."""
    if not store.startswith("postgresql:"):
        return sorted(Path(store).parent.iterdir())
    subprocess.run([shutil.which("pg_dump") or "pg_dump", f"--dbname={store}", f"--file={file}"], check=True)
    return [file]


def _lane(order: Campaign, point: Point, policy: Policy, room: Path) -> Result:
    own = room / f"{point.name}-{policy}"
    own.mkdir()
    lane = Lane(order, point, policy, own)
    try:
        lane.run()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        lane.result.broken = f"{type(error).__name__}: {error}"
    if not lane.result.faults:
        shutil.rmtree(own)
    return lane.result


@contextlib.contextmanager
def _database(server: str, name: str) -> Iterator[str]:
    """A new database on a PostgreSQL server for as long as the block runs; its URL."""
    program = {each: shutil.which(each) or each for each in ("createdb", "dropdb")}
    home = f"--maintenance-db={server}/postgres"
    subprocess.run([program["createdb"], home, f"faults_{name}"], check=True)
    try:
        yield f"{server}/faults_{name}"
    finally:
        subprocess.run([program["dropdb"], home, "--force", f"faults_{name}"], check=True)
