"""States of the United States and provinces of Canada, and the spellings that are read as one of them.

Knows postal codes, names and traditional abbreviations. Must not know addresses. The table is
exact: ``Calfornia`` is no state, because a sound-alike is a guess on somebody's envelope.

The United States are here as its post counts them: 50 states, the District of Columbia, five
territories, three freely associated states, and three regions of military mail. Case, accents and
dots do not count (``mapper.functions.spelling``).
"""

from __future__ import annotations

from mapper.functions.spelling import fold

# Two-letter code and name; then, after bars, further spellings. Dots are left out, as folding drops them.
_UNITED_STATES = """
AL Alabama | Ala
AK Alaska
AZ Arizona | Ariz
AR Arkansas | Ark
CA California | Calif | Cal
CO Colorado | Colo | Col
CT Connecticut | Conn
DE Delaware | Del
DC District of Columbia | Washington DC | Washington D C | Wash DC | D C
FL Florida | Fla
GA Georgia
HI Hawaii | Hawai'i
ID Idaho | Ida
IL Illinois | Ill | Ills
IN Indiana | Ind
IA Iowa
KS Kansas | Kans | Kan
KY Kentucky | Ken | Commonwealth of Kentucky
LA Louisiana
ME Maine
MD Maryland
MA Massachusetts | Mass | Commonwealth of Massachusetts
MI Michigan | Mich
MN Minnesota | Minn
MS Mississippi | Miss
MO Missouri
MT Montana | Mont
NE Nebraska | Nebr | Neb
NV Nevada | Nev
NH New Hampshire | N H
NJ New Jersey | N J
NM New Mexico | N M | N Mex | New Mex
NY New York | N Y | New York State | State of New York
NC North Carolina | N C | N Car | N Carolina | No Carolina
ND North Dakota | N D | N Dak | N Dakota | No Dakota
OH Ohio
OK Oklahoma | Okla
OR Oregon | Oreg | Ore
PA Pennsylvania | Penn | Penna | Commonwealth of Pennsylvania
RI Rhode Island | R I
SC South Carolina | S C | S Car | S Carolina | So Carolina
SD South Dakota | S D | S Dak | S Dakota | So Dakota
TN Tennessee | Tenn
TX Texas | Tex
UT Utah
VT Vermont
VA Virginia | Commonwealth of Virginia
WA Washington | Wash | Washington State | State of Washington
WV West Virginia | W V | W Va | W Virginia | West Va
WI Wisconsin | Wis | Wisc
WY Wyoming | Wyo
PR Puerto Rico | P R | Commonwealth of Puerto Rico
GU Guam
VI US Virgin Islands | U S Virgin Islands | Virgin Islands | Virgin Islands, US | USVI | V I
AS American Samoa
MP Northern Mariana Islands | CNMI | N Mariana Islands | Commonwealth of the Northern Mariana Islands
FM Federated States of Micronesia | Micronesia
MH Marshall Islands | Republic of the Marshall Islands
PW Palau | Republic of Palau
AA Armed Forces Americas | Armed Forces of the Americas | Armed Forces America
AE Armed Forces Europe | Armed Forces Africa | Armed Forces Canada | Armed Forces Middle East
AP Armed Forces Pacific
"""

_CANADA = """
AB Alberta | Alta
BC British Columbia | B C | Brit Col | Colombie-Britannique
MB Manitoba | Man
NB New Brunswick | N B | Nouveau-Brunswick
NL Newfoundland and Labrador | Newfoundland | Labrador | Nfld | Nfld and Lab | N L | NF | Terre-Neuve-et-Labrador
NT Northwest Territories | N W T | NWT | Territoires du Nord-Ouest
NS Nova Scotia | N S | Nouvelle-Écosse
NU Nunavut
ON Ontario | Ont
PE Prince Edward Island | PEI | P E I | Île-du-Prince-Édouard
QC Quebec | Que | PQ | P Q
SK Saskatchewan | Sask
YT Yukon | Yukon Territory | Yuk | Y T
"""


def _codes(country: str, table: str) -> dict[str, str]:
    """Folded spelling -> code; the code itself and its form in ISO 3166-2 (``US-CA``) are spellings too."""
    codes: dict[str, str] = {}
    for line in table.strip().splitlines():
        code = line[:2]
        spellings = (code, f"{country} {code}", *line[3:].split("|"))
        codes.update((fold(spelled), code) for spelled in spellings)
    return codes


#: Two-letter country code -> folded spelling -> two-letter code of the state or province.
CODES: dict[str, dict[str, str]] = {"US": _codes("US", _UNITED_STATES), "CA": _codes("CA", _CANADA)}


def code_of(country: str, text: str) -> str | None:
    """The code of a state of the US or a province of CA; None where it is unknown there.

    Raises KeyError for any other country.
    """
    return CODES[country].get(fold(text))
