"""What became of each leaf: a second, plain writing of the rules for mere paths, and the corners of the real ones."""

from __future__ import annotations

from typing import Any

import laws
import pytest
import strategies
from grammar import Draw
from hypothesis import given
from hypothesis import strategies as st

from mapper import pipeline
from mapper.pipeline import Result
from mapper.transform.accounts import leaves

Path = tuple[str | int, ...]
#: path, end, and where it went: fields, a custom name, or nothing
Row = tuple[Path, str, frozenset[str]]

_SEND = {"url": "https://example.test/"}


def transformed(fields: Any, traits: Any, custom: Any = None, **more: Any) -> Result:
    """The result of one call for a mapping made of its fields; ``more`` is identity, context or mapping parts."""
    parts = {"mapping": 1, "destination": "D", "fields": fields, "custom_fields": custom or {}, "send": _SEND}
    known, context = more.pop("known", None), more.pop("context", None)
    mapper = pipeline.loads(strategies.written({**parts, **more}), environ={})
    return mapper.transform({"type": "identify", "userId": "u", "traits": traits, "context": context}, identity=known)


def ends(result: Result) -> dict[str, str]:
    """Each account in a few words, by its path with dots; the layer stands before it where it is not the call's."""
    return {
        (
            a.name if a.layer == "call" else f"{a.layer}:{a.name}"
        ): f"{a.end} {a.reason if a.end == 'dropped' else ', '.join(a.to)}"
        for a in result.accounts
    }


# ----------------------------------------------------------------------------------- the rules, written once more


class Plain:
    """Accounts as section 1.8 of the language has them, for one layer and fields that read mere paths."""

    def __init__(self, fields: dict[str, dict[str, Any]], traits: dict[str, Any], custom: dict[str, str]) -> None:
        """Find each field's winner."""
        self.traits, self.custom = traits, custom
        self.sent: dict[str, Path] = {}
        self.left_out: dict[str, Path] = {}
        self.losers: list[tuple[str, Path, str]] = []
        self.names = set(fields)
        for name, field in fields.items():
            self._fill(name, field)

    def _fill(self, name: str, field: dict[str, Any]) -> None:
        paths = [path_of(text) for text in field["from"]]
        fitting = [path for path in paths if fits(value_at(self.traits, path), field["type"])]
        if not fitting:
            return
        text = value_at(self.traits, fitting[0])
        wrong = field["type"] == "text" and len(str(text).strip()) > field["rules"]["maxlength"]
        (self.left_out if wrong and field["if_wrong"] == "drop" else self.sent)[name] = fitting[0]
        if name in self.sent:
            self.losers += [(name, path, field["type"]) for path in paths if path != fitting[0]]

    def rows(self) -> list[Row]:
        """One row for each leaf or whole container, in event order."""
        rows = [row for root, value in self.traits.items() for row in self._walk((root,), value)]
        used = set(self.names)
        for number, (path, end, _) in enumerate(rows):
            if end == "custom":
                name = "_".join(map(str, path))
                rows[number] = (path, "dropped", frozenset()) if name in used else (path, end, frozenset({name}))
                used.add(name)
        return rows

    def _walk(self, path: Path, value: Any) -> list[Row]:
        parts = (
            list(value.items())
            if isinstance(value, dict)
            else list(enumerate(value))
            if isinstance(value, list)
            else []
        )
        if not parts:
            return [self._end(path, value)]
        option = self.custom.get("nested" if isinstance(value, dict) else "lists", "flatten")
        touched = any(self._took(path + below, leaf) for below, leaf in laws.leaves(value))
        if option != "flatten" and not touched:
            return [(path, "dropped" if option == "drop" else "custom", frozenset())]
        return [row for step, part in parts for row in self._walk((*path, step), part)]

    def _took(self, path: Path, value: Any) -> bool:
        left_out = any(path[: len(above)] == above for above in self.left_out.values())
        return left_out or self._end(path, value)[1] in ("mapped", "shadowed")

    def _end(self, path: Path, value: Any) -> Row:
        to = frozenset(name for name, above in self.sent.items() if path[: len(above)] == above)
        if to:
            return path, "mapped", to
        if any(path[: len(above)] == above for above in self.left_out.values()):
            return path, "dropped", frozenset()
        if value in (None, [], {}) or (isinstance(value, str) and not value.strip()):
            return path, "dropped", frozenset()
        shadowed = frozenset(name for name, loser, kind in self.losers if loser == path and fits(value, kind))
        return (path, "shadowed", shadowed) if shadowed else (path, "custom", frozenset())


def path_of(text: str) -> Path:
    """The path of ``traits.a.b``."""
    return tuple(text.split(".")[1:])


def value_at(traits: Any, path: Path) -> Any:
    """The value at a path of names, or None."""
    for step in path:
        traits = traits.get(step) if isinstance(traits, dict) else None
    return traits


def fits(value: Any, kind: str) -> bool:
    """Whether a value is filled and fits: a text takes texts and numbers that it can write exactly."""
    if value in (None, [], {}) or (isinstance(value, str) and not value.strip()):
        return False
    if kind == "any":
        return True
    if isinstance(value, float):
        return abs(value) < 2**53
    return isinstance(value, str | int) and not isinstance(value, bool)


_PATHS = ("traits.a", "traits.a.b", "traits.a.b.c", "traits.b", "traits.b.c", "traits.c", "traits.d")
_FILLED: st.SearchStrategy[Any] = st.sampled_from(
    ("x", "long text", "", " ", 0, 7, 2.5, True, False, None, [], {}, [1], ["x", None], [{"a": 1}])
)


@st.composite
def plain_cases(draw: Draw) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Fields over mere paths, traits of the same few names, and what becomes of containers."""
    names = draw(st.lists(st.sampled_from(("f", "g", "h", "a", "a_b")), min_size=1, max_size=4, unique=True))
    fields = {
        name: {
            "type": draw(st.sampled_from(("text", "text", "any"))),
            "from": draw(st.lists(st.sampled_from(_PATHS), min_size=2, max_size=4, unique=True)),
            "if_wrong": draw(st.sampled_from(("reject", "drop"))),
        }
        for name in names
    }
    for field in fields.values():
        field["rules"] = {"maxlength": 4} if field["type"] == "text" else {}
    good = st.sampled_from(("x", "y", 7))
    traits = draw(
        st.dictionaries(st.sampled_from(("a", "b", "c", "d", "a_b")), st.one_of(good, good, _TREES), max_size=5)
    )
    custom = {"nested": draw(st.sampled_from(("flatten", "keep", "text", "drop")))}
    return fields, traits, {**custom, "lists": draw(st.sampled_from(("flatten", "keep", "text", "drop")))}


_TREES = st.recursive(
    _FILLED,
    lambda inner: st.dictionaries(st.sampled_from(("b", "c", "x")), inner, max_size=3) | st.lists(inner, max_size=2),
)


@laws.some(150)
@given(plain_cases())
def test_accounts_of_mere_paths(case: tuple[dict[str, Any], dict[str, Any], dict[str, str]]) -> None:
    """Every account of every leaf, in event order, as the second writing has it."""
    fields, traits, custom = case
    result = transformed(fields, traits, custom)
    found = [(a.path, a.end, frozenset(a.to)) for a in result.accounts]
    assert found == Plain(fields, traits, custom).rows()


# ------------------------------------------------------------------------------------------------- the corners


@pytest.mark.parametrize("value", [None, "", 0, False, [], {}, [[]], {"": {}}, {"a": [1, {"b": []}], "c": {"": None}}])
def test_leaves_are_found_the_same_by_both(value: Any) -> None:
    """The engine's leaves are those of the tests."""
    assert [(leaf.path, leaf.value) for leaf in leaves(value, (), "call")] == list(laws.leaves(value))


@pytest.mark.parametrize(
    ("fields", "traits", "expected"),
    [
        # one spelling wins, the other is shadowed; a losing object shadows nothing
        ({"f": ["traits.a", "traits.b"]}, {"a": "x", "b": "y"}, {"a": "mapped f", "b": "shadowed f"}),
        ({"f": ["traits.a.s", "traits.a"]}, {"a": {"s": "x", "u": "y"}}, {"a.s": "mapped f", "a.u": "custom a_u"}),
        # a path claims what is at and below it, never what is beside it
        ({"f": "traits.a.b"}, {"a": {"b": "x", "c": "y"}}, {"a.b": "mapped f", "a.c": "custom a_c"}),
        (
            {"f": {"type": "object", "from": "traits.a"}},
            {"a": {"b": 1, "c": []}},
            {"a.b": "mapped f", "a.c": "mapped f"},
        ),
        # a leaf may fill two
        ({"f": "traits.a", "g": "traits.a"}, {"a": "x"}, {"a": "mapped f, g"}),
        # a key with a dot is one step
        ({"f": 'traits."a.b"'}, {"a.b": "x", "a": {"b": "y"}}, {"a.b": "custom a_b"}),
        # only what flowed is mapped
        (
            {"f": "traits.l[?k == 'h'].c | [0]"},
            {"l": [{"k": "w", "c": "W"}, {"k": "h", "c": "H"}]},
            {"l.0.k": "custom l_0_k", "l.0.c": "custom l_0_c", "l.1.k": "custom l_1_k", "l.1.c": "mapped f"},
        ),
        (
            {"f": "reverse(traits.l) | [0]"},
            {"l": ["x", "y", "x"]},
            {"l.0": "custom l_0", "l.1": "custom l_1", "l.2": "mapped f"},
        ),
        ({"f": "{t: traits}.t.a"}, {"a": "x", "b": "y"}, {"a": "mapped f", "b": "custom b"}),
        ({"f": "length(traits.a)"}, {"a": "x"}, {"a": "custom a"}),
        # no winner: nothing is shadowed, and a default takes nothing
        (
            {"f": {"from": ["traits.a", "traits.b"], "default": "Z"}},
            {"a": "", "c": "x"},
            {"a": "dropped blank", "c": "custom c"},
        ),
        ({"f": {"when": "traits.no", "from": "traits.a"}}, {"a": "x"}, {"a": "custom a"}),
        # a wrong value that is left out is dropped, with the reason
        (
            {"f": {"from": "traits.a", "rules": {"maxlength": 1}, "if_wrong": "drop"}},
            {"a": "xy"},
            {"a": "dropped field f is left out: maxlength"},
        ),
        ({"f": {"from": "traits.a", "rules": {"maxlength": 1}}}, {"a": "xy"}, {"a": "mapped f"}),
        # a name that is taken is dropped, never overwritten
        ({"a": "traits.b"}, {"a": "x", "b": "y"}, {"a": "dropped name taken by field a", "b": "mapped a"}),
        ({"f": "traits.z"}, {"a_b": 1, "a": {"b": 2}}, {"a_b": "custom a_b", "a.b": "dropped name taken by trait a_b"}),
    ],
)
def test_corners(fields: Any, traits: Any, expected: dict[str, str]) -> None:
    """One case for each line of the algorithm."""
    assert ends(transformed(fields, traits, {"lists": "flatten"})) == expected


def test_a_context_that_a_field_reads_and_leaves_out() -> None:
    """What was read by ``context.traits`` and then left out is dropped with the reason, in every layer's place."""
    fields = {"f": {"from": "context.traits.a", "rules": {"maxlength": 1}, "if_wrong": "drop"}}
    context = {"traits": {"a": "long"}}
    dropped = "dropped field f is left out: maxlength"
    assert ends(transformed(fields, {}, context=context)) == {"context:a": dropped}
    hidden = ends(transformed(fields, {"a": "x"}, context=context))
    assert hidden == {"a": "custom a", "context:a": dropped}
    assert ends(transformed({"f": "context.traits.a"}, {"a": "x"}, context=context))["context:a"] == "mapped f"


def test_layers() -> None:
    """Hidden roots are shadowed leaf by leaf; what belongs to one call is neither looked up nor lost."""
    result = transformed(
        {"f": "traits.a"},
        {"a": "new"},
        context={"traits": {"a": {"x": 1, "y": []}, "order": "o"}},
        known={"a": "old", "b": "kept", "order": "o"},
        identity={"never": ["order"]},
    )
    assert ends(result) == {
        "a": "mapped f",
        "identity:b": "custom b",
        "context:a.x": "shadowed newer call",
        "context:a.y": "shadowed newer call",
        "identity:a": "shadowed newer call",
        "context:order": "dropped it belongs to an earlier call",
    }


@pytest.mark.parametrize(
    ("option", "custom", "ended"),
    [
        ({"nested": "keep"}, {"a": {"x": None, "y": [1]}}, {"a": "custom a"}),
        ({"nested": "text"}, {"a": '{"x":null,"y":[1]}'}, {"a": "custom a"}),
        ({"nested": "drop"}, {}, {"a": "dropped objects are dropped (nested: drop)"}),
        ({"lists": "keep"}, {"a_y": [1]}, {"a.x": "dropped null", "a.y": "custom a_y"}),
        ({"lists": "join"}, {"a_y": "1"}, {"a.x": "dropped null", "a.y": "custom a_y"}),
        ({"lists": "drop"}, {}, {"a.x": "dropped null", "a.y": "dropped lists are dropped (lists: drop)"}),
        ({"lift": ["a"]}, {"y": "[1]"}, {"a.x": "dropped null", "a.y": "custom y"}),
        ({"drop": ["a.*"]}, {}, {"a.x": "dropped null", "a.y": "dropped pattern a.* (line 11)"}),
        (
            {"prefix": "p_", "suffix": "__c", "separator": "."},
            {"p_a.y__c": "[1]"},
            {"a.x": "dropped null", "a.y": "custom p_a.y__c"},
        ),
    ],
    ids=str,
)
def test_containers(option: Any, custom: Any, ended: dict[str, str]) -> None:
    """A list or object goes whole, in pieces, as text, or not at all."""
    result = transformed({"f": "traits.z"}, {"a": {"x": None, "y": [1]}}, option)
    assert {name: end.partition(" (line")[0] for name, end in ends(result).items()} == {
        name: end.partition(" (line")[0] for name, end in ended.items()
    }
    assert laws.same(result.custom_fields, custom)


@pytest.mark.parametrize(("lists", "sent"), [("keep", []), ("text", "[]"), ("flatten", [])])
def test_empty_kept(lists: str, sent: Any) -> None:
    """``empty: keep`` sends what is blank or empty, but never null, and a list only as lists are sent."""
    custom = {"empty": "keep", "lists": lists}
    result = transformed({"f": "traits.named"}, {"a": [], "b": "", "c": None, "named": ""}, custom)
    assert result.custom_fields == {"a": sent, "b": ""}
    assert ends(result)["named"] == "dropped blank"
    none = transformed({"f": "traits.z"}, {"a": []}, {"empty": "keep", "lists": "drop"})
    assert none.custom_fields == {}


@pytest.mark.parametrize(
    ("pattern", "dropped"),
    [
        ("a", {"a", "a.b", "a.b.c", "a.x"}),
        ("a.*", {"a.b", "a.x"}),
        ("a.**", {"a", "a.b", "a.b.c", "a.x"}),
        ("**.c", {"c", "a.b.c", "l.0.c"}),
        ("**.b.**", {"a.b", "a.b.c"}),
        ("*.b", {"a.b", "a.b.c"}),
        ("l.0", {"l.0.c"}),
        ("l.*.c", {"l.0.c"}),
        ("??", set()),
        ("[a-b]", {"a", "a.b", "a.b.c", "a.x"}),
        ("B", set()),
        ("x\\.y", {"x.y"}),
        ("x.y", set()),
    ],
)
def test_patterns(pattern: str, dropped: set[str]) -> None:
    """One star is one step, two are any number; a name drops what is below it; a dot in a key is written escaped."""
    traits = {"a": {"b": {"c": 1}, "x": 2}, "c": 3, "l": [{"c": 4}], "x.y": 5}
    found = ends(transformed({"f": "traits.z"}, traits, {"drop": [pattern], "lists": "flatten"}))
    assert {name for name, end in found.items() if end.startswith("dropped pattern")} == dropped & set(found)


def test_deep_paths_and_many_stars() -> None:
    """A pattern of many double stars costs a deep path no more than another: this took minutes once."""
    deep: Any = 1
    for _ in range(55):
        deep = {"a": deep}
    result = transformed({"f": "traits.z"}, {"a": deep}, {"drop": ["**.a.**.a.**.a.**.a.**.b", "**.**.**.**.**.**.b"]})
    assert [account.end for account in result.accounts] == ["custom"]


def test_snake_names_are_linear() -> None:
    """A name of many capitals costs no more than one of small letters."""
    result = transformed(
        {"f": "traits.z"}, {"A" * 30_000: 1, "HTTPServerURL": 2, "Loyalty Tier": 3}, {"names": "snake"}
    )
    assert list(result.custom_fields) == ["a" * 30_000, "http_server_url", "loyalty_tier"]
