"""What holds for every test: no network but this machine's own, no settings from the developer's shell, known seeds."""

from __future__ import annotations

import functools
import gc
import os
import re
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from postgres import Postgres, installed
from typer.main import get_command

# `make test` draws the same examples every time, so that a red run is about the change and not about luck.
# `make fuzz` is for luck: fresh examples from a seed that it prints.
# No deadline: a machine that is busy with something else is not a failure.
settings.register_profile("test", derandomize=True, deadline=None)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=2000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("test")

# Whoever starts us with `nohup ... &` has these ignored, and every process that a test starts inherits it: then a test
# that presses Ctrl-C waits for ever. (pytest itself is interrupted as usual.)
for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

_MAPPINGS = Path(__file__).resolve().parent.parent / "mappings"
#: Settings that the shipped mappings read. A developer may have real keys in the shell: each send is a paid postcard.
_SETTINGS = {
    name for path in _MAPPINGS.glob("*.yaml") for name in re.findall(r"\benv: *(\w+)", path.read_text("utf-8"))
}
_THIS_MACHINE = ("127.", "::1", "localhost")

_connect = socket.socket.connect


def _connect_here_only(self: socket.socket, address: Any) -> None:
    """Connect where the address is this machine's own (or a path), else fail the test."""
    if isinstance(address, tuple) and not str(address[0]).startswith(_THIS_MACHINE):
        message = f"a test wanted to reach {address[0]}: tests send to this machine only"
        raise AssertionError(message)
    _connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def _no_outside() -> Iterator[None]:
    """Keep a test from ordering a postcard, and from depending on who runs it."""
    theirs = [name for name in os.environ if name.startswith("PG")]  # PGHOST and others, which libpq reads
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _connect_here_only)
        for name in sorted({"MAPPER_MAPPING", *_SETTINGS, *theirs}):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _commands_made_once() -> Iterator[None]:
    """Typer makes its tree of all commands for each run, in longer than most runs take; it is the same each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(get_command))
        yield


@pytest.fixture
def fuzz_seed() -> int:
    """The seed of this run, for a fuzz test that draws without hypothesis; ``make fuzz SEED=...`` sets it."""
    return int(os.environ.get("FUZZ_SEED", "0"))


# ------------------------------------------------------------------------------------------------ the two engines

#: What the tests of this process found of the engines, for the summary.
_ENGINES = pytest.StashKey[set[str]]()
#: With ``POSTGRES_TESTS=required``, as in .ci/run, a missing PostgreSQL fails the tests instead of skipping them.
_REQUIRED = "POSTGRES_TESTS"


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A PostgreSQL server of this process's own, started for the first test that asks: crash it as you like."""
    programs = installed()
    if not programs:
        request.config.stash[_ENGINES].add("PostgreSQL not installed, its tests are skipped")
        refuse = pytest.fail if os.environ.get(_REQUIRED) == "required" else pytest.skip
        refuse("PostgreSQL is not installed: no initdb on the PATH, nor under /usr/lib/postgresql")
    with Postgres(programs) as server:
        request.config.stash[_ENGINES].add(f"PostgreSQL {server.version}")
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """For a test that runs on both engines: each call is the URL of another empty store."""
    given: list[str] = []
    if request.param == "sqlite":
        request.config.stash[_ENGINES].add(f"SQLite {sqlite3.sqlite_version}")
        yield lambda: given.append(f"sqlite:///{tmp_path}/mapper{len(given) or ''}.db") or given[-1]
    else:
        server = request.getfixturevalue("postgres")
        yield lambda: given.append(server.new_database()) or given[-1]
        for url in given:
            server.take_back(url)


@pytest.fixture
def store_url(stores: Callable[[], str]) -> str:
    """For a test that runs on both engines: the URL of an empty store."""
    return stores()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no engine."""
    config.stash[_ENGINES] = set()


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was collected here: it stays to the end, and is most of what there is."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints the summary, where this is one of xdist's workers."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["engines"] = sorted(session.config.stash[_ENGINES])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what a worker of xdist found; one that crashed says nothing."""
    node.config.stash[_ENGINES].update(getattr(node, "workeroutput", {}).get("engines", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which engines the tests ran on."""
    if config.stash[_ENGINES]:
        terminalreporter.write_line(f"engines: {', '.join(sorted(config.stash[_ENGINES]))}")
