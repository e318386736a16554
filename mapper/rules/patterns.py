"""Regular expressions that take linear time: one pattern's text becomes something that matches whole values.

Knows re2, what it refuses and how to say so. Must not know rules, fields or files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from mapper.frozen import dataclass

#: A longer pattern than this is no pattern that a person can read.
MAX_BYTES = 512

#: RE2's time grows with the text *times the compiled pattern*, so the second is bounded as well. At 2 MB
#: ``[\p{L} .'-]{1,64}`` still compiles, and the worst pattern that was tried on purpose takes 1.4 s for a text of
#: 32 KB, the largest call there is (at RE2's own 8 MB: 4.6 s; a pattern that somebody means: under 1 ms).
_MEMORY = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a pattern: ``offset`` and ``width`` in characters; None where it cannot be told."""

    message: str
    hint: str | None = None
    offset: int | None = None
    width: int = 1


def fault(pattern: str) -> Fault | None:
    """What keeps a pattern from being used, or None. Never raises."""
    size = len(pattern.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        return Fault(f"the pattern has {size} bytes; it may have {MAX_BYTES}", "split it: allof: [{regex: ...}, ...]")
    literal = _OPEN_REPEAT.search(pattern)
    if literal:
        message = f"{literal[1]} would be read as a text, not as a repetition"
        return Fault(message, f"write {{0{literal[1][1:]}", literal.start(1), len(literal[1]))
    if _small(pattern) is not None:
        return None
    import re2  # noqa: PLC0415 - as in ``_compiled``

    try:
        _compiled(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        return _worded(pattern, _text(error))
    return None


def anchors(pattern: str) -> Iterator[int]:
    """The offsets of a ``^`` at the start and a ``$`` at the end, which the whole-value match makes needless."""
    if pattern.startswith("^"):
        yield 0
    if re.search(r"(?<!\\)(\\\\)*\$\Z", pattern):
        yield len(pattern) - 1


def matches(pattern: str, text: str) -> bool:
    r"""Whether the whole text has the form, in time linear to its length; ``\d``, ``\w`` and ``\s`` are ASCII.

    Raises re2.error for a pattern that ``fault`` objects to.
    """
    expression = _compiled(pattern)
    try:
        return expression.fullmatch(text.encode()) is not None  # of a text, re2 would also count the characters
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can hold it, and it is no character
        return False


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that says whether the whole of a composed text has the form, twice as fast as ``matches``.

    A set of one pattern tells only whether it matches, not where, which is what takes re2 its time. Where it runs out
    of memory it says No, and the slower one is asked. Raises re2.error for a pattern that ``fault`` objects to.
    """
    small = _small(pattern)
    if small is not None:
        fullmatch = small.fullmatch
        return lambda text: fullmatch(text) is not None
    import re2  # noqa: PLC0415 - as in ``_compiled``

    only = re2.Set.FullMatchSet(_options())
    only.Add(pattern)
    only.Compile()
    match = only.Match

    def has_form(text: str) -> bool:
        try:
            return match(text.encode()) is not None
        except UnicodeEncodeError:  # as in ``matches``
            return False

    return has_form


_ATOM = r"(?:\[(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _])+-?\]|\\d|[A-Za-z0-9 _-])"
_PART = rf"{_ATOM}(?:\{{[0-9]{{1,2}}(?:,[0-9]{{1,2}})?\}}|\?)?"
_SMALL = re.compile(rf"(?:{_PART}|\((?:{_PART})+\)\??)+")
_VARIABLE = re.compile(r",[0-9]+\}|\?")
#: With more parts of a variable length than these, trying all of them would take its time.
_MOST_VARIABLE = 4


def _small(pattern: str) -> re.Pattern[str] | None:
    """Python's own expression, where it may match a pattern: the same language there, and only so many ways to try.

    Classes, digits and letters, each a bounded number of times, such as the forms of states and postal codes. None for
    all others, and for those that are wrong, such as ``[9-0]``: re2 says what is wrong with them.
    """
    if _SMALL.fullmatch(pattern) is None or len(_VARIABLE.findall(pattern)) > _MOST_VARIABLE:
        return None
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        return None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    """The compiled pattern. Remembered, because a Cerberus schema holds the text (re2 itself remembers only 128)."""
    import re2  # noqa: PLC0415 - it takes 2 ms to load, and many a mapping has small patterns only

    return re2.compile(pattern, _options())


def _options() -> Any:
    import re2  # noqa: PLC0415 - as in ``_compiled``

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    return options


def _text(error: Exception) -> str:
    """RE2's complaint, such as ``invalid perl operator: (?=``; the binding gives it as bytes."""
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


_LINEAR = "patterns run in linear time, so this does not exist here"
_OPEN_REPEAT = re.compile(r"(?<!\\)(\{,[0-9]+\})")

#: The start of what RE2 objects to: what a person calls it, and what to write.
_NAMED: tuple[tuple[str, str, str], ...] = (
    (r"\(\?<?[=!]", "look-around", f"{_LINEAR}; write the rules apart: allof, noneof"),
    (r"\\[1-9]|\\k|\(\?P(?![<>])", "a back-reference", f"{_LINEAR}; write the alternatives out"),
    (r"\(\?>", "an atomic group", f"{_LINEAR}; write (?:...)"),
    (r"(\*|\+|\?|\{[0-9,]+\})\+", "a possessive repetition", f"{_LINEAR}; leave out the second +"),
    (r"\(\?\(|\(\?R|\(\?[0-9&]", "a condition or a recursion", _LINEAR),
    (r"\(\?#", "a comment inside a pattern", "write it behind the line: # ..."),
    (r"\\[ZzGK]", "an anchor", "leave it out: a rule matches the whole value"),
    (r"\\u", r"\u", r"write \x{00E9}, or the character itself"),
    (r"\\h", r"\h", r"write [ \t]"),
    (r"\\R", r"\R", r"write \r?\n"),
)
_PLAIN: tuple[tuple[str, str, str | None], ...] = (
    ("invalid perl operator", "{} is not known", None),
    ("invalid named capture", "the name of the group {} is not one", "write (?P<name>...), or (...)"),
    ("invalid escape sequence", "{} is not known", "to mean the character itself, leave out the backslash"),
    ("trailing \\", "a backslash stands at the end", "write \\\\ for a backslash"),
    ("bad repetition operator", "{} repeats a repetition", "keep one of them, or put the first part in (?:...)"),
    ("no argument for repetition", "nothing stands before {} that could be repeated", "write \\ before the sign"),
    ("invalid repetition size", "{} is no count that is possible", "a count goes up to 1000, also inside another"),
    ("missing ]", "a [ is never closed", "write \\[ for the sign"),
    ("missing )", "a ( is never closed", "write \\( for the sign"),
    ("unexpected )", "a ) closes nothing", "write \\) for the sign"),
    ("invalid character class", "{} is no range of characters", "the lower one comes first; write \\- for the sign"),
    ("pattern too large", "the pattern is too large once its repetitions are written out", "use smaller counts"),
)


def _worded(pattern: str, complaint: str) -> Fault:
    kind, _, fragment = complaint.partition(": ")
    offset = _offset(pattern, kind, fragment)
    width = max(1, len(fragment)) if offset is not None else 1
    for start, name, hint in _NAMED:
        if fragment and re.match(start, fragment):
            return Fault(f"{name} is not taken", hint, offset, width)
    for begins, message, other in _PLAIN:
        if complaint.startswith(begins):
            return Fault(message.format(fragment), other, offset, width)
    return Fault("this is no regular expression of RE2", None, offset, width)


def _offset(pattern: str, kind: str, fragment: str) -> int | None:
    r"""Where the fragment that RE2 names stands; ``\\1`` is a backslash and a digit, not the fragment ``\1``."""
    if kind.startswith("trailing"):
        return len(pattern) - 1
    starts = (token.start() for token in re.finditer(r"\\.|.", pattern, re.DOTALL))
    found = (at for at in starts if fragment and pattern.startswith(fragment, at))
    named_group = fragment == "(?P"  # RE2 objects to (?P=name), which may follow a (?P<name>...) that it takes
    return next((at for at in found if not named_group or pattern[at + 3 : at + 4] != "<"), None)
