"""Files in: what a person points at becomes events, or what is known of people.

Knows the one exception of its rooms. Must not know mappings or destinations.
"""

from __future__ import annotations

from mapper.errors import MapperError


class UnreadableError(MapperError):
    """A file that cannot be read, or that is not what it is said to be. The message never quotes its content."""
