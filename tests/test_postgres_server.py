"""The PostgreSQL server that the tests start is a real one, is private, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from postgres import Postgres, installed

#: A process that starts a server, says where, and waits. The first port that it tries is taken.
_STARTER = """
import itertools, sys, time
sys.path.insert(0, sys.argv[1])
import postgres
free_ports = postgres._free_ports
postgres._free_ports = lambda: itertools.chain([int(sys.argv[2])], free_ports())
with postgres.Postgres(postgres.installed()) as server:
    print(server.port, server.directory, flush=True)
    time.sleep(60)
"""


def ask(url: str, query: str) -> str:
    """The one value that a query answers, as text."""
    with psycopg.connect(url, autocommit=True) as connection:
        return str(connection.execute(query).fetchone()[0])


def tell(url: str, statement: str) -> None:
    """Run and commit a statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether this comes true within 10 seconds."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_it_is_durable(postgres: Postgres, setting: str) -> None:
    """A commit is on disk, as on a server that people pay for: else no crash test would mean anything."""
    assert ask(postgres.url(), f"SHOW {setting}") == "on"


def test_it_runs_as_an_ordinary_user(postgres: Postgres) -> None:
    """Root owns neither the process (who wrote the file with its number) nor what it writes."""
    assert (postgres.directory / "data" / "postmaster.pid").stat().st_uid != 0
    assert postgres.directory.stat().st_uid != 0


def test_it_listens_on_the_loopback_only(postgres: Postgres) -> None:
    """It is there on 127.0.0.1, and on no other address, not even another one of the loopback."""
    assert ask(postgres.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert listens(postgres.port)
    assert [host for host in ("127.0.0.2", "::1") if listens(postgres.port, host)] == []


def test_its_socket_is_out_of_the_way(postgres: Postgres) -> None:
    """The Unix socket is in the server's own directory, which others cannot enter, and lets nobody in."""
    assert (postgres.directory / f".s.PGSQL.{postgres.port}").is_socket()
    assert postgres.directory.stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
        psycopg.connect(host=str(postgres.directory), port=postgres.port, user="postgres", dbname="postgres")


def test_its_version_is_the_one_that_answers(postgres: Postgres) -> None:
    """What the summary names is what ran."""
    assert ask(postgres.url(), "SHOW server_version").split()[0] == postgres.version


def test_databases_are_separate(postgres: Postgres) -> None:
    """What is written into one is not in the next, and both start empty."""
    one, other = postgres.new_database(), postgres.new_database()
    tell(one, "CREATE TABLE jobs (id int)")
    assert ask(one, "SELECT to_regclass('jobs')") == "jobs"
    assert ask(other, "SELECT to_regclass('jobs')") == "None"


def test_a_returned_database_is_as_new(postgres: Postgres) -> None:
    """Tables, schemas, functions, settings, and a connection that its last user forgot, are gone."""
    url = postgres.new_database()
    tell(url, "CREATE SCHEMA old; CREATE TABLE old.jobs (id int); CREATE TABLE jobs (id int); CREATE TYPE t AS (a int)")
    tell(
        url,
        f"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER DATABASE {url.split('/')[-1]} SET jit = 0",
    )
    forgotten = psycopg.connect(url)
    forgotten.execute("LOCK TABLE jobs")
    postgres.take_back(url)
    again = postgres.new_database()
    assert again == url
    left = "SELECT count(*) FROM {} JOIN pg_namespace n ON n.oid = {} WHERE nspname !~ '^pg_|^information_schema$'"
    places = {"pg_class": "relnamespace", "pg_proc": "pronamespace", "pg_type": "typnamespace"}
    assert [ask(again, left.format(*place)) for place in places.items()] == ["0", "0", "0"]
    assert ask(again, "SELECT string_agg(nspname, ' ') FROM pg_namespace WHERE nspname !~ '^pg_'").split() == [
        "information_schema",
        "public",
    ]
    assert ask(again, "SHOW jit") == "on"
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    forgotten.close()


def test_stores_are_empty_and_separate(stores: Callable[[], str], store_url: str) -> None:
    """What the tests of both engines get: each time another store, which nobody has written to."""
    urls = [store_url, stores(), stores()]
    assert len(set(urls)) == 3
    for url in urls:
        engine, _, place = url.partition("://")
        if engine == "sqlite":
            assert Path(place[1:]).parent.is_dir()
            assert not Path(place[1:]).exists()
        else:
            assert ask(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


@pytest.mark.parametrize("immediate", [True, False])
def test_what_was_committed_survives_a_restart(postgres: Postgres, *, immediate: bool) -> None:
    """On the same port, and what was not committed is gone; after a crash (``immediate``) the log is replayed."""
    url, port, before = postgres.new_database(), postgres.port, postgres.log.read_text("utf-8")
    tell(url, "CREATE TABLE jobs (id int); INSERT INTO jobs VALUES (1)")
    unfinished = psycopg.connect(url)
    unfinished.execute("INSERT INTO jobs VALUES (2)")
    postgres.restart(immediate=immediate)
    assert postgres.port == port
    assert ask(url, "SELECT string_agg(id::text, ',') FROM jobs") == "1"
    with pytest.raises(psycopg.OperationalError):
        unfinished.execute("COMMIT")
    unfinished.close()
    said = postgres.log.read_text("utf-8").removeprefix(before)
    assert ("automatic recovery in progress" in said) == immediate


def test_a_restart_while_clients_keep_coming(postgres: Postgres) -> None:
    """Those who try again and again neither keep it from its port nor reach anything else there."""
    stopped, refused = threading.Event(), []

    def knock() -> None:
        while not stopped.is_set():
            if not listens(postgres.port):
                refused.append(1)

    threads = [threading.Thread(target=knock) for _ in range(2)]
    for thread in threads:
        thread.start()
    postgres.restart(immediate=True)
    stopped.set()
    for thread in threads:
        thread.join()
    assert refused
    assert ask(postgres.url(), "SELECT 1") == "1"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_the_tests_end(postgres: Postgres, end: signal.Signals) -> None:
    """After a Ctrl-C and after a SIGKILL of the tests' process the server is gone, and its files are.

    Until then it served, although another server had the port that it wanted.
    """
    command = [sys.executable, "-c", _STARTER, str(Path(__file__).parent), str(postgres.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as starter:
        port, directory = starter.stdout.readline().split()
        assert int(port) != postgres.port
        assert listens(int(port))
        os.kill(starter.pid, end)
    assert eventually(lambda: not listens(int(port)) and not Path(directory).exists())


def test_a_server_that_cannot_start_says_why(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds the server's own words, and what was made until then is gone."""
    monkeypatch.setattr("postgres._SETTINGS", "no_such_setting = 1\n")
    server = Postgres(installed())
    with pytest.raises(RuntimeError, match="unrecognized configuration parameter"), server:
        pass
    assert server.directory != postgres.directory
    assert not server.directory.exists()
