"""What Cerberus found wrong with a value, without any object of the package.

Knows the shape of a broken rule. Must not know Cerberus, nor how a broken rule is worded.
"""

from __future__ import annotations

from typing import Any

from mapper.frozen import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule.

    ``rule``      its name; None for a member that an object's schema does not list.
    ``path``      where it stands in the set of rules, such as ``("schema", "street", "maxlength")``.
    ``argument``  what stands behind the rule's colon.
    ``at``        the entry's number (from 0) or the member's name, inside a list or an object.
    ``inner``     the first fault inside, where the rule judges parts or alternatives.
    ``more``      how many other faults there are inside.
    ``fitting``   how many alternatives fit.
    """

    rule: str | None
    path: tuple[str | int, ...]
    argument: Any
    value: Any = field(repr=False)
    at: str | int = field(repr=False)
    inner: Fault | None = None
    more: int = 0
    fitting: int = 0

    def of(self, value: Any) -> Fault:
        """The same rule, broken by another value. For a rule that judges a value as a whole."""
        return Fault(self.rule, self.path, self.argument, value, self.at)
