"""How a problem's code is described.

Knows the shape of a description. Must not know any code.
"""

from __future__ import annotations

from mapper.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One code, for people who do not program.

    ``title``  what it is, in one line
    ``means``  what happened, and why it matters
    ``to_do``  the next step
    ``wrong``  lines of a mapping that bring it about, where a mapping can; ``right`` the same, mended.
               A test loads both.
    """

    name: str
    title: str
    means: str
    to_do: str
    wrong: str = ""
    right: str = ""
