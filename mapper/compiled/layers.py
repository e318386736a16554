"""Where the traits of one event can come from: for each of these a function of its own is written.

Knows their names, which stand in tracebacks. Must not load what writes a function.
"""

from __future__ import annotations

#: The call's ``traits`` alone; its ``context.traits`` too; whatever there is, with what is known of the person.
ONE, TWO, ANY = "one layer", "two layers", "any layers"
