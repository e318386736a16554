"""``--store`` as it is repeated in the commands that a person is told, without a password.

Knows how an address is taken apart. Must not open a store.
"""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit

from mapper.apps.cli import stores


def store_option(where: str) -> str:
    """The option; empty where it is not needed, and where it is not certain which part is the password."""
    if "://" not in where:
        return stores.option(where)
    address = _open(where)
    return "" if address is None else f" --store {shlex.quote(address)}"


def _open(where: str) -> str | None:
    """An address without what is secret in it: the password, and what is said after ``?``."""
    try:
        parts = urlsplit(where)
        parts.port  # noqa: B018 - it raises where what looks like a port is none, such as half of a password
    except ValueError:
        return None
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
        return None
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
