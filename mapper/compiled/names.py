"""What things are called in the text of a generated function, so that a person can read it.

Knows how a field's or a trait's name becomes a part of a Python name, and when it does not. Must not know what the
names stand for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

#: A longer name of a field is no part of a name in the text.
_LONGEST = 40
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", re.ASCII)


def called(layers: str) -> str:
    """What the function is called that is for traits that lie in one way (``compiled.layers``)."""
    return f"map_{layers.replace(' ', '_')}"


def words(fields: Iterable[str]) -> list[str]:
    """A word for each field: its name or its last step, where that is plain and nobody else's; else ``_3``.

    No two are alike, and none but such a number has two underscores in a row or one at either end: what is put before
    or behind a word makes no other field's name of it.
    """
    names = list(fields)
    lasts = [name.rpartition(".")[2] for name in names]
    shared = Counter(lasts)
    found: dict[str, None] = {}
    for number, (name, last) in enumerate(zip(names, lasts, strict=True)):
        word = last if shared[last] == 1 else name.replace(".", "_")
        fits = len(word) <= _LONGEST and _PLAIN.fullmatch(word) is not None and word not in found
        found[word if fits else f"_{number}"] = None
    return list(found)


def of_root(root: str) -> str:
    """A word for a root trait: its letters where they are plain, else its characters' numbers."""
    plain = root.isascii() and root.replace("_", "a").isalnum()
    return f"of_{root}" if plain else "by_" + "_".join(str(ord(character)) for character in root)
