"""Where jobs are sent to: the mapping's own destination, or another address that stands in for it.

Knows addresses. Must not know a key, nor whether anything listens there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from mapper.plan import Plan
from mapper.plan.send import wrong_address
from mapper.request import Request


def wrong(url: str) -> str | None:
    """What keeps an address from standing in for the mapping's own, or None. Plain http goes to this machine only."""
    return wrong_address(url) or ("an address to send to has no #" if "#" in url else None)


def aimed(request: Request, url: str | None) -> Request:
    """The request at another address: its scheme and host, and its path and query where it has any.

    None is the request's own address.
    """
    if url is None:
        return request
    there, own = urlsplit(url), urlsplit(request.url)
    path = there.path if there.path.strip("/") else own.path
    aim = own._replace(scheme=there.scheme, netloc=there.netloc, path=path, query=there.query or own.query)
    return replace(request, url=aim.geturl())


def host(plan: Plan, settings: Mapping[str, Any]) -> str:
    """The host (and port, where one is said) of the mapping's own address: only settings can stand in it."""
    document = {"settings": dict(settings)}
    pieces = (p if isinstance(p, str) else str(p.located.expression.search(document) or "") for p in plan.send.url)
    return urlsplit("".join(pieces)).netloc
