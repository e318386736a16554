"""Write events.ndjson, people.ndjson and expected.json: the same bytes on every run and every machine.

    python examples/make_events.py            write the three files
    python examples/make_events.py --check    write nothing; exit 1 when a file is not what would be written

Knows which kinds of call the examples hold, and what the mapping language says becomes of each kind: that is
declared beside the kind and never asked of the engine. Must not import the engine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from making import envelopes, orders, others, people, variations
from making.calls import ANY_NAME, EARLIER, GONE, LEFT, SEED, TEMPLATES, Call, Kind, invalid, ready, skipped
from making.people import Dice, Json
from making.variations import STRANGERS, WITH_TEMPLATE

HERE = Path(__file__).resolve().parent
#: The files that hold one event, which are written by hand; bare-minimum.json is of a person in people.ndjson.
SINGLE = {
    "full.json": ready(),
    "nested.json": ready("zip_restored"),
    "bare-minimum.json": ready(),
    "audience-left.json": skipped(LEFT),
    "invalid.json": invalid(
        maxlength=["address_line_1"],
        missing=["address_city"],
        not_understood=["address_state"],
        regex=["address_zip"],
        any_of=ANY_NAME,
    ),
}
#: Makes the envelope of one of Segment's libraries.
Library = Callable[[Dice, str, datetime], Json]
KINDS: tuple[Kind, ...] = (*orders.KINDS, *others.KINDS, *variations.KINDS)


def events() -> tuple[list[Json], Json]:
    """All events in an order in which kinds are mixed, and by messageId the fields that must be printed."""
    made: list[Json] = []
    printed: Json = {}
    for entry in KINDS:
        dice = Dice(SEED + int.from_bytes(entry.slug.encode()))  # a new kind changes no other
        for number in range(entry.count):
            call = entry.make(dice, number)
            message_id = f"{entry.slug}-{number + 1:04d}"
            moment = envelopes.START + timedelta(minutes=dice.below(40_000), milliseconds=dice.below(1000))
            made.append(
                enveloped(dice, call, message_id, envelopes.LIBRARIES[number % len(envelopes.LIBRARIES)], moment)
            )
            if call.who and entry.expected["status"] == "ready":
                printed[message_id] = _printed(call)
    return Dice(SEED).shuffled(made), dict(sorted(printed.items()))


def enveloped(dice: Dice, call: Call, message_id: str, usual: Library, moment: datetime) -> Json:
    """A call as Segment delivers it: in the envelope of its own library, or of the usual one."""
    user = call.user or (call.who.id if call.who else f"usr_{dice.hex(10)}")
    event = envelopes.event((call.library or usual)(dice, user, moment), message_id, call.traits)
    context = event["context"]
    event["context"] = {**context, **call.context, **_personas(context, call.context)}
    return {name: value for name, value in {**event, **call.changes}.items() if value is not GONE}


def _personas(context: Json, changed: Json) -> Json:
    if "personas" not in changed:
        return {}
    prefix = "tra_" if changed["personas"]["computation_class"] == "trait" else "aud_"
    merged = {**context["personas"], **changed["personas"]}
    return {"personas": {**merged, "computation_id": prefix + merged["computation_id"].removeprefix("aud_")}}


def _printed(call: Call) -> Json:
    fields = people.flat(call.who) if call.who else {}
    return fields | ({"template_id": call.traits["template_id"]} if "template_id" in call.traits else {})


def expected(printed: Json) -> Json:
    """What becomes of each kind, counted; then what differs with a template set, and without earlier calls."""
    kinds = {entry.slug: {"count": entry.count, **entry.expected} for entry in KINDS}
    return {
        "about": "Outcomes by kind (the first word of a messageId), from the mapping language; made by make_events.py.",
        "mapping": "inkit",
        "identity": "people.ndjson",
        "totals": _totals({}),
        "files": SINGLE,
        "kinds": kinds,
        "with_settings": {"template_id": TEMPLATES[0]},
        "with_settings_totals": _totals(WITH_TEMPLATE),
        "with_settings_kinds": WITH_TEMPLATE,
        "without_identity_totals": _totals(STRANGERS),
        "without_identity_kinds": STRANGERS,
        "fields": printed,
    }


def _totals(differing: dict[str, Json]) -> Json:
    totals = {"ready": 0, "invalid": 0, "skipped": 0}
    for entry in KINDS:
        totals[differing.get(entry.slug, entry.expected)["status"]] += entry.count
    return totals


def files() -> dict[str, str]:
    """The text of every file that this program writes, by name."""
    made, printed = events()
    return {
        "events.ndjson": "".join(map(_line, made)),
        "people.ndjson": "".join(map(_line, EARLIER)),
        "expected.json": _readable(expected(printed)),
    }


def _line(event: Json) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"


def _readable(document: Json) -> str:
    """JSON with one line for each member of a member."""
    parts = []
    for name, value in document.items():
        rows = [f"  {json.dumps(key)}: {_short(row)}" for key, row in value.items()] if isinstance(value, dict) else []
        parts.append(f"{json.dumps(name)}: " + ("{\n" + ",\n".join(rows) + "\n}" if rows else _short(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _short(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only compare them."""
    different = [name for name, text in files().items() if _current(HERE / name) != text]
    if arguments == ["--check"]:
        for name in different:
            print(f"{name} is not what make_events.py makes", file=sys.stderr)
        return 1 if different else 0
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


def _current(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
