"""The laws, each as a check that raises AssertionError with the case in its words.

Knows what has to hold, from the outside: leaves are found anew here, and values are compared strictly (1 is neither
true nor 1.0, and the order of names counts). Must not know how the engine does it.

The tests draw a few hundred cases for these checks, ``make fuzz`` draws tens of thousands, and the planted faults
show that each check can fail.
"""

from __future__ import annotations

from laws.compiled import TOLD, Both, both, check_compiled, loaded_both
from laws.conservation import ENDS, check_conservation, check_status, transform
from laws.events import check_faces, check_pure, check_request, check_silence, check_unmapped, check_unread_traits
from laws.files import check_file, inside
from laws.language import check_codec, check_compile, check_flow, check_search, check_trace, check_unread, nodes
from laws.people import bytes_of, check_merge
from laws.sameness import leaves, plain, same, some, sorted_deeply

__all__ = [
    "ENDS",
    "TOLD",
    "Both",
    "both",
    "bytes_of",
    "check_codec",
    "check_compile",
    "check_compiled",
    "check_conservation",
    "check_faces",
    "check_file",
    "check_flow",
    "check_merge",
    "check_pure",
    "check_request",
    "check_search",
    "check_silence",
    "check_status",
    "check_trace",
    "check_unmapped",
    "check_unread",
    "check_unread_traits",
    "inside",
    "leaves",
    "loaded_both",
    "nodes",
    "plain",
    "same",
    "some",
    "sorted_deeply",
    "transform",
]
