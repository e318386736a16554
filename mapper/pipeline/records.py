"""Results and problems as plain JSON values, for programs that read what the command line writes.

Knows the names that those programs rely on: ``preview --format json``, ``transform --full`` and embedders
see the same. Must not know how anything is laid out for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mapper.errors import Problem
from mapper.request import Request
from mapper.transform.results import Transformed


def of_problem(problem: Problem) -> dict[str, Any]:
    """One problem: ``{level, code, message, file, line, column, hint, field}``; null where nothing is known."""
    place = problem.position
    return {
        "level": problem.level,
        "code": problem.code,
        "message": problem.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "hint": problem.hint,
        "field": problem.field,
    }


def of_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Several problems, in their order."""
    return [of_problem(problem) for problem in problems]


def of_result(result: Transformed, request: Request | None) -> dict[str, Any]:
    """One result and its request: everything that ``preview`` shows. The body, encoded, is the request's own bytes."""
    return {
        "status": result.status,
        "because": result.because,
        "fields": result.fields,
        "custom_fields": result.custom_fields,
        "problems": of_problems(result.problems),
        "warnings": of_problems(result.warnings),
        "accounts": [
            {"path": list(a.path), "layer": a.layer, "end": a.end, "to": list(a.to), "reason": a.reason}
            for a in result.accounts
        ],
        "fillings": [
            {
                "field": f.name,
                "state": f.state,
                "value": f.value,
                "source": f.source,
                "before": f.before,
                "tried": [{"expression": t.text, "verdict": t.verdict} for t in f.tried],
            }
            for f in result.fillings
        ],
        "request": of_request(request) if request is not None else None,
    }


def of_request(request: Request) -> dict[str, Any]:
    """One request without its secrets; ``secrets`` says where the transport will put them."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "secrets": [{"in": secret.place, "name": secret.name} for secret in request.secrets],
        "body": request.body,
    }
