"""Events from files: one JSON a line, however large the file is.

Knows lines, their limits and the marks that other systems leave in files. Must not know what an event is.

- A line ends with LF or CRLF; a byte order mark before the first line is left out.
- A blank line is no event. It is reported, so that line N of what is written can stand for line N of what was read.
- A line of more than 1 MiB is reported without its content, which is never held in memory; a hash tells it from others.
- What is no text of UTF-8 lines (a compressed file, UTF-16, a list) is refused with what makes such lines of it.
- A file whose first line is a lone brace holds one event over several lines: it counts as line 1.
- A last line without an end is a line like any other; ``torn`` says so, because it may have been cut off.
"""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mapper.frozen import dataclass, field
from mapper.readers import UnreadableError

#: The longest line, in bytes. A real Identify call has 1 to 4 KB; the collecting API takes 32 KB.
MAX_LINE = 1024 * 1024
#: So many bytes are asked for at once: enough for the longest line and its end.
_LIMIT = MAX_LINE + len(b"\r\n")

#: So much of a file is read ahead: lines of 1 KB then cost no system call each.
AHEAD = 64 * 1024
_SPACE = b" \t\r\n"

#: How a file of two-byte characters begins. PowerShell's ``>`` writes such files.
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

#: How packed files begin: what they are, and what writes their content to standard output.
_PACKED = {
    b"\x1f\x8b": ("gzip", "zcat"),
    b"PK\x03\x04": ("zip", "unzip -p"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstdcat"),
}
#: So much of a file shows what it is, behind a byte order mark and some white space.
_HEAD = 64


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file.

    ``number``    from 1
    ``raw``       its bytes without the line's end; empty where it is blank or too long
    ``too_long``  it has more than ``MAX_LINE`` bytes
    ``torn``      it is the last, and has no end
    ``digest``    of one that is too long: a hash of all of it, without the line's end; else empty
    """

    number: int
    raw: bytes = field(default=b"", repr=False)
    too_long: bool = False
    torn: bool = False
    digest: str = ""

    @property
    def blank(self) -> bool:
        """Whether there is nothing on it."""
        return not self.raw and not self.too_long


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The bytes of a file, or of standard input for ``-``. Raises UnreadableError."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(name).open("rb", AHEAD)  # noqa: SIM115 - closed by the `with` below; only the opening may fail here
    except OSError as error:
        raise UnreadableError(f"cannot read {name}: {_reason(error)}") from None
    with stream:
        yield stream


def check(name: str) -> None:
    """Raise UnreadableError where a file cannot be read, or holds no lines of text: better before the first event.

    What is no regular file is only asked for, not opened: what is read from a pipe can be opened once.
    """
    path = Path(name)
    if name == "-":
        return
    if not path.exists():
        raise UnreadableError(f"there is no file {name}")
    if path.is_dir() or not os.access(path, os.R_OK):
        raise UnreadableError(f"cannot read {name}: {'it is a directory' if path.is_dir() else 'permission denied'}")
    if path.is_file():
        with opened(name) as stream:
            _first(_head(stream, name), name)


def _head(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.read(_HEAD)
    except OSError as error:
        raise UnreadableError(f"cannot read {name}: {_reason(error)}") from None


def lines(stream: BinaryIO, name: str) -> Iterator[Line]:
    """The lines of a stream, blank ones included. ``name`` is its name in messages. Raises UnreadableError."""
    digests: list[str] = []
    for number, (raw, torn) in enumerate(texts(stream, name, digests=digests), 1):
        if raw is not None:
            yield Line(number, raw, torn=torn)
        else:
            yield Line(number, too_long=True, torn=torn, digest=digests.pop())


def texts(
    stream: BinaryIO, name: str, start: int = 0, stop: int | None = None, digests: list[str] | None = None
) -> Iterator[tuple[bytes | None, bool]]:
    """The bare content of each line, in order: what ``lines`` says, where a Line for each would cost too much.

    The bytes of a line without its end: empty where it is blank, None where it is too long; and whether it is torn.
    With ``start`` and ``stop``, only the lines that begin at these bytes or between them: ranges that touch give each
    line once, and a file of one event over several lines has to be one range. ``digests`` gets the hash of each line
    that is too long. Raises UnreadableError.
    """
    try:
        yield from _texts(stream, name, (start, sys.maxsize if stop is None else stop), digests)
    except OSError as error:
        raise UnreadableError(f"cannot read {name}: {_reason(error)}") from None


def _texts(
    stream: BinaryIO, name: str, within: tuple[int, int], digests: list[str] | None
) -> Iterator[tuple[bytes | None, bool]]:
    start, stop = within
    place = _first_line(stream, start, stop) if start else 0
    while place < stop and (chunk := stream.readline(_LIMIT)):
        raw = chunk.strip(_SPACE)
        if not place:
            raw = _first(chunk, name).strip(_SPACE)
            if raw == b"{":
                # One event that goes over many lines: what a person saves from a browser or a log.
                # On one line again: outside of texts a line break is white space, and inside there can be none.
                yield whole(raw, stream, name).replace(b"\r", b" ").replace(b"\n", b" ").strip(), False
                return
        place += len(chunk)
        ended = chunk.endswith(b"\n")
        if len(raw) <= MAX_LINE and (ended or len(chunk) < _LIMIT):
            yield raw, not ended
        else:
            rest, ended, digest = _rest(stream, chunk)
            place += rest
            if digests is not None:
                digests.append(digest)
            yield None, not ended


def _first_line(stream: BinaryIO, start: int, stop: int) -> int:
    """Go to the first line that begins at ``start`` or behind it; where it begins, ``stop`` where none does before."""
    place = start - 1
    stream.seek(place)
    while place < stop - 1:
        chunk = stream.readline(min(AHEAD, stop - 1 - place))
        place += len(chunk)
        if chunk.endswith(b"\n"):
            return place
        if not chunk:
            break
    return stop


def is_one_event(name: str) -> bool:
    """Whether a file's first line is a lone brace: all of it is one event then. Raises UnreadableError."""
    with opened(name) as stream:
        try:
            return stream.readline(_LIMIT).removeprefix(codecs.BOM_UTF8).strip(_SPACE) == b"{"
        except OSError as error:
            raise UnreadableError(f"cannot read {name}: {_reason(error)}") from None


def _first(chunk: bytes, name: str) -> bytes:
    if chunk.startswith(_WIDE):
        raise UnreadableError(f"{name} is written in UTF-16; save it as UTF-8")
    for mark, (form, tool) in _PACKED.items():
        if chunk.startswith(mark):
            shown, file = ("standard input", "FILE") if name == "-" else (name, name)
            raise UnreadableError(f"{shown} is {form}, and lines of text are due: {tool} {file} | mapper COMMAND -")
    first = chunk.removeprefix(codecs.BOM_UTF8)
    if first.lstrip().startswith(b"["):
        raise UnreadableError(f"{name} holds a list; one event a line is due: jq -c '.[]' {name}")
    return first


def _rest(stream: BinaryIO, chunk: bytes) -> tuple[int, bool, str]:
    """Read on to a line's end and keep nothing: how many bytes more, whether there was an end, and the line's hash.

    How the line ends is not part of the hash. (A CR or an LF inside of it is white space to JSON.)
    """
    from hashlib import blake2b  # noqa: PLC0415 - hardly a file has such a line, and each command would start later

    size, digest = 0, blake2b(digest_size=16)
    while True:
        digest.update(chunk.translate(None, b"\r\n"))
        if chunk.endswith(b"\n"):
            return size, True, digest.hexdigest()
        chunk = stream.readline(MAX_LINE)
        if not chunk:
            return size, False, digest.hexdigest()
        size += len(chunk)


def _reason(error: OSError) -> str:
    if error.errno == errno.EBADF:  # standard input, which whoever started us has closed
        return "it is closed; name a file, or pipe the events in"
    return (error.strerror or type(error).__name__).lower()


def event(name: str, line: int | None = None) -> bytes:
    """One event's text: a whole file that holds one JSON, or one line of a file that holds one a line.

    ``line`` is the number of the line; without it a file with one event a line gives its first.
    Raises UnreadableError where there is no such line, or the file is too long for one event.
    """
    with opened(name) as stream:
        if line is not None:
            return _numbered(stream, name, line)
        first = next((found for found in lines(stream, name) if not found.blank), None)
        if first is None:
            raise UnreadableError(f"{name} is empty")
        if first.too_long:
            raise UnreadableError(f"{name} begins with a line of more than {MAX_LINE} bytes: that is no event")
        if first.raw.endswith(b"}") and first.raw.startswith(b"{"):
            return first.raw
        return whole(first.raw, stream, name)


def _numbered(stream: BinaryIO, name: str, number: int) -> bytes:
    last = 0
    for found in lines(stream, name):
        last = found.number
        if last == number:
            if found.blank or found.too_long:
                raise UnreadableError(f"line {number} of {name} is {'blank' if found.blank else 'too long'}")
            return found.raw
    raise UnreadableError(f"{name} has {last} line{'' if last == 1 else 's'}; there is no line {number}")


def whole(first: bytes, stream: BinaryIO, name: str) -> bytes:
    """The text of a JSON that goes over several lines, of which the first was read already.

    Raises UnreadableError where it is too long for one event.
    """
    rest = stream.read(MAX_LINE + 1)
    if len(rest) > MAX_LINE:
        message = f"{name} has more than {MAX_LINE} bytes, and its first line is no whole JSON object"
        raise UnreadableError(f"{message}: it holds neither one event nor one event a line")
    return first + b"\n" + rest
