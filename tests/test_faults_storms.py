"""The storms of the fault tests, each in its smallest size: they run, and the product stands them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from faults import clocks, disk, network, storms
from faults.report import Options
from faults.stage import Part, told
from postgres import Postgres


def fine(*parts: Part) -> None:
    """Nothing is wrong with any of them. Where one could not run here, say why."""
    for part in parts:
        assert not part.faults, part.summary
        if part.skipped:
            pytest.skip(part.skipped)


def test_postgresql_may_crash(postgres: Postgres) -> None:
    """One crash under load, with two workers."""
    fine(storms.restarts(server=postgres, times=1, every=0.1, workers=2))


def test_the_database_may_be_out_of_reach(postgres: Postgres) -> None:
    """A commit happens, and the worker that asked for it does not hear of it."""
    fine(*network.outages(server=postgres, kinds=["answers lost"], times=1, workers=1, peace=0.2))


def test_a_receiver_may_do_anything() -> None:
    """Each behaviour once."""
    fine(network.behaviours(each=1))


def test_an_account_waits() -> None:
    """As long as it is asked to."""
    fine(network.retry_after(forms=["1.6"], long=[], others=2))


def test_a_disk_may_be_full() -> None:
    """Once, with room for the log."""
    fine(disk.full(rounds=1, batch=4, pause=0.5))


def test_a_clock_may_be_wrong() -> None:
    """The accepting process an hour ahead of the worker."""
    fine(*clocks.sqlite(ways={"acceptor ahead": (3600, 0, None)}, count=20, brief=True))


# ------------------------------------------------------------------------------------------------- the parts themselves


@pytest.mark.parametrize("module", [storms, network, disk, clocks], ids=lambda module: module.__name__)
def test_each_part_is_for_the_campaign(module: object, tmp_path: Path) -> None:
    """Each module names its parts; without PostgreSQL those that need it say that they were left out."""
    parts: list[tuple[str, Callable[[Options], object]]] = module.PARTS  # type: ignore[attr-defined]
    assert all(name and callable(run) for name, run in parts)
    assert Options(tmp_path).server is None


def test_a_fault_is_told() -> None:
    """What does not hold stands in the summary and in the report."""
    part = Part("part")
    part.due(True, "this holds")  # noqa: FBT003 - what is due
    assert not told(part).faults
    part.due([], "this does not")
    assert dict(told(part).faults) == {"part: this does not": 1}
    assert "FAULT this does not" in part.ended().summary
    assert "part" in told([part, Part("other", skipped="why")]).figures
