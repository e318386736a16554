"""Write many calls as they come in within an hour: most of them orders, some invalid, some that order nothing.

    python examples/make_orders.py 1000 orders.ndjson expected.json

Each call has a number of its own, `order_number` among its traits, by which it is found again at the destination.
expected.json says for each messageId what the mapping language makes of it: ready, invalid or skipped; that is declared
beside the kinds of calls, and never asked of the engine.

Knows kinds of calls that need nothing but themselves. Must not import the engine.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from make_events import KINDS, enveloped
from making import envelopes
from making.calls import SEED, Call, Kind
from making.people import Dice, Json
from making.variations import STRANGERS

#: Kinds that need what is known of a person, or leave something to be known: another call would change with them.
_OF_KNOWN_PEOPLE = {*STRANGERS, "profile", "left", "computedtrait", "stranger", "line2stranger"}
ALONE = tuple(kind for kind in KINDS if kind.slug not in _OF_KNOWN_PEOPLE)


def calls(count: int, now: datetime) -> tuple[list[Json], dict[str, str]]:
    """So many calls, the last one just now; and by messageId what becomes of each."""
    dice = Dice(SEED)
    mixed: list[tuple[Kind, int]] = dice.shuffled([(kind, number) for kind in ALONE for number in range(kind.count)])
    made, expected = [], {}
    for number in range(count):
        kind, which = mixed[number % len(mixed)]
        name = f"order-{number + 1:06d}"
        library = envelopes.LIBRARIES[number % len(envelopes.LIBRARIES)]
        moment = now - timedelta(hours=1) * (count - number) / count
        made.append(enveloped(dice, _numbered(kind.make(dice, which), name), name, library, moment))
        expected[name] = kind.expected["status"]
    return made, expected


def _numbered(call: Call, name: str) -> Call:
    """The call with its number among the traits, where it has traits."""
    if not isinstance(call.traits, dict):
        return call
    return Call({**call.traits, "order_number": name}, call.who, call.library, call.user, call.context, call.changes)


def main(arguments: list[str]) -> int:
    """Write the two files."""
    count, events, expected = int(arguments[0]), Path(arguments[1]), Path(arguments[2])
    made, becomes = calls(count, datetime.now(UTC))
    lines = (json.dumps(call, ensure_ascii=False, separators=(",", ":")) + "\n" for call in made)
    events.write_text("".join(lines), encoding="utf-8", newline="\n")
    expected.write_text(json.dumps(becomes, indent=0) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
