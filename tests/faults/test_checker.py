"""The judge of the fault tests finds each fault where there is one, and none where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from . import checker


def posted(event: str) -> dict[str, Any]:
    """The driver's line before a post."""
    return {"kind": "posted", "event": event, "message_id": f"m-{event}", "sha256": f"sum-{event}", "mono": 0.0}


def acked(event: str, job: int | None = None) -> dict[str, Any]:
    """The driver's line after a 2xx."""
    return {"kind": "acked", "event": event, "job": job, "repeated": "", "mono": 0.0}


def got(event: str, mono: float = 1.0, status: int | None = 202, **changes: Any) -> dict[str, Any]:
    """The receiver's line of a request."""
    usual = {"complete": True, "usable": status is not None, "sha256": f"sum-{event}", "breach": None}
    return {"kind": "request", "event": event, "mono": mono, "status": status, **usual, **changes}


def row(event: str, state: str = "delivered") -> dict[str, Any]:
    """A row of the ledger's export."""
    return {"message_id": f"m-{event}", "state": state, "attempts": 1}


def killed(mono: float, *, opens: bool = True) -> dict[str, Any]:
    """The driver's line of a kill."""
    return {"kind": "killed", "point": "p", "pid": 1, "mono": mono, "opens": opens}


FINE = ([posted("a"), acked("a")], [got("a")], [row("a")])

#: The driver's, the receiver's and the ledger's lines, and what has to be found.
CASES: dict[str, tuple[list[Any], list[Any], list[Any], dict[str, int]]] = {
    "all is well": (*FINE, {}),
    "neither sent nor there": (FINE[0], [], [], {"lost": 1}),
    "said to be delivered and never arrived": (FINE[0], [], [row("a")], {"lost": 1, "unproven": 1}),
    "only half arrived": (FINE[0], [got("a", complete=False)], [row("a")], {"lost": 1, "unproven": 1}),
    "delivered on a reset": (FINE[0], [got("a", status=None)], [row("a")], {"unproven": 1}),
    "refused and visible": (FINE[0], [got("a", status=422)], [row("a", "rejected")], {}),
    "held and visible": (FINE[0], [], [row("a", "held")], {}),
    "still waiting": (FINE[0], [], [row("a", "waiting")], {"stuck": 1}),
    "still ready": (FINE[0], [], [row("a", "ready")], {"stuck": 1}),
    "still sending": (FINE[0], [got("a")], [row("a", "sending")], {"stuck": 1}),
    "an event that nobody posted": (FINE[0], [got("a"), got("b")], [row("a")], {"spurious": 1}),
    "a redirect that was followed": (FINE[0], [got("a"), {**got("x"), "event": None}], [row("a")], {"spurious": 1}),
    "a row that nobody posted": (FINE[0], [got("a")], [row("a"), row("b")], {"spurious": 1}),
    "two rows for one event": (FINE[0], [got("a")], [row("a"), row("a")], {"spurious": 1}),
    "posted, not acknowledged, sent": ([posted("a")], [got("a")], [row("a")], {}),
    "other bytes": (FINE[0], [got("a", sha256="?")], [row("a")], {"corrupted": 1}),
    "other bytes, half of them": (FINE[0], [got("a"), got("a", 0.5, complete=False, sha256="?")], [row("a")], {}),
    "again after a 2xx": (FINE[0], [got("a"), got("a", 2)], [row("a")], {"duplicated_outside": 1}),
    "three times": (FINE[0], [got("a"), got("a", 2), got("a", 3)], [row("a")], {"duplicated_outside": 2}),
    "again after a cut body": (FINE[0], [got("a", usable=True), got("a", 2)], [row("a")], {"duplicated_outside": 1}),
    "again after a refusal": (FINE[0], [got("a", status=429), got("a", 2)], [row("a")], {}),
    "again after half": (FINE[0], [got("a", status=None, complete=False), got("a", 2)], [row("a")], {}),
    "again, sum differs": (
        FINE[0],
        [got("a", status=500), got("a", 2, sha256="?")],
        [row("a")],
        {"duplicated_inside": 1, "corrupted": 1},
    ),
    "again after silence": (FINE[0], [got("a", status=None), got("a", 2)], [row("a")], {"duplicated_inside": 1}),
    "again after a 500": (FINE[0], [got("a", status=500), got("a", 2)], [row("a")], {"duplicated_inside": 1}),
    "again after a 408": (FINE[0], [got("a", status=408), got("a", 2)], [row("a")], {"duplicated_inside": 1}),
    "inside, then outside": (
        FINE[0],
        [got("a", status=None), got("a", 2), got("a", 3)],
        [row("a")],
        {"duplicated_inside": 1, "duplicated_outside": 1},
    ),
    "killed while under way": (
        [*FINE[0], killed(1.1)],
        [got("a"), got("a", 2)],
        [row("a")],
        {"duplicated_inside": 1},
    ),
    "killed long after": ([*FINE[0], killed(9)], [got("a"), got("a", 2)], [row("a")], {"duplicated_outside": 1}),
    "killed before": ([*FINE[0], killed(0.8)], [got("a"), got("a", 2)], [row("a")], {"duplicated_outside": 1}),
    "killed while it was on its way": (
        [*FINE[0], killed(0.95)],
        [got("a"), got("a", 2)],
        [row("a")],
        {"duplicated_inside": 1},
    ),
    "killed when all was settled": (
        [*FINE[0], killed(1.1, opens=False)],
        [got("a"), got("a", 2)],
        [row("a")],
        {"duplicated_outside": 1},
    ),
    "more than the script": (FINE[0], [got("a", breach="unscripted")], [row("a")], {"unscripted": 1}),
    "rows by job": ([posted("a"), acked("a", 7)], [got("a")], [{"job": 7, "state": "ready"}], {"stuck": 1}),
    "rows by event": (FINE[0], [got("a")], [{"event_id": "a", "state": "ready"}], {"stuck": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_checker_finds(case: str) -> None:
    """Each verdict is found where it has to be, and no other."""
    driver, receiver, ledger, expected = CASES[case]
    verdict = checker.judge(driver, receiver, ledger)
    inside = {"duplicated_inside": len(verdict.duplicated_inside)} if verdict.duplicated_inside else {}
    assert {**verdict.faults, **inside} == expected


def test_the_checker_as_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It reads logs from files, a torn last line included, and says by its exit code whether there is a fault."""
    for name, lines in zip(("driver", "receiver", "ledger"), FINE, strict=True):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "to', "utf-8")
    words = [word for name in ("driver", "receiver", "ledger") for word in (f"--{name}", str(tmp_path / name))]
    assert checker.main(words) == 0
    assert "acked 1  lost 0" in capsys.readouterr().out
    (tmp_path / "receiver").write_text("", "utf-8")
    assert checker.main(words) == 1
    assert "lost 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("moments", "seconds", "most"),
    [([], 60, 0), ([0, 59.9], 60, 2), ([0, 60], 60, 1), ([0, 1, 2, 3], 1.5, 2), ([3, 0, 1, 2], 60, 4)],
)
def test_the_most_sends_in_any_window(moments: list[float], seconds: float, most: int) -> None:
    """Every window counts, not those of the clock; its end is left out; incomplete requests are requests."""
    assert checker.sends_in_any_window([got("a", mono, complete=False) for mono in moments], seconds) == most
