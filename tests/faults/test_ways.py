"""The ways in which a killed worker had started its jobs: the campaign goes them both."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import deposit, journal, kills


@pytest.mark.parametrize("way", ["claimed", "begun"])
def test_both_ways_are_gone(way: str, tmp_path: Path) -> None:
    """With a rate two jobs are claimed and then started; without one they are started with their claim."""
    (point,) = (each for each in kills.POINTS if each.at == "after_start")
    lane = kills.Lane(kills.Campaign(times=1), point, "hold" if way == "claimed" else "resend", tmp_path)
    lane.run()
    assert lane.result.faults == {}
    said = (tmp_path / "noise.txt").read_text("utf-8", "replace")
    assert " SET state=?" in said
    assert (" SET owner=?, lease=? WHERE" in said) == (way == "claimed")
    posted = [line for line in journal.read(tmp_path / "driver.log") if line["kind"] == "posted"]
    assert len(posted) == (2 if way == "claimed" else 1)


def test_a_death_after_the_end_is_the_same_for_both() -> None:
    """Nor does it matter who accepts or forgets."""
    names = [point.name for point in kills.POINTS if point.paced]
    assert names == ["P7", "P8", "P9", "P10", "P11", "P12", "P13", "P14", "P15"]


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_a_power_cut_finds_single_ones_and_pairs(count: int) -> None:
    """Each event is accepted once, in its order."""
    batches = list(deposit._batches(count))  # noqa: SLF001 - a part of the program
    assert [number for batch in batches for number in batch] == list(range(1, count + 1))
    assert {len(batch) for batch in batches} == ({1} if count < 3 else {1, 2})
