"""Storms on PostgreSQL: the server crashes again and again under load, and the rate holds with two workers.

Knows how a storm is made and what has to be true after it. Must not know how the product rides it out.
"""

from __future__ import annotations

import time
from typing import Any, Final

from . import checker
from .report import Options, Report
from .stage import JITTER, Part, Stage, postgres, told

_AWAY = "PostgreSQL is not installed"


def restarts(*, server: Any = None, times: int = 6, every: float = 1.5, workers: int = 3) -> Part:
    """PostgreSQL is stopped at once (``-m immediate``) and started again, so many times, under load.

    ``every`` is the seconds of peace between two crashes. Nothing is lost, nothing is sent twice, nothing stays
    behind, and what was under way is not even unknown: the workers outlive it.
    """
    part = Part("PostgreSQL restarted")
    with postgres(server) as database:
        if database is None:
            part.skipped = _AWAY
            return part
        scene = Stage(database.new_database(), schedule={"steps": [0.5]})
        with scene as stage, stage.running("service"), stage.running("worker", workers) as pids:
            with stage.load() as load:
                for _ in range(times):
                    time.sleep(every)
                    database.restart(immediate=True)
                time.sleep(every)
            load.tell(part)
            clear = stage.clear(40.0)
            part.figures |= {"restarts": times, "clear after s": clear and round(clear, 1)}
            part.due(all(stage.forks.wait(pid, 0) is None for pid in pids), "a worker died")
            stage.judge(part)
            part.figures["unknown"] = stage.counts().get("unknown", 0)
    return part.ended()


def rate(*, server: Any = None, most: int = 50, seconds: float = 10.0, workers: int = 2) -> Part:
    """The rate law: never more than ``most`` requests in any second, over several workers, retries included.

    A tenth of the events are not taken at first (503), so that retries compete with the others.
    """
    part = Part("rate")
    with postgres(server) as database:
        if database is None:
            part.skipped = _AWAY
            return part
        scene = Stage(database.new_database(), [f"rate: {most}/second"], schedule={"steps": [0.3]})
        with scene as stage, stage.running("service"):
            batch = [stage.event() for _ in range(int(most * seconds))]
            stage.control({one.id: ["503", "202"] for one in batch[::10]})
            for start in range(0, len(batch), 100):
                stage.driver.deliver(*batch[start : start + 100])
            with stage.running("worker", workers):
                clear = stage.clear(seconds * 3 + 10)
                stage.judge(part)
            lines = stage.received()
            part.due(clear is not None, "it took too long")
            for window in (1.0, 2.0, 5.0):
                found = checker.sends_in_any_window(lines, window - JITTER)
                part.figures[f"most in {window:g} s"] = found
                part.due(found <= most * window, f"{found} requests in {window - JITTER:g} s")
            took = lines[-1]["mono"] - lines[0]["mono"]
            part.figures["of the rate"] = f"{len(lines) / took / most:.0%}"
            part.due(len(lines) / took >= 0.8 * most, "slower than four fifths of the rate")
    return part.ended()


def _restarts(options: Options) -> Report:
    return told(restarts(server=options.server, times=max(1, round(6 * options.scale))))


def _rate(options: Options) -> Report:
    return told(rate(server=options.server, seconds=max(2.0, 10 * options.scale)))


#: For the campaign.
PARTS: Final = [("PostgreSQL restarted", _restarts), ("rate", _rate)]
