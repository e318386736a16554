"""Where the traits of one event can come from: for each of these a function of its own is written.

Knows their names, which stand in tracebacks. Must not load what writes a function.
"""

from __future__ import annotations

#: The call's ``traits`` alone; its ``context.traits`` too; whatever there is, with what is known of the person.
ONE, TWO, ANY = "one layer", "two layers", "any layers"


class Whole(Exception):  # noqa: N818 - nothing is wrong: somebody else has to tell
    """No field alone can tell: the whole story of the event has to be told."""
