"""Files of events and of people: every way a line can end, and every way a file can be something else."""

from __future__ import annotations

import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import call
from hypothesis import given
from hypothesis import strategies as st

from mapper.readers import UnreadableError, ndjson, people
from mapper.readers.ndjson import MAX_LINE, Line


def read(raw: bytes) -> list[Line]:
    """The lines of some bytes."""
    return list(ndjson.lines(io.BytesIO(raw), "x"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [Line(1, b"a"), Line(2, b"b")]),
        (b"a\r\nb\r\n", [Line(1, b"a"), Line(2, b"b")]),
        (b"a\nb", [Line(1, b"a"), Line(2, b"b", torn=True)]),
        (b"\n  \na\n", [Line(1), Line(2), Line(3, b"a")]),
        (b"\xef\xbb\xbfa\n", [Line(1, b"a")]),
        (b"\xef\xbb\xbf\na\n", [Line(1), Line(2, b"a")]),
        (b'{\n"a": 1\n}\n', [Line(1, b'{ "a": 1 }')]),
    ],
)
def test_lines(raw: bytes, expected: list[Line]) -> None:
    """Line ends of all systems, blank lines, a byte order mark, a torn end, one event over several lines."""
    assert read(raw) == expected


def test_blank_lines_are_counted() -> None:
    """They are no events, and they keep their number."""
    assert [line.blank for line in read(b"\na\n\n")] == [True, False, True]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("more", [-1, 0, 1, 2, 3, MAX_LINE, 2 * MAX_LINE])
def test_the_longest_line(more: int, end: bytes) -> None:
    """One byte more is too long, whatever ends the line; the next line is read."""
    found = read(b"x" * (MAX_LINE + more) + end + (b"next\n" if end else b""))
    assert found[0].too_long is (more > 0)
    assert len(found[0].raw) == (0 if more > 0 else MAX_LINE + more)
    assert found[1:] == ([Line(2, b"next")] if end else [])
    assert found[0].torn is not bool(end)
    assert bool(found[0].digest) is (more > 0)


def test_lines_that_are_too_long_are_told_apart() -> None:
    """By a hash of all of each, however it ends; other lines have none."""
    long = b"x" * 3 * MAX_LINE
    raws = (long + b"\n", long + b"\r\n", long, long[:-1] + b"y\n", b"y" + long[1:] + b"\n", long + b"x")
    same, windows, torn, end, start, more = (read(raw)[0].digest for raw in raws)
    assert same == windows == torn
    assert len({same, end, start, more, ""}) == 5
    assert read(b"short\n")[0].digest == ""


@given(st.lists(st.text('a"} \t\ré\x00\u2028', max_size=6), max_size=6))
def test_no_line_is_lost_or_made_up(texts: list[str]) -> None:
    """There are as many lines as ends, and each holds what stood there without the white space around it."""
    found = read("".join(f"{text}\n" for text in texts).encode())
    assert [line.raw.decode() for line in found] == [text.strip(" \t\r") for text in texts]
    assert [line.number for line in found] == list(range(1, len(texts) + 1))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_two_byte_characters_are_named(encoding: str) -> None:
    """What a Windows shell writes is not taken for garbage line by line."""
    mark = "\ufeff" if encoding != "utf-16" else ""
    with pytest.raises(UnreadableError, match="UTF-16"):
        read((mark + "{}\n").encode(encoding))


@pytest.mark.parametrize(
    ("packed", "tool"),
    [
        (gzip.compress(b"{}\n"), "zcat x.gz | mapper"),
        (b"PK\x03\x04" + bytes(26), "unzip -p x.gz | mapper"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "zstdcat x.gz | mapper"),
    ],
    ids=["gzip", "zip", "zstd"],
)
def test_a_packed_file_is_named(packed: bytes, tool: str) -> None:
    """It is no garbage, and what unpacks it is said; also of standard input, which has no name."""
    with pytest.raises(UnreadableError, match=re.escape(tool)):
        list(ndjson.lines(io.BytesIO(packed), "x.gz"))
    with pytest.raises(UnreadableError, match=re.escape("standard input is") + ".*" + re.escape(" FILE | mapper")):
        list(ndjson.lines(io.BytesIO(packed), "-"))


def test_a_list_is_named() -> None:
    """A JSON array is no file of lines, and what makes one of it is said."""
    with pytest.raises(UnreadableError, match="jq"):
        read(b'[{"a": 1},\n{"a": 2}]\n')


class Failing(io.RawIOBase):
    """A stream whose disk fails."""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, _: Any) -> int:
        """Fail."""
        raise OSError(5, "Input/output error")


def test_a_disk_that_fails() -> None:
    """An error while reading is an error of the file, with its name."""
    with pytest.raises(UnreadableError, match="cannot read x: input/output error"):
        list(ndjson.lines(io.BufferedReader(Failing()), "x"))


# ------------------------------------------------------------------------------------------------------ one event


def file(tmp_path: Path, text: str | bytes) -> str:
    """A file with this in it."""
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '{"a": 1}\n{"b": 2}\n',
        '\n\n{"a": 1}\n',
        '{\n  "a": 1\n}\n',
        '{"a":\n1}',
        '\ufeff{\n  "a": 1\n}',
        '{\r\n  "a": 1\r\n}\r\n',
    ],
)
def test_one_event(text: str, tmp_path: Path) -> None:
    """A whole file of one JSON, or the first of many lines."""
    assert json.loads(ndjson.event(file(tmp_path, text))) == {"a": 1}


def test_a_numbered_line(tmp_path: Path) -> None:
    """The line of that number, blank ones counted; what is not there is said."""
    name = file(tmp_path, '{"a": 1}\n\n{"a": 3}\n')
    assert ndjson.event(name, 3) == b'{"a": 3}'
    for line, said in ((2, "is blank"), (4, "has 3 lines")):
        with pytest.raises(UnreadableError, match=said):
            ndjson.event(name, line)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("x" * (MAX_LINE + 1), "more than"),
        ('{"a":\n' + "1" * (MAX_LINE + 1), "neither one event nor"),
    ],
)
def test_no_event(text: str, said: str, tmp_path: Path) -> None:
    """An empty or endless file is refused without being read whole."""
    with pytest.raises(UnreadableError, match=said):
        ndjson.event(file(tmp_path, text))


# --------------------------------------------------------------------------------------------------------- people


def earlier(user: str | None, time: str, **traits: Any) -> str:
    """One earlier call."""
    stamp = f"2026-01-{time}T00:00:00Z"
    ids = {"userId": user, "anonymousId": "a1"}
    return json.dumps({"type": "identify", "messageId": time, "timestamp": stamp, **ids, "traits": traits}) + "\n"


def known(found: people.People, user: str) -> dict[str, Any] | None:
    """What is known of a user, as plain traits."""
    person = found.of({**call(), "userId": user})
    return None if person is None else {name: trait.value for name, trait in person.traits.items()}


def test_calls_are_merged_by_user(tmp_path: Path) -> None:
    """The newest call wins trait by trait, in whatever order the lines stand; strangers are unknown."""
    first, second = earlier("u1", "01", city="A", name="N"), earlier("u1", "02", city="B", zip="2")
    lines = [second, first, earlier("u2", "01", city="C")]
    for text in ("".join(lines), "".join(reversed(lines)), "\n".join(lines) + '{"type": "track", "userId": "u1"}\n'):
        found = people.read(file(tmp_path, text))
        assert known(found, "u1") == {"city": "B", "name": "N", "zip": "2"}
        assert known(found, "u2") == {"city": "C"}
        assert known(found, "u3") is None


def test_what_belongs_to_one_call_is_not_remembered(tmp_path: Path) -> None:
    """An order in an earlier call must not print again."""
    found = people.read(file(tmp_path, earlier("u1", "01", order="T1", city="A")), never=("order",))
    assert known(found, "u1") == {"city": "A"}
    assert known(people.read(file(tmp_path, '{"order": 1, "city": "A"}'), ("order",)), "u1") == {"city": "A"}


@pytest.mark.parametrize("text", ['{"city": "A"}', '{\n "city": "A"\n}\n', '{"city": "A", "type": "customer"}'])
def test_one_persons_traits(text: str, tmp_path: Path) -> None:
    """An object that is no call is one person's traits, whatever they are called."""
    found = known(people.read(file(tmp_path, text)), "u1")
    assert found is not None
    assert found["city"] == "A"


def test_one_pretty_printed_call(tmp_path: Path) -> None:
    """A single call over several lines is a call."""
    text = json.dumps(json.loads(earlier("u1", "01", city="A")), indent=2)
    assert known(people.read(file(tmp_path, text)), "u1") == {"city": "A"}


def test_one_person_is_nobody_else(tmp_path: Path) -> None:
    """The traits without a name belong to the first user that is asked for; the second one is refused."""
    found = people.read(file(tmp_path, '{"city": "A"}'))
    assert known(found, "u1") == known(found, "u1") == {"city": "A"}
    with pytest.raises(UnreadableError, match="one person"):
        known(found, "u2")


def test_what_is_no_call_has_no_person(tmp_path: Path) -> None:
    """Nothing is known for a track call or for garbage, and nobody becomes the owner."""
    found = people.read(file(tmp_path, '{"city": "A"}'))
    assert found.of({"type": "track", "userId": "u2"}) is None
    assert found.of("nobody") is None
    assert known(found, "u1") == {"city": "A"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("nobody", "not JSON"),
        (earlier("u1", "01") + "nobody\n", "line 2 of .* not JSON"),
        (earlier(None, "01", city="A"), "no Identify call with a userId"),
        ('{"type": "track", "userId": "u1"}', "no Identify call with a userId"),
        ('{"city": "A"}\n{"city": "B"}\n', "several objects that are no calls"),
        ("[]", "holds a list"),
    ],
)
def test_what_is_no_file_of_people(text: str, said: str, tmp_path: Path) -> None:
    """A file that cannot be understood is never taken for knowing nobody."""
    with pytest.raises(UnreadableError, match=said):
        people.read(file(tmp_path, text))


def test_people_do_not_come_from_stdin() -> None:
    """Standard input is for events."""
    with pytest.raises(UnreadableError, match="standard input"):
        people.read("-")
