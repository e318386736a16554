"""The bugs as they are written down, and how one is planted in a copy of the product and its tests are run there.

Knows files, pytest's exit codes and its last lines. Must not import the product: it is started anew for each bug.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent.parent
LIST: Final = Path(__file__).with_name("bugs.yaml")
#: What the tests need of the tree.
_NEEDED: Final = ("mapper", "mappings", "tests", "examples", "docs", "cli.py", "pyproject.toml", "README.md")
#: Seconds for the tests of one bug. Whoever waits longer for a red test has no red test.
PATIENCE: Final = 180.0
#: A bug that only breaks Python proves nothing.
_BROKEN: Final = re.compile(r"(NameError|SyntaxError|ImportError|ModuleNotFoundError|UnboundLocalError)\b")

Engine = Literal["sqlite", "postgresql"]
ENGINES: Final[tuple[Engine, ...]] = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Edit:
    """One place: the text ``find``, which is in ``file`` exactly once, and what stands there instead."""

    file: str
    find: str
    put: str


@dataclass(frozen=True, slots=True)
class Bug:
    """One seeded bug. ``costs`` is what it would cost a user; each of ``tests`` has to fail with it."""

    promise: str
    name: str
    costs: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    engine: Engine = "sqlite"


def bugs() -> list[Bug]:
    """The list. Raises KeyError where an entry is not complete."""
    promises = yaml.safe_load(LIST.read_text("utf-8"))
    return [_bug(promise, entry) for promise, entries in promises.items() for entry in entries]


def _bug(promise: str, entry: dict[str, Any]) -> Bug:
    edits = tuple(Edit(each.get("file", entry["file"]), each["find"], each["put"]) for each in _places(entry))
    return Bug(promise, entry["name"], entry["costs"], edits, tuple(entry["tests"]), entry.get("engine", "sqlite"))


def _places(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry, *entry.get("also", ())]


def table(listed: Sequence[Bug]) -> str:
    """The list as the documentation has it."""
    lines = ["| bug | what it would cost |", "|---|---|"]
    for number, bug in enumerate(listed):
        if number == 0 or listed[number - 1].promise != bug.promise:
            lines.append(f"| **{bug.promise}** | |")
        lines.append(f"| {bug.name} | {bug.costs} |")
    return "\n".join(lines) + "\n"


def wrong(bug: Bug, root: Path = ROOT) -> list[str]:
    """Why a bug cannot be planted: a text that is not there, or more than once; a test that there is not."""
    found = []
    for edit in bug.edits:
        count = (root / edit.file).read_text("utf-8").count(edit.find) if (root / edit.file).is_file() else 0
        if count != 1:
            found.append(f"{edit.file} has the text {count} times: {edit.find.splitlines()[0]}")
        if edit.find == edit.put:
            found.append(f"{edit.file}: nothing is changed")
    for test in bug.tests:
        path, name = test.partition("::")[0], test.rpartition("::")[2].partition("[")[0]
        if name not in _functions(root / "tests" / path):
            found.append(f"there is no test {test}")
    return found


def _functions(path: Path) -> set[str]:
    """The names of tests in a file and in the contracts, of which a class of the file may be made."""
    texts = [each.read_text("utf-8") for each in (path, *path.parent.glob("contracts/*.py")) if each.is_file()]
    return set(re.findall(r"^ *(?:async )?def (test_\w+)", "\n".join(texts), re.MULTILINE))


@dataclass(frozen=True, slots=True)
class Run:
    """What pytest said: its exit code (None where it had to be stopped), which tests failed and why, in seconds."""

    code: int | None
    failed: dict[str, str]
    seconds: float
    text: str

    @property
    def skipped(self) -> bool:
        """Whether no test was run: what they need is not installed."""
        return self.code == 0 and " passed" not in self.text

    def has_failed(self, test: str) -> bool:
        """Whether a test failed, or one of those that a name stands for."""
        return any(failed == test or failed.startswith((f"{test}[", f"{test}::")) for failed in self.failed)


class Copy:
    """A copy of the product and its tests in an empty directory, in which one bug at a time is planted."""

    def __init__(self, room: Path) -> None:
        self.room = room
        for name in _NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, room / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, room / name)
        # By the source's hash: a bug may have the same size, and be planted within the second, of what it replaces.
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(room / "mapper", quiet=1, invalidation_mode=mode)

    @contextmanager
    def planted(self, bug: Bug) -> Iterator[None]:
        """The copy with the bug in it. Raises ValueError where its text is not there exactly once."""
        before = {edit.file: (self.room / edit.file).read_text("utf-8") for edit in bug.edits}
        after = dict(before)
        for edit in bug.edits:
            if after[edit.file].count(edit.find) != 1:
                raise ValueError(f"{bug.name}: {edit.file} does not have the text exactly once")
            after[edit.file] = after[edit.file].replace(edit.find, edit.put)
        try:
            for file, text in after.items():
                (self.room / file).write_text(text, "utf-8")
            yield
        finally:
            for file, text in before.items():
                (self.room / file).write_text(text, "utf-8")

    def run(self, tests: Sequence[str], engine: Engine, patience: float = PATIENCE) -> Run:
        """Run some tests on the copy."""
        options = ["-n", "0", "-p", "no:cacheprovider", "-p", "teeth.hunting", "--hypothesis-profile=teeth", "--tb=no"]
        command = [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in tests)]
        before = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=self.room,
            env=self.environment(engine),
            stdout=-1,
            stderr=-2,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                text, _ = process.communicate(timeout=patience)
                code: int | None = process.returncode
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                text, code = process.communicate()[0], None
        failed = dict(re.findall(r"^FAILED tests/(.+?)(?: - (.*))?$", text, re.MULTILINE))
        return Run(code, failed, time.monotonic() - before, text)

    def environment(self, engine: Engine) -> dict[str, str]:
        """That of the tests: the copy comes before what is installed, in the processes that they start as well."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
        path = os.pathsep.join([str(self.room), str(self.room / "tests")])
        return {**mine, "PYTHONPATH": path, "TEETH_ENGINE": engine, "COLUMNS": "500"}

    def is_used(self) -> bool:
        """Whether it is the copy that its tests would import."""
        asked = "import mapper; print(mapper.__file__)"
        said = subprocess.run(
            [sys.executable, "-c", asked],
            cwd=self.room,
            env=self.environment("sqlite"),
            stdout=-1,
            text=True,
            check=True,
        )
        return Path(said.stdout.strip()).is_relative_to(self.room)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a bug: ``caught`` by all of its tests, ``skipped``, or ``missed``, with the reason."""

    bug: Bug
    kind: Literal["caught", "skipped", "missed"]
    why: str
    seconds: float = 0.0


def hunt(copy: Copy, bug: Bug) -> Verdict:
    """Plant a bug and run its tests: each has to fail, and not because Python does not run any more."""
    with copy.planted(bug):
        run = copy.run(bug.tests, bug.engine)
    reasons = [f"{test}: {why}" for test, why in run.failed.items()]
    if run.skipped:
        return Verdict(bug, "skipped", "its tests need what is not installed here (PostgreSQL, strace)", run.seconds)
    if run.code is None:
        return Verdict(bug, "missed", f"its tests hang for {PATIENCE:.0f} seconds", run.seconds)
    if run.code not in (0, 1):
        return Verdict(bug, "missed", f"pytest ended with {run.code}\n{run.text}", run.seconds)
    broken = [test for test, why in run.failed.items() if _BROKEN.match(why)]
    if broken:
        return Verdict(bug, "missed", "it breaks Python and not the product\n" + "\n".join(reasons), run.seconds)
    silent = [test for test in bug.tests if not run.has_failed(test)]
    if silent:
        return Verdict(bug, "missed", "\n".join(f"{test} did not notice" for test in silent), run.seconds)
    return Verdict(bug, "caught", "\n".join(reasons), run.seconds)
