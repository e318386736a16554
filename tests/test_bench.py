"""A smoke test of the benchmark: its events, its words, and that its engines still make the same of them."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from postgres import Postgres

import mapper

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"


def _module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the benchmark, which is no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(name)


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )


def test_equal_seeds_give_equal_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpus is a function of its arguments, and a short one is the beginning of a long one."""
    corpus = _module("corpus", monkeypatch)
    lines = list(corpus.events(400, seed=7))
    assert lines == list(corpus.events(400, seed=7))
    assert lines[:50] == list(corpus.events(50, seed=7))
    assert lines != list(corpus.events(400, seed=8))


def test_events_are_as_large_and_as_wrong_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """About 1.3 KB, a tenth invalid; all valid or all invalid where that is asked for."""
    corpus = _module("corpus", monkeypatch)
    cards = mapper.load(BENCHMARKS / "mapping.yaml")
    lines = list(corpus.events(1000))
    assert 1250 < sum(map(len, lines)) / len(lines) < 1450
    status = [cards.transform(line).status for line in lines[:300]]
    assert 0.05 < status.count("invalid") / len(status) < 0.15
    assert "skipped" not in status
    assert {cards.transform(line).status for line in corpus.events(60, kind="valid")} == {"ready"}
    assert {cards.transform(line).status for line in corpus.events(60, kind="invalid")} == {"invalid"}


def test_a_longer_corpus_has_other_ids_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated events differ from the first ones in the messageId only."""
    corpus = _module("corpus", monkeypatch)
    lines = list(corpus.events(20))
    longer = [json.loads(line) for line in corpus.renamed(lines, 50)]
    assert len({event.pop("messageId") for event in longer}) == 50
    first = [json.loads(line) for line in lines]
    assert all(event.pop("messageId") for event in first)
    assert longer[20:40] == first


def test_the_worked_lines_are_what_we_make_of_them() -> None:
    """SEMANTICS.md tells the writers of other engines the truth."""
    cards = mapper.load(BENCHMARKS / "mapping.yaml")
    text = (BENCHMARKS / "SEMANTICS.md").read_text(encoding="utf-8")
    worked = re.findall(r"```json\n\s*(.+)\n\s*(.+)\n", text)
    assert len(worked) == 5
    for event, body in worked:
        request = cards.transform(event).request
        assert (request.body if request else None) == json.loads(body)


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees another verdict, another value, another kind of value, and lines that are missing."""
    driver = _module("driver", monkeypatch)
    ours = [b'{"a":"1","b":1}', b"null"]
    assert driver.difference(ours, [b'{"b":1,"a":"1"}', b"null"]) is None
    assert driver.difference(ours, ours[:1], lines=1) is None
    assert driver.difference(ours, [b"null", b"null"]) == "line 1 is valid for us, and not for it"
    assert driver.difference(ours, [b'{"a":"2","b":1}', b"null"]) == "line 1 differs in a"
    assert driver.difference(ours, [b'{"a":"1","b":true}', b"null"]) == "line 1 differs in the kind of a value"
    assert driver.difference(ours, ours[:1]) == "1 lines for 2 events"


#: Sizes at which the part of the ledger takes seconds: the figures say nothing.
_TINY = {"rounds": 1, "events": 100, "rows": 200, "commits": 5, "standing": (200, 400), "moved": 50, "waits": 2}


def test_the_ledger_is_measured_against_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """On tiny sizes each way does what it is timed for, and each ratio is there that needs no PostgreSQL."""
    delivery = _module("delivery", monkeypatch)
    monkeypatch.setattr(delivery, "QUICK", delivery.Size(**_TINY, posts=64))
    monkeypatch.setattr(delivery, "postgres", _no_postgres)
    found = delivery.ratios(quick=True)
    owed = next(part.owes for part in _module("run", monkeypatch).PARTS if part.name == "delivery")
    assert found.keys() == {name for name in owed if "postgres" not in name}
    assert all(value > 0 for value in found.values())


def _no_postgres() -> object:
    raise importlib.import_module("driver").CannotRunError("PostgreSQL is not installed")


def test_the_ledger_is_measured_on_postgresql(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    """The same for PostgreSQL; the copies that stand there are jobs that can be drained."""
    delivery = _module("delivery", monkeypatch)
    report, size = delivery.Report(), delivery.Size(**_TINY, posts=64)
    delivery.on_postgres(size, report, postgres)
    delivery.standing(size, report, "postgres", [postgres.new_database(), postgres.new_database()])
    owed = next(part.owes for part in _module("run", monkeypatch).PARTS if part.name == "delivery")
    assert report.ratios.keys() == {name for name in owed if "postgres" in name}
    assert all(value > 0 for value in report.ratios.values())


def test_all_engines_of_python_make_the_same(tmp_path: Path) -> None:
    """A quick run in memory and over files: nothing differs, nothing is left out, the ratios come last."""
    pytest.importorskip("orjson", reason="the bench group is not installed: orjson")
    pytest.importorskip("pydantic", reason="the bench group is not installed: pydantic")
    done = _run(BENCHMARKS / "run.py", "--quick", "--only", "in_memory", "--only", "files")
    assert "not timed" not in done.stdout
    names = [line.partition(":")[0] for line in done.stdout.split("\n\n")[-1].splitlines()]
    assert names == ["transform_vs_floor", "transform_vs_plain", "transform_vs_naive", "vs_pydantic", "memory_vs_floor"]
    assert "not measured" not in done.stdout
    # The floor by two processes is the floor.
    lines = tmp_path / "lines.ndjson"
    lines.write_text(_run(BENCHMARKS / "corpus.py", "40").stdout, encoding="utf-8")
    made = [tmp_path / name for name in ("once", "halves")]
    for path in made:
        _run(BENCHMARKS / "engines" / "floor_file.py", lines, f"--{path.name}", path)
    assert made[0].read_bytes() == made[1].read_bytes()
    assert made[0].read_bytes().count(b"\n") == 40
