"""Step 2: positioned values become a Mapping: what its author wrote, section by section.

Knows the sections and their defaults. Must not know JMESPath or Cerberus: expressions and rules are
still texts and tables here.
"""

from __future__ import annotations

from typing import Any

from mapper.errors import Findings, Position
from mapper.frozen import dataclass
from mapper.keys import MAPPING
from mapper.shapes import Entry
from mapper.source import Node, Scalar, Source, Table

Pairs = tuple[tuple[Scalar, Any], ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``default`` is still a node; ``env`` names the environment variable."""

    name: str
    position: Position
    env: str | None
    type: str
    required: bool
    secret: bool
    default: Node | None
    rules: Table | None


@dataclass(frozen=True, slots=True)
class Field:
    """One field as written. ``sources`` are the expressions of ``from``."""

    name: Scalar
    entry: Entry
    type: str
    when: Scalar | None
    sources: tuple[Scalar, ...]
    clean: Scalar | None
    values: Pairs
    default: Node | None
    const: Node | None
    rules: Table | None
    warn: Table | None
    if_wrong: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of ``require``: ``kind`` is any_of, all_of, together or rules."""

    kind: str
    names: tuple[Scalar, ...]
    rules: tuple[tuple[Scalar, Table], ...]
    when: Scalar | None
    message: str | None
    if_wrong: str
    position: Position


@dataclass(frozen=True, slots=True)
class Skip:
    """One reason to skip an event."""

    when: Scalar
    because: str


@dataclass(frozen=True, slots=True)
class CustomFields:
    """What becomes of the traits that no field took; ``none`` drops them all."""

    position: Position
    none: bool = False
    into: Scalar | None = None
    nested: str = "flatten"
    lists: str = "text"
    names: str = "keep"
    separator: str = "_"
    prefix: str = ""
    suffix: str = ""
    drop: tuple[Scalar, ...] = ()
    lift: tuple[str, ...] = ()
    empty: str = "drop"
    name_rules: Table | None = None
    rules: Table | None = None


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """One entry of ``send.secrets``."""

    place: str
    name: Scalar
    value: Scalar


@dataclass(frozen=True, slots=True)
class Send:
    """The request as written; ``answers`` are pairs of an ending and its nodes."""

    entry: Entry
    method: str
    url: Scalar | None
    headers: Pairs
    body: Scalar | None
    secrets: tuple[SecretPlace, ...]
    answers: tuple[tuple[str, tuple[Node, ...]], ...]
    rate: str | None
    once_per: tuple[tuple[Scalar, ...], str] | None
    cap: tuple[int | None, int | None]
    stale_after: str | None
    unknown: str


@dataclass(frozen=True, slots=True)
class Test:
    """One entry of ``tests``; ``given``, ``identity``, ``settings`` and ``expect`` are still nodes."""

    name: str
    position: Position
    given: Table
    identity: Table | None
    settings: Table | None
    expect: Entry


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping file, as written."""

    file: str
    destination: str
    settings: tuple[Setting, ...]
    never: tuple[Scalar, ...]
    as_one: tuple[tuple[Scalar, ...], ...]
    fields: tuple[Field, ...]
    require: tuple[Requirement, ...]
    skip: tuple[Skip, ...]
    custom_fields: CustomFields
    send: Send
    tests: tuple[Test, ...]


def parse(source: Source, found: Findings) -> Mapping | None:
    """The mapping of a file; what is wrong goes into ``found``.

    A part that is wrong is left out, so that the later stages can report what they see in the rest.
    None where the file is no mapping at all.
    """
    entry = MAPPING.read(source.root, found)
    if entry is None:
        return None
    identity = entry.get("identity")
    return Mapping(
        file=source.file,
        destination=_text(entry.get("destination")) or "",
        settings=tuple(_setting(name, part) for name, part in entry.get("settings", ())),
        never=identity.get("never", ()) if identity else (),
        as_one=identity.get("as_one", ()) if identity else (),
        fields=tuple(_field(name, part) for name, part in entry.get("fields", ())),
        require=tuple(_requirement(part) for part in entry.get("require", ())),
        skip=tuple(_skip(part) for part in entry.get("skip", ()) if part.get("when") is not None),
        custom_fields=_custom_fields(entry),
        send=_send(entry.get("send"), entry),
        tests=tuple(_test(part) for part in entry.get("tests", ()) if part.get("given") and part.get("expect")),
    )


def _text(scalar: Scalar | None) -> str | None:
    return scalar.text if scalar is not None else None


def _setting(name: Scalar, entry: Entry) -> Setting:
    return Setting(
        name=name.text,
        position=name.position,
        env=_text(entry.get("env")),
        type=entry.get("type", "text"),
        required=entry.get("required", False),
        secret=entry.get("secret", False),
        default=entry.get("default"),
        rules=entry.get("rules"),
    )


def _field(name: Scalar, part: Any) -> Field:
    """A field from its long form, or from the short one: an expression, or a list of them."""
    if not isinstance(part, Entry):
        sources = (part,) if isinstance(part, Scalar) else part
        part = Entry(name.position, {"from": sources}, {"from": name.position})
    return Field(
        name=name,
        entry=part,
        type=part.get("type", "text"),
        when=part.get("when"),
        sources=part.get("from", ()),
        clean=part.get("clean"),
        values=part.get("values", ()),
        default=part.get("default"),
        const=part.get("const"),
        rules=part.get("rules"),
        warn=part.get("warn"),
        if_wrong=part.get("if_wrong", "reject"),
    )


def _requirement(entry: Entry) -> Requirement:
    kind = next((k for k in ("any_of", "all_of", "together", "rules") if k in entry.values), "any_of")
    return Requirement(
        kind=kind,
        names=entry.get(kind, ()) if kind != "rules" else (),
        rules=entry.get("rules", ()),
        when=entry.get("when"),
        message=_text(entry.get("message")),
        if_wrong=entry.get("if_wrong", "reject"),
        position=entry.place(kind),
    )


def _skip(entry: Entry) -> Skip:
    return Skip(entry.get("when"), _text(entry.get("because")) or "")


def _custom_fields(entry: Entry) -> CustomFields:
    part, position = entry.get("custom_fields"), entry.place("custom_fields")
    if part is None:
        return CustomFields(position)
    if not isinstance(part, Entry):
        return CustomFields(position, none=True)
    return CustomFields(
        position=position,
        into=part.get("into"),
        nested=part.get("nested", "flatten"),
        lists=part.get("lists", "text"),
        names=part.get("names", "keep"),
        separator=_text(part.get("separator")) or "_",
        prefix=_text(part.get("prefix")) or "",
        suffix=_text(part.get("suffix")) or "",
        drop=part.get("drop", ()),
        lift=tuple(name.text for name in part.get("lift", ())),
        empty=part.get("empty", "drop"),
        name_rules=part.get("name_rules"),
        rules=part.get("rules"),
    )


def _send(entry: Entry | None, whole: Entry) -> Send:
    entry = entry or Entry(whole.position, {}, {})
    answers, once, cap = entry.get("answers"), entry.get("once_per"), entry.get("cap")
    return Send(
        entry=entry,
        method=entry.get("method", "POST"),
        url=entry.get("url"),
        headers=entry.get("headers", ()),
        body=entry.get("body"),
        secrets=tuple(
            _secret(part) for part in entry.get("secrets", ()) if len(part.values) == len(("in", "name", "value"))
        ),
        answers=tuple(answers.values.items()) if answers else (),
        rate=_text(entry.get("rate")),
        once_per=(once.get("key", ()), _text(once.get("within")) or "") if once else None,
        cap=(cap.get("day"), cap.get("run")) if cap else (None, None),
        stale_after=_text(entry.get("stale_after")),
        unknown=entry.get("unknown", "hold"),
    )


def _secret(entry: Entry) -> SecretPlace:
    return SecretPlace(entry.get("in"), entry.get("name"), entry.get("value"))


def _test(entry: Entry) -> Test:
    return Test(
        name=_text(entry.get("name")) or "",
        position=entry.position,
        given=entry.get("given"),
        identity=entry.get("identity"),
        settings=entry.get("settings"),
        expect=entry.get("expect"),
    )
