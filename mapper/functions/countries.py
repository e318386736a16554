"""Countries: the 249 codes of ISO 3166-1, and the spellings that are read as one of them.

Knows codes, English short names and other spellings. Must not know addresses. The table is exact:
a spelling is one country's or nobody's. A near match would print a card for North Korea.

Codes are those of ISO 3166-1; short names follow common English use. Case, accents, dots,
apostrophes and a leading or trailing ``the`` do not count (``mapper.functions.spelling``).
"""

from __future__ import annotations

from functools import cache

from mapper.functions.spelling import fold

#: Names that more than one country goes by. They are read as none.
AMBIGUOUS = frozenset({"congo", "georgia", "korea", "st martin", "saint martin", "virgin islands"})

# Two-letter code, three-letter code, name; then, after bars, further spellings.
_TABLE = """
AF AFG Afghanistan | Islamic Republic of Afghanistan
AX ALA Åland Islands | Aland | Ahvenanmaa
AL ALB Albania | Republic of Albania | Shqiperia
DZ DZA Algeria | Algerie
AS ASM American Samoa
AD AND Andorra | Principality of Andorra
AO AGO Angola | Republic of Angola
AI AIA Anguilla
AQ ATA Antarctica
AG ATG Antigua and Barbuda | Antigua
AR ARG Argentina | Argentine Republic
AM ARM Armenia | Republic of Armenia
AW ABW Aruba
AU AUS Australia | Commonwealth of Australia
AT AUT Austria | Republic of Austria | Österreich | Oesterreich
AZ AZE Azerbaijan | Republic of Azerbaijan
BS BHS Bahamas | Commonwealth of the Bahamas
BH BHR Bahrain | Kingdom of Bahrain
BD BGD Bangladesh | People's Republic of Bangladesh
BB BRB Barbados
BY BLR Belarus | Republic of Belarus | Belorussia
BE BEL Belgium | Kingdom of Belgium | België | Belgique | Belgien
BZ BLZ Belize
BJ BEN Benin | Republic of Benin
BM BMU Bermuda
BT BTN Bhutan | Kingdom of Bhutan
BO BOL Bolivia | Plurinational State of Bolivia | Bolivia (Plurinational State of)
BQ BES Bonaire, Sint Eustatius and Saba | Bonaire | Caribbean Netherlands | Sint Eustatius | Saba
BA BIH Bosnia and Herzegovina | Bosnia | Bosnia-Herzegovina
BW BWA Botswana | Republic of Botswana
BV BVT Bouvet Island
BR BRA Brazil | Brasil | Federative Republic of Brazil
IO IOT British Indian Ocean Territory
BN BRN Brunei | Brunei Darussalam
BG BGR Bulgaria | Republic of Bulgaria
BF BFA Burkina Faso
BI BDI Burundi | Republic of Burundi
CV CPV Cabo Verde | Cape Verde
KH KHM Cambodia | Kingdom of Cambodia | Kampuchea
CM CMR Cameroon | Republic of Cameroon | Cameroun
CA CAN Canada
KY CYM Cayman Islands | Cayman
CF CAF Central African Republic
TD TCD Chad | Tchad | Republic of Chad
CL CHL Chile | Republic of Chile
CN CHN China | People's Republic of China | PRC | PR China | P R China | Mainland China
CX CXR Christmas Island
CC CCK Cocos (Keeling) Islands | Cocos Islands | Keeling Islands
CO COL Colombia | Republic of Colombia
KM COM Comoros | Union of the Comoros
CG COG Congo | Republic of the Congo | Republic of Congo | Congo, Republic of the
    | Congo-Brazzaville | Congo (Brazzaville)
CD COD Democratic Republic of the Congo | Democratic Republic of Congo | DR Congo | D R Congo | DRC | Congo-Kinshasa
    | Congo (Kinshasa) | Congo, Democratic Republic of the | Congo, The Democratic Republic of the | Congo, DR | Zaire
CK COK Cook Islands
CR CRI Costa Rica | Republic of Costa Rica
CI CIV Côte d'Ivoire | Ivory Coast | Cote Divoire | Republic of Cote d'Ivoire
HR HRV Croatia | Republic of Croatia | Hrvatska
CU CUB Cuba | Republic of Cuba
CW CUW Curaçao
CY CYP Cyprus | Republic of Cyprus
CZ CZE Czechia | Czech Republic | Česko | Česká republika
DK DNK Denmark | Danmark | Kingdom of Denmark
DJ DJI Djibouti | Republic of Djibouti
DM DMA Dominica | Commonwealth of Dominica
DO DOM Dominican Republic | República Dominicana | Dominican Rep
EC ECU Ecuador | Republic of Ecuador
EG EGY Egypt | Arab Republic of Egypt
SV SLV El Salvador | Republic of El Salvador
GQ GNQ Equatorial Guinea | Republic of Equatorial Guinea
ER ERI Eritrea | State of Eritrea
EE EST Estonia | Republic of Estonia | Eesti
SZ SWZ Eswatini | Swaziland | Kingdom of Eswatini
ET ETH Ethiopia
FK FLK Falkland Islands | Falkland Islands (Malvinas) | Falklands
FO FRO Faroe Islands | Faroes | Faeroe Islands | Føroyar
FJ FJI Fiji | Republic of Fiji | Fiji Islands
FI FIN Finland | Republic of Finland | Suomi
FR FRA France | French Republic | Metropolitan France
GF GUF French Guiana | Guyane
PF PYF French Polynesia
TF ATF French Southern Territories
GA GAB Gabon | Gabonese Republic
GM GMB Gambia | Republic of the Gambia
GE GEO Georgia | Republic of Georgia | Georgia (country) | Sakartvelo
DE DEU Germany | Federal Republic of Germany | Deutschland
GH GHA Ghana | Republic of Ghana
GI GIB Gibraltar
GR GRC Greece | Hellenic Republic | Hellas | Ellada
GL GRL Greenland | Kalaallit Nunaat
GD GRD Grenada
GP GLP Guadeloupe
GU GUM Guam
GT GTM Guatemala | Republic of Guatemala
GG GGY Guernsey
GN GIN Guinea | Republic of Guinea | Guinea-Conakry
GW GNB Guinea-Bissau | Republic of Guinea-Bissau
GY GUY Guyana | Co-operative Republic of Guyana
HT HTI Haiti | Republic of Haiti
HM HMD Heard Island and McDonald Islands
VA VAT Holy See | Vatican | Vatican City | Vatican City State | Holy See (Vatican City State)
HN HND Honduras | Republic of Honduras
HK HKG Hong Kong | Hong Kong SAR | Hong Kong SAR China | Hong Kong, China | Hongkong
HU HUN Hungary | Magyarország
IS ISL Iceland | Ísland | Republic of Iceland
IN IND India | Republic of India | Bharat
ID IDN Indonesia | Republic of Indonesia
IR IRN Iran | Iran, Islamic Republic of | Islamic Republic of Iran
IQ IRQ Iraq | Republic of Iraq
IE IRL Ireland | Republic of Ireland | Éire | Irish Republic
IM IMN Isle of Man
IL ISR Israel | State of Israel
IT ITA Italy | Italia | Italian Republic | Republic of Italy
JM JAM Jamaica
JP JPN Japan | Nippon | 日本
JE JEY Jersey
JO JOR Jordan | Hashemite Kingdom of Jordan
KZ KAZ Kazakhstan | Republic of Kazakhstan
KE KEN Kenya | Republic of Kenya
KI KIR Kiribati | Republic of Kiribati
KP PRK North Korea | Korea, Democratic People's Republic of | Democratic People's Republic of Korea | DPRK
    | Korea, North
KR KOR South Korea | Republic of Korea | Korea, Republic of | Korea, South | ROK | Korea (South) | 대한민국
KW KWT Kuwait | State of Kuwait
KG KGZ Kyrgyzstan | Kyrgyz Republic
LA LAO Laos | Lao People's Democratic Republic | Lao PDR
LV LVA Latvia | Republic of Latvia | Latvija
LB LBN Lebanon | Lebanese Republic
LS LSO Lesotho | Kingdom of Lesotho
LR LBR Liberia | Republic of Liberia
LY LBY Libya | State of Libya | Libyan Arab Jamahiriya
LI LIE Liechtenstein | Principality of Liechtenstein
LT LTU Lithuania | Republic of Lithuania | Lietuva
LU LUX Luxembourg | Luxemburg | Grand Duchy of Luxembourg
MO MAC Macao | Macau | Macao SAR | Macau SAR | Macao SAR China | Macau SAR China
MG MDG Madagascar | Republic of Madagascar
MW MWI Malawi | Republic of Malawi
MY MYS Malaysia
MV MDV Maldives | Republic of Maldives
ML MLI Mali | Republic of Mali
MT MLT Malta | Republic of Malta
MH MHL Marshall Islands | Republic of the Marshall Islands
MQ MTQ Martinique
MR MRT Mauritania | Islamic Republic of Mauritania
MU MUS Mauritius | Republic of Mauritius
YT MYT Mayotte
MX MEX Mexico | United Mexican States | Estados Unidos Mexicanos
FM FSM Micronesia | Micronesia, Federated States of | Federated States of Micronesia
MD MDA Moldova | Moldova, Republic of | Republic of Moldova
MC MCO Monaco | Principality of Monaco
MN MNG Mongolia
ME MNE Montenegro | Crna Gora
MS MSR Montserrat
MA MAR Morocco | Kingdom of Morocco | Maroc
MZ MOZ Mozambique | Republic of Mozambique
MM MMR Myanmar | Burma | Myanmar (Burma) | Republic of the Union of Myanmar
NA NAM Namibia | Republic of Namibia
NR NRU Nauru | Republic of Nauru
NP NPL Nepal
NL NLD Netherlands | Holland | Nederland | Kingdom of the Netherlands | Netherlands, Kingdom of the
NC NCL New Caledonia
NZ NZL New Zealand | Aotearoa
NI NIC Nicaragua | Republic of Nicaragua
NE NER Niger | Republic of the Niger
NG NGA Nigeria | Federal Republic of Nigeria
NU NIU Niue
NF NFK Norfolk Island
MK MKD North Macedonia | Macedonia | Republic of North Macedonia | FYROM | Republic of Macedonia
    | Macedonia, the former Yugoslav Republic of
MP MNP Northern Mariana Islands | Commonwealth of the Northern Mariana Islands | CNMI
NO NOR Norway | Norge | Noreg | Kingdom of Norway
OM OMN Oman | Sultanate of Oman
PK PAK Pakistan | Islamic Republic of Pakistan
PW PLW Palau | Republic of Palau
PS PSE Palestine | Palestine, State of | State of Palestine | Palestinian Territory | Palestinian Territories
    | Palestinian Territory, Occupied
PA PAN Panama | Republic of Panama
PG PNG Papua New Guinea
PY PRY Paraguay | Republic of Paraguay
PE PER Peru | Republic of Peru
PH PHL Philippines | Republic of the Philippines | Pilipinas
PN PCN Pitcairn | Pitcairn Islands
PL POL Poland | Polska | Republic of Poland
PT PRT Portugal | Portuguese Republic
PR PRI Puerto Rico | Commonwealth of Puerto Rico
QA QAT Qatar | State of Qatar
RE REU Réunion | La Reunion | Reunion Island
RO ROU Romania | Rumania | România
RU RUS Russia | Russian Federation | Россия
RW RWA Rwanda | Republic of Rwanda
BL BLM Saint Barthélemy | St Barthelemy | Saint Barths | St Barts
SH SHN Saint Helena, Ascension and Tristan da Cunha | Saint Helena | St Helena | Ascension Island | Tristan da Cunha
KN KNA Saint Kitts and Nevis | St Kitts and Nevis | St Kitts | Saint Kitts
LC LCA Saint Lucia | St Lucia
MF MAF Saint Martin (French part) | St Martin (French part) | Collectivité de Saint-Martin
PM SPM Saint Pierre and Miquelon | St Pierre and Miquelon
VC VCT Saint Vincent and the Grenadines | St Vincent and the Grenadines | Saint Vincent | St Vincent
WS WSM Samoa | Western Samoa | Independent State of Samoa
SM SMR San Marino | Republic of San Marino
ST STP Sao Tome and Principe | São Tomé
SA SAU Saudi Arabia | Kingdom of Saudi Arabia | KSA
SN SEN Senegal | Republic of Senegal
RS SRB Serbia | Republic of Serbia | Srbija
SC SYC Seychelles | Republic of Seychelles
SL SLE Sierra Leone | Republic of Sierra Leone
SG SGP Singapore | Republic of Singapore
SX SXM Sint Maarten | Sint Maarten (Dutch part) | St Maarten | Saint Martin (Dutch part)
SK SVK Slovakia | Slovak Republic | Slovensko
SI SVN Slovenia | Slovenija | Republic of Slovenia
SB SLB Solomon Islands
SO SOM Somalia | Federal Republic of Somalia
ZA ZAF South Africa | Republic of South Africa | RSA | Suid-Afrika
GS SGS South Georgia and the South Sandwich Islands | South Georgia
SS SSD South Sudan | Republic of South Sudan
ES ESP Spain | España | Kingdom of Spain
LK LKA Sri Lanka | Ceylon
SD SDN Sudan | Republic of the Sudan
SR SUR Suriname | Surinam
SJ SJM Svalbard and Jan Mayen | Svalbard
SE SWE Sweden | Sverige | Kingdom of Sweden
CH CHE Switzerland | Swiss Confederation | Schweiz | Suisse | Svizzera | Die Schweiz | La Suisse
SY SYR Syria | Syrian Arab Republic
TW TWN Taiwan | Taiwan, Province of China | Taiwan, Republic of China | Taiwan ROC
TJ TJK Tajikistan | Republic of Tajikistan
TZ TZA Tanzania | Tanzania, United Republic of | United Republic of Tanzania
TH THA Thailand | Kingdom of Thailand
TL TLS Timor-Leste | East Timor
TG TGO Togo | Togolese Republic
TK TKL Tokelau
TO TON Tonga | Kingdom of Tonga
TT TTO Trinidad and Tobago | Trinidad
TN TUN Tunisia | Republic of Tunisia | Tunisie
TR TUR Türkiye | Turkey | Republic of Turkey | Republic of Türkiye | Tuerkiye
TM TKM Turkmenistan
TC TCA Turks and Caicos Islands | Turks and Caicos
TV TUV Tuvalu
UG UGA Uganda | Republic of Uganda
UA UKR Ukraine | Україна
AE ARE United Arab Emirates | UAE | U A E | Emirates
GB GBR United Kingdom | UK | U K | Great Britain | Britain | England | Scotland | Wales | Northern Ireland
    | United Kingdom of Great Britain and Northern Ireland
US USA United States | United States of America | U S A | U S | America | US of A | Estados Unidos | États-Unis
UM UMI United States Minor Outlying Islands | US Minor Outlying Islands
UY URY Uruguay | Oriental Republic of Uruguay
UZ UZB Uzbekistan | Republic of Uzbekistan
VU VUT Vanuatu | Republic of Vanuatu
VE VEN Venezuela | Venezuela, Bolivarian Republic of | Bolivarian Republic of Venezuela
VN VNM Vietnam | Viet Nam | Socialist Republic of Viet Nam | Socialist Republic of Vietnam
VG VGB British Virgin Islands | Virgin Islands, British | Virgin Islands (British) | BVI
VI VIR US Virgin Islands | Virgin Islands, US | Virgin Islands (US) | Virgin Islands of the United States | USVI
    | United States Virgin Islands
WF WLF Wallis and Futuna
EH ESH Western Sahara
YE YEM Yemen | Republic of Yemen
ZM ZMB Zambia | Republic of Zambia
ZW ZWE Zimbabwe | Republic of Zimbabwe
"""


def _rows() -> dict[str, tuple[str, ...]]:
    """Per two-letter code: the three-letter code, the name, the other spellings."""
    lines = _TABLE.replace("\n    |", " |").strip().splitlines()
    return {line[:2]: (line[3:6], *(spelled.strip() for spelled in line[7:].split("|"))) for line in lines}


_ROWS = _rows()

#: Two-letter code -> English name, for messages and documentation.
NAMES: dict[str, str] = {code: row[1] for code, row in _ROWS.items()}

#: Two-letter code -> three-letter code.
ALPHA_3: dict[str, str] = {code: row[0] for code, row in _ROWS.items()}


@cache
def _codes() -> dict[str, str]:
    """Every folded spelling -> the two-letter code. Made for the first that is no code: it takes a millisecond."""
    codes = {short.lower(): code for code, row in _ROWS.items() for short in (code, row[0])}
    codes.update((fold(spelled), code) for code, row in _ROWS.items() for spelled in row[1:])
    return {spelled: code for spelled, code in codes.items() if spelled not in AMBIGUOUS}


def code_of(text: str) -> str | None:
    """The two-letter code of a country, however it is spelled; None where it is unknown or ambiguous."""
    return text if text in NAMES else _codes().get(fold(text))
