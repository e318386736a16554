"""The judge: what was acknowledged, what arrived, what the ledger says, and whether the three agree.

Knows three kinds of log and nothing of the product. Must not run anything.

    lost        acknowledged, and neither taken by the receiver nor visible in the ledger as not delivered
    spurious    a complete request for what nobody posted, or a row of the ledger for what nobody posted
    corrupted   a complete request whose bytes are not the expected ones
    duplicated  taken once more: inside, where the sender could not know of any earlier one that it was taken;
                outside, where of one it must have known
    stuck       still waiting, ready or sending in the ledger
    unproven    the ledger says delivered, and no 2xx ever left the receiver
    unscripted  more attempts than the receiver's script has

*Taken* is a complete request that was not refused: a 2xx, an answer that says nothing (5xx, 3xx) or none at all. Of a
2xx whose head could be read the sender must have known, unless it was killed soon after.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from . import journal

Line = dict[str, Any]

#: States of the ledger in which something has still to happen by itself.
UNFINISHED: Final = ("waiting", "ready", "sending")
#: An answer before which nothing was printed, besides each other 4xx.
_NOT_TAKEN: Final = (429, 503)
_TIMEOUT: Final = 408
#: Seconds before a kill in which a request may have been under way, or answered and not yet written down.
UNDER_WAY: Final = 1.0
#: Seconds after a kill in which a receiver may read, and answer, what was sent before it: another request's death.
UNREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, each as the ids of the events; ``acked`` is how many there were."""

    acked: int
    lost: tuple[str, ...]
    spurious: tuple[str, ...]
    corrupted: tuple[str, ...]
    duplicated_inside: tuple[str, ...]
    duplicated_outside: tuple[str, ...]
    stuck: tuple[str, ...]
    unproven: tuple[str, ...]
    unscripted: tuple[str, ...]

    @property
    def faults(self) -> dict[str, int]:
        """How many of each fault; duplicates inside the unknown window are none: they are the policy's to allow."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        allowed = ("acked", "duplicated_inside")
        return {name: len(ids) for name, ids in found.items() if name not in allowed and ids}

    def __str__(self) -> str:
        counts = {each.name: getattr(self, each.name) for each in fields(self)}
        return "  ".join(f"{name} {ids if name == 'acked' else len(ids)}" for name, ids in counts.items())


def judge(driver: Iterable[Line], receiver: Iterable[Line], ledger: Iterable[Line]) -> Verdict:
    """Compare the driver's log, the lines of all receivers, and the ledger's export.

    A row of the export has ``state`` and one of ``event_id``, ``message_id`` and ``job`` (as the receipts named it).
    """
    driver, receiver = list(driver), list(receiver)
    posted = {line["event"]: line for line in driver if line["kind"] == "posted"}
    acked = {line["event"]: line for line in driver if line["kind"] == "acked"}
    requests = sorted((line for line in receiver if line["kind"] == "request"), key=lambda line: line["mono"])
    kills = [line["mono"] for line in [*driver, *receiver] if line["kind"] == "killed" and line["opens"]]
    states, strangers = _states(ledger, posted, acked)
    complete = [line for line in requests if line["complete"]]
    taken = [line for line in complete if not _refused(line)]
    again = [_again(lines, kills) for lines in _by_event(taken).values()]
    arrived = {line["event"] for line in taken}
    proven = {line["event"] for line in taken if _is_2xx(line)}
    return Verdict(
        acked=len(acked),
        lost=tuple(event for event in acked if event not in arrived and states.get(event) in (None, "delivered")),
        spurious=(*(str(line["event"]) for line in complete if line["event"] not in posted), *strangers),
        corrupted=tuple(line["event"] for line in complete if _is_changed(line, posted)),
        duplicated_inside=tuple(event for inside, _ in again for event in inside),
        duplicated_outside=tuple(event for _, outside in again for event in outside),
        stuck=tuple(event for event, state in states.items() if state in UNFINISHED),
        unproven=tuple(event for event, state in states.items() if state == "delivered" and event not in proven),
        unscripted=tuple(str(line["event"]) for line in requests if line["breach"] == "unscripted"),
    )


def sends_in_any_window(receiver: Iterable[Line], seconds: float) -> int:
    """The most requests, whole or not and retries included, that arrived within ``seconds`` (its end left out)."""
    moments = sorted(line["mono"] for line in receiver if line["kind"] == "request")
    first, most = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def states_of(driver: Iterable[Line], ledger: Iterable[Line]) -> dict[str, str]:
    """The ledger's state of each event that was posted and that it knows."""
    driver = list(driver)
    posted = {line["event"]: line for line in driver if line["kind"] == "posted"}
    acked = {line["event"]: line for line in driver if line["kind"] == "acked"}
    return _states(ledger, posted, acked)[0]


def _states(
    ledger: Iterable[Line], posted: dict[str, Line], acked: dict[str, Line]
) -> tuple[dict[str, str], list[str]]:
    """The state of each event, and the rows that belong to none or to one that has a row already."""
    by_message = {line["message_id"]: event for event, line in posted.items()}
    by_job = {line["job"]: event for event, line in acked.items() if line["job"] is not None}
    states: dict[str, str] = {}
    strangers = []
    for row in ledger:
        named = row["event_id"] if row.get("event_id") in posted else None
        event = named or by_message.get(row.get("message_id")) or by_job.get(row.get("job"))
        if event is None or event in states:
            strangers.append(f"row {row.get('job') or row.get('message_id') or row.get('event_id')}")
        else:
            states[event] = row["state"]
    return states, strangers


def _by_event(requests: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in requests:
        found.setdefault(str(line["event"]), []).append(line)
    return found


def _again(requests: Sequence[Line], kills: Sequence[float]) -> tuple[list[str], list[str]]:
    """An event's second and later requests: inside the unknown window, and outside."""
    inside: list[str] = []
    outside: list[str] = []
    known = False
    for number, line in enumerate(requests):
        if number:
            (outside if known else inside).append(str(line["event"]))
        known = known or _was_known(line, kills)
    return inside, outside


def _was_known(line: Line, kills: Sequence[float]) -> bool:
    """Whether the sender must have known that a request was taken."""
    about = any(-UNREAD <= kill - line["mono"] <= UNDER_WAY for kill in kills)
    return line["usable"] and _is_2xx(line) and not about


def _is_2xx(line: Line) -> bool:
    return line["status"] is not None and 200 <= line["status"] <= 299


def _refused(line: Line) -> bool:
    status = line["status"] or 0
    return status in _NOT_TAKEN or (400 <= status <= 499 and status != _TIMEOUT)


def _is_changed(line: Line, posted: dict[str, Line]) -> bool:
    return line["event"] in posted and line["sha256"] != posted[line["event"]]["sha256"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge logs from files; 1 where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--driver", type=Path, required=True)
    parser.add_argument("--receiver", type=Path, required=True, action="append")
    parser.add_argument("--ledger", type=Path, required=True, help="JSON lines: state, and event_id, message_id or job")
    options = parser.parse_args(arguments)
    received = [line for path in options.receiver for line in journal.read(path)]
    verdict = judge(journal.read(options.driver), received, journal.read(options.ledger))
    sys.stdout.write(f"{verdict}\n")
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
