"""Functions that encode text for a header: base64, and basic for the Authorization header.

Knows the two encodings. Must not know what is secret, nor keep or print anything.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from mapper.functions import kinds
from mapper.functions.registry import Example, Function, Parameter


def _base64(text: Any) -> str | None:
    if not isinstance(text, str) or len(text) > kinds.LONGEST:
        return None
    try:
        return b64encode(text.encode("utf-8")).decode("ascii")
    except UnicodeEncodeError:  # a lone surrogate is no character and has no bytes
        return None


def _basic(user: Any, password: Any) -> str | None:
    """The Authorization header of RFC 7617, section 2, which allows no colon in the user."""
    if not isinstance(user, str) or not isinstance(password, str) or ":" in user:
        return None
    encoded = _base64(f"{user}:{password}")
    return f"Basic {encoded}" if encoded else None


FUNCTIONS = (
    Function(
        name="base64",
        parameters=(Parameter("text", "text"),),
        summary="The text in base64, an encoding that some destinations ask for. It hides nothing.",
        examples=(Example("base64(settings.name)", {"settings": {"name": "Ada:"}}, "QWRhOg=="),),
        call=_base64,
    ),
    Function(
        name="basic",
        parameters=(Parameter("user", "text"), Parameter("password", "text")),
        summary="The value of an Authorization header for a user and a password. "
        "A destination that takes only a key wants it as the user and '' as the password.",
        examples=(
            Example("basic(settings.key, '')", {"settings": {"key": "k1"}}, "Basic azE6"),
            Example("basic(settings.user, settings.password)", {"settings": {"user": "ada"}}, None),
        ),
        call=_basic,
    ),
)
