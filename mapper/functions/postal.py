"""Functions on addresses: country, us_state, us_zip.

Knows how a country, a state and a ZIP code are written. Must not know fields or traits. Nothing is
ever guessed from a near match, and no address is rewritten from another part of itself: what was
printed wrong would go to the wrong house, and is paid for.
"""

from __future__ import annotations

import re
from typing import Any

from mapper.functions import countries, kinds, states, zips
from mapper.functions.registry import Example, Function, Note, Parameter

#: What a ZIP code looks like in the end: five digits, or those, a hyphen and four more.
_ZIP = re.compile(r"([0-9]{5})(?: *- *([0-9]{4}))?")

#: A ZIP that was kept as a number, and so lost the zeros in front: three or four digits of five
#: (501, 2134), or eight of nine (21341234). What still begins with a zero never was a number.
_LOST_ZEROS = re.compile(r"[1-9][0-9]{2,3}|[1-9][0-9]{7}")

_DIGITS = 5
_DIGITS_PLUS_4 = 9

_RUN_TOGETHER = re.compile(r"[0-9]{9}")

_TWO_LETTERS = re.compile(r"[A-Za-z]{2}")


def _country(value: Any) -> str | None:
    return countries.code_of(value) if isinstance(value, str) else None


def _us_state(value: Any, country: Any) -> str | None:
    """Without a country, only the case of two letters is changed.

    Which list to read is not known then: WA is Washington and Western Australia, and turning
    ``Georgia`` into ``GA`` would be a guess. That the country is missing is the country's own problem.
    """
    if not isinstance(value, str):
        return None
    where = _country(country)
    if where in states.CODES:
        return states.code_of(where, value)
    letters = value.strip()
    return letters.upper() if kinds.is_blank(country) and _TWO_LETTERS.fullmatch(letters) else value


def _us_zip(value: Any, country: Any, state: Any = None, *, note: Note) -> str | None:
    """Elsewhere four digits are a whole postal code (Norway), so nothing is ever padded there."""
    text = kinds.written(value)
    if text is None or _country(country) != "US":
        return text
    zip_code = _restored(text.strip(), note)
    match = _ZIP.fullmatch(zip_code)
    if match is None:
        return text
    if _differs(zip_code, state):
        note("zip_state_differs")
    return "-".join(part for part in match.groups() if part)


def _restored(zip_code: str, note: Note) -> str:
    """The ZIP with its lost zeros, and with its hyphen; unchanged where it is not known to lack any."""
    if _LOST_ZEROS.fullmatch(zip_code):
        whole = zip_code.zfill(_DIGITS if len(zip_code) < _DIGITS else _DIGITS_PLUS_4)
        # 123 would become 00123, where no mail is delivered: that number is no ZIP without its zeros.
        if zips.states_of(whole):
            note("zip_restored")
            zip_code = whole
    return f"{zip_code[:5]}-{zip_code[5:]}" if _RUN_TOGETHER.fullmatch(zip_code) else zip_code


def _differs(zip_code: str, state: Any) -> bool:
    """Whether the ZIP lies in other states than the one given. What is unknown differs from nothing."""
    known = states.code_of("US", state) if isinstance(state, str) else None
    possible = zips.states_of(zip_code)
    return known is not None and bool(possible) and known not in possible


_COUNTRY = Parameter("country", "text")

FUNCTIONS = (
    Function(
        name="country",
        parameters=(Parameter("value", "text"),),
        summary="The two-letter code of a country, from its name or from any of its codes. Names that two countries "
        "share (Georgia, Congo, Korea) and misspellings give null.",
        examples=(
            Example("country(traits.country)", {"traits": {"country": "United States"}}, "US"),
            Example("country(traits.country)", {"traits": {"country": "U.S.A."}}, "US"),
            Example("country(traits.country)", {"traits": {"country": "Türkiye"}}, "TR"),
            Example("country(traits.country)", {"traits": {"country": "Korea"}}, None),
        ),
        call=_country,
    ),
    Function(
        name="us_state",
        parameters=(Parameter("value", "text"), _COUNTRY),
        summary="The two-letter code of a US state, or of a Canadian province when the country is Canada. A name that "
        "is not known there gives null. For other countries the text stays as it is.",
        examples=(
            Example("us_state(traits.state, 'US')", {"traits": {"state": "California"}}, "CA"),
            Example("us_state(traits.state, 'US')", {"traits": {"state": "Mass."}}, "MA"),
            Example("us_state(traits.state, 'CA')", {"traits": {"state": "Québec"}}, "QC"),
            Example("us_state(traits.state, 'FR')", {"traits": {"state": "Bretagne"}}, "Bretagne"),
        ),
        call=_us_state,
    ),
    Function(
        name="us_zip",
        parameters=(Parameter("value"), _COUNTRY, Parameter("state", "text", optional=True)),
        summary="A US ZIP code with the zeros that a spreadsheet took away, and a hyphen before the last four of nine "
        "digits. Other countries' codes and what is no ZIP stay as they are. Given the state too, it warns "
        "when the ZIP lies elsewhere.",
        examples=(
            Example("us_zip(traits.zip, 'US')", {"traits": {"zip": 2134}}, "02134"),
            Example("us_zip(traits.zip, 'US')", {"traits": {"zip": "021341234"}}, "02134-1234"),
            Example("us_zip(traits.zip, 'NO')", {"traits": {"zip": "9010"}}, "9010"),
            Example("us_zip(traits.zip, 'US', 'CA')", {"traits": {"zip": "02134"}}, "02134"),
        ),
        call=_us_zip,
        notes=("zip_restored", "zip_state_differs"),
    ),
)
