"""What is wrong in a YAML text, in the reader's words, and what was meant instead.

Knows how YAML betrays people who write expressions and patterns in it, line by line, and what PyYAML says
then. Must not read a file as a whole, nor know what a value is for.

Values are guessed on one line, by brackets and quotes as expressions have them. A guess is only ever a hint.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from mapper.errors import Position, Problem

#: Invisible, and not the space that it looks like.
_INVISIBLE = "\u00a0\u200b\u200c\u200d\u2060\ufeff\u00ad"
_CURLY = "“”‘’"
#: What YAML makes a character of that no pattern means, such as a backspace of ``\\b``; in double quotes only.
_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\[0abefv_NLP])")
_SPACE = 32
#: Longer lines are not guessed about: a guess costs time, and nobody reads it.
_LONGEST_LINE = 1_000


def odd_characters(raw: str, text: str) -> Iterator[tuple[int, int, str, str, str]]:
    """What cannot be seen in a scalar that stands in the file as ``raw`` and is read as ``text``.

    Each as its offset in ``raw``, its width, and a code, a message and a hint.
    """
    for character in sorted(set(raw) & set(_INVISIBLE), key=raw.index):
        name = unicodedata.name(character).lower()
        message = f"there is an invisible character here: {name} (U+{ord(character):04X})"
        hint = "delete it and type a plain space; it often comes with pasted text"
        yield raw.index(character), 1, "odd_character", message, hint
    if raw[:1] in set(_CURLY):
        message = "these are curly quotes: YAML takes them as letters"
        hint = write(raw.strip(_CURLY)) if "\n" not in raw else "write straight quotes: ' or \""
        yield 0, len(raw.partition("\n")[0]), "odd_character", message, hint
    escape = _ESCAPE.search(raw) if raw[:1] == '"' else None
    if escape is not None or any(ord(c) < _SPACE and c not in "\n\t\r" for c in text):
        offset, width, shown = (escape.start(1), 2, escape[1]) if escape else (0, 1, "a backslash in them")
        message = f"double quotes make one character of {shown}, which is not what a pattern means by it"
        hint = write(raw[1:-1]) if "\n" not in raw else "put the pattern in single quotes"
        yield offset, width, "control_character", message, hint


def quoted(text: str) -> str:
    """A text of one line as YAML in quotes: every tool reads the same in it."""
    if "'" in text and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def write(text: str) -> str:
    """The hint to write a text in quotes."""
    return f"write {quoted(text)}"


#: A dash, a key, or the opening or end of a list or a map: what may stand before a value on its line.
_BEFORE = re.compile(r"""\s*(?:[\[\]{},]|(?:[^\s"'\[\]{},:#][^"'\[\]{},:#]*|"[^"]*"|'[^']*'):(?=\s|$))\s*""")
_NOT_PLAIN = re.compile(r"[^\w\s.-]")


def value_around(line: str, column: int) -> str | None:
    """The value on a line that holds a column (from 0), as its author may have meant it; None where it is plain."""
    value = _value_at(line, column)
    return value[1] if value and _NOT_PLAIN.search(value[1]) else None


def _value_at(line: str, column: int) -> tuple[int, str] | None:
    """The value on a line that holds a column, as its author may have meant it: where it begins, and its text."""
    dashes = re.match(r"\s*(?:- +)*", line)
    at, flow, key = dashes.end() if dashes else 0, False, ""
    while at <= column and at < min(len(line), _LONGEST_LINE):
        before = _BEFORE.match(line, at)
        mark = before.group().strip() if before else ""
        # A pattern may begin with a bracket; and a line has one key, but for those inside brackets.
        if before and key != "regex:" and (flow or not key or not mark.endswith(":")):
            flow = flow or mark in ("{", "[")
            key = mark if mark.endswith(":") else ""
            at = before.end()
            continue
        text = as_meant(line[at:], flow=flow)
        if not text or column <= at + len(text):
            return (at, text) if text else None
        at, key = at + len(text), ""
    return None


def as_meant(text: str, *, flow: bool) -> str:
    """The value that a text begins with: up to a comment, comma or closing bracket that no quote or bracket holds."""
    quote, depth = "", 0
    for at, character in enumerate(text[:_LONGEST_LINE]):
        if quote:
            quote = "" if character == quote and text[at - 1] != "\\" else quote
        elif character in "'\"`":
            quote = character
        elif character in "([{":
            depth += 1
        elif depth:
            depth -= character in ")]}"
        elif character in ")]}" or (flow and character == ",") or (character == "#" and text[at - 1 : at].isspace()):
            return text[:at].rstrip()
    return "" if quote or depth else text.rstrip().rstrip(",")


TAG = "YAML reads a word that starts with ! as a tag"


def untagged(meant: str | None) -> str:
    """What to write instead of a value that begins with ``!``."""
    if meant is None or not re.match(r"!\s*(\w+[.(]|\()", meant):
        return "remove it; an expression that starts with ! has to stand in single quotes"
    # Even in quotes, ! would take the first name alone.
    return write(re.sub(r"!\s*(\w+(?:\.\w+)+)(?![\w(])", r"!(\1)", meant))


def syntax(error: Exception, lines: list[str], file: str) -> Problem:
    """What stopped PyYAML, at the place that its author has to look at."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        place = Position(file, 1, 1)
        return Problem("yaml", "a character that YAML does not allow", position=_unreadable(lines, file) or place)
    opened = getattr(error, "context_mark", None) or mark
    for number in range(opened.line, min(mark.line, len(lines))):
        for sign in re.finditer(r"(?<=\s)#", lines[number]):
            value = _value_at(lines[number], sign.start())
            if value:
                place = Position(file, number + 1, sign.start() + 1)
                message = "YAML takes a # after a space for a comment"
                return Problem("yaml", message, position=place, hint=write(value[1]))
    # The end of a file may be counted as a line of its own.
    row = min(mark.line, len(lines) - 1)
    place = Position(file, row + 1, (mark.column if row == mark.line else len(lines[row])) + 1)
    return _at(place, lines[row], str(getattr(error, "problem", "") or ""))


def _at(place: Position, line: str, problem: str) -> Problem:
    """A complaint of PyYAML's in words of the reader, with what to write where that can be told."""
    column = place.column - 1
    if line[column : column + 1] == "\t":
        return Problem("yaml", "a tab cannot indent", position=place, hint="use spaces")
    # Behind the character that it means: an alias's or an anchor's, or (the pure parser) an escape's.
    column -= line[column - 1 : column] in ("*", "&", "\\") and line[column : column + 1] != "\\"
    value = _value_at(line, column)
    meant = value[1] if value and _NOT_PLAIN.search(value[1]) else None
    message, hint = _reworded(problem, line[column : column + 1], meant)
    if value and meant and meant[0] in "[{!":
        column = value[0]
    return Problem("yaml", message, position=place.shifted(column + 1 - place.column), hint=hint)


def _unreadable(lines: list[str], file: str) -> Position | None:
    for number, line in enumerate(lines, 1):
        for column, character in enumerate(line, 1):
            if not character.isprintable() and character not in "\t\r":
                return Position(file, number, column)
    return None


_QUOTE_IT = "put the whole expression or pattern in single quotes"


def _reworded(problem: str, character: str, meant: str | None) -> tuple[str, str | None]:
    """PyYAML's complaint about a character, in words of the reader; and the value that may be meant, in quotes."""
    if meant is not None and meant[0] == "!":
        return TAG, untagged(meant)
    instead = write(meant) if meant else None
    if character in set("*&"):
        return "YAML gives * and & at the start a meaning of its own", instead or _QUOTE_IT
    if "cannot start any token" in problem:
        return "YAML does not allow a text to start with this character", instead or _QUOTE_IT
    if "mapping values are not allowed" in problem:
        return "a colon and a space inside a text", instead or f"check the indentation; or {_QUOTE_IT}"
    if "unknown escape" in problem:
        return "a backslash inside double quotes", write(meant.strip('"')) if meant else _QUOTE_IT
    if "sequence entries are not allowed" in problem:
        return "a dash begins a list here", "begin the list on the next line, or put the text in single quotes"
    if "could not find expected ':'" in problem:
        return "a key without a colon, or a text that is not indented", instead or "write key: value"
    if problem.startswith("expected ") or "did not find expected" in problem:
        return _misfit(character, meant), instead or f"check the indentation; or {_QUOTE_IT}"
    if "unexpected end" in problem or "end of stream" in problem:
        return "a quote or a bracket is never closed", None
    return f"not YAML: {problem}" if problem else "not YAML", instead


def _misfit(character: str, meant: str | None) -> str:
    if meant is None:
        return "this line does not fit the lines above it"
    first = meant[0] if meant[0] in "[{" else character
    named = {"[": "YAML reads [ ] as a list", "{": "YAML reads { } as a map"}
    return named.get(first, "YAML does not read this as one text")
