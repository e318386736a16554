"""What a destination would say to one request, as far as its mapping tells.

Knows the mapping's address, places of secrets, required fields, limits and answers. Must not know a
socket, and never says a value: neither of a field nor of a key.

The checks, in order, and the answer of the first that fails:

    the path of ``send.url``; a mark in it stands for any text         404
    the method                                                         405
    the content type is JSON                                           415
    the body is JSON                                                   400
    each secret at its place, with the sandbox's key as its value      401
    each field that is required, each field's ``rules``, and each      422
    entry of ``require`` that has no ``when``

Where the mapping reads one of the last four codes otherwise, the answer is a code that it reads as that
ending; the answer to what passes is 202, 200 or 201, or the first code that the mapping reads as delivered.

What needs the traits cannot be checked here: a field with a ``when`` may be missing, an entry of
``require`` with a ``when`` is not judged, and a field that says ``if_wrong: keep`` may have any value. A
body that wraps the payload is unwrapped by running ``send.body`` once on a marked payload and looking
where the mark comes out; a body that hides it (in a text, say) is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mapper import codec
from mapper.errors import ExpressionError
from mapper.outcome import Answers, Ending, Reply
from mapper.plan import Plan
from mapper.plan.parts import Field, Mark, Place, Requirement
from mapper.request import Request, Secret

_MARKER = "the payload goes here"
#: Characters that no address holds, for the marks while the address is taken apart: any text, and a base address.
_ANY, _BASE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class Posted:
    """One request as it came in. ``headers`` have lower-case names; ``target`` is the path and the query."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the destination answers. ``body`` is the request's without its secrets; None where it is no JSON."""

    status: int
    title: str
    description: str = ""
    body: Any = field(default=None, repr=False)

    def as_json(self) -> bytes:
        """The body of the answer."""
        words = {"title": self.title, "description": self.description}
        return codec.encode({name: text for name, text in words.items() if text})


class Destination:
    """A mapping's destination, played from its plan.

    ``settings`` are all settings by name, the secret ones with the key of the sandbox. Raises SettingsError
    where a secret cannot be made from them.
    """

    def __init__(self, plan: Plan, settings: Mapping[str, Any]) -> None:
        self._plan = plan
        self._path = re.compile(_path_pattern(plan.send.url))
        self._secrets = _expected(plan, settings)
        public = {s.name: settings.get(s.name) for s in plan.settings if not s.secret}
        self._inside = _where_payload_is(plan, public)

    def judge(self, posted: Posted) -> Verdict:
        """The answer to one request. Never raises, whatever came in."""
        send = self._plan.send
        if not self._path.fullmatch(urlsplit(posted.target).path):
            return Verdict(404, "Not Found", "this is not the path of the mapping's send.url")
        if posted.method != send.method:
            return Verdict(405, "Method Not Allowed", f"the mapping's method is {send.method}")
        if posted.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return self._verdict("rejected", (415, 400), "Unsupported Media Type", "the content type has to be JSON")
        try:
            body = codec.decode(posted.content)
        except codec.NotJson as error:
            return self._verdict("rejected", (400, 422), "Bad Request", f"the body: {error}")
        return self._judge_body(posted, body)

    def _judge_body(self, posted: Posted, body: Any) -> Verdict:
        """The answer to a request whose body is JSON."""
        shown = self._without_secrets(body)
        wrong = [s.name for s in self._secrets if s.found(posted, body) != s.text]
        if wrong:
            description = f"the key is missing or wrong: {', '.join(wrong)}"
            return self._verdict("pause", (401, 403), "Unauthorized", description, shown)
        faults = list(self._faults(body))
        if faults:
            return self._verdict("rejected", (422, 400), "Unprocessable Content", "; ".join(faults), shown)
        return self._verdict("delivered", (202, 200, 201), "Accepted", body=shown)

    def _verdict(
        self, ending: Ending, preferred: tuple[int, ...], title: str, description: str = "", body: Any = None
    ) -> Verdict:
        """An answer with a status that the mapping reads as the ending that is meant."""
        answers = self._plan.send.answers
        verdicts = (Verdict(s, title, description, body) for s in (*preferred, *_codes(answers)))
        fitting = (v for v in verdicts if ending_of(v.status, v.as_json(), answers) == ending)
        return next(fitting, Verdict(preferred[0], title, description, body))

    def _without_secrets(self, body: Any) -> Any:
        """The body without what stands where a secret goes, right or wrong: somebody's true key may stand there."""
        if not isinstance(body, dict):
            return body
        names = {s.name for s in self._secrets if s.place == "body"}
        return {name: value for name, value in body.items() if name not in names}

    def _faults(self, body: Any) -> Iterable[str]:
        """What is wrong with the fields, in the order of the mapping."""
        if self._inside is None:
            return
        payload = _at(body, self._inside)
        if not isinstance(payload, dict):
            yield "the payload is not where send.body puts it"
            return
        for field_ in self._plan.fields:
            yield from _field_faults(field_, _at(payload, field_.place))
        for requirement in self._plan.require:
            if requirement.when is None and requirement.if_wrong == "reject":
                yield from self._requirement_faults(requirement, payload)

    def _requirement_faults(self, requirement: Requirement, payload: dict[str, Any]) -> Iterable[str]:
        values = {f.name: _at(payload, f.place) for f in self._plan.fields}
        there = [name for name in requirement.names if values[name] is not None]
        names = ", ".join(requirement.names)
        if requirement.kind == "any_of" and not there:
            yield f"one of {names} is needed"
        elif requirement.kind == "all_of" and len(there) < len(requirement.names):
            yield f"all of {names} are needed"
        elif requirement.kind == "together" and 0 < len(there) < len(requirement.names):
            yield f"{names} go together"
        for name, rules in requirement.rules:
            if values[name] is not None:
                yield from (f"{name} {broken.message}" for broken in rules.check(values[name]))
            elif rules.required:
                yield f"{name} is missing"


@dataclass(frozen=True, slots=True)
class _Expected:
    """A secret's place and the text that has to stand there."""

    place: str
    name: str
    text: str = field(repr=False)

    def found(self, posted: Posted, body: Any) -> Any:
        """What stands at the place; None where nothing does."""
        if self.place == "header":
            return posted.headers.get(self.name.lower())
        if self.place == "query":
            return dict(parse_qsl(urlsplit(posted.target).query)).get(self.name)
        return body.get(self.name) if isinstance(body, dict) else None


def ending_of(status: int, content: bytes, answers: Answers) -> Ending:
    """How the mapping reads an answer of the sandbox."""
    return answers.ending(Reply(status, {"content-type": "application/json"}, content))[0]


def _codes(answers: Answers) -> tuple[int, ...]:
    """The codes that a table of answers names, and the first of each range."""
    return tuple(rule.low for rule in answers.rules if rule.expression is None)


def _expected(plan: Plan, settings: Mapping[str, Any]) -> tuple[_Expected, ...]:
    """The secrets as a transport would make them: by the very code that a transport uses."""
    secrets = tuple(Secret(s.place, s.name, s.located.text, s.settings) for s in plan.send.secrets)  # type: ignore[arg-type] # the table of keys knows only places
    prepared = Request("POST", "http://sandbox/", {}, {}, b"{}", secrets).with_secrets(settings)
    posted = Posted("POST", prepared.url, {n.lower(): t for n, t in prepared.headers.items()}, prepared.content)
    body = codec.decode(prepared.content)
    return tuple(_Expected(s.place, s.name, _Expected(s.place, s.name, "").found(posted, body)) for s in secrets)


def _path_pattern(pieces: Iterable[str | Mark]) -> str:
    """A regular expression for the paths that the pieces of an address can make."""
    marks = {True: f"https://base/{_BASE}", False: _ANY}
    address = "".join(piece if isinstance(piece, str) else marks[piece.base] for piece in pieces)
    path = re.escape(urlsplit(address).path or "/")
    return path.replace(f"/{_BASE}", "(?:/.*)?").replace(_ANY, "[^/]+")


def _where_payload_is(plan: Plan, public: Mapping[str, Any]) -> Place | tuple[str | int, ...] | None:
    """The way from the body to the payload inside it; None where it cannot be told."""
    if plan.send.body is None:
        return ()
    document = {"payload": {_MARKER: _MARKER}, "settings": dict(public)}
    try:
        body = plan.send.body.expression.build(document)
    except ExpressionError:
        return None
    return _way_to_marker(body)


def _way_to_marker(value: Any) -> tuple[str | int, ...] | None:
    if isinstance(value, dict) and _MARKER in value:
        return ()
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        way = _way_to_marker(inner)
        if way is not None:
            return (step, *way)
    return None


def _at(value: Any, way: Iterable[str | int]) -> Any:
    """What stands at the end of a way; None where it does not lead anywhere."""
    for step in way:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _field_faults(field_: Field, value: Any) -> Iterable[str]:
    if value is None:
        if field_.rules.required and field_.when is None:
            yield f"{field_.name} is missing"
    elif field_.if_wrong != "keep":
        yield from (f"{field_.name} {broken.message}" for broken in field_.rules.check(value))
