"""The seeded bugs of ``tests/teeth`` can still be planted, and who plants them can say no; ``make teeth`` runs all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from teeth import planting
from teeth.planting import ROOT, Bug, Copy, Edit, hunt

BUGS = planting.bugs()
#: Some that take no time, each noticed by a test of another kind.
QUICK = ("receipts of somebody else", "no jitter")
#: Where others are planted, and a test that would notice some.
FILE = "mapper/delivery/schedule.py"
NOTICES = "test_schedule.py::test_the_first_delay_is_the_first_step"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted(bug: Bug) -> None:
    """Its text stands where it stood, once, and its tests have the names that they had: the list does not rot."""
    assert planting.wrong(bug) == []
    assert bug.tests
    assert bug.costs


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_python(bug: Bug) -> None:
    """What is planted can be compiled: a bug that only breaks Python would prove nothing."""
    texts = {edit.file: (ROOT / edit.file).read_text("utf-8") for edit in bug.edits}
    for edit in bug.edits:
        texts[edit.file] = texts[edit.file].replace(edit.find, edit.put)
    for file, text in texts.items():
        compile(text, file, "exec")


def test_the_list_is_long_and_says_nothing_twice() -> None:
    """At least thirty (reliability catalogue), and no name stands for two."""
    assert len(BUGS) >= 100
    assert [name for name, count in Counter(bug.name for bug in BUGS).items() if count > 1] == []
    assert [text for text, count in Counter(str(bug.edits) for bug in BUGS).items() if count > 1] == []


def test_the_list_is_in_the_documentation() -> None:
    """Word for word (``python -m tests.teeth --list``), with its figure."""
    text = (ROOT / "docs/testing.md").read_text("utf-8")
    assert planting.table(BUGS) in text
    assert f"{len(BUGS)} of {len(BUGS)} bugs caught" in text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A copy of the product."""
    made = Copy(tmp_path_factory.mktemp("teeth"))
    assert made.is_used()
    yield made
    assert (made.room / "mapper/delivery/schedule.py").read_bytes() == (
        ROOT / "mapper/delivery/schedule.py"
    ).read_bytes()


def planted(name: str, find: str, put: str, *tests: str) -> Bug:
    """A bug in the schedule."""
    return Bug("none", name, "nothing", (Edit(FILE, find, put),), tests)


def test_bugs_are_noticed(copy: Copy) -> None:
    """Some of the list really run; and what changes nothing, or breaks Python, is no bug that was noticed."""
    by_name = {bug.name: bug for bug in BUGS}
    verdicts = [hunt(copy, by_name[name]) for name in QUICK]
    assert [verdict.kind for verdict in verdicts] == ["caught"] * len(QUICK), verdicts
    harmless = hunt(copy, planted("harmless", "_days(self.age)", "_days(1 * self.age)", NOTICES))
    assert (harmless.kind, harmless.why) == ("missed", f"{NOTICES} did not notice")
    broken = hunt(copy, planted("broken", "spread = step", "spread = stepp", NOTICES))
    assert (broken.kind, broken.why.splitlines()[0]) == ("missed", "it breaks Python and not the product")


def test_a_text_that_is_not_there_is_not_planted(copy: Copy) -> None:
    """Nor one that is there twice, nor a test that there is not."""
    for find in ("no such text", "return"):
        bug = planted("nowhere", find, "pass", NOTICES)
        assert len(planting.wrong(bug)) == 1
        with pytest.raises(ValueError, match="exactly once"), copy.planted(bug):
            pytest.fail("planted")
    assert planting.wrong(planted("x", "spread = step", "pass", "test_schedule.py::test_nothing")) == [
        "there is no test test_schedule.py::test_nothing"
    ]
