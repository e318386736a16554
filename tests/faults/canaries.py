"""The search for canaries: no name, address, id or key of an event may stand where it does not belong.

Knows the canary and how a text may be written down. Must not know which files there are.

Each trait, each id of a call and the destination's key hold it, so one hit is a leak whatever it is a part of.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .events import CANARY


def _spellings(text: bytes) -> Iterator[bytes]:
    """As it is, in hex, and in base64 at each of the three places where it may begin."""
    yield from (text, text.hex().encode(), text.hex().upper().encode())
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + text)
        yield coded[(0, 2, 3)[shift] : len(coded) // 4 * 4 - 4]


_ANY: Final = tuple(_spellings(CANARY.encode()))
#: So much is looked at at once; what spans two pieces is found because they overlap.
_PIECE: Final = 1 << 24


def leaks(*places: Path) -> list[Path]:
    """The files, of these and of all below these directories, in which a canary stands. A missing one has none."""
    return [path for place in places for path in _files(place) if _sings(path)]


def sings(text: bytes) -> bool:
    """Whether a canary stands in a text."""
    return any(spelling in text for spelling in _ANY)


def _files(place: Path) -> list[Path]:
    if place.is_dir():
        return sorted(path for path in place.rglob("*") if path.is_file())
    return [place] if place.exists() else []


def _sings(path: Path) -> bool:
    longest = max(map(len, _ANY))
    with path.open("rb") as file:
        rest = b""
        while piece := file.read(_PIECE):
            if sings(rest + piece):
                return True
            rest = piece[-longest:]
    return False
