"""Pages fit, carets stand where they should, and nothing that is shown can play tricks on a terminal."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mapper.apps.render import frames, problems, table, terminal, tests
from mapper.apps.render.counting import counted
from mapper.apps.render.terminal import ASCII, UNICODE, Screen
from mapper.errors import Position, Problem
from mapper.pipeline.cases import Difference, Verdict

#: Letters, wide ones, marks, tabs, invisible ones, and what moves a cursor.
ODD = st.text("ab é\u540d\u0301\t\u00a0\u202e\x1b\u200d\U0001f469'#", max_size=200)
SCREENS = st.builds(Screen, st.sampled_from([40, 80, 120]), st.sampled_from([UNICODE, ASCII]))


def plain(page: object) -> list[str]:
    """The lines of a page without their styles."""
    return [line.plain for line in page]  # type: ignore[attr-defined]


def test_one_is_one() -> None:
    """A single thing has no plural's end, whatever the plural is."""
    assert [counted(number, "event") for number in (0, 1, 1200)] == ["0 events", "1 event", "1,200 events"]
    assert [counted(number, "try", "tries") for number in (1, 2)] == ["1 try", "2 tries"]


# ------------------------------------------------------------------------------------------------------- the cells


@given(ODD, st.integers(0, 100), st.sampled_from([UNICODE, ASCII]))
def test_a_cut_text_fits(text: str, width: int, signs: terminal.Signs) -> None:
    """It is never wider than asked for, and whole where it fits."""
    cut = terminal.cut(text, width, signs)
    assert cell_len(cut) <= width
    assert (cut == text) or cell_len(text) > width


@given(ODD, st.integers(20, 100), st.integers(0, 8))
def test_a_wrapped_text_fits_and_is_whole(text: str, width: int, hang: int) -> None:
    """No line is too long, and no character but spaces is lost."""
    first, *rest = list(terminal.wrapped(text, width, hang)) or [""]
    assert cell_len(first) <= width
    assert all(cell_len(line) <= width - hang for line in rest)
    assert "".join([first, *rest]).replace(" ", "") == text.replace(" ", "")


@given(ODD, SCREENS)
def test_what_is_shown_is_legible(text: str, screen: Screen) -> None:
    """Nothing invisible is left; on an ASCII terminal nothing but ASCII."""
    shown = screen.legible(text)
    assert shown.isprintable()
    assert shown.isascii() or not screen.plain
    assert screen.legible(shown) == shown


def test_signs_of_both_kinds() -> None:
    """Each sign has its ASCII form, and the marks take at most two cells."""
    for name in ("fine", "none", "wrong", "doubt", "bar", "rule", "more"):
        assert getattr(ASCII, name).isascii()
        assert getattr(ASCII, name) != ""
    for signs, name in itertools.product((ASCII, UNICODE), ("fine", "none", "wrong", "doubt", "more_of")):
        assert cell_len(getattr(signs, name)) <= 2


class Stream(io.StringIO):
    """A stream that says what it is."""

    def __init__(self, encoding: str, *, terminal: bool = False) -> None:
        """Say it."""
        super().__init__()
        self._encoding, self._terminal = encoding, terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding."""
        return self._encoding

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._terminal


@pytest.mark.parametrize(
    ("encoding", "signs"), [("utf-8", UNICODE), ("UTF-8", UNICODE), ("ascii", ASCII), ("cp1252", ASCII)]
)
def test_the_encoding_decides_the_signs(encoding: str, signs: terminal.Signs) -> None:
    """A stream that cannot say ✓ gets ASCII."""
    assert terminal.screen(Stream(encoding)).signs is signs


@pytest.mark.parametrize(
    ("columns", "width"), [(None, 80), ("120", 120), ("10", 40), ("", 80), ("0", 80), ("wide", 80), ("99999", 80)]
)
def test_the_width_of_a_pipe(columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """80 cells, or COLUMNS where that says something sensible."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert terminal.screen(Stream("utf-8")).width == width
    assert terminal.screen(Stream("utf-8", terminal=True)).width == width


def test_pages_are_written_without_colour_to_a_file() -> None:
    """And a line that is longer than the screen is neither cut nor broken."""
    stream = Stream("utf-8")
    terminal.show([terminal.Text("x" * 200, "bold red"), terminal.Text("[b]y[/b] :smile:")], stream)
    assert stream.getvalue() == "x" * 200 + "\n[b]y[/b] :smile:\n"


# ------------------------------------------------------------------------------------------------------- the frames


@given(ODD, st.integers(0, 220), st.integers(1, 30), st.text("ab ", max_size=150), SCREENS)
def test_a_frame_fits_and_points_at_its_place(line: str, offset: int, width: int, hint: str, screen: Screen) -> None:
    """Whatever is in the line: no row is too wide, and the caret begins under the character that is meant."""
    offset = min(offset, len(line))
    position = Position("x", 1, offset + 1, width)
    shown, caret, *rest = plain(frames.frame(position, [line], hint, screen))
    assert all(cell_len(row) <= screen.width for row in (shown, caret, *rest))
    assert (shown + caret + "".join(rest)).isprintable()
    before, _, behind = caret.partition("^")
    assert behind.strip("^ ").startswith(hint.strip()[:1] if not rest else "")
    meant = screen.legible(line[offset : offset + 1].replace("\t", "    "))
    at = terminal.padded(shown, cell_len(before))
    assert shown.startswith(at.rstrip())
    assert shown[len(at) :].startswith(meant[:1]) or cell_len(meant[:1]) == 0


def test_a_frame_beyond_the_file() -> None:
    """A place behind the last line shows an empty line, not a crash."""
    assert plain(frames.frame(Position("x", 9, 9), ["a"], None, Screen(80, ASCII))) == ["   9 | ", "     | ^"]


def test_line_numbers_of_any_size() -> None:
    """The bars stay below each other."""
    rows = plain(frames.frame(Position("x", 123456, 1), [""] * 123456, None, Screen(80, ASCII)))
    assert {row.index("|") for row in rows} == {7}


# ----------------------------------------------------------------------------------------------------- the problems


def test_a_secret_in_the_file_shows_as_stars() -> None:
    """Everywhere in the report, and no problem that quotes it is shown."""
    text = "key: {default: sk_live, other: x}\n"
    place = Position("x", 1, 16, 7)
    found = [
        Problem("secret_in_file", "a secret", position=place),
        Problem("reads_differently", "sk_live is read as text", "warning", place),
        Problem("unknown_key", "no key 'other'", position=Position("x", 1, 25, 5)),
    ]
    page = "\n".join(plain(problems.report(found, text, Screen(80, ASCII))))
    assert "sk_live" not in page
    assert page.count("{default: *******, other: x}") == 2
    assert page.endswith("2 errors   explain any of them: mapper explain secret_in_file")


def test_problems_without_a_place() -> None:
    """What stands in no file has its code, its words and its hint."""
    found = [Problem("setting_missing", "the setting 'x' has no value", hint="set X")]
    assert plain(problems.brief(found, Screen(80, ASCII))) == [
        "error setting_missing: the setting 'x' has no value",
        "    set X",
    ]


@given(st.lists(st.tuples(ODD, ODD, ODD), min_size=1, max_size=4), SCREENS)
def test_tables_fit(cells: list[tuple[str, str, str]], screen: Screen) -> None:
    """Whatever names and values a sender makes up."""
    rows = [
        table.Row("+", "", *row, notes=(table.Note(row[0]),), whole=("source",) if len(row[1]) % 2 else ())
        for row in cells
    ]
    page = plain(table.tables({"field": rows, "custom field": rows}, screen))
    assert all(cell_len(line) <= screen.width for line in page)
    assert all(line.isprintable() for line in page)


@given(st.lists(st.tuples(ODD, ODD, ODD), min_size=1, max_size=4), SCREENS)
def test_differences_fit(values: list[tuple[str, str, str]], screen: Screen) -> None:
    """And nothing of a value is cut off."""
    verdict = Verdict("name", Position("x", 1, 1), tuple(Difference(*row) for row in values))
    page = plain(tests.page([verdict], "x", screen))
    assert all(cell_len(line) <= screen.width for line in page)
    assert all(line.isprintable() for line in page)
