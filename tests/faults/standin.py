"""A tiny outbox on SQLite that stands in for the product, to prove that the rig runs and that it finds mistakes.

Knows the face ``worker.Box``. Must not be taken for a model: it keeps the promises and has nothing else.
``bug`` makes one mistake: ``early`` answers before the commit, ``late_mark`` marks a job as sending after its request,
``twice`` sends what has lapsed again whatever the mapping says, ``garbled`` changes the bytes of a second attempt,
``talking`` prints what it sends, ``forgetful`` never takes up what has lapsed, ``eager`` accepts a repeated message as
a new one, ``clinging`` forgets a person but keeps the bytes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

_TABLE: Final = """CREATE TABLE IF NOT EXISTS job (
    job INTEGER PRIMARY KEY, message TEXT UNIQUE, person TEXT, body BLOB, state TEXT, until REAL, attempts INTEGER)"""
_VERBS: Final = {"deliver": "delivered", "resend": "ready"}
_CLAIM: Final = """UPDATE job SET until = :until WHERE job =
    (SELECT job FROM job WHERE state = 'ready' AND until < :now ORDER BY job LIMIT 1) RETURNING job, body, attempts"""


class Outbox:
    """The face. ``options`` are those of a driver program."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._bug = options.get("bug")
        self._lease = options["lease"]
        self._resend = "resend" in options["mapping"]
        self._database = sqlite3.connect(options["store"], isolation_level=None, timeout=30, check_same_thread=False)
        self._switch_to_wal()
        for setting in ("synchronous=FULL", "secure_delete=ON"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(_TABLE)
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def _switch_to_wal(self) -> None:
        """Where two processes switch a new file at once, SQLite refuses one of them without waiting."""
        until = time.monotonic() + 30
        while True:
            try:
                self._database.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.005)
            else:
                return

    def accept(self, events: Sequence[bytes]) -> list[SimpleNamespace]:
        """Keep events, all or none."""
        if self._bug == "early":
            threading.Timer(0.05, self._keep, [events]).start()
            return [SimpleNamespace(job=None, state="ready", repeated="") for _ in events]
        return self._keep(events)

    def stop(self) -> None:
        """Let ``run`` end."""
        self._stopped.set()

    def run(self) -> None:
        """Send what is due until asked to stop."""
        while not self._stopped.is_set():
            self._sweep()
            row = self._do(_CLAIM, until=time.time() + self._lease, now=time.time())
            if row:
                self._passed("after_claim")
                self._send(*row[0])
            else:
                self._stopped.wait(0.005)

    def resolve(self, verb: str, jobs: Sequence[int]) -> None:
        """What a person says of unknown jobs."""
        for job in jobs:
            self._do("UPDATE job SET state = :to WHERE job = :job", to=_VERBS[verb], job=job)

    def forget(self, user: str) -> bool:
        """Erase a person."""
        change = "state = 'erased'" if self._bug == "clinging" else "body = x'', person = NULL"
        with self._lock, self._transaction():
            self._database.execute(f"UPDATE job SET {change} WHERE person = ?", [user])  # noqa: S608 - one of two
            self._passed("in_forget")
        self._passed("after_forget")
        self._passed("in_checkpoint")
        with self._lock:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        return Counter(row.state for row in self.rows())

    def rows(self) -> list[SimpleNamespace]:
        """Every job."""
        found = self._do("SELECT job, state, attempts FROM job ORDER BY job")
        return [SimpleNamespace(job=job, state=state, attempts=attempts) for job, state, attempts in found]

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _keep(self, events: Sequence[bytes]) -> list[SimpleNamespace]:
        with self._lock, self._transaction():
            receipts = [self._keep_one(json.loads(event)) for event in events]
            self._passed("in_accept")
        self._passed("after_accept")
        return receipts

    def _keep_one(self, event: dict[str, Any]) -> SimpleNamespace:
        key = event["messageId"] if self._bug != "eager" else f"{event['messageId']}-{time.time()}"
        body = json.dumps(event["traits"], ensure_ascii=False, separators=(",", ":")).encode()
        statement = "INSERT OR IGNORE INTO job VALUES (NULL, ?, ?, ?, 'ready', 0, 0)"
        fresh = self._database.execute(statement, [key, event["userId"], body]).rowcount
        job, state = self._database.execute("SELECT job, state FROM job WHERE message = ?", [key]).fetchone()
        return SimpleNamespace(job=job, state=state, repeated="" if fresh else "same")

    def _sweep(self) -> None:
        if self._bug == "forgetful":
            return
        then = "ready" if self._resend or self._bug == "twice" else "unknown"
        self._do("UPDATE job SET state = :then WHERE state = 'sending' AND until < :now", then=then, now=time.time())

    def _send(self, job: int, body: bytes, attempts: int) -> None:
        until = time.time() + self._lease
        self._passed("before_start")
        begin = "UPDATE job SET state = 'sending', attempts = attempts + 1, until = :until WHERE job = :job"
        if self._bug != "late_mark":
            self._do(begin, job=job, until=until)
        self._passed("after_start")
        if self._bug == "talking":
            sys.stderr.write(f"sending {body!r}\n")
        status = self._post(body + b" " if self._bug == "garbled" and attempts else body)
        self._passed("after_reply")
        state = {202: "delivered", 503: "ready"}.get(status, "unknown")
        with self._lock, self._transaction():
            self._database.execute("UPDATE job SET state = ?, until = 0 WHERE job = ?", [state, job])
            self._passed("in_finish")
        self._passed("after_finish")

    def _post(self, body: bytes) -> int:
        address = urlsplit(os.environ["FAULTS_URL"])
        line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
        with contextlib.closing(line):
            try:
                line.request("POST", address.path, body)
                return line.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    def _do(self, statement: str, **values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Any:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _passed(self, name: str) -> None:
        if name == self._options.get("failpoint"):
            os.kill(os.getpid(), signal.SIGKILL)
