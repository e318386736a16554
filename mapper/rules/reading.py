"""One rules section of the file becomes a plain set of Cerberus rules, or problems with their places.

Knows how each rule's argument is written and what contradicts what. Must not know how values are judged
beyond asking ``validator``, nor the sections of a mapping around the rules.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, TypeGuard

from mapper.errors import Findings, Position
from mapper.frozen import dataclass, field
from mapper.rules import accepting, patterns, predicates, table, wording
from mapper.rules.judgement import Schema
from mapper.shapes import Flag, Whole, kind_of, warn_if_read_differently
from mapper.source import Node, Scalar, Series, Table
from mapper.values import TYPES, typed

#: Rules inside rules; Cerberus calls itself for each level.
MAX_DEPTH = 20

RuleSet = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a set of rules stands: its path, the type of the values that it judges, and which keys it may have."""

    path: Path
    kind: str
    required: bool = False  # may it say `required`?
    typed: bool = True  # may it say `type`?

    def inside(self, step: str | int, kind: str = "text", *, required: bool = False) -> Spot:
        """The spot one step further in."""
        return Spot((*self.path, step), kind, required)


@dataclass(slots=True)
class Reading:
    """What is read: ``places`` grows to hold the place of every rule's key."""

    found: Findings
    places: dict[Path, Position] = field(default_factory=dict)

    def rule_set(self, node: Table, spot: Spot, depth: int = 0) -> RuleSet:
        """The rules of one set that are right; the others are reported."""
        self.places.setdefault(spot.path, node.position)
        if depth > MAX_DEPTH:
            hint = "flatten the value in the mapping, and judge its parts as fields"
            self.found.error("too_deep", f"rules inside rules more than {MAX_DEPTH} deep", node.position, hint)
            return {}
        kind = self._kind(node, spot)
        rules: RuleSet = {} if kind == "any" else {"type": kind}
        for key, value in node.pairs:
            rule = self._rule(key, kind, spot)
            if rule is not None:
                self.places[(*spot.path, rule.name)] = key.position
                argument = self._argument(rule, value, Spot((*spot.path, rule.name), kind), depth)
                if argument is not None:
                    rules[rule.name] = argument
        self._contradictions(rules, node, kind)
        return rules

    def _kind(self, node: Table, spot: Spot) -> str:
        """The type that the set itself names, or the one of its surroundings."""
        said = node.get("type")
        if said is None or not spot.typed:
            return spot.kind
        if not isinstance(said, Scalar) or said.text not in TYPES:
            word = said.text if isinstance(said, Scalar) else ""
            near = [table.TYPE_WORDS[word]] if word in table.TYPE_WORDS else get_close_matches(word, TYPES, 1)
            hint = f"write {near[0]}" if near else None
            self.found.error("wrong_word", f"one of {', '.join(TYPES)} is due here", said.position, hint)
            return spot.kind
        return said.text

    def _rule(self, key: Scalar, kind: str, spot: Spot) -> table.Rule | None:
        """The rule of a key, where it may stand here."""
        name = key.text
        if name == "type" and spot.typed:
            return None
        if name == "required" and not spot.required:
            hint = "write required: true at the field, or at a member under schema:"
            self.found.error("refused_rule", "'required' says nothing here: there is a value", key.position, hint)
            return None
        rule = table.RULES.get(name)
        if rule is None:
            self._refuse(key)
        elif kind not in rule.kinds:
            message = f"{name!r} cannot judge a value of type {kind}"
            self.found.error("rule_type", message, key.position, rule.instead)
            return None
        return rule

    def _refuse(self, key: Scalar) -> None:
        name = key.text
        operator, _, inner = name.partition("_")
        if name in table.REFUSED:
            reason, hint = table.REFUSED[name]
            self.found.error("refused_rule", f"the rule {name!r} is not taken: {reason}", key.position, hint)
        elif inner and operator in ("anyof", "allof", "noneof", "oneof"):
            hint = f"write {operator}: [{{{inner}: ...}}, {{{inner}: ...}}]"
            self.found.error("refused_rule", f"{name!r} is a shortening that is not taken", key.position, hint)
        else:
            near = get_close_matches(name.lower().replace("_", ""), table.RULES, 1)
            known = table.SYNONYMS.get(name.lower()) or (near[0] if near else None)
            hint = f"did you mean {known!r}?" if known else f"the rules are {', '.join(table.RULES)}"
            self.found.error("unknown_rule", f"there is no rule {name!r}", key.position, hint)

    def _argument(self, rule: table.Rule, node: Node, spot: Spot, depth: int) -> Any:
        """What stands behind the rule's colon, or None where that was reported."""
        match rule.argument:
            case "flag":
                return Flag().read(node, self.found)
            case "count":
                return Whole().read(node, self.found)
            case "number":
                return typed(node, "number" if spot.kind == "any" else spot.kind, self.found)
            case "values":
                return self._values(rule, node, "any" if spot.kind == "list" else spot.kind)
            case "pattern":
                return self._pattern(node)
            case "sets":
                return self._sets(rule, node, spot, depth)
            case "shape" if spot.kind == "object":
                return self._members(node, spot, depth)
            case _:
                return self._one_set(node, spot, depth)

    # ------------------------------------------------------------------------------------------ values and patterns

    def _values(self, rule: table.Rule, node: Node, kind: str) -> list[Any] | None:
        """A list of values of one type."""
        if rule.name == "allowed" and isinstance(node, Series) and not node.parts:
            self._contradict("no value can be right: none is allowed", node)
            return None
        if not self._is_filled_list(node, "values"):
            return None
        values = [self._value(part, kind) for part in node.parts]
        return [value for value in values if value is not None]

    def _value(self, node: Node, kind: str) -> Any:
        before = len(self.found.problems)
        value = typed(node, kind, self.found)
        if value is None and len(self.found.problems) == before:
            hint = "leave it out; required: says whether something has to be there"
            self.found.error("empty_value", "null is no value: what is blank counts as absent", node.position, hint)
        return predicates.nfc(value) if isinstance(value, str) else value

    def _is_filled_list(self, node: Node, noun: str) -> TypeGuard[Series]:
        if not isinstance(node, Series):
            hint = f"write [{node.text}]" if isinstance(node, Scalar) else None
            self.found.error("wrong_shape", f"a list of {noun} is due here, not {kind_of(node)}", node.position, hint)
            return False
        if not node.parts:
            self.found.error("empty_value", f"a list of {noun} is due here, and it is empty", node.position)
        return bool(node.parts)

    def _pattern(self, node: Node) -> str | None:
        if not isinstance(node, Scalar):
            hint = "put the pattern in single quotes: regex: '[A-Z]{2}'"
            self.found.error("bad_regex", f"YAML reads {kind_of(node)} here, not a pattern", node.position, hint)
            return None
        if not node.text:
            self.found.error("empty_value", "a pattern is due here, and there is none", node.position)
            return None
        warn_if_read_differently(node, self.found)
        text = predicates.nfc(node.text)
        exact = text == node.text
        fault = patterns.fault(text)
        if fault is not None:
            place = node.at(fault.offset if exact else None, fault.width)
            self.found.error("bad_regex", fault.message, place, fault.hint)
            return None
        for offset in patterns.anchors(text):
            message = f"{text[offset]} is not needed: a rule matches the whole value anyway"
            self.found.warn("regex_anchor", message, node.at(offset if exact else None), "leave it out")
        return text

    # ------------------------------------------------------------------------------------------------- rules inside

    def _is_table(self, node: Node, noun: str) -> TypeGuard[Table]:
        if isinstance(node, Table):
            return True
        self.found.error("wrong_shape", f"{noun} is due here as rule: argument, not {kind_of(node)}", node.position)
        return False

    def _one_set(self, node: Node, spot: Spot, depth: int) -> RuleSet | None:
        """Rules for each entry, each value or each name."""
        if not self._is_table(node, "a set of rules"):
            return None
        names = spot.path[-1] == "keysrules"
        return self.rule_set(node, Spot(spot.path, "text", typed=not names), depth + 1)

    def _members(self, node: Node, spot: Spot, depth: int) -> dict[str, RuleSet] | None:
        """Rules for an object's members by name."""
        if not self._is_table(node, "the members of the object, each with a set of rules,"):
            return None
        members: dict[str, RuleSet] = {}
        for key, value in node.pairs:
            inside = spot.inside(key.text, required=True)
            self.places[inside.path] = key.position
            if self._is_table(value, f"a set of rules for {key.text!r}"):
                members[key.text] = self.rule_set(value, inside, depth + 1)
        return members

    def _sets(self, rule: table.Rule, node: Node, spot: Spot, depth: int) -> list[RuleSet] | None:
        """Alternatives for one value, or rules for each entry in its place."""
        if not self._is_filled_list(node, "sets of rules"):
            return None
        alternatives = rule.name != "items"
        sets = []
        for number, part in enumerate(node.parts):
            if self._is_table(part, "a set of rules"):
                inside = spot.inside(number, spot.kind if alternatives else "text")
                sets.append(self.rule_set(part, inside, depth + 1))
                if alternatives:
                    self._check_alternative(part, sets[-1].get("type", "any"), spot.kind)
        return sets if len(sets) == len(node.parts) else None

    def _check_alternative(self, node: Table, kind: str, outer: str) -> None:
        """An alternative of another type than the value can never fit."""
        numbers = {"number", "whole"}
        if kind == outer or "any" in (kind, outer) or {kind, outer} == numbers:
            return
        said = node.get("type")
        message = f"the value is of type {outer}: an alternative of type {kind} can never fit"
        hint = "leave out type: here, or say type: any around it"
        self.found.error("rule_type", message, said.position if said else node.position, hint)

    # ----------------------------------------------------------------------------------------------- contradictions

    def _contradictions(self, rules: RuleSet, node: Table, kind: str) -> None:
        for low, high in (("min", "max"), ("minlength", "maxlength")):
            if low in rules and high in rules and rules[low] > rules[high]:
                message = f"no value can be right: {low} {rules[low]} is more than {high} {rules[high]}"
                self._contradict(message, node.get(low))
        series = node.get("allowed")
        if "allowed" not in rules or not isinstance(series, Series) or len(series.parts) != len(rules["allowed"]):
            return
        others = self._beside_allowed(rules, kind)
        fine = accepting.accepts("any", others)
        for part, value in zip(series.parts, rules["allowed"], strict=True):
            judged = [value] if kind == "list" else value
            if fine is not None and fine(judged):
                continue
            fault = next(iter(Schema(others).faults(judged)), None)
            if fault is not None:
                said = wording.broken(fault, {})
                message = f"{wording.listed([value])} is allowed here, but the rule {said.rule!r} refuses it"
                self._contradict(message, part)

    def _beside_allowed(self, rules: RuleSet, kind: str) -> RuleSet:
        """The rules that an allowed value has to keep as well; an entry of a list knows only what is forbidden."""
        kept = {"forbidden"} if kind == "list" else set(rules) - {"allowed", "required", "type"}
        return {name: argument for name, argument in rules.items() if name in kept}

    def _contradict(self, message: str, node: Node | None) -> None:
        if node is not None:
            self.found.error("contradiction", message, node.position, "keep the one that is meant")
