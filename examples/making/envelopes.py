"""The envelopes that Segment's libraries, and Engage, put around an Identify call.

Knows what each library sends beside the traits. Must not know any trait, nor what becomes of a call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from making.people import Dice, Json


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as the libraries write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def nanosecond_stamp(moment: datetime) -> str:
    """The same with nine digits of a second, as Engage writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "731Z"


START = datetime(2026, 9, 1, 8, 0, 0, 137_000, tzinfo=UTC)


def browser(dice: Dice, user: str, moment: datetime) -> Json:
    """What analytics.js sends from a web page."""
    page = dice.pick(("/account", "/checkout/done", "/welcome", "/preferences/mail"))
    context = {
        "ip": f"203.0.113.{dice.below(254) + 1}",
        "library": {"name": "analytics.js", "version": "next-1.70.0"},
        "locale": dice.pick(("en-US", "en-GB", "de-DE", "nb-NO")),
        "page": {
            "path": page,
            "referrer": "",
            "search": "",
            "title": "Account",
            "url": f"https://shop.example.com{page}",
        },
        "timezone": "America/New_York",
        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/139.0",
        "userAgentData": {"brands": [{"brand": "Chromium", "version": "139"}], "mobile": False, "platform": "macOS"},
    }
    metadata = {"bundled": ["Segment.io"], "bundledIds": [], "unbundled": []}
    return {**_times(moment, 140), "anonymousId": dice.uuid(), "userId": user, "channel": "client", "context": context,
            "integrations": {}, "version": 2, "_metadata": metadata}  # fmt: skip


def node(dice: Dice, user: str, moment: datetime) -> Json:
    """What the Node.js library sends from a server: no ``anonymousId`` beside a ``userId``."""
    context = {"library": {"name": "@segment/analytics-node", "version": dice.pick(("2.2.1", "3.1.0"))}}
    metadata = {"nodeVersion": "22.11.0", "jsRuntime": "node"}
    return {**_times(moment, 900), "userId": user, "channel": "server", "context": context, "integrations": {},
            "version": 2, "projectId": "prj_example_7Q", "_metadata": metadata}  # fmt: skip


def python(dice: Dice, user: str, moment: datetime) -> Json:
    """What the Python library sends: ``anonymousId`` is null, and Segment has not added its own times yet."""
    context = {"library": {"name": "analytics-python", "version": dice.pick(("2.3.4", "2.4.0"))}}
    at = stamp(moment).replace("Z", "+00:00")
    return {"timestamp": at, "userId": user, "anonymousId": None, "context": context, "integrations": {}}


def mobile(dice: Dice, user: str, moment: datetime) -> Json:
    """What the iOS and Android libraries send."""
    system = dice.pick(
        (("analytics-swift", "iOS", "Apple", "iPhone15,3"), ("analytics-kotlin", "Android", "Google", "Pixel 8"))
    )
    context = {
        "app": {"name": "Example Shop", "version": "4.12.0", "build": "4120", "namespace": "com.example.shop"},
        "device": {"id": dice.uuid(), "manufacturer": system[2], "model": system[3], "type": system[1].lower()},
        "library": {"name": system[0], "version": "1.16.0"},
        "locale": "en-US",
        "location": {"city": "Reno", "country": "United States", "latitude": 39.5, "longitude": -119.8, "speed": 0},
        "network": {"bluetooth": False, "carrier": "Example Mobile", "cellular": True, "wifi": False},
        "os": {"name": system[1], "version": "17.5"},
        "screen": {"density": 3, "height": 2556, "width": 1179},
        "timezone": "America/Los_Angeles",
    }
    return {**_times(moment, 2300), "anonymousId": dice.uuid(), "userId": user, "channel": "mobile", "context": context,
            "integrations": {}, "version": "1.1"}  # fmt: skip


def engage(dice: Dice, user: str, moment: datetime) -> Json:
    """What Engage sends when a computed trait, an audience or a journey changes: no name, no address, no template."""
    context = {
        "integrations": {"personas": False},
        "library": {"name": "unknown", "version": "unknown"},
        "personas": {
            "computation_class": "audience", "computation_id": f"aud_{dice.hex(22)}", "computation_key": "audience",
            "namespace": "spa_example3kT", "space_id": "spa_example3kT",
        },
    }  # fmt: skip
    received = stamp(moment + timedelta(seconds=1))
    return {
        "channel": "server",
        "context": context,
        "integrations": {"All": False, "Inkit": True, "Warehouses": {"all": False}},
        "originalTimestamp": nanosecond_stamp(moment),
        "sentAt": None,
        "receivedAt": received,
        "timestamp": received,
        "userId": user,
        "version": 2,
        "writeKey": "example-write-key",
    }


def event(envelope: Json, message_id: str, traits: Any) -> Json:
    """An Identify call: the envelope with its type, id and traits."""
    return {"type": "identify", "messageId": message_id, **envelope, "traits": traits}


LIBRARIES = (browser, node, python, mobile)


def _times(moment: datetime, delay: int) -> Json:
    """The four times of a call that reached Segment ``delay`` milliseconds after it was made."""
    received = stamp(moment + timedelta(milliseconds=delay))
    sent = stamp(moment + timedelta(milliseconds=delay // 2))
    return {"originalTimestamp": stamp(moment), "sentAt": sent, "receivedAt": received, "timestamp": stamp(moment)}
