"""ZIP codes: which states the first three digits stand for.

Knows the three-digit prefixes of the United States Postal Service. Must not know single ZIPs,
cities or other countries' postal codes.

A prefix is a sorting area, and a few of those cross a state line; then it stands for all of its states.
"""

from __future__ import annotations

# First and last prefix, then the states. A later line adds to an earlier one. Gaps inside a range are not in use.
_TABLE = """
005-005 NY
006-009 PR
008-008 VI
010-027 MA
028-029 RI
030-038 NH
039-049 ME
050-054 VT
055-055 MA
056-059 VT
060-069 CT
063-063 NY
070-089 NJ
090-099 AE
100-149 NY
150-196 PA
197-199 DE
200-200 DC
201-201 VA
202-205 DC
206-212 MD
214-219 MD
220-246 VA
247-268 WV
270-289 NC
290-299 SC
300-319 GA
320-339 FL
340-340 AA
341-342 FL
344-344 FL
346-347 FL
349-349 FL
350-352 AL
354-369 AL
370-385 TN
386-397 MS
398-399 GA
400-427 KY
422-422 TN
430-459 OH
460-479 IN
480-499 MI
500-516 IA
520-528 IA
530-532 WI
534-535 WI
537-549 WI
550-551 MN
553-567 MN
569-569 DC
570-577 SD
580-588 ND
590-599 MT
600-620 IL
622-629 IL
630-631 MO
633-641 MO
644-658 MO
660-662 KS
664-679 KS
680-681 NE
683-693 NE
700-701 LA
703-708 LA
710-714 LA
716-729 AR
730-731 OK
733-733 TX
734-741 OK
743-749 OK
750-799 TX
800-816 CO
820-831 WY
832-838 ID
834-834 WY
840-847 UT
850-853 AZ
855-857 AZ
859-860 AZ
863-865 AZ
870-871 NM
872-875 NM
877-884 NM
885-885 TX
889-891 NV
893-895 NV
897-898 NV
900-908 CA
910-928 CA
930-961 CA
962-966 AP
967-968 HI
967-967 AS
969-969 GU MP PW FM MH
970-979 OR
980-986 WA
988-994 WA
995-999 AK
"""


def _parsed() -> dict[str, frozenset[str]]:
    states: dict[str, frozenset[str]] = {}
    for line in _TABLE.strip().splitlines():
        span, *codes = line.split()
        these = frozenset(codes)
        for number in range(int(span[:3]), int(span[4:]) + 1):
            prefix = f"{number:03}"
            states[prefix] = states[prefix] | these if prefix in states else these
    return states


#: Three-digit prefix -> the states it stands for. A prefix that is not in use is absent.
STATES: dict[str, frozenset[str]] = _parsed()


def states_of(zip_code: str) -> frozenset[str]:
    """The states that a five-digit ZIP code can be in; empty where its prefix is not in use."""
    return STATES.get(zip_code[:3], frozenset())
