"""When two spellings are the same word: case, accents, dots and spaces do not count.

Knows spellings only. Must not know which words there are, and never guesses: what is not equal
after folding is another word.
"""

from __future__ import annotations

import unicodedata

#: The longest text that is looked at. Longer ones are no names, and folding them costs time: a
#: run of 32,000 combining marks keeps Unicode normalisation busy for half a second, one of 1,000 for half a
#: millisecond, and an expression may ask for many.
LONGEST_NAME = 200

#: Letters that Unicode does not take apart into a plain letter and a mark.
_LETTERS = {
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}

# Dots, and every sign that is typed for an apostrophe; commas, brackets, and every sign that is typed for a hyphen.
_DROPPED = ".'`\u2018\u2019\u02bc\u00b4"
_SPACES = ",;:()/_-\u2010\u2011\u2013\u2014"

_FOLDS = str.maketrans(
    {**_LETTERS, **dict.fromkeys(_DROPPED, ""), **dict.fromkeys(_SPACES, " "), "&": " and "},
)


def fold(text: str) -> str:
    """One form for all spellings of a place: ``The  U.S.A.`` -> ``usa``, ``Türkiye`` -> ``turkiye``.

    Case and accents are folded, dots and apostrophes dropped, other punctuation read as a space,
    ``&`` as ``and``, and ``the`` at either end left out. Empty for a text too long to be a name.
    """
    if len(text) > LONGEST_NAME:
        return ""
    words = _unaccented(text).casefold().translate(_FOLDS).split()
    if words[:1] == ["the"]:
        del words[0]
    if words[-1:] == ["the"]:
        del words[-1]
    return " ".join(words)


def same(one: str, other: str) -> bool:
    """Whether two names differ in case or in the Unicode form of their accents at most."""
    return one == other or _composed(one) == _composed(other)


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text[:LONGEST_NAME]).casefold() + text[LONGEST_NAME:]
