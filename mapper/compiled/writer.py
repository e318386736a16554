"""Writes a plan as one Python function: the fields in the order of their needs, with what each spelling costs least.

Knows how the keys of a field are written in Python. Must not run anything: it gives text and the values that the
text names. Nothing of a mapping becomes code: names enter the text by ``repr`` alone, all else stands in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mapper.compiled import names, runtime
from mapper.compiled.layers import ANY, ONE, TWO
from mapper.compiled.search import evaluation, is_plain, token, tokens
from mapper.expressions import Expression
from mapper.frozen import dataclass, field
from mapper.plan.parts import Age, Field, Located, Plan, Requirement
from mapper.rules import patterns

#: What the careful search is given, by how the traits lie.
_LAYERS = {ONE: "one_layer(tree)", TWO: "two_layers(tree, call, older)", ANY: "layers"}
#: A longer chain of lookups than this is left to the careful search.
_LONGEST_CHAIN = 24


@dataclass(slots=True)
class Text:
    """Lines of Python, and the values that they name."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def say(self, *lines: str) -> None:
        """Add lines at the present depth."""
        self.lines.extend(f"{'    ' * self.depth}{line}" for line in lines)

    @contextmanager
    def inside(self, opening: str) -> Iterator[None]:
        """Indent what is said meanwhile under a line, which goes where nothing is said."""
        self.say(opening)
        opened = len(self.lines)
        self.depth += 1
        yield
        self.depth -= 1
        if len(self.lines) == opened:
            self.lines.pop()

    def name(self, name: str, value: Any) -> str:
        """Let a name of the text stand for a value."""
        self.values[name] = value
        return name


def write(plan: Plan, layers: str) -> Text:
    """A plan's function for traits that lie in one way, called by ``names.called``. ``Text.values`` are its globals."""
    return _Writer(plan, layers).write()


class _Writer:
    """One function on the way. ``v_zip``, ``w_zip``, ``a_zip``: the value of field zip, its winner's token, its age."""

    def __init__(self, plan: Plan, layers: str) -> None:
        self.plan = plan
        self.layers = layers
        self.text = Text(dict(runtime.NAMES))
        self.numbers = {one.name: number for number, one in enumerate(plan.fields)}
        #: What stands for each field in the names of the text.
        self.words = names.words(one.name for one in plan.fields)
        self.anchors = {one.anchor for one in plan.fields if one.anchor}
        self.read = frozenset[str]().union(*(one.reads.names for one in _expressions(plan)))

    def write(self) -> Text:
        text = self.text
        with text.inside(f"def {names.called(self.layers)}(event, settings, tree, call, older, layers, person):"):
            text.say(f'"""{self.plan.file}, for traits in {self.layers}."""' if self._sayable() else '"""A mapping."""')
            self._begin()
            for number in self.plan.order:
                self._field(number, self.plan.fields[number])
            for number, requirement in enumerate(self.plan.require):
                self._require(number, requirement)
            winners = "".join(f"w_{word}, " for word in self.words)
            text.say("", "# what is left over", f"custom = route(tree, ({winners}), document, found, left)")
            self._skip()
            self._end()
        return text

    def _sayable(self) -> bool:
        return self.plan.file.isprintable() and not set(self.plan.file) & {'"', "\\"}

    def _begin(self) -> None:
        """The names that expressions read, and the traits under which several spellings stand."""
        self.text.name("never", self.plan.never)
        self.text.say("found = []", "notes = []", "left = []", "fields = {}")
        sources = {"traits": "tree", "fields": "fields", "settings": "settings"}
        sources |= {"options": "options_of(event)", "audience": "audience_of(event)"}
        if self.read:
            scope = [f"{name!r}: {sources.get(name, f'event.get({name!r})')}" for name in sorted(self.read - {"value"})]
            self.text.say(f"document = {{{', '.join(scope)}}}")
        else:
            self.text.say("document = None")
        if self.layers != ANY:
            self.text.say("get = tree.get")
            for root in self._nested_roots():
                self.text.say(f"get_{names.of_root(root)} = members(get({root!r}))")

    def _nested_roots(self) -> list[str]:
        chains = (c.path for one in self.plan.fields for c in _chain(one))
        return sorted({str(path[0]) for path in chains if path is not None and len(path) > 1})

    # ------------------------------------------------------------------------------------------------ one field

    def _field(self, number: int, one: Field) -> None:
        word = self.words[number]
        text, v, w, a = self.text, f"v_{word}", f"w_{word}", f"a_{word}"
        text.say("", f"# {one.name!r}, line {one.position.line}")
        if one.anchor is not None and self.layers == ANY:
            text.name(f"roots_{word}", self._roots(one))
            text.say(f"check_one_age(layers, roots_{word})")
        if one.const is not None and one.when is None:
            text.say(f"{w} = {a} = None", f"{v} = own({text.name(f'const_{word}', one.const)})")
        else:
            self._asked(number, one)
        if "fields" in self.read:
            with text.inside(f"if {v} is not None:"):
                text.say(_put("fields", one.place, v))

    def _asked(self, number: int, one: Field) -> None:
        """The field's value; where that is not plain to see, its whole story is asked."""
        word = self.words[number]
        text, v, w, a = self.text, f"v_{word}", f"w_{word}", f"a_{word}"
        with text.inside("try:"):
            if one.when is not None:
                text.say(f"{w} = {v} = {a} = None")
                with text.inside(f"if truth({self._call(f'when_{word}', one.when)}):"):
                    self._value(number, one)
            else:
                self._value(number, one)
            if one.when is not None or one.clean is not None:
                text.say("if notes: raise Unsure")
        tell = runtime.teller(number, one, tokens(number, one), self.plan.destination)
        text.name(f"tell_{word}", tell)
        anchor = "None"
        if one.anchor is not None:
            anchor = f"a_{self.words[self.numbers[one.anchor]]}"
        with text.inside("except Unsure:"):
            # What was said of the field in line is said again.
            text.say("notes.clear()", f"found[:] = [placed for placed in found if placed[0] != {number}]")
            text.say("asked = Asked(event, settings, person, never, found, left)")
            text.say(f"{w}, {v}, {a} = tell_{word}(asked, fields, {anchor})")

    @staticmethod
    def _roots(one: Field) -> frozenset[str]:
        return frozenset[str]().union(*(candidate.roots for candidate in one.candidates))

    def _value(self, number: int, one: Field) -> None:
        word = self.words[number]
        text, v = self.text, f"v_{word}"
        if one.const is not None:
            text.say(f"{v} = own({text.name(f'const_{word}', one.const)})")
            return
        text.name(f"find_{word}", runtime.finder(number, one, tokens(number, one)))
        chain = _chain(one) if self.layers != ANY else ()
        if chain:
            self._quick(number, one, chain)
        else:
            if one.anchor is not None and self.layers == TWO:
                text.say(f"check_one_age({_LAYERS[TWO]}, {text.name(f'roots_{word}', self._roots(one))})")
            text.say(self._find(number))
        with text.inside(f"if {v} is not None:"):
            if one.anchor is not None:
                anchor = f"a_{self.words[self.numbers[one.anchor]]}"
                text.say(f"if {anchor} is not None and {anchor} != a_{word}: raise Whole")
            self._finish(number, one)
        self._without(number, one)

    def _find(self, number: int) -> str:
        word = self.words[number]
        return f"w_{word}, v_{word}, a_{word} = find_{word}({_LAYERS[self.layers]}, document, found)"

    def _quick(self, number: int, one: Field, chain: tuple[Any, ...]) -> None:
        """The first spelling that is there, where all of them lie in one layer; in doubt the careful search."""
        word = self.words[number]
        text = self.text
        if self.layers == ONE:
            self._chained(number, one, chain)
            return
        roots = text.name(f"roots_{word}", self._roots(one))
        odd = any(c.age is Age.NEWEST or c.every_root for c in one.candidates)
        one_layer = f"{roots}.isdisjoint(older)" + ("" if odd else f" or {roots}.isdisjoint(call)")
        with text.inside(f"if {one_layer}:"):
            self._chained(number, one, chain, f"1 if {roots}.isdisjoint(call) else 0")
        with text.inside("else:"):
            # A spelling that an anchor refuses must not be sent as a custom field: that takes the whole story.
            text.say("raise Whole" if one.anchor is not None else self._find(number))

    def _chained(self, number: int, one: Field, chain: tuple[Any, ...], age: str = "0") -> None:
        word = self.words[number]
        text = self.text
        v, w = f"v_{word}", f"w_{word}"
        for index, candidate in enumerate(chain):
            there = f"({v} := {_lookup(candidate.path)}) is not None"
            text.say(f"{'elif' if index else 'if'} {there}: {w} = {token(candidate.path)!r}")
        all_plain = len(chain) == len(one.candidates)
        text.say(f"else: {w} = None" if all_plain else f"else: {self._find(number)}")
        if one.anchor is not None or one.name in self.anchors:
            known = f"{w} is not None" if all_plain else f"{w} in {self._tokens(number, chain)}"
            if all_plain:
                text.say(f"a_{word} = None")
            text.say(f"if {known}: a_{word} = {age}")
        with text.inside(f"if {v} is not None:"):
            text.say(f"{v} = ({v}.strip() if {v}.__class__ is str and {v}.isascii() else quick_text({v}))")
            text.say(f"if not {v}: {self._find(number)}")

    def _tokens(self, number: int, chain: tuple[Any, ...]) -> str:
        word = self.words[number]
        return self.text.name(f"plain_{word}", frozenset(token(candidate.path) for candidate in chain))

    def _finish(self, number: int, one: Field) -> None:
        """Clean, look up, judge and check."""
        word = self.words[number]
        text, v = self.text, f"v_{word}"
        if one.clean is not None:
            text.say(f"document['value'] = {v}", f"{v} = cleaned({self._call(f'clean_{word}', one.clean)})")
        if one.table is not None:
            text.say(f"{v} = looked_up({text.name(f'table_{word}', one.table)}, {v})")
        if one.clean is not None or one.table is not None or one.type != "text":
            text.say(f"{v} = fitted({v}, {one.type!r})")
        if one.type != "text":
            text.say(f"check_printable({v})")
        elif one.clean is not None or one.table is not None:
            text.say(f"if not {v}.isprintable(): raise Unsure")
        if one.warn.limits:
            text.say(f"if {self._broken(f'warn_{word}', one.warn, v, one.type)}: raise Unsure")
        if one.rules.limits:
            with text.inside(f"if {self._broken(f'rules_{word}', one.rules, v, one.type)}:"):
                if one.if_wrong != "reject":
                    text.say("raise Unsure")
                else:
                    text.name(f"wrong_{word}", runtime.wrong(number, one))
                    text.say(f"found += wrong_{word}({v})", f"{v} = None")

    def _without(self, number: int, one: Field) -> None:
        word = self.words[number]
        text = self.text
        if one.default is not None:
            fixed = text.name(f"default_{word}", one.default)
            text.say(f"if w_{word} is None: v_{word} = own({fixed})")
        elif one.rules.required:
            text.name(f"missing_{word}", runtime.missing(number, one))
            text.say(f"if w_{word} is None: found.append(missing_{word}({_LAYERS[self.layers]}, document))")

    def _broken(self, name: str, rules: Any, v: str, kind: str) -> str:
        """The condition under which rules may be broken: what is cheap first, then what is sure."""
        limits = rules.limits
        sure = f"not {self.text.name(name, runtime.accepts(rules))}({v})"
        if kind != "text" or not limits.keys() <= {"maxlength", "minlength", "allowed", "regex"}:
            return sure
        tests = [f"len({v}) > {limits['maxlength']}"] if "maxlength" in limits else []
        tests += [f"len({v}) < {limits['minlength']}"] if "minlength" in limits else []
        if "allowed" in limits:
            if not all(isinstance(word, str) for word in limits["allowed"]):
                return sure
            words = self.text.name(f"{name}__words", frozenset(limits["allowed"]))
            tests.append(f"{v} not in {words}")
        if "regex" in limits:
            tests.append(f"not {self.text.name(f'{name}__form', patterns.matcher(limits['regex']))}({v})")
        return f"({' or '.join(tests)}) and {sure}" if tests else sure

    def _call(self, name: str, located: Located) -> str:
        self.text.name(name, evaluation(located.expression))
        return f"{name}(document, notes)"

    # ------------------------------------------------------------------------------------------ the whole event

    def _require(self, number: int, requirement: Requirement) -> None:
        text = self.text
        fields = zip(self.numbers, self.words, strict=True)
        there = {name: f"(w_{word} is not None or v_{word} is not None)" for name, word in fields}
        text.say("", f"# require, line {requirement.position.line}")
        condition = []
        if requirement.when is not None:
            condition.append(f"truth({self._call(f'require_{number}', requirement.when)})")
        if requirement.kind == "rules":
            for name, _ in requirement.rules:
                self._require_rules(f"require_{number}", requirement, name, " and ".join(condition))
            return
        present = [there[name] for name in requirement.names]
        if requirement.kind == "any_of":
            failing = f"not ({' or '.join(present)})"
        elif requirement.kind == "all_of":
            failing = f"not ({' and '.join(present)})"
        else:
            failing = f"not ({' and '.join(present)}) and ({' or '.join(present)})"
        with text.inside(f"if {' and '.join([*condition, failing])}:"):
            if requirement.kind == "any_of" and requirement.if_wrong == "reject":
                # `transform` orders problems by field, and this one says all names: that may be one field's.
                named = self.numbers.get(", ".join(requirement.names), len(self.plan.fields))
                text.name(f"absent_{number}", runtime.absent(named, requirement))
                text.say(f"found.append(absent_{number})")
            else:
                text.say("raise Unsure")

    def _require_rules(self, key: str, requirement: Requirement, name: str, condition: str) -> None:
        text, word = self.text, self.words[self.numbers[name]]
        v = f"v_{word}"
        rules = dict(requirement.rules)[name]
        when = f"{condition} and " if condition else ""
        if rules.required:
            text.say(f"if {when}{v} is None: raise Unsure")
        broken = self._broken(f"{key}_rules_{word}", rules, v, "any")
        problems = runtime.required(self.numbers, requirement, name, rules)
        sent = requirement.if_wrong != "drop"
        then = f"found += {text.name(f'{key}_wrong_{word}', problems)}({v})" if sent else "raise Unsure"
        text.say(f"if {when}{v} is not None and {broken}: {then}")

    def _skip(self) -> None:
        text = self.text
        text.say("because = None")
        for number, skip in enumerate(self.plan.skip):
            keyword = "if" if number == 0 else "elif"
            call = self._call(f"skip_{number}", skip.when)
            text.name(f"because_{number}", skip.because)
            text.say(f"# skip, line {skip.when.position.line}")
            with text.inside(f"{keyword} truth({call}):"):
                text.say(f"because = because_{number}")

    def _end(self) -> None:
        text = self.text
        text.say("", "if notes: raise Unsure")
        text.say("finished = {}")
        for number, one in enumerate(self.plan.fields):
            v = f"v_{self.words[number]}"
            text.say(f"if {v} is not None: finished[{one.name!r}] = {v}")
        text.say("return because, found, finished, custom")


def _chain(one: Field) -> tuple[Any, ...]:
    """The spellings at the start that are mere paths of one or two names: looked up in line, for a text."""
    chain = []
    for candidate in one.candidates[:_LONGEST_CHAIN]:
        path = candidate.path
        if not is_plain(candidate) or path is None or len(path) > 2 or not isinstance(path[-1], str):  # noqa: PLR2004 - a name, or a member of one
            break
        chain.append(candidate)
    return tuple(chain) if one.type == "text" else ()


def _lookup(path: tuple[str, ...]) -> str:
    return f"get({path[0]!r})" if len(path) == 1 else f"get_{names.of_root(path[0])}({path[1]!r})"


def _put(target: str, place: tuple[str, ...], value: str) -> str:
    if len(place) == 1:
        return f"{target}[{place[0]!r}] = {value}"
    return f"put({target}, {place!r}, {value})"


def _expressions(plan: Plan) -> Iterator[Expression]:
    """Every expression that the function evaluates, or hands to the careful search."""
    for one in plan.fields:
        yield from (c.located.expression for c in one.candidates if not is_plain(c))
        yield from (located.expression for located in (one.when, one.clean) if located is not None)
    yield from (r.when.expression for r in plan.require if r.when is not None)
    yield from (skip.when.expression for skip in plan.skip)
