"""The request's part of a plan: address, headers, body, secrets, answers and guards.

Knows how ``send`` becomes something that can be built per event. Must not build a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from mapper import mapping as written
from mapper.errors import Findings, Position
from mapper.outcome import AnswerRule, Answers, Ending
from mapper.plan.parts import Located, Mark, SecretPlace, Send
from mapper.plan.scope import BODY, REPLY, SECRET, SEND, Compiler
from mapper.source import Node, Scalar

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "second": 1, "minute": 60, "hour": 3600}
_MARK = re.compile(r"\{([^{}]*)\}")
_MARK_PATH = re.compile(r"(settings|fields)(\.[A-Za-z_][A-Za-z0-9_]*)+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
#: Set by the transport or by the connection; an author's value would be wrong or dangerous.
_NOT_A_HEADER = frozenset(
    {"connection", "content-length", "cookie", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def compile_send(part: written.Send, settings: dict[str, written.Setting], compiler: Compiler) -> Send:
    """The request's part of the plan."""
    return Send(
        method=part.method,
        url=_url(part.url, compiler) if part.url is not None else (),
        headers=tuple(_headers(part, compiler)),
        body=compiler.compile(part.body, BODY) if part.body is not None else None,
        secrets=tuple(_secrets(part, settings, compiler)),
        answers=_answers(part, compiler),
        rate=_rate(part.rate),
        once_per=_once_per(part, compiler),
        cap_day=part.cap[0],
        cap_run=part.cap[1],
        stale_after=seconds(part.stale_after) if part.stale_after else None,
        unknown=part.unknown,
        position=part.entry.position,
    )


def seconds(duration: str) -> int:
    """The seconds of a duration such as 1h or 30d."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def _rate(rate: str | None) -> tuple[int, int] | None:
    if rate is None:
        return None
    count, _, unit = rate.partition("/")
    return int(count), _SECONDS[unit]


def _once_per(part: written.Send, compiler: Compiler) -> tuple[tuple[Located, ...], int] | None:
    if part.once_per is None or not part.once_per[1]:
        return None
    parts = (compiler.compile(scalar, SEND) for scalar in part.once_per[0])
    return tuple(located for located in parts if located is not None), seconds(part.once_per[1])


def _url(scalar: Scalar, compiler: Compiler) -> tuple[str | Mark, ...]:
    """The pieces of the address: texts and marks."""
    pieces: list[str | Mark] = []
    end = 0
    for match in _MARK.finditer(scalar.text):
        pieces.append(scalar.text[end : match.start()])
        located = _mark(match, scalar, compiler)
        if located is not None:
            pieces.append(Mark(located, base=match.start() == 0))
        end = match.end()
    pieces.append(scalar.text[end:])
    _check_url(scalar, compiler.found)
    return tuple(piece for piece in pieces if piece != "")


def _mark(match: re.Match[str], scalar: Scalar, compiler: Compiler) -> Located | None:
    place = scalar.at(match.start(1), max(len(match.group(1)), 1))
    if not _MARK_PATH.fullmatch(match.group(1)):
        message = "only {settings.NAME} and {fields.NAME} can stand in an address"
        compiler.found.error("bad_url", message, place, "bring anything else into a field first")
        return None
    inner = Scalar(match.group(1), place, plain=True, exact=scalar.exact)
    return compiler.compile(inner, SEND)


def _check_url(scalar: Scalar, found: Findings) -> None:
    text = scalar.text
    if "#" in text:
        found.error("bad_url", "a request never carries what stands behind a #", scalar.position, "remove it")
    base = re.match(r"\{settings\.[^{}]*\}", text)
    if base is not None:
        # What follows a base address without a / would belong to its host.
        if text[base.end() : base.end() + 1] not in ("", "/", "?"):
            message = "an event must never choose the host"
            found.error("bad_url", message, scalar.position, f"write {base.group()}/path")
        return
    host_part = text.split("/", 3)[2] if text.count("/") >= 2 else ""  # noqa: PLR2004 - scheme://host/path
    if "{fields." in host_part or text.startswith("{fields."):
        message = "an event must never choose the host"
        found.error("bad_url", message, scalar.position, "only {settings.NAME} can stand in the host")
    problem = wrong_address(_MARK.sub("x", text))
    if problem:
        found.error("bad_url", problem, scalar.position, "write https://host/path")


def wrong_address(text: str) -> str | None:
    """What is wrong with an absolute address, or None. Plain http goes to this machine only."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is not an address"
    if not host or any(c.isspace() for c in text):
        return "this is not an address"
    if parts.username is not None or parts.password is not None:
        return "an address holds no user and no password"
    if parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK):
        return None
    return "the address has to start with https://"


def wrong_base(text: str) -> str | None:
    """What is wrong with a setting that opens the address, or None."""
    problem = wrong_address(text)
    if problem is None and ("?" in text or "#" in text):
        return "a base address has no ? and no #"
    return problem


def _headers(part: written.Send, compiler: Compiler) -> Iterable[tuple[str, Located]]:
    for name, scalar in part.headers:
        if _check_header(name, compiler.found):
            located = compiler.compile(scalar, SEND)
            if located is not None:
                yield name.text, located


def _check_header(name: Scalar, found: Findings) -> bool:
    if not _HEADER.fullmatch(name.text):
        found.error("bad_name", "this cannot be the name of a header", name.position)
        return False
    if name.text.lower() in _NOT_A_HEADER:
        found.error("bad_name", f"{name.text} is set by the engine", name.position, "remove it")
        return False
    return True


def _secrets(part: written.Send, settings: dict[str, written.Setting], compiler: Compiler) -> Iterable[SecretPlace]:
    for secret in part.secrets:
        located = compiler.compile(secret.value, SECRET)
        if secret.place == "header" and not _HEADER.fullmatch(secret.name.text):
            compiler.found.error("bad_name", "this cannot be the name of a header", secret.name.position)
        if located is None:
            continue
        names = sorted({str(p[1]) for p in located.expression.reads.every if len(p) > 1 and p[0] == "settings"})
        if not names:
            message = "a secret has to come from a setting, never from the file"
            compiler.found.error("secret_in_file", message, secret.value.position, "write settings.NAME")
        needs = tuple((name, settings[name].env) for name in names if name in settings)
        yield SecretPlace(secret.place, secret.name.text, located, needs)


def _answers(part: written.Send, compiler: Compiler) -> Answers:
    rules: list[AnswerRule] = []
    seen: dict[tuple[int, int], Position] = {}
    for ending, nodes in part.answers:
        for node in nodes:
            rule = _answer(ending, node, compiler)  # type: ignore[arg-type] # the table of keys knows only endings
            if rule is None:
                continue
            span = (rule.low, rule.high)
            if rule.expression is None and span in seen:
                message = f"this answer has two meanings (first on line {seen[span].line})"
                compiler.found.error("answers_twice", message, node.position, "keep one of the two")
                continue
            seen[span] = node.position
            rules.append(rule)
    return Answers(tuple(rules))


def _answer(ending: Ending, node: Node, compiler: Compiler) -> AnswerRule | None:
    if not isinstance(node, Scalar):
        compiler.found.error("wrong_shape", "a code, a range such as 5xx, or an expression is due", node.position)
        return None
    if re.fullmatch("[1-5][0-9][0-9]", node.text):
        return AnswerRule(ending, int(node.text), int(node.text))
    if re.fullmatch("[1-5]xx", node.text):
        return AnswerRule(ending, int(node.text[0]) * 100, int(node.text[0]) * 100 + 99)
    if node.text.isdigit():
        compiler.found.error("wrong_word", "a status code has three digits, 100 to 599", node.position)
        return None
    located = compiler.compile(node, REPLY, condition=True)
    return AnswerRule(ending, expression=located.expression) if located is not None else None
