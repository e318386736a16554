"""Hypothesis strategy: YAML files with mistakes in them, from a slip of the finger to an attack.

Knows how texts go wrong. Must not know what a mapping is.
"""

from __future__ import annotations

from grammar import Draw
from hypothesis import strategies as st

_ODD = "\u00a0\u200b\u2028\u0085\ufeff\u201c\u2019\u00ad\x07\x00\x7f\u0301\U0001f600\t\ud800éß\x0b\x0c\x1f\ue000\uffff"
_MARKS = "'\"`:#,[]{}&*!|>%@-?~\\ \n\r.<$"
_WORDS = ("&x ", "*x", "!t ", "<<: *x", "? ", "- - - ", "---\n", "...\n", "{{{{", "[[[[", "\n\n", "!!python/name:os ")


@st.composite
def mutated(draw: Draw, texts: tuple[str, ...]) -> str:
    """One of the texts with one to four mistakes in it."""
    text: str = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        mistake = draw(st.sampled_from((_edit_character, _edit_character, _edit_line, _edit_line, _edit_span)))
        text = mistake(draw, text)
    return text


def _edit_character(draw: Draw, text: str) -> str:
    place = draw(st.integers(0, len(text)))
    kind = draw(st.sampled_from(("insert", "replace", "remove", "word")))
    new: str = draw(st.sampled_from(_WORDS)) if kind == "word" else draw(st.sampled_from(_MARKS + _ODD))
    if kind == "remove":
        return text[:place] + text[place + 1 :]
    return text[:place] + new + text[place + (kind == "replace") :]


def _edit_line(draw: Draw, text: str) -> str:
    lines = text.split("\n")
    one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    kind = draw(st.sampled_from(("delete", "double", "swap", "indent", "dedent", "tab", "join", "quotes", "comment")))
    if kind == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == "double":
        lines.insert(other, lines[one])
    elif kind == "join" and one + 1 < len(lines):
        lines[one : one + 2] = [lines[one] + lines[one + 1]]
    elif kind == "delete":
        del lines[one]
    else:
        lines[one] = {
            "indent": " " + lines[one],
            "dedent": lines[one].removeprefix(" ").removeprefix(" "),
            "tab": "\t" + lines[one].lstrip(),
            "quotes": lines[one].translate(str.maketrans("'\"", "\"'")),
            "comment": lines[one].replace(" ", " # ", 1),
        }.get(kind, lines[one])
    return "\n".join(lines)


def _edit_span(draw: Draw, text: str) -> str:
    """Cut, move or repeat a piece; now and then repeat it until it is large."""
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 60)))
    piece, rest = text[start:end], text[:start] + text[end:]
    kind = draw(st.sampled_from(("cut", "move", "repeat", "end", "brackets", "large")))
    if kind == "cut":
        return rest
    if kind == "end":
        return text[:start]
    if kind == "brackets":
        bracket: str = draw(st.sampled_from("[{-"))
        count: int = draw(st.sampled_from((3, 40, 100_000)))
        return text[:start] + bracket * count + text[start:]
    if kind == "large":
        return text[:start] + piece * 300 + text[start:]
    place = draw(st.integers(0, len(rest)))
    return (rest if kind == "move" else text)[:place] + piece + (rest if kind == "move" else text)[place:]
