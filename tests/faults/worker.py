"""A driver program: the sending process, which runs an Outbox until it is asked to end.

Knows how an Outbox is made and asked, for both driver programs: this is the one file that names modules of the product.
Must not judge. ``options`` of a child::

    product     mapper, or standin, which proves the rig
    store       the store's path or URL
    mapping     the mapping's file; its receiver's address is in FAULTS_URL
    lease       seconds after which what was begun counts as lapsed
    failpoint   NAME or NAME:N of a point at which this process kills itself
    policy      other members of the product's Policy than the mapping's
    schedule    other members of its Schedule
    http        how its transport is made, such as a shorter deadline
    slots       requests under way at once
    pragmas     SQLite settings instead of the product's own, weaker ones too
    bug         of standin only: a mistake for the rig to find
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

#: The modules that are imported before the first fork.
PRODUCTS: Final = {
    "mapper": (
        "mapper.pipeline",
        "mapper.apps.outbox",
        "mapper.apps.outbox.watching.logs",
        "mapper.transports.http",
        "mapper.delivery.failpoints",
        "mapper.delivery.ledger.sqlite",
        "anyio._backends._asyncio",  # this and the next are what httpx leaves for its first request
        "httpcore",
    ),
    "standin": (f"{__name__.rpartition('.')[0]}.standin",),
}
#: Imported as well, where they are installed.
OPTIONAL: Final = {
    "mapper": ("mapper.delivery.ledger.postgres", "sqlalchemy.dialects.postgresql.psycopg", "psycopg"),
    "standin": (),
}
#: Seconds between two looks for what has lapsed, and until a job is tried again, as a part of the lease.
_PART: Final = 0.2
#: More rows than any test has.
_ALL: Final = 10_000_000


#: Takes the body that leaves, or the number of a job that is settled and its state.
Tell = Callable[[bytes | int, str], None]


class Box(Protocol):
    """What the rig asks of a product."""

    def accept(self, events: Sequence[bytes]) -> Sequence[Any]:
        """Take events; receipts with ``job``, ``state`` and ``repeated``."""

    def run(self) -> None:
        """Send until stopped."""

    def stop(self) -> None:
        """Let ``run`` end; from a signal."""

    def forget(self, user: str) -> bool:
        """Erase a person; whether the files are scrubbed already."""

    def resolve(self, verb: str, jobs: Sequence[int]) -> None:
        """Say of unknown jobs that they were taken (``deliver``) or not (``resend``), as a person does."""

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""

    def rows(self) -> Sequence[Any]:
        """Every job, with ``job``, ``state`` and ``attempts``."""

    def close(self) -> None:
        """Let go of the store."""


def outbox(options: dict[str, Any], tell: Tell | None = None) -> Box:
    """An outbox on the store, with its failpoint armed; it logs all that it can to the standard error.

    With ``tell`` it sends to nobody: each body that would leave, and each job that is settled, is told instead.
    """
    if options["product"] == "standin":
        stand_in: Box = importlib.import_module(PRODUCTS["standin"][0]).Outbox(options)
        return stand_in
    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)  # statements; at DEBUG it shows rows, as it is asked
    return _Mapper(options, tell)


class _Mapper:
    """The product."""

    def __init__(self, options: dict[str, Any], tell: Tell | None) -> None:
        importlib.import_module("mapper.delivery.failpoints").arm(options.get("failpoint"))
        if options.get("pragmas"):
            _weaken(options["pragmas"])
        made = importlib.import_module("mapper.apps.outbox")
        mapper = importlib.import_module("mapper.pipeline").load(options["mapping"])
        lease = options["lease"]
        policy = made.of_plan(mapper.plan)
        schedule = dataclasses.replace(policy.schedule, **{"steps": (lease * _PART,), **options.get("schedule", {})})
        policy = dataclasses.replace(policy, **{"lease": lease, "schedule": schedule, **options.get("policy", {})})
        habits = made.Habits(sweep=lease * _PART, slots=options.get("slots", made.Habits().slots))
        logs = importlib.import_module("mapper.apps.outbox.watching.logs").Logs()
        watcher, way = (logs, _transport(mapper, options.get("http"))) if tell is None else (_Told(tell), _Told(tell))
        sending = made.Sending(way, policy=policy, habits=habits, watcher=watcher)
        self._outbox = made.Outbox(mapper, options["store"], sending=sending)
        self.accept = self._outbox.accept
        self.run = self._outbox.run
        self.stop = self._outbox.stop
        self.close = self._outbox.close

    def forget(self, user: str) -> bool:
        wish = importlib.import_module("mapper.delivery.ledger.forget").Wish
        receipt = self._outbox.ledger.forget(wish(self._outbox.intake.person(user), "the fault tests"))
        return bool(receipt.scrubbed or receipt.under_way)

    def resolve(self, verb: str, jobs: Sequence[int]) -> None:
        if not jobs:  # a filter that names none means all
            return
        deed = importlib.import_module("mapper.delivery.ledger.acts").Deed
        chosen = importlib.import_module("mapper.delivery.values").Filter(jobs=tuple(jobs))
        self._outbox.ledger.act(deed(verb, chosen, "the fault tests"))

    def counts(self) -> dict[str, int]:
        return dict(self._outbox.status().counts)

    def rows(self) -> Sequence[Any]:
        wanted = importlib.import_module("mapper.delivery.values").Filter(most=_ALL)
        found: Sequence[Any] = self._outbox.ledger.rows(wanted)
        return found


class _Told:
    """A way out and a watcher, for an outbox that sends to nobody."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._reply = importlib.import_module("mapper.outcome").Reply

    async def send(self, request: Any) -> Any:
        self._tell(request.content, "sending")
        return self._reply(202)

    def settled(self, ending: Any, settled: Any) -> None:
        self._tell(ending.job, settled.state)

    def __getattr__(self, name: str) -> Any:
        if name in ("accepted", "claimed", "begun", "ended", "swept", "paused", "trouble"):
            return lambda *_: None
        raise AttributeError(name)


def _transport(mapper: Any, http: dict[str, Any] | None) -> Any:
    """The product's own way out, or one made as the options say."""
    if http is None:
        return "http"
    return importlib.import_module("mapper.transports.http").Http(mapper.secrets({}), **http)


def _weaken(pragmas: dict[str, str]) -> None:
    """Give SQLite other settings than the product's, and keep the product from refusing them."""
    sqlite: Any = importlib.import_module("mapper.delivery.ledger.sqlite")
    names = {setting.partition("=")[0] for setting in sqlite._SETTINGS}  # noqa: SLF001 - there is no such option
    assert set(pragmas) <= names, "the product has no such setting: nothing would be proved"
    kept = [setting for setting in sqlite._SETTINGS if setting.partition("=")[0] not in pragmas]  # noqa: SLF001 - as above
    sqlite._SETTINGS = (*kept, *(f"{name}={value}" for name, value in pragmas.items()))  # noqa: SLF001 - as above
    sqlite.SqliteStore._refuse_less = lambda *_: None  # noqa: SLF001 - as above


def run(options: dict[str, Any], _listener: socket.socket) -> int:
    """Send until SIGTERM; the exit code."""
    box = outbox(options)
    signal.signal(signal.SIGTERM, lambda *_: box.stop())
    try:
        box.run()
    finally:
        box.close()
    return 0
