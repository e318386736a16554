"""Countries, states and ZIP codes: the functions, and the tables behind them."""

from __future__ import annotations

from typing import Any

import pytest

from mapper.functions import TABLE, countries, spelling, states, zips


def call(name: str, *arguments: Any) -> Any:
    """The value of a function that leaves no notes."""
    return TABLE[name].call(*arguments)


def us_zip(*arguments: Any) -> tuple[Any, list[str]]:
    """The value of us_zip and the notes that it left."""
    notes: list[str] = []
    return TABLE["us_zip"].call(*arguments, note=notes.append), notes


# Countries


def test_country_table_is_whole() -> None:
    """249 countries; every code of either length and every name but the ambiguous ones is read as itself."""
    assert len(countries.NAMES) == len(set(countries.ALPHA_3.values())) == 249
    for code, name in countries.NAMES.items():
        assert call("country", code) == call("country", code.lower()) == code
        assert call("country", countries.ALPHA_3[code]) == code
        assert call("country", name) == (None if spelling.fold(name) in countries.AMBIGUOUS else code)


def test_no_spelling_stands_for_two() -> None:
    """No folded spelling occurs under two countries, or under two states of one country."""
    rows = countries._rows()  # noqa: SLF001 - the parsed table forgets which row won
    spelled = [(spelling.fold(s), code) for code, row in rows.items() for s in (code, *row)]
    for table in (states._UNITED_STATES, states._CANADA):  # noqa: SLF001 - the same
        lines = table.strip().splitlines()
        found = {(spelling.fold(s), line[:2]) for line in lines for s in (line[:2], *line[3:].split("|"))}
        assert len({s for s, _ in found}) == len(found)
    assert len({s for s, _ in set(spelled)}) == len(set(spelled))


SPELLINGS = """
US: USA | U.S.A. | u. s. | The United States | America | US | \uff35\uff33\uff21
GB: UK | England | Scotland | Great  Britain
TR: Turkey | T\u00dcRK\u0130YE | t\u00fcrkiye
CI: Ivory Coast | Cote d\u2019Ivoire | C\u00d4TE D'IVOIRE
KR: South Korea | Korea, Republic of
KP: North Korea
CD: DR Congo | Congo, The Democratic Republic of the
CG: Republic of the Congo
GE: Republic of Georgia | GEO
MO: Macau
SZ: Swaziland
NL: Holland | The Netherlands
CZ: Czech Republic
MM: Burma
VN: Viet Nam | Vietnam
RU: Russia
NO: NO | Norway
NA: NA | Namibia
BS: Bahamas, The
TT: Trinidad & Tobago
LC: St. Lucia
GN: Guinea
GW: Guinea-Bissau
CW: Curacao
RE: REUNION
VI: Virgin Islands, U.S.
"""

NOBODY = """
Georgia | Congo | the Congo | Korea | KOREA | St. Martin | Virgin Islands | Kosovo | Calfornia | Untied States | Nigera
840 | US, CA | the | XX | Europe | Netherlands Antilles | Uk raine
"""


def parts(line: str) -> list[str]:
    """The spellings of a line."""
    return [part.strip() for part in line.split("|")]


@pytest.mark.parametrize("line", SPELLINGS.strip().splitlines())
def test_country_spellings(line: str) -> None:
    """Spellings that occur in lists."""
    code, spellings = line.split(": ")
    assert {spelled: call("country", spelled) for spelled in parts(spellings)} == dict.fromkeys(parts(spellings), code)


@pytest.mark.parametrize("text", [*parts(NOBODY.replace("\n", "|")), " ", 840, True, ["US"], None])
def test_country_refuses(text: Any) -> None:
    """Ambiguous, unknown, misspelled and numeric ones are nobody's; never the nearest."""
    assert call("country", text) is None


# States


def test_state_tables_are_whole() -> None:
    """62 codes of the US post and 13 of Canada; every code is read as itself."""
    for country, count in (("US", 62), ("CA", 13)):
        codes = set(states.CODES[country].values())
        assert len(codes) == count
        assert all(call("us_state", spelled, country) == code for code in codes for spelled in (code, code.lower()))


STATE_SPELLINGS = """
US CA: California | CALIFORNIA | Calif. | US-CA | ca
US MA: Mass | Mass. | Massachusetts
US NY: N.Y. | N. Y. | New  York
US DC: Washington DC | Washington, D.C. | D.C.
US WA: Washington | Wash.
US GA: Georgia | Ga.
US WV: W. Va.
US PR: P.R.
US AE: AE | Armed Forces Europe
US AP: AP | Armed Forces Pacific
CA ON: Ontario | Ont.
CA QC: Qu\u00e9bec | PQ
CA PE: P.E.I. | \u00cele-du-Prince-\u00c9douard
CA NL: NF | Newfoundland
CA BC: CA-BC | B.C.
"""


@pytest.mark.parametrize("line", STATE_SPELLINGS.strip().splitlines())
def test_state_spellings(line: str) -> None:
    """Names and traditional abbreviations."""
    (country, code), spellings = line[:5].split(), parts(line[6:])
    assert {s: call("us_state", s, country) for s in spellings} == dict.fromkeys(spellings, code)


@pytest.mark.parametrize(
    ("text", "country", "state"),
    [
        ("Calif.", "usa", "CA"),
        ("Ontario", "Canada", "ON"),
        ("Calfornia", "US", None),
        ("Ontario", "US", None),
        ("California", "CA", None),
        ("", "US", None),
        ("Bretagne", "FR", "Bretagne"),
        ("wa", "AU", "wa"),
        # Without a country only the case of two letters is changed.
        ("ca", None, "CA"),
        (" ny ", "", "NY"),
        ("Georgia", None, "Georgia"),
        ("ca", "Atlantis", "ca"),
        ("ca", 5, "ca"),
        (7, "US", None),
        (7, "FR", None),
        (None, "US", None),
    ],
)
def test_us_state(text: Any, country: Any, state: str | None) -> None:
    """The country says which list is read; elsewhere nothing changes."""
    assert call("us_state", text, country) == state


# ZIP codes


@pytest.mark.parametrize(
    ("value", "country", "zip_code", "notes"),
    [
        (2134, "US", "02134", ["zip_restored"]),
        (2134.0, "US", "02134", ["zip_restored"]),
        ("2134", "USA", "02134", ["zip_restored"]),
        ("501", "US", "00501", ["zip_restored"]),
        (21341234, "US", "02134-1234", ["zip_restored"]),
        ("02134", "US", "02134", []),
        (90250, "US", "90250", []),
        (" 90250 ", "US", "90250", []),
        ("902501234", "US", "90250-1234", []),
        (902501234, "US", "90250-1234", []),
        ("021341234", "US", "02134-1234", []),
        ("02134-1234", "US", "02134-1234", []),
        ("02134 - 1234", "US", "02134-1234", []),
        # Not known to be a ZIP that lost its zeros: as it was, for the mapping's rule to judge.
        ("123", "US", "123", []),  # 001 is no prefix
        ("0213", "US", "0213", []),  # what keeps a zero lost none
        ("12", "US", "12", []),
        ("5011234", "US", "5011234", []),
        ("0213412", "US", "0213412", []),
        ("2134-1234", "US", "2134-1234", []),
        ("SW1A 1AA", "US", "SW1A 1AA", []),
        ("٠٢١٣٤", "US", "٠٢١٣٤", []),  # digits of another script
        (12.5, "US", "12.5", []),
        (-2134, "US", "-2134", []),
        # Elsewhere and nowhere nothing is padded.
        ("9010", "NO", "9010", []),
        (9010, "NO", "9010", []),
        (2134, None, "2134", []),
        ("2134", "", "2134", []),
        (2134, "Atlantis", "2134", []),
        (2134, ["US"], "2134", []),
        (True, "US", None, []),
        (None, "US", None, []),
        ([2134], "US", None, []),
    ],
)
def test_us_zip(value: Any, country: Any, zip_code: str | None, notes: list[str]) -> None:
    """Lost zeros are restored in the US alone, and said; all else stays."""
    assert us_zip(value, country) == (zip_code, notes)


@pytest.mark.parametrize(
    ("value", "state", "notes"),
    [
        ("02134", "CA", ["zip_state_differs"]),
        ("02134", "California", ["zip_state_differs"]),
        (2134, "CA", ["zip_restored", "zip_state_differs"]),
        ("02134-1234", "ma", []),
        ("02134", "Mass.", []),
        ("02134", None, []),
        ("02134", "Atlantis", []),
        ("02134", 7, []),
        ("00102", "CA", []),  # a prefix not in use is in no other state either
        ("hello", "CA", []),
        ("06390", "NY", []),  # Fishers Island is sorted in Connecticut
        ("09128", "AE", []),
        ("96799", "AS", []),
    ],
)
def test_zip_and_state_disagree(value: Any, state: Any, notes: list[str]) -> None:
    """Said, never rewritten: nobody can know which of the two is wrong."""
    zip_code, said = us_zip(value, "US", state)
    assert said == notes
    assert zip_code == ("02134" if value == 2134 else value)


KNOWN = """
00801 VI, 06320 CT, 42240 KY, 83440 ID, 96701 HI,
00501 NY, 00601 PR, 00802 VI, 02134 MA, 02903 RI, 03301 NH, 04101 ME, 05401 VT, 05501 MA, 06103 CT, 07030 NJ,
10001 NY, 15222 PA, 19901 DE, 20001 DC, 20166 VA, 20500 DC, 21201 MD, 23220 VA, 25301 WV, 27601 NC, 29201 SC,
30303 GA, 33101 FL, 34002 AA, 35203 AL, 37203 TN, 39201 MS, 39901 GA, 40202 KY, 43215 OH, 46204 IN, 47130 IN,
48226 MI, 50309 IA, 53202 WI, 54016 WI, 55401 MN, 56701 MN, 57501 SD, 58501 ND, 59601 MT, 60601 IL, 63101 MO,
67202 KS, 68102 NE, 70112 LA, 72201 AR, 73102 OK, 73301 TX, 78701 TX, 80202 CO, 82001 WY, 83702 ID, 84101 UT,
85001 AZ, 87501 NM, 88510 TX, 89101 NV, 90250 CA, 96201 AP, 96813 HI, 96910 GU, 96950 MP, 97201 OR, 98101 WA,
99501 AK, 96940 PW, 96960 MH, 96941 FM
"""


@pytest.mark.parametrize("pair", [pair.strip() for pair in KNOWN.split(",")])
def test_prefixes(pair: str) -> None:
    """One well-known ZIP code of every state and region."""
    zip_code, state = pair.split()
    assert state in zips.states_of(zip_code)


def test_prefixes_name_known_states_and_all_of_them() -> None:
    """The two tables know the same states."""
    assert set().union(*zips.STATES.values()) == set(states.CODES["US"].values())
