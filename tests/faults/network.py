"""Bad networks: towards the database (cut, black hole, abandoned connections) and towards the receiver (all it may do).

Knows how a network fails, and which state of a job each answer, or silence, has to lead to. Must not know how.
"""

from __future__ import annotations

import contextlib
import email.utils
import itertools
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .events import Event
from .report import Options, Report
from .stage import Part, Stage, beside, postgres, told

# ------------------------------------------------------------------------------------- between us and the database

#: What is done to the cable, and seconds until it is healed; a black hole ends with a cut where that is said.
OUTAGES: Final[Mapping[str, tuple[str, float]]] = {
    "cut": ("cut", 0.7),
    "black hole": ("black_hole", 2.0),
    "answers lost": ("lose_answers", 1.0),
    "abandoned": ("abandon", 0.0),
}


def outages(  # noqa: PLR0913 - by name
    *,
    server: Any = None,
    kinds: Sequence[str] = tuple(OUTAGES),
    times: int = 3,
    workers: int = 3,
    bound: float = 45.0,
    peace: float = 0.8,
) -> list[Part]:
    """The connection to PostgreSQL fails under load, so many times in each way, and heals.

    ``cut``           every connection is reset
    ``black hole``    nothing is forwarded for a while, and then it is
    ``answers lost``  what is asked is done, and no answer comes; then every connection is reset
    ``abandoned``     the connections there are never say another word; new ones work
    ``bound``         seconds after the last fault in which all has to be done; ``peace`` between two faults
    """
    with postgres(server) as database:
        if database is None:
            return [Part(f"database {kind}", skipped="PostgreSQL is not installed") for kind in kinds]
        return [_outage(database, kind, Weather(times, workers, bound, peace)) for kind in kinds]


@dataclass(frozen=True, slots=True)
class Weather:
    """How often, with how many workers; see ``outages``."""

    times: int
    workers: int
    bound: float
    peace: float


def _outage(database: Any, kind: str, weather: Weather) -> Part:
    part = Part(f"database {kind}")
    url, port = database.new_database(), database.port
    act, seconds = OUTAGES[kind]
    with beside("proxy").Proxy(port) as cable:
        through = url.replace(f":{port}/", f":{cable.port}/")
        scene = Stage(through, schedule={"steps": [0.5]})
        with scene as stage, stage.running("service"), stage.running("worker", weather.workers) as pids:
            with stage.load(patience=weather.bound) as load:
                for _ in range(weather.times):
                    time.sleep(weather.peace)
                    _suffer(cable, act, seconds)
                time.sleep(weather.peace)
            load.tell(part)
            clear = stage.clear(weather.bound)
            part.figures |= {"times": weather.times, "clear after s": clear and round(clear, 1)}
            part.due(all(stage.forks.wait(pid, 0) is None for pid in pids), "a worker died")
            _judged_directly(part, stage, url)
    return part.ended()


def _suffer(cable: Any, act: str, seconds: float) -> None:
    """One fault, and its end."""
    if act == "abandon":
        return abandon(cable)
    if act == "lose_answers":
        cable.black_hole(answers_only=True)
    else:
        getattr(cable, act)()
    time.sleep(seconds)
    if act == "lose_answers":
        cable.cut()
    cable.heal()
    return None


def abandon(cable: Any) -> None:
    """Let every connection of a proxy stay open and dead for ever; whoever comes new is served.

    A balancer that has lost its table does that, or a server that hangs: keep-alives are answered, nothing else is.
    """
    cable.black_hole()
    for name in ("_requests_flow", "_answers_flow"):  # those who are in wait for the old ones
        setattr(cable, name, type(getattr(cable, name))())
    cable.heal()


def _judged_directly(part: Part, stage: Stage, url: str) -> None:
    """Judge what is in the database, asked by a new accepting process: the one before may hang."""
    with stage.running("service", store=url):
        found = stage.until(lambda: stage.driver.look("/status"), 20.0)
        part.due(found is not None, "nobody can look at the store")
        if found is not None:
            stage.judge(part)
            part.figures["unknown"] = stage.counts().get("unknown", 0)


# ---------------------------------------------------------------------------------------- between us and the receiver

#: What the receiver does with a request, and the state that a job has to end in.
ENDS: Final[Mapping[str, str]] = {
    "reset_before_read": "unknown",
    "reset_half": "unknown",
    "reset_after_read": "unknown",
    "half_close": "unknown",
    "hang": "unknown",
    "drip": "unknown",
    "truncate": "delivered",
    "truncate_chunked": "delivered",
    "redirect": "unknown",
    "headers": "unknown",
    "flood_103": "unknown",
    "bomb": "delivered",
    "endless": "delivered",
    **dict.fromkeys(("400", "402", "404", "405", "409", "410", "413", "418", "422", "431"), "rejected"),
    **dict.fromkeys(("301", "303", "307", "408", "500", "501", "502", "504", "599"), "unknown"),
    **dict.fromkeys(("200", "201", "206"), "delivered"),
}
#: What is tried again, with what comes then.
AGAIN: Final[Mapping[str, tuple[str, str]]] = {
    "401": ("202", "delivered"),
    "403": ("202", "delivered"),
    "429": ("202", "delivered"),
    "503": ("202", "delivered"),
    "503:0": ("422", "rejected"),
}
#: These take a whole deadline each, or push the sender's memory.
SLOW: Final = ("half_close", "hang", "drip", "flood_103")
#: Megabytes by which the worker may grow.
_MEMORY: Final = 64

#: Short pauses, short waits: the same rules in less time.
_BRISK: Final[dict[str, Any]] = {
    "policy": {"pause": 0.3, "longest_pause": 0.5},
    "schedule": {"steps": [0.3]},
    "http": {"deadline": 1.0, "connect": 1.0},
    "lease": 30.0,
}


def behaviours(*, each: int = 50, store: str = "") -> Part:
    """Everything a receiver may do, ``each`` times, mixed with good events: each job ends as it has to, and once."""
    part = Part("receiver's behaviours")
    with Stage(store, **_BRISK) as stage, stage.running("service"):
        due: dict[str, str] = {}
        scripts: dict[str, list[str]] = {}
        batch: list[Event] = []
        for _ in range(each):
            for name in (*ENDS, *AGAIN):
                bad, good = stage.event(), stage.event()
                then, end = AGAIN.get(name, ("", ENDS.get(name, "")))
                scripts[bad.id] = [name, then] if then else [name]
                due |= {bad.id: end, good.id: "delivered"}
                batch += [bad, good]
        stage.control(scripts)
        for start in range(0, len(batch), 200):
            stage.driver.deliver(*batch[start : start + 200])
        with stage.running("worker") as (pid,):
            part.due(stage.clear(60.0 + 2.0 * each) is not None, "it took too long")
            memory = _peak(pid)
        stage.judge(part)
        states = stage.states()
        wrong = sorted(
            {f"{scripts.get(one, ['202'])[0]} {states.get(one)}" for one in due if states.get(one) != due[one]}
        )
        part.faults += [f"ended as {each_of}" for each_of in wrong]
        part.figures |= {"behaviours": len(ENDS) + len(AGAIN), "of each": each, "worker MB": memory}
    return part.ended()


def bombs(*, each: int = 50) -> Part:
    """Replies without end: the worker's memory stays where it is."""
    part = Part("bombs")
    with Stage(**_BRISK) as stage, stage.running("service"), stage.running("worker") as (pid,):
        stage.post(20)
        stage.clear()
        before = _peak(pid)
        batch = [stage.event() for _ in range(each * 3)]
        kinds = ("bomb", "endless", "headers")
        stage.control({one.id: [kinds[number % 3]] for number, one in enumerate(batch)})
        stage.driver.deliver(*batch)
        part.due(stage.clear(60.0) is not None, "it took too long")
        grown = _peak(pid) - before
        part.figures |= {"of each": each, "grown MB": grown}
        part.due(grown < _MEMORY, f"the worker grew by {grown} MB")
        stage.judge(part)
    return part.ended()


def _peak(pid: int) -> int:
    """The most memory that a process ever had, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


# --------------------------------------------------------------------------------------------------- when it is down


def down(*, status: str = "500", seconds: float = 15.0, count: int = 200, slots: int = 64) -> Part:
    """A receiver that answers 5xx for a while, or says nothing: few are spent on it, and all others arrive afterwards.

    After ten in a row without a final answer one at a time is tried: of 500s that is at most what was under way, ten,
    and one for each pause. A 503 costs nothing, but nobody hammers: at most one a second then.
    """
    part = Part(f"receiver down with {status}")
    options = {**_BRISK, "policy": {"pause": 1.0, "longest_pause": 8.0}}
    with Stage(**options) as stage, stage.running("service"), stage.running("worker"):
        stage.control(default=status)
        stage.post(count)
        began = time.monotonic()
        time.sleep(seconds)
        spent = [line["mono"] for line in stage.received()]
        stage.control()
        part.due(stage.clear(60.0) is not None, "it did not go on")
        probes = [moment for moment in spent if moment - began > 1.0]
        part.figures |= {"requests while down": len(spent), "probes": len(probes)}
        part.due(len(spent) <= slots + 10 + seconds, f"{len(spent)} requests while it was down")
        part.due(all(b - a > 0.9 for a, b in itertools.pairwise(probes)), "more than one probe a second")
        stage.judge(part)
        states = list(stage.states().values())
        expected = {"unknown": states.count("unknown"), "delivered": states.count("delivered")}
        part.figures |= expected
        part.due(sum(expected.values()) == count, f"other states: {sorted({*states} - {*expected})}")
        if status == "503":
            part.due(expected["unknown"] == 0, "a 503 became unknown")
    return part.ended()


# ------------------------------------------------------------------------------------------------------- Retry-After

#: The forms of Retry-After, and the seconds that nothing may leave after it: what it asks for, or where it cannot be
#: read what the policy says (``_PAUSE``). A callable makes a date.
_PAUSE: Final = 0.8
FORMS: Final[Mapping[str, tuple[str | Callable[[], str], float]]] = {
    "none": ("429", _PAUSE),
    "0": ("429:0", 0.9),
    "2": ("429:2", 2.0),
    "1.6": ("429:1.6", 1.6),
    "a date gone by": ("429:Sun, 06 Nov 1994 08:49:37 GMT", 0.9),
    "a date to come": (lambda: f"429:{email.utils.formatdate(time.time() + 3, usegmt=True)}", 1.9),
    "-5": ("429:-5", _PAUSE),
    "1e400": ("429:1e400", _PAUSE),
    "NaN": ("429:NaN", _PAUSE),
    "two headers": ("429:1|2", _PAUSE),
    "503 and 1": ("503:1", 1.0),
    "401": ("401", _PAUSE),
    "403": ("403", _PAUSE),
}
#: Those that nobody can wait for here: what the account is told to wait, at least and at most.
LONG: Final[Mapping[str, tuple[str, float, float]]] = {
    "120.6": ("429:120.6", 118.0, 121.0),
    "the year 9999": ("429:Fri, 31 Dec 9999 23:59:59 GMT", 86_000.0, 86_401.0),
    "10 KB of digits": (f"429:{'9' * 10_240}", 86_000.0, 86_401.0),
}


def retry_after(*, forms: Sequence[str] = tuple(FORMS), long: Sequence[str] = tuple(LONG), others: int = 5) -> Part:
    """Each form of Retry-After: the whole account waits, never less than it was asked to, and everything arrives."""
    part = Part("Retry-After")
    options = {**_BRISK, "policy": {"pause": _PAUSE, "longest_pause": _PAUSE}}
    with Stage(**options) as stage, stage.running("service"), stage.running("worker"):
        for name in forms:
            _asked(part, stage, name, others)
        stage.judge(part)
    for name in long:
        _asked_for_long(part, name, others)
    part.figures |= {"forms": len(forms) + len(long)}
    return part.ended()


def _asked(part: Part, stage: Stage, name: str, others: int) -> None:
    """One form, given to one event; then others come, and nothing leaves before its time."""
    made, seconds = FORMS[name]
    one, before = stage.event(), len(stage.received())
    stage.control({one.id: [made() if callable(made) else made, "202"]})
    stage.driver.deliver(one)
    part.due(stage.until(lambda: len(stage.received()) > before, 10.0) is not None, f"{name}: nothing came")
    time.sleep(0.1)
    stage.post(others)
    cleared = stage.clear(20.0)
    moments = [line["mono"] for line in stage.received()[before:]]
    waited = moments[1] - moments[0] if len(moments) > 1 else 0.0
    part.due(cleared is not None and len(moments) == others + 2, f"{name}: {len(moments)} requests")
    part.due(waited >= seconds, f"{name}: {waited:.2f} s waited")
    part.due(waited <= seconds + 2.5, f"{name}: {waited:.2f} s waited, which is too long")


def _asked_for_long(part: Part, name: str, others: int) -> None:
    """A form that asks for more than a test can wait: how long the account waits is read in the store."""
    made, least, most = LONG[name]
    with Stage(**_BRISK) as stage, stage.running("service"), stage.running("worker"):
        one = stage.event()
        stage.control({one.id: [made]})
        stage.driver.deliver(one)
        stage.until(stage.received, 10.0)
        time.sleep(0.2)
        stage.post(others)
        time.sleep(1.0)
        part.due(len(stage.received()) == 1, f"{name}: the account did not wait")
        part.due(set(stage.states().values()) == {"ready"}, f"{name}: {sorted(stage.states().values())}")
        with contextlib.closing(sqlite3.connect(stage.options["store"])) as store:
            (until,) = store.execute("SELECT paused FROM gate").fetchone()
        waits = (until or 0.0) - time.time()
        part.due(least <= waits <= most, f"{name}: waits {waits:.0f} s")


# ------------------------------------------------------------------------------------------------------ the campaign


def _outages(options: Options) -> Report:
    return told(outages(server=options.server, times=max(1, round(3 * options.scale))))


def _behaviours(options: Options) -> Report:
    each = max(2, round(50 * options.scale))
    return told([behaviours(each=each), bombs(each=each)])


def _down(options: Options) -> Report:
    seconds = max(4.0, 40 * options.scale)
    short = min(seconds, 12.0)
    return told([down(status="500", seconds=seconds), *(down(status=each, seconds=short) for each in ("503", "hang"))])


def _retry_after(_options: Options) -> Report:
    return told(retry_after())


#: For the campaign.
PARTS: Final = [
    ("database's network", _outages),
    ("receiver's behaviours", _behaviours),
    ("receiver down", _down),
    ("Retry-After", _retry_after),
]
