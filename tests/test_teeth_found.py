"""What the seeded bugs of ``tests/teeth`` found untested: each test notices one that no other did, or only by luck."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from contracts.store import forked, several
from deliveries import NOON, PLAIN, Desk, arrival, draft, hashed
from postgres import Postgres
from sqlalchemy import select, text

import mapper
from mapper import codec, event, identity
from mapper.apps.outbox import Habits, Outbox, Sending, of_plan
from mapper.delivery.ledger import Ledger, Wish, claim, open_store, tables, turns
from mapper.delivery.ledger.accept import received
from mapper.delivery.ledger.clock import SteadyClock
from mapper.delivery.ledger.postgres import KNOWN_SIZE
from mapper.delivery.names import Names
from mapper.delivery.values import Arrival, Claim, Ending, Filter, StoreError
from mapper.delivery.worker import Watcher, Worker
from mapper.frozen import replace
from mapper.identity import Stamp
from mapper.outcome import Reply
from mapper.request import Request
from mapper.transports.memory import Memory

ROOT = Path(__file__).resolve().parent.parent
MAPPING = """
mapping: 1
destination: Letters
fields:
  template: {from: traits.template, rules: {required: true}}
  street: {from: traits.street, rules: {required: true}}
  n: traits.n
send:
  url: https://letters.example/orders
"""
#: A value that must be seen at the destination alone.
CANARY = "1 Rocket Road"


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """A mapping's file."""
    (tmp_path / "letters.yaml").write_text(MAPPING, "utf-8")
    return tmp_path / "letters.yaml"


@pytest.fixture
def make(tmp_path: Path, mapping: Path) -> Iterator[Callable[..., Outbox]]:
    """Makes outboxes on one file, which send through a transport."""
    loaded, made = mapper.load(mapping), []

    def one(transport: Any, habits: Habits | None = None, watcher: Watcher | None = None, **policy: Any) -> Outbox:
        plain = replace(of_plan(loaded.plan), stale_after=None, **policy)
        how = Sending(transport=transport, policy=plain, habits=habits, watcher=watcher)
        made.append(Outbox(loaded, tmp_path / "mapper.db", sending=how))
        return made[-1]

    yield one
    for outbox in made:
        outbox.close()


def call(number: int, user: str | None = None, **traits: Any) -> dict[str, Any]:
    """An order."""
    known = {"template": "T1", "street": CANARY, **traits}
    return {"type": "identify", "messageId": f"m{number}", "userId": user or f"u{number}", "traits": known}


class Slow:
    """A destination that takes some time, for some more than for others, and counts how many it has at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.now = self.most = self.count = 0

    async def send(self, request: Request) -> Reply:
        """Take it."""
        del request
        self.now += 1
        self.most = max(self.most, self.now)
        self.count += 1
        await asyncio.sleep(self.seconds * (1 + self.count % 3))
        self.now -= 1
        return Reply(202)


# -------------------------------------------------------------------------------------------------------- on the disk

_ACCEPTS = """
import os, signal, sys
from mapper import pipeline
from mapper.apps.outbox import Outbox
outbox = Outbox(pipeline.load(sys.argv[1]), sys.argv[2])
os.write(1, b"open ")
for line in sys.stdin:
    outbox.accept(line)
    os.write(1, b"taken ")
"""


def accepting(mapping: Path, *calls: dict[str, Any], **more: Any) -> subprocess.CompletedProcess[str]:
    """A process that accepts some calls, one by one, and says so after each."""
    command = [*more.pop("under", ()), sys.executable, "-c", _ACCEPTS, str(mapping), str(mapping.parent / "mapper.db")]
    environ = {**os.environ, **more}
    lines = "".join(json.dumps(one) + "\n" for one in calls)
    return subprocess.run(
        command, cwd=ROOT, env=environ, input=lines, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_event_and_its_persons_traits_are_one_transaction(mapping: Path, make: Callable[..., Outbox]) -> None:
    """Killed right after the commit: the next bare order finds the address, since nobody will say it again."""
    killed = accepting(mapping, call(1, "ada"), MAPPER_FAILPOINT="after_accept:1")
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "open ")
    outbox = make(Memory())
    (again,) = outbox.accept(call(1, "ada"))
    assert again.repeated == "same"
    bare = {"type": "identify", "messageId": "m2", "userId": "ada", "traits": {"template": "T2"}}
    assert outbox.accept(bare)[0].state == "waiting"


def test_an_answer_comes_after_the_sync(mapping: Path) -> None:
    """In the order of the system calls: written, synced, and then the word that it was taken; each time."""
    trace = mapping.parent / "trace"
    strace = ("strace", "-f", "-s", "16", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(trace))
    try:
        done = accepting(mapping, *map(call, range(5)), under=strace)
    except FileNotFoundError:
        pytest.skip("no strace")
    if not done.stdout and "ptrace" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    assert done.stdout == "open " + "taken " * 5, done.stderr
    written = unsynced = False
    answers = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        _, _, what = line.partition(" ")
        what = what.strip()
        if what.startswith(('write(1, "open', 'write(1, "taken')):
            answers.append((written, unsynced))
            written = False
        elif what.startswith("pwrite64("):
            unsynced = written = True
        elif what.startswith(("fsync(", "fdatasync(")):
            unsynced = False
    assert answers[1:] == [(True, False)] * 5


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """From the first moment on, before anything is in it."""
    before = os.umask(0)
    try:
        turns.made(tmp_path / "mapper.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mapper.db").stat().st_mode) == 0o600


def test_processes_write_in_turns(tmp_path: Path) -> None:
    """Who does not have the turn does not write, though the database itself would let it."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    other = turns.Turns(tmp_path / "mapper.db.turn")  # a descriptor of its own, as another process has
    with ThreadPoolExecutor(1) as thread:
        with other.turn():
            writing = thread.submit(desk.accept, arrival("m1"))
            threading.Event().wait(0.3)
            assert not writing.done()
        assert writing.result()[0].state == "ready"
    other.close()
    desk.ledger.close()


_HOLDS = """
import os, sys, time
from pathlib import Path
from mapper.delivery.ledger.turns import Turns
with Turns(Path(sys.argv[1])).turn():
    child = os.fork()
    if child:
        os.write(1, str(child).encode())
    time.sleep(60)
"""


def test_a_turn_ends_with_its_process(tmp_path: Path) -> None:
    """Though a child that it forked lives on, with a copy of its descriptor."""
    file = tmp_path / "mapper.db.turn"
    with subprocess.Popen([sys.executable, "-c", _HOLDS, str(file)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        child = int(os.read(holder.stdout.fileno(), 20))
        holder.kill()
        mine = turns.Turns(file)
        begun = time.monotonic()
        killer = threading.Timer(5, os.kill, (child, signal.SIGKILL))
        killer.start()
        with mine.turn():
            waited = time.monotonic() - begun
        killer.cancel()
        if waited < 4:
            os.kill(child, signal.SIGKILL)
        assert waited < 4
    mine.close()


def test_trouble_is_told_without_the_shortest_value(store_url: str) -> None:
    """A database shortens what it quotes, so that a long value may be unseen by luck: this one is not long."""
    desk = Desk(open_store(store_url))
    desk.store.write(lambda c: c.execute(text("ALTER TABLE paper RENAME TO paper_gone")))
    with pytest.raises(StoreError) as told:
        desk.ledger.accept([replace(arrival("m1"), raw=CANARY.encode())])
    assert CANARY not in "".join(traceback.format_exception(told.value)) + repr(told.value)
    desk.ledger.close()


def test_an_erasure_that_was_cut_short_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody was in the way when the bytes were to go: they go when the store is opened next."""
    from mapper.delivery.ledger.sqlite import SqliteStore  # noqa: PLC0415 - where the store is a file

    def away(_: Any) -> None:
        raise StoreError("somebody reads")

    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    desk.accept(arrival("m1", traits={"street": CANARY}))
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "checkpoint", away)
        assert desk.forget("ada").scrubbed is False
    again = open_store(str(tmp_path / "mapper.db"))  # while the first is open: nobody leaves as the last
    assert [file.name for file in tmp_path.iterdir() if CANARY.encode() in file.read_bytes()] == []
    again.close()
    desk.ledger.close()


def test_two_stores_know_somebody_under_two_names() -> None:
    """Names depend on the store's key: nobody without it can find out by trying whether somebody is in it."""
    one, other = Names(b"a" * 32), Names(b"b" * 32)
    for kind in ("user", "anonymous", "message"):
        assert getattr(one, kind)("ada") != getattr(other, kind)("ada")
    for kind in ("content", "digest", "order"):
        assert getattr(one, kind)(b"ada") != getattr(other, kind)(b"ada")


# ---------------------------------------------------------------------------------------------- many in one transaction


def stored(desk: Desk, *columns: Any) -> list[Any]:
    """What stands in some columns of a table, in the order of their first one."""
    return [tuple(r) for r in desk.store.read(lambda c: c.execute(select(*columns).order_by(columns[0])).all())]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 19, 20, 63, 64, 65, 72, 73, 200])
def test_every_row_of_a_batch_is_stored(count: int, store_url: str) -> None:
    """At each length at which a store changes the way in which it writes: jobs, papers, people, and how tries ended."""
    desk = Desk(open_store(store_url))
    jobs = [receipt.job for receipt in desk.ledger.accept([n_th(n) for n in range(count)])]
    assert jobs == list(range(1, count + 1))
    messages = [hashed(f"m{n}") for n in range(count)]
    assert stored(desk, tables.job.c.id, tables.job.c.message) == list(zip(jobs, messages, strict=True))
    contents = [
        codec.decode(bytes(raw))["traits"] for _, raw in stored(desk, tables.paper.c.job, tables.paper.c.content)
    ]
    assert contents == [{"n": n} for n in range(count)]
    known = {name: codec.decode(bytes(t)) for name, t in stored(desk, tables.identity.c.name, tables.identity.c.traits)}
    assert known == {hashed(f"p{n}"): n_th(n).said for n in range(count)}
    claims = desk.started(most=count)
    desk.ledger.finish([Ending(one.job, one.attempt, "rejected", f"no. {one.job}", 400 + one.job) for one in claims])
    desk.check()
    told = stored(desk, tables.attempt.c.job, tables.attempt.c.because, tables.attempt.c.status)
    assert told == [(job, f"no. {job}", 400 + job) for job in jobs]
    desk.ledger.close()


def n_th(number: int) -> Arrival:
    """A call of somebody who says a number."""
    return arrival(f"m{number}", f"p{number}", traits={"n": number})


def test_tries_that_ended_differently_are_settled_differently(store_url: str) -> None:
    """In one transaction: state, reason, answer, time and counts are of each job's own end."""
    desk = Desk(open_store(store_url))
    desk.accept(*several(7))
    desk.end(desk.started(most=1)[0], "retry")
    desk.later(60)
    claims = {one.job: one for one in desk.started()}
    ends: list[tuple[Any, str, int | None]] = [
        *(("retry", "again", 503), ("retry", "again", 503), ("retry", "later", 503), ("delivered", "", 202)),
        *(("rejected", "no", 404), ("rejected", "no", 410), ("unknown", "silence", None)),
    ]
    now = desk.store.now()
    desk.ledger.finish([Ending(job, claims[job].attempt, *end) for job, end in enumerate(ends, 1)])
    desk.check()
    columns = (tables.job.c[name] for name in ("id", "state", "because", "status", "failures", "due"))
    first, second = PLAIN.schedule.steps[:2]
    assert stored(desk, *columns) == [
        (1, "ready", "again", 503, 2, now + second),
        (2, "ready", "again", 503, 1, now + first),
        (3, "ready", "later", 503, 1, now + first),
        (4, "delivered", None, 202, 0, None),
        (5, "rejected", "no", 404, 0, None),
        (6, "rejected", "no", 410, 0, None),
        (7, "unknown", "silence", None, 0, None),
    ]
    desk.ledger.close()


def test_the_numbers_of_jobs_have_no_gaps(store_url: str) -> None:
    """What was there already takes none: how many there are can be told by the last."""
    desk = Desk(open_store(store_url))
    assert desk.jobs(arrival("m1"), arrival("m1"), arrival("m2")) == [1, 1, 2]
    assert desk.jobs(arrival("m2"), arrival("m1")) == [2, 1]
    assert desk.jobs(arrival("m3"), arrival("m1"), arrival("m4")) == [3, 1, 4]
    desk.ledger.close()


@pytest.mark.parametrize("traits", [{}, {"a": 1, "b": None}])
@pytest.mark.parametrize("older", [{}, {"a": 2, "c": 3}, {"d": 4}])
def test_what_is_stored_of_a_call_is_what_it_says(traits: dict[str, Any], older: dict[str, Any]) -> None:
    """The short way to a record is the long way's end: its own traits are newer than what a context brings along."""
    made = event.read(
        {"type": "identify", "userId": "u", "messageId": "m", "traits": traits, "context": {"traits": older}}, "D"
    )
    assert isinstance(made, event.Identify)
    now = Stamp(17, "m")
    record = identity.record_of_call(made, frozenset("d"), now)
    known = identity.of_call(made, "d", now)
    assert record == known.as_record() == identity.Identity.from_record(record).as_record()
    assert {name: trait.value for name, trait in known.traits.items()} == {
        name: value for name, value in (older | traits).items() if name != "d"
    }
    later = {name: trait.stamp for name, trait in identity.Identity.from_record(record).traits.items()}
    assert later == {name: Stamp(17 if name in traits else 16, "m") for name in later}


def test_a_call_of_the_future_keeps_its_order() -> None:
    """It counts as made now; what its context brought along is still older than what it says itself."""
    made = replace(arrival("m1", at=NOON + 3600), said=[[int((NOON + 3600) * 1e9) - 1, "m1", {"a": 1}]])
    said = [*(made.said or []), [int((NOON + 3600) * 1e9), "m1", {"b": 2}]]
    taken = received(replace(made, said=said), NOON)
    now = int(NOON * 1e9)
    assert (taken.stamp, taken.said) == (Stamp(now, "m1"), [[now - 1, "m1", {"a": 1}], [now, "m1", {"b": 2}]])


# ------------------------------------------------------------------------------------------- a database that plans


@pytest.fixture
def quiet(postgres: Postgres) -> Iterator[Desk]:
    """A desk on PostgreSQL, which does not look at its tables by itself."""
    where = postgres.new_database()
    desk = Desk(open_store(where))
    desk.store.write(lambda c: c.execute(text("ALTER TABLE job SET (autovacuum_enabled = false)")))
    yield desk
    desk.ledger.close()
    postgres.take_back(where)


def known_rows(desk: Desk) -> float:
    """How many jobs PostgreSQL believes to be there."""
    return float(desk.store.read(lambda c: c.execute(KNOWN_SIZE).scalar_one()))


def test_tables_that_grow_are_looked_at(quiet: Desk) -> None:
    """Soon, and not with each batch: until then PostgreSQL plans for tables that are empty."""
    quiet.ledger.accept(several(399))
    before = known_rows(quiet)
    quiet.ledger.accept([arrival("one more")])
    assert (before < 0, known_rows(quiet)) == (True, 400)
    quiet.ledger.accept([arrival(f"later{n}") for n in range(1000)])
    assert known_rows(quiet) == 400
    quiet.ledger.accept([arrival(f"last{n}") for n in range(200)])
    assert known_rows(quiet) == 1600


@pytest.mark.parametrize("trouble", ["SELECT 1 / 0", "SELECT pg_terminate_backend(pg_backend_pid())"])
def test_a_look_that_fails_costs_nothing(trouble: str, quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken is taken: that the tables could not be looked at is nothing to its sender."""
    monkeypatch.setattr("mapper.delivery.ledger.postgres.KNOWN_SIZE", text(trouble))
    assert len(quiet.jobs(*several(400))) == 400
    assert quiet.jobs(arrival("one more")) == [401]


#: What somebody may who did not make the tables.
RIGHTS = (
    "CREATE ROLE clerk LOGIN",
    "GRANT USAGE ON SCHEMA public TO clerk",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk",
)


def test_whoever_may_not_look_may_accept(quiet: Desk, postgres: Postgres) -> None:
    """A user who may read and write the tables, and no more."""
    for right in RIGHTS:
        quiet.store.write(lambda c, right=right: c.execute(text(right)))
    database = quiet.store.read(lambda c: c.execute(text("SELECT current_database()")).scalar_one())
    clerk = Desk(open_store(postgres.url(database).replace("//postgres@", "//clerk@")))
    assert len(clerk.jobs(*several(400))) == 400
    assert known_rows(quiet) < 0
    clerk.ledger.close()
    for taken in ("DROP OWNED BY clerk", "DROP ROLE clerk"):
        quiet.store.write(lambda c, taken=taken: c.execute(text(taken)))


# ------------------------------------------------------------------------------------------------------------ the clock


def test_a_system_clock_that_is_put_right_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an hour, forward or back, while it runs; and what the store has seen already is not undone."""
    clock = SteadyClock()
    begun, wall = clock.now(), time.time()
    for jump in (3600, -3600):
        monkeypatch.setattr(time, "time", lambda jump=jump: wall + jump)
        assert 0 <= clock.now() - begun < 60
    clock.saw(begun - 3600)
    assert 0 <= clock.now() - begun < 60
    clock.saw(begun + 3600)
    assert 3600 <= clock.now() - begun < 3660


# ---------------------------------------------------------------------------------------------------------- the workers


def test_workers_that_claim_at_once_share_the_jobs_and_the_rate(stores: Callable[[], str]) -> None:
    """Several processes: no job for two of them, and no two places closer than the rate allows."""
    where = stores()
    policy = replace(PLAIN, rate=(100, 1))
    first = Ledger(open_store(where), "Inkwell", policy, draft)
    first.accept(several(60))

    def work(who: str) -> list[tuple[int, float]]:
        mine, found = Ledger(open_store(where), "Inkwell", policy), []
        until = time.monotonic() + 10
        while time.monotonic() < until:
            claimed = mine.claim(Wish(who, 3, ahead=0.1))
            found += [(claim.job, claim.at) for claim in claimed.claims]
            if not claimed.claims and mine.due() is None:
                break
        return found

    told = [one for part in forked([lambda n=n: work(f"w{n}") for n in range(4)]) for one in part]
    assert sorted(job for job, _ in told) == list(range(1, 61))
    moments = sorted(at for _, at in told)
    assert min(later - earlier for earlier, later in pairwise(moments)) > policy.gap * 0.99
    first.close()


def test_no_more_is_claimed_than_there_are_slots(make: Callable[..., Outbox]) -> None:
    """Not for a moment, however much waits: what others could send is not kept from them."""
    slow = Slow(0.02)
    outbox = make(slow, Habits(slots=3))
    outbox.accept([call(n) for n in range(20)])
    assert outbox.drain().counts["delivered"] == 20
    assert slow.most == 3


def test_each_leaves_at_its_moment(tmp_path: Path) -> None:
    """Some are claimed ahead of their time: they are not sent ahead of it."""
    ledger = Ledger(open_store(str(tmp_path / "mapper.db")), "Letters", replace(PLAIN, rate=(20, 1)), draft)
    ledger.accept(several(6))
    early: list[float] = []

    async def post(claim: Claim) -> Ending:
        early.append(claim.at - ledger.store.now())
        return Ending(claim.job, claim.attempt, "delivered")

    asyncio.run(Worker(ledger, post, Habits(ahead=0.25)).run(until_empty=True))
    assert len(early) == 6
    assert max(early) < 0.01
    ledger.close()


def test_a_drain_waits_for_what_comes_of_what_is_under_way(make: Callable[..., Outbox]) -> None:
    """Nothing is due while a person's first card is under way; the second is, when that has ended."""
    outbox = make(Slow(0.1))
    outbox.accept([call(1, "ada"), call(2, "ada")])
    assert outbox.drain().counts["delivered"] == 2


def test_a_run_keeps_its_cap_over_many_claims(make: Callable[..., Outbox]) -> None:
    """With one slot each claim is for one job; the cap is for all of them."""
    memory = Memory()
    outbox = make(memory, Habits(slots=1), cap_run=3)
    outbox.accept([call(n) for n in range(8)])
    counts = outbox.drain().counts
    assert (len(memory.requests), counts["delivered"], counts["held"]) == (3, 3, 5)


def test_a_way_to_send_that_fails_leaves_a_doubt_and_no_value(tmp_path: Path) -> None:
    """Its request may have left, so nobody knows; and an exception may quote what was to be sent."""

    async def breaks(claim: Claim) -> Any:
        raise ValueError(claim.content.decode())

    ledger = Ledger(open_store(str(tmp_path / "mapper.db")), "Letters", PLAIN, draft)
    (receipt,) = ledger.accept([arrival("m1", traits={"street": CANARY})])
    asyncio.run(Worker(ledger, breaks).run(until_empty=True, patience=1.0))
    story = ledger.story(receipt.job)
    assert story is not None
    assert (story.row.state, story.row.because) == ("unknown", "sending failed with ValueError")
    assert CANARY not in f"{story.row} {story.attempts}"
    ledger.close()


def test_the_contents_of_what_is_open_stay(tmp_path: Path) -> None:
    """However long it waits for a person's word, or for a destination: it may still be sent."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    unknown, held, ready, waiting = desk.jobs(*several(3), arrival("m9", "p2"))
    desk.end(desk.started(most=1)[0], "unknown")
    desk.act("hold", held)
    assert [desk.state(job) for job in (unknown, held, ready, waiting)] == ["unknown", "held", "ready", "waiting"]
    desk.later(365 * 86_400)
    assert desk.ledger.prune(90 * 86_400.0) == 0
    assert None not in [desk.content(job) for job in (unknown, held, ready, waiting)]
    desk.ledger.close()


def test_what_takes_too_long_is_given_up_and_nobody_knows(make: Callable[..., Outbox]) -> None:
    """Told to stop while a destination hangs: it ends in its time, and what was under way is not sent again."""
    arrived = threading.Event()

    class Hangs:
        async def send(self, request: Request) -> Reply:
            del request
            arrived.set()
            await asyncio.sleep(30)
            return Reply(202)

    outbox = make(Hangs(), Habits(drain=0.1))
    (receipt,) = outbox.accept(call(1))
    worker = threading.Thread(target=outbox.run, daemon=True)
    worker.start()
    assert arrived.wait(10)
    outbox.stop()
    worker.join(3)
    assert not worker.is_alive()
    assert outbox.ledger.rows(Filter(jobs=(receipt.job,)))[0].state == "unknown"


def test_nothing_leaves_that_could_not_be_written_down(
    make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is away when jobs are to start whose moments lay ahead: each leaves when it is written down, once."""
    memory = Memory()
    outbox = make(memory, rate=(300, 1))
    outbox.accept([call(1, n=1), call(2, n=2)])
    start, seen = outbox.ledger.start, []

    def away(who: str, jobs: frozenset[int]) -> frozenset[int]:
        seen.append(len(memory.requests))
        if len(seen) <= 2:
            raise StoreError("away")
        return start(who, jobs)

    monkeypatch.setattr(outbox.ledger, "start", away)
    monkeypatch.setattr("mapper.delivery.worker._AFTER_TROUBLE", 0.01)
    asyncio.run(_until(outbox, lambda: len(memory.requests) == 2))
    assert seen[0] == 0
    assert [row.attempts for row in outbox.ledger.rows(Filter())] == [1, 1]
    assert len({request.content for request in memory.requests}) == len(memory.requests) == 2


def test_nothing_leaves_of_a_claim_that_could_not_be_written_down(
    make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may leave at once is started in the claim itself: where that comes to nothing, nothing has begun."""
    memory = Memory()
    outbox = make(memory)
    outbox.accept([call(1), call(2)])
    ledger, store, whole, seen = outbox.ledger, outbox.ledger.store, outbox.ledger.claim, []

    def full(wish: Wish) -> Any:
        def work(connection: Any) -> None:
            started = claim.claim(connection, store, ledger.account, ledger.policy, wish).claims
            seen.append((len(memory.requests), [one.started for one in started]))
            raise StoreError("the disk is full")

        return whole(wish) if len(seen) == 2 else store.write(work)

    monkeypatch.setattr(ledger, "claim", full)
    monkeypatch.setattr("mapper.delivery.worker._AFTER_TROUBLE", 0.01)
    asyncio.run(_until(outbox, lambda: len(memory.requests) == 2))
    assert seen == [(0, [True, True])] * 2
    assert [row.attempts for row in ledger.rows(Filter())] == [1, 1]
    assert outbox.status().counts["delivered"] == 2


async def _until(outbox: Outbox, done: Callable[[], bool]) -> None:
    """Let it work until something holds; five seconds at most."""
    working = asyncio.create_task(outbox.arun())
    for _ in range(500):
        if done():
            break
        await asyncio.sleep(0.01)
    outbox.stop()
    await working


def test_an_end_is_told_until_it_is_written_down(make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is away when the answer comes: what is known does not become unknown by that."""
    outbox = make(Memory())
    (receipt,) = outbox.accept(call(1))
    finish, tried = outbox.ledger.finish, []

    def away(endings: Any) -> Any:
        tried.append(1)
        if len(tried) < 3:
            raise StoreError("away")
        return finish(endings)

    monkeypatch.setattr(outbox.ledger, "finish", away)
    monkeypatch.setattr("mapper.delivery.worker._AFTER_TROUBLE", 0.01)
    outbox.drain()
    assert outbox.ledger.rows(Filter(jobs=(receipt.job,)))[0].state == "delivered"


def test_what_leaves_is_what_was_accepted_byte_for_byte(make: Callable[..., Outbox], mapping: Path) -> None:
    """The bytes that the mapping made, as they were stored, on every try; numbers and letters as they came."""
    memory = Memory()
    told: list[bytes] = []

    class Claims(Watcher):
        def begun(self, claim: Claim) -> None:
            told.append(claim.content)

    outbox = make(memory, watcher=Claims())
    odd = call(1, n=1.0, street="Straße\u2028 12")
    outbox.accept(odd)
    outbox.drain()
    made = mapper.load(mapping).transform(odd).request
    assert made is not None
    assert [request.content for request in memory.requests] == told == [made.content]
