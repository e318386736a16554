"""Every code of a problem, and of a job: what it means and what to do about it. ``mapper explain`` shows it.

Knows all codes by name. Must not import anything: whoever finds a problem gives it a code, and a test holds
the two against each other.
"""

from __future__ import annotations

from mapper.codes import events, expressions, file, jobs, parts, rules
from mapper.codes.entry import Code

__all__ = ["TABLE", "Code"]

_ROOMS = (file, parts, expressions, rules, events, jobs)

#: Every code by its name, in alphabetical order.
TABLE: dict[str, Code] = {
    code.name: code for code in sorted((code for room in _ROOMS for code in room.CODES), key=lambda code: code.name)
}
