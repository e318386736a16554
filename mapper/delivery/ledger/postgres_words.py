"""Why nobody lets us in, or answers, in our words: the driver has no code for either, and may quote the address.

Knows what PostgreSQL and psycopg say to somebody who wants to come in. Must not repeat any of it.
"""

from __future__ import annotations


def refused(words: str) -> str | None:
    """What a server means that does not let somebody in, and what to do; None where it means something else."""
    return next((ours for part, ours in _REFUSED.items() if part in words), None)


def away(state: str, words: str) -> str:
    """Why the same has to be tried again, by its SQLSTATE or its words, and what to do where that does not help."""
    return _AWAY.get(state) or next((ours for part, ours in _NOBODY.items() if part in words), _BROKEN)


_REFUSED = {
    '" does not exist': "there is no such database, or no such user; make it (createdb), or mend the address",
    "authentication failed": "the database refuses this user or password; mend the address",
    "no password supplied": "the database asks for a password; say it in the address, or in PGPASSWORD",
    "pg_hba.conf": "the database lets nobody in from here; its pg_hba.conf says whom it does",
    "permission denied for database": "this user may not use the database; GRANT it CONNECT",
}

_BROKEN = "no connection to it lasts; is the server running, and is the address right?"
_NOBODY_THERE = "nobody listens there; is the server running, and is the address right?"
_NO_HOST = "no host of this name is known; is the address right?"
_CROWDED = "all its connections are taken; end some, or raise its max_connections"
_CONTENDED = "others write the same rows all the time; try again"

_AWAY = {"40001": _CONTENDED, "40P01": _CONTENDED, "53300": _CROWDED}
_NOBODY = {
    "resolve host": _NO_HOST,
    "translate host name": _NO_HOST,
    "onnection refused": _NOBODY_THERE,
    "No such file or directory": _NOBODY_THERE,
    "timeout expired": "it does not answer; is the server running, and does a firewall let us through?",
    "too many clients": _CROWDED,
    "connection slots": _CROWDED,
    "starting up": "the server is starting, or recovers; its log says how far it is",
    "shutting down": "the server is being stopped; start it again",
    "SSL": "no encrypted connection comes about; are the address's ssl settings right?",
}
