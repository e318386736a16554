"""What no field took becomes custom fields: names, values, and what is dropped on the way.

Knows the keys of ``custom_fields`` (the mapping language, section 1.7). Must not know fields but for
the names that they own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mapper import codec
from mapper.errors import Problem
from mapper.frozen import dataclass, field
from mapper.identity import Layer
from mapper.plan.parts import CustomFields, Plan
from mapper.transform import presence
from mapper.transform.accounts import Leaf, Ledger, leaves, matching, reason_of
from mapper.transform.results import Account, Path


@dataclass(slots=True)
class Routed:
    """All accounts of the visible traits, in event order, and the custom fields."""

    accounts: list[Account] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Free:
    """A leaf or a whole container that wants to be a custom field."""

    path: Path
    value: Any
    layer: Layer
    name: str
    changed: bool


def route(plan: Plan, ledger: Ledger) -> Routed:
    """Give every leaf of the visible traits its one end."""
    router = _Router(plan.custom_fields, ledger)
    known = ledger.scope.known
    for root, value in known.tree.items():
        router.take(root, value, known.layers[root])
    return router.finish()


class _Router:
    """One event's walk: accounts in event order, with places kept for what wants a name."""

    def __init__(self, rules: CustomFields, ledger: Ledger) -> None:
        self.rules = rules
        self.ledger = ledger
        self.slots: list[Account | _Free] = []
        self.routed = Routed()

    def take(self, root: str, value: Any, layer: Layer) -> None:
        """Walk one root trait."""
        parts = list(leaves(value, (root,), layer))
        claimed = {leaf.path: end for leaf in parts if (end := self.ledger.claimed(leaf)) is not None}
        unwanted = self._unwanted(parts) if self.rules.drop else {}
        touched = _Touched(_above(claimed), _above(unwanted))
        lifted = root in self.rules.lift and isinstance(value, dict) and bool(value)
        for slot in self._walk((root,), value, layer, touched, lifted=lifted):
            end = claimed.get(slot.path) or unwanted.get(slot.path)
            self.slots.append(end if end is not None else self._settle(slot, lifted=lifted))

    def _unwanted(self, parts: list[Leaf]) -> dict[Path, Account]:
        return {leaf.path: end for leaf in parts if (end := self.ledger.unwanted(leaf)) is not None}

    def _walk(self, path: Path, value: Any, layer: Layer, touched: _Touched, *, lifted: bool) -> Iterator[Leaf]:
        """The leaves, and the containers that stay whole."""
        if not isinstance(value, dict | list) or not value:
            yield Leaf(path, value, layer)
            return
        option = self.rules.nested if isinstance(value, dict) else self.rules.lists
        if option != "flatten" and not touched.inside(path, option) and not (lifted and len(path) == 1):
            yield Leaf(path, value, layer)
            return
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for step, part in parts:
            yield from self._walk((*path, step), part, layer, touched, lifted=lifted)

    def _settle(self, leaf: Leaf, *, lifted: bool) -> Account | _Free:
        """Lines 3 and 7 as far as no other name is needed, and line 8."""
        reason = self._no_value(leaf)
        glob = matching(leaf.path, self.rules.drop) if reason is None else None
        if glob is not None:
            reason = reason_of(glob)
        if reason is None and self.rules.none:
            reason = "custom fields are switched off (custom_fields: none)"
        if reason is None and isinstance(leaf.value, dict) and self.rules.nested == "drop":
            reason = "objects are dropped (nested: drop)"
        if reason is None and isinstance(leaf.value, list) and self.rules.lists == "drop":
            reason = "lists are dropped (lists: drop)"
        if reason is not None:
            return Account(leaf.path, leaf.layer, "dropped", (), reason, leaf.value)
        name, changed = name_of(self.rules, leaf.path[1:] if lifted else leaf.path)
        return _Free(leaf.path, value_of(self.rules, leaf.value), leaf.layer, name, changed)

    def _no_value(self, leaf: Leaf) -> str | None:
        if leaf.value is None:
            return "null"
        if not presence.is_empty(leaf.value) or (self.rules.keep_empty and leaf.path not in self.ledger.named):
            return None
        return "blank" if isinstance(leaf.value, str) else "empty"

    def finish(self) -> Routed:
        """Give out the names: a trait that is called so wins, then event order."""
        free = [slot for slot in self.slots if isinstance(slot, _Free)]
        owners: dict[str, _Free] = {}
        for slot in sorted(free, key=lambda f: f.changed):
            owners.setdefault(slot.name, slot)
        for entry in self.slots:
            self.routed.accounts.append(self._account(entry, owners) if isinstance(entry, _Free) else entry)
        return self.routed

    def _account(self, slot: _Free, owners: dict[str, _Free]) -> Account:
        reason, problem = self._refusal(slot, owners)
        if reason is None:
            self.routed.custom_fields[slot.name] = slot.value
            return Account(slot.path, slot.layer, "custom", (slot.name,), None, slot.value)
        if problem is not None:
            self.routed.warnings.append(problem)
        return Account(slot.path, slot.layer, "dropped", (), reason, slot.value)

    def _refusal(self, slot: _Free, owners: dict[str, _Free]) -> tuple[str | None, Problem | None]:
        owner = self.rules.reserved.get(slot.name)
        if owner is None and owners[slot.name] is not slot:
            owner = f"trait {'.'.join(str(step) for step in owners[slot.name].path)}"
        if owner is not None:
            return taken(owner, slot.path, slot.name)
        for broken in (*self.rules.name_rules.check(slot.name), *self.rules.rules.check(slot.value)):
            reason = f"breaks the rule {broken.rule}"
            message = f"the custom field {slot.name} is dropped: it {broken.message}"
            return reason, Problem(broken.rule, message, "warning", broken.position, slot.name, broken.hint)
        return None, None


@dataclass(frozen=True, slots=True)
class _Touched:
    """The paths above leaves that a field claims, and above leaves that a pattern drops."""

    claimed: set[Path]
    unwanted: set[Path]

    def inside(self, path: Path, option: str) -> bool:
        """Whether something inside keeps a container from going whole. One that is dropped carries no secret out."""
        return path in self.claimed or (option != "drop" and path in self.unwanted)


def _above(paths: Iterable[Path]) -> set[Path]:
    return {path[:length] for path in paths for length in range(len(path) + 1)}


def taken(owner: str, path: Path, name: str) -> tuple[str, Problem]:
    """Why a leaf whose name belongs to another is dropped, and the warning of it."""
    trait = ".".join(str(step) for step in path)
    reason = f"name taken by {owner}"
    hint = f"to send it, give it a field with another name: {expression_of(path)}"
    return reason, Problem("name_taken", f"the trait {trait} is dropped: {reason}", "warning", None, name, hint)


def name_of(rules: CustomFields, path: Path) -> tuple[str, bool]:
    """The custom field's name of a leaf, and whether it had to be made: put together of several, or changed."""
    plain = rules.separator.join([str(step) for step in path])
    name = snake(plain) if rules.names == "snake" else plain
    return f"{rules.prefix}{name}{rules.suffix}", len(path) > 1 or name != plain


def value_of(rules: CustomFields, value: Any) -> Any:
    """What is sent for a leaf, or for a list or an object that goes as one value."""
    if isinstance(value, dict):
        return _json_text(value) if rules.nested == "text" else value
    if not isinstance(value, list) or rules.lists in ("keep", "flatten"):
        return value
    if rules.lists == "join" and not any(isinstance(part, dict | list) for part in value):
        return ", ".join(_word(part) for part in value if part is not None)
    return _json_text(value)


def expression_of(path: Path) -> str:
    """A path as an expression: ``traits."Loyalty Tier"``, ``traits.orders[0].sku``."""
    steps = (
        f"[{s}]" if isinstance(s, int) else f".{s}" if _PLAIN_NAME.fullmatch(s) else f".{_json_text(s)}" for s in path
    )
    return f"traits{''.join(steps)}"


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def snake(name: str) -> str:
    """A name in snake_case: ``loyaltyTier`` and ``Loyalty Tier`` become ``loyalty_tier``."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    split = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", split)  # one capital at a time: a run of them costs its square
    return re.sub(r"[^\w]+", "_", split).strip("_").lower() or name


def _json_text(value: Any) -> str:
    return codec.encode(value).decode()


def _word(value: Any) -> str:
    text = presence.as_text(value)
    return text if isinstance(text, str) else _json_text(value)
