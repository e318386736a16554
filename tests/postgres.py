"""A PostgreSQL server of the tests' own: made, started, crashed, and gone at the end, whatever the end is.

::

    with Postgres(installed()) as server:
        url = server.new_database()
        ...
        server.restart(immediate=True)  # as after a power cut: the next start recovers from the log

It is as durable as a real one (``fsync`` is on), since what the tests ask is what survives. It listens on 127.0.0.1
only and believes whoever connects there, so nothing but made-up people belongs into it. It needs PostgreSQL 14 or
newer and shares no code with the product, not even a driver.
"""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

#: Where distributions put the programs of a server without putting them on the PATH (Debian; Fedora and its like).
_SHELVES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql")
#: Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152 elsewhere). Else,
#: while the server is down, the port could go to somebody else, or a client that keeps trying could reach itself.
_PORTS = range(20_000, 30_000)
#: Seconds that a server may take to start, or to recover.
_PATIENCE = 60

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{directory}'
fsync = on
full_page_writes = on
synchronous_commit = on
shared_buffers = 16MB
max_wal_size = 256MB
"""

#: Makes a database as good as new: nobody else in it, no table, no setting. It takes a tenth of the time of a new one,
#: whose 300 files have to be made first.
_EMPTY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
    CREATE SCHEMA public;
END $$;
"""

#: Its input ends when the process of the tests ends, even by SIGKILL; a line says the same earlier. What is thrown
#: away need not be stopped politely.
_KEEPER = """
read -r _
"$0" stop --silent --mode=immediate --pgdata="$1/data"
rm -rf -- "$1"
"""


def installed() -> Path | None:
    """The directory of the server's programs, if they are here: from the PATH, else the newest on the shelves."""
    found = shutil.which("initdb")
    shelves = sorted((path for shelf in _SHELVES for path in Path("/").glob(shelf)), key=_version, reverse=True)
    for directory in [*([Path(found).resolve().parent] if found else []), *shelves]:
        if all((directory / name).exists() for name in _PROGRAMS):
            return directory
    return None


def _version(directory: Path) -> tuple[float, ...]:
    """The version in a path, to compare: 9.6 is older than 15."""
    return tuple(float(number) for number in re.findall(r"\d+(?:\.\d+)?", str(directory)))


class Postgres:
    """One server with its own data directory, from ``__enter__`` to ``__exit__``. The superuser is ``postgres``.

    ``port`` stays the same over restarts; ``directory`` holds all that the server writes; ``log`` is what it says.
    """

    def __init__(self, programs: Path) -> None:
        self.port = 0
        self.directory = Path()
        self._programs = programs
        self._numbers = itertools.count(1)
        self._returned: list[str] = []
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.directory / "log"

    @property
    def version(self) -> str:
        """The server's version, such as ``15.18``."""
        return self._run("postgres", "--version").split()[2]

    def __enter__(self) -> Self:
        try:
            self._make()
            self._start_anywhere()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as a store is told it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of an empty database."""
        if self._returned:
            name = self._returned.pop()
            self._sql(name, _EMPTY)
        else:
            name = f"test_{next(self._numbers)}"
            self._sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def take_back(self, url: str) -> None:
        """Whoever has this database, from `new_database`, is done with it: another test may have it, emptied."""
        self._returned.append(url.rpartition("/")[2])

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again, on the same port; returns when it takes connections.

        Every connection breaks. With ``immediate`` no transaction is finished and nothing is written that is not on
        disk already, as in a crash; without, the server shuts down properly first.
        """
        self._pg_ctl("stop", f"--mode={'immediate' if immediate else 'fast'}")
        self._start()

    def stop(self) -> None:
        """End it for good, and remove all that it wrote. Doing so again does nothing."""
        keeper, self._keeper = self._keeper, None
        if keeper:
            keeper.communicate(b"\n", timeout=_PATIENCE)
            shutil.rmtree(self.directory, ignore_errors=True)  # where the other user may not remove its own directory

    def _make(self) -> None:
        """Make the data directory. From here on the keeper sees to the end."""
        self.directory = Path(tempfile.mkdtemp(prefix="mapper-postgres-"))
        other = _other_user()
        if other:
            os.chown(self.directory, other["user"], other["group"])
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, str(self._programs / "pg_ctl"), str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for the tests
            **self._surroundings(),
        )
        # Nobody misses what a crash of the whole machine would take from a new cluster, so `initdb` need not sync.
        self._run("initdb", "--no-sync", "--username=postgres", "--encoding=UTF8", "--auth=trust", *self._data())
        (self.directory / "data" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n", "utf-8")
        with (self.directory / "data" / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS.format(directory=self.directory))

    def _start_anywhere(self) -> None:
        """Start on a port that is free. Between our look and the start another may take it: then on the next one."""
        for self.port in itertools.islice(_free_ports(), 5):
            try:
                return self._start()
            except RuntimeError as error:
                if "Address already in use" not in str(error):
                    raise
        message = "every port that was free was taken before the server started"
        raise RuntimeError(message)

    def _start(self) -> None:
        self._pg_ctl("start", f"--log={self.log}", f"--options=-p {self.port}")

    def _pg_ctl(self, *arguments: str) -> None:
        self._run("pg_ctl", *arguments, "--wait", f"--timeout={_PATIENCE}", "--silent", *self._data())

    def _data(self) -> list[str]:
        return [f"--pgdata={self.directory / 'data'}"]

    def _sql(self, database: str, statements: str) -> None:
        self._run(
            "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={statements}", self.url(database)
        )

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of the programs, and return what it prints.

        Raises:
            RuntimeError: It failed. The message ends with the server's log.
        """
        result: subprocess.CompletedProcess[str] = subprocess.run(
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._surroundings(),
        )
        if result.returncode:
            log = self.log.read_text("utf-8", "replace")[-2000:] if self.log.is_file() else ""
            message = f"{program} {' '.join(arguments)}: exit {result.returncode}\n{result.stdout}{log}"
            raise RuntimeError(message)
        return result.stdout

    def _surroundings(self) -> dict[str, Any]:
        """Who runs the programs, where, and with which environment: none of the developer's PG... variables."""
        environment = {"PATH": f"{self._programs}:{os.defpath}", "LC_ALL": "C", "TZ": "UTC"}
        return {"cwd": "/", "env": environment, **_other_user()}


def _other_user() -> dict[str, Any]:
    """Somebody else, where the tests run as root: PostgreSQL refuses to. Else nothing, which means ourselves."""
    if os.geteuid():
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_ports() -> Iterator[int]:
    """Ports on which nobody listens now; other processes of the tests begin their search elsewhere."""
    for number in range(len(_PORTS)):
        port = _PORTS[(os.getpid() * 7 + number) % len(_PORTS)]
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port
