"""One event as a page: each field with its value and where it was taken from, what was dropped, the request.

Knows how a result is laid out for a person who does not program. Must not map, judge or send anything. It is
the one place that shows values of traits, because seeing them is what a preview is for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mapper import codec
from mapper.apps.render import problems, table
from mapper.apps.render.counting import counted
from mapper.apps.render.terminal import Screen, Text, block
from mapper.errors import Problem
from mapper.frozen import dataclass, field
from mapper.pipeline import Result
from mapper.request import Request
from mapper.transform import presence
from mapper.transform.results import Account, Filling

_STATUS_STYLES = {"ready": "bold green", "invalid": "bold red", "skipped": "bold yellow"}
_MASK = "***"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is previewed: the event's name for people, the mapping's file, its destination and its optional fields."""

    event: str
    file: str
    destination: str
    required: frozenset[str] = field(default_factory=frozenset)


def page(result: Result, subject: Subject, screen: Screen) -> Iterator[Text]:
    """The whole page."""
    yield from _head(result, subject, screen)
    sections = {
        "field": _fields(result, subject, screen),
        "custom field": _custom_fields(result, screen),
        "not sent": _dropped(result, screen),
    }
    filled = {name: rows for name, rows in sections.items() if rows}
    yield from table.tables(filled, screen) if filled else ()
    general = [p for p in (*result.problems, *result.warnings) if not _has_row(p, result)]
    if general:
        yield Text("")
        yield from problems.brief(general, screen)
    if result.request is not None:
        yield Text("")
        yield from _request(result.request, screen)
    yield Text("")
    yield from _closing(result, screen)


def _head(result: Result, subject: Subject, screen: Screen) -> Iterator[Text]:
    words = f"{subject.event}, mapped to {subject.destination} by {subject.file}: "
    yield from block(words + result.status, 0, screen, _STATUS_STYLES[result.status])
    yield Text("")


def _is_of(problem: Problem, filling: Filling) -> bool:
    """Whether a problem is told in a field's row. One without a place is a trait's that wants the field's name."""
    return problem.field == filling.name and problem.position is not None


def _has_row(problem: Problem, result: Result) -> bool:
    return any(_is_of(problem, filling) for filling in result.fillings)


# ------------------------------------------------------------------------------------------------------- the fields


def _fields(result: Result, subject: Subject, screen: Screen) -> list[table.Row]:
    return [_field(filling, result, subject, screen) for filling in result.fillings]


def _field(filling: Filling, result: Result, subject: Subject, screen: Screen) -> table.Row:
    found = [p for p in (*result.problems, *result.warnings) if _is_of(p, filling)]
    # A skipped event has no problems of its own; what is wrong with a field is still worth seeing.
    found += [p for p in filling.problems if p not in found]
    mark, style = _mark(filling, found, screen)
    filled = filling.state != "empty" and filling.value is not None
    return table.Row(
        mark=mark,
        style=style,
        name=filling.name,
        value=_plainly(filling.value) if filled else "-",
        source=_source(filling, result, subject),
        notes=(*_changes(filling), *_also_present(filling, result), *_looked(filling, found), *_wrongs(found)),
        faint=not filled and not found,
        whole=("value",) if found else (),
    )


def _mark(filling: Filling, found: Iterable[Problem], screen: Screen) -> tuple[str, str]:
    levels = {p.level for p in found}
    if "error" in levels:
        return screen.signs.wrong, "bold red"
    if "warning" in levels:
        return screen.signs.doubt, "bold yellow"
    if filling.state == "sent":
        return screen.signs.fine, "green"
    return screen.signs.none, "dim"


def _plainly(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else _as_json(value)


def _as_json(value: Any) -> str:
    return codec.encode(value).decode()


def _source(filling: Filling, result: Result, subject: Subject) -> str:
    if filling.source in ("const", "default"):
        return {"const": "fixed (const)", "default": "nothing found: default"}[filling.source]
    if filling.source is not None:
        older = {a.layer for a in result.accounts if a.end == "mapped" and filling.name in a.to} - {"call"}
        return f"{filling.source} ({', '.join(sorted(older))})" if older else filling.source
    if filling.state == "left_out":
        return f"left out: {filling.because}"
    return "required" if filling.name in subject.required else "optional"


def _changes(filling: Filling) -> Iterator[table.Note]:
    """What ``clean`` and ``values`` made of the value."""
    changed = filling.winner is not None and filling.state in ("sent", "rejected") and filling.before != filling.value
    if changed:
        yield table.Note(f"changed from {_as_json(filling.before)} to {_as_json(filling.value)}", "cyan")


def _also_present(filling: Filling, result: Result) -> Iterator[table.Note]:
    """Other spellings of the same thing that lost, in this call or in an older one."""
    others = {tried.text: tried.value for tried in filling.tried if tried.verdict == "present"}
    for account in result.accounts:
        if account.end == "shadowed" and filling.name in account.to:
            others.setdefault(_path(account), account.value)
    for path, value in others.items():
        same = presence.as_text(value) == filling.before
        verdict = "the same" if same else "it differs"
        yield table.Note(f"also present: {path} = {_as_json(value)} ({verdict})", "" if same else "yellow")


#: What is said behind an expression that gave nothing, where it is more than that nothing is there.
_VERDICTS = {
    "cleared": " (null or blank)",
    "unfit": " (of another kind)",
    "older": " (from an older call)",
    "failed": " (failed)",
}


def _looked(filling: Filling, found: Iterable[Problem]) -> Iterator[table.Note]:
    """Where a value was looked for in vain, unless a problem says all of it."""
    said = " ".join(f"{problem.message} {problem.hint}" for problem in found)
    if filling.winner is None and not all(tried.text in said for tried in filling.tried):
        looked = ", ".join(tried.text + _VERDICTS.get(tried.verdict, "") for tried in filling.tried)
        yield table.Note(f"looked in {looked}", "dim")


def _wrongs(found: Iterable[Problem]) -> Iterator[table.Note]:
    for problem in found:
        where = ", ".join(filter(None, (problem.code, problems.place(problem.position))))
        yield table.Note(f"{problem.message} ({where})", "red" if problem.level == "error" else "yellow")
        if problem.hint:
            yield table.Note(f"to do: {problem.hint}")


def _path(account: Account) -> str:
    layer = "" if account.layer == "call" else f" ({account.layer})"
    return f"traits.{account.name}{layer}"


# ------------------------------------------------------------------------------------- custom fields and what is left


def _custom_fields(result: Result, screen: Screen) -> list[table.Row]:
    sources = {a.to[0]: _path(a) for a in result.accounts if a.end == "custom" and a.to}
    return [
        table.Row(screen.signs.more_of, "green", name, _as_json(value), sources.get(name, ""))
        for name, value in result.custom_fields.items()
    ]


def _dropped(result: Result, screen: Screen) -> list[table.Row]:
    return [
        table.Row(screen.signs.none, "dim", _path(a), _as_json(a.value), a.reason or "", whole=("source",))
        for a in result.accounts
        if a.end == "dropped" or (a.end == "shadowed" and not _shown_beside(a, result))
    ]


def _shown_beside(account: Account, result: Result) -> bool:
    """Whether a field's row tells of a spelling already."""
    return any(filling.name in account.to for filling in result.fillings)


# ------------------------------------------------------------------------------------------------------ the request


def _request(request: Request, screen: Screen) -> Iterator[Text]:
    yield Text("the request", "bold")
    yield Text("")
    url, headers, body = _with_masks(request)
    yield Text("  ").append(screen.legible(f"{request.method} {url}"), "bold")
    for name, value in headers.items():
        yield Text(screen.legible(f"  {name}: {value}"))
    yield Text("")
    for line in json.dumps(body, ensure_ascii=screen.plain, indent=2).split("\n"):
        yield Text(f"  {screen.legible(line)}")


def _with_masks(request: Request) -> tuple[str, Mapping[str, str], Any]:
    """The address, the headers and the body with a mask wherever the transport will put a secret."""
    url, headers, body = request.url, dict(request.headers), request.body
    for secret in request.secrets:
        if secret.place == "header":
            headers[secret.name] = _MASK
        elif secret.place == "query":
            url += f"{'&' if '?' in url else '?'}{quote(secret.name, safe='')}={_MASK}"
        else:
            body = {**body, secret.name: _MASK}
    return url, headers, body


def _closing(result: Result, screen: Screen) -> Iterator[Text]:
    if result.status == "skipped":
        yield from block(f"skipped: {result.because}. Nothing would be sent.", 0, screen, "bold yellow")
        return
    counts = [
        counted(len(result.fields), "field"),
        counted(len(result.custom_fields), "custom field") if result.custom_fields else "",
        counted(len(result.problems), "problem") if result.problems else "",
        counted(len(result.warnings), "warning") if result.warnings else "",
    ]
    words = ", ".join(filter(None, counts))
    if result.request is None:
        yield from block(f"{words}: this call would NOT be sent.", 0, screen, "bold red")
    else:
        host = result.request.url.split("?", 1)[0]
        yield from block(f"{words}. Ready: would be sent to {host}", 0, screen, "bold green")
