"""How the public names are used, as the type checker sees it. Mypy reads this file; nobody runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, assert_type

import mapper
from mapper.apps.outbox import Habits, Sending, Watcher, Watchers, of_plan
from mapper.delivery.states import State
from mapper.errors import Position


def loads_a_mapping() -> mapper.Mapper:
    """By path, by shipped name, from text; with an environment of one's own."""
    assert_type(mapper.load("my-destination"), mapper.Mapper)
    assert_type(mapper.load(Path("mapping.yaml"), environ={"API_KEY": "key"}), mapper.Mapper)
    return mapper.loads("mapping: 1", file="mapping.yaml")


def asks_a_mapping(mapping: mapper.Mapper) -> None:
    """What it says about itself."""
    assert_type(mapping.destination, str)
    assert_type(mapping.file, str)
    assert_type(mapping.warnings, tuple[mapper.Problem, ...])


def maps_an_event(mapping: mapper.Mapper, event: dict[str, Any]) -> mapper.Result:
    """Decoded, as text, as bytes; with settings and what is known of the person."""
    assert_type(mapping.transform(b"{}"), mapper.Result)
    assert_type(mapping.transform("{}", settings={"template_id": "T1"}), mapper.Result)
    return mapping.transform(event, identity={"last_name": "Musk"})


def reads_a_result(result: mapper.Result) -> mapper.Request | None:
    """A status that a checker knows, fields, accounts, problems; a request only where it is ready."""
    assert_type(result.status, Literal["ready", "invalid", "skipped"])
    assert_type(result.because, str | None)
    assert_type(result.fields, dict[str, Any])
    assert_type(result.custom_fields, dict[str, Any])
    for account in result.accounts:
        assert_type(account.end, Literal["mapped", "shadowed", "custom", "dropped"])
        assert_type(account.to, tuple[str, ...])
    for problem in (*result.problems, *result.warnings):
        assert_type(problem.level, Literal["error", "warning"])
        assert_type(problem.position, Position | None)
    return result.request


def keeps_a_request(request: mapper.Request) -> mapper.Request:
    """A request is a value: it can be written down and read again."""
    assert_type(request.content, bytes)
    return mapper.Request.from_dict(request.as_dict())


class Pigeon:
    """A stranger's transport: an object with one method, and no class of ours above it."""

    async def send(self, request: mapper.Request) -> mapper.Reply | mapper.Failure:
        """Answer that it is not known."""
        return mapper.Failure("lost", maybe_sent=request.message_id is not None)


def sends(request: mapper.Request) -> mapper.Outcome:
    """By name, by object, by default."""
    pigeon: mapper.Transport = Pigeon()
    assert_type(mapper.send(request), mapper.Outcome)
    assert_type(mapper.send(request, "memory"), mapper.Outcome)
    return mapper.send(request, pigeon)


def sends_with_ours(request: mapper.Request, mapping: mapper.Mapper) -> tuple[mapper.Outcome, mapper.Outcome]:
    """Ours are transports as a stranger's is: one that remembers, and one that is made with the secrets."""
    return mapper.send(request, mapper.Memory()), mapper.send(request, mapper.Http(mapping.secrets()))


async def sends_from_a_loop(request: mapper.Request) -> str | None:
    """The same, awaited; and how it ended."""
    outcome = await mapper.asend(request, Pigeon())
    assert_type(outcome.ending, Literal["delivered", "rejected", "pause", "retry", "unknown"])
    assert_type(outcome.status, int | None)
    return outcome.retry_after


class Bell(Watcher):
    """A stranger's watcher."""

    def accepted(self, receipts: Sequence[mapper.Receipt]) -> None:
        """Look at what became of each."""
        for receipt in receipts:
            assert_type(receipt.job, int)
            assert_type(receipt.state, State)
            assert_type(receipt.because, str | None)
            assert_type(receipt.repeated, Literal["", "same", "conflict"])


def embeds_an_outbox(mapping: mapper.Mapper, event: dict[str, Any]) -> mapper.Status:
    """One event in any form, many of them; drained, and looked at."""
    sending = Sending(
        transport=Pigeon(), policy=of_plan(mapping.plan), habits=Habits(slots=4), watcher=Watchers(Bell())
    )
    with mapper.Outbox(mapping, Path("mapper.db"), settings={"template_id": "T1"}, sending=sending) as outbox:
        assert_type(outbox.accept(event), list[mapper.Receipt])
        assert_type(outbox.accept([event, b"{}", "{}"]), list[mapper.Receipt])
        assert_type(outbox.accept(one for one in (event,)), list[mapper.Receipt])
        outbox.run()
        outbox.stop()
        assert_type(outbox.status().counts, dict[State, int])
        return outbox.drain(patience=1.5)


async def embeds_an_outbox_in_a_loop(mapping: mapper.Mapper) -> list[mapper.Receipt]:
    """The same, awaited."""
    async with mapper.Outbox(mapping, store="postgresql://user@host/database", source="web") as outbox:
        await outbox.arun()
        assert_type(await outbox.adrain(), mapper.Status)
        return await outbox.aaccept("{}")


def evaluates_an_expression() -> Any:
    """The expression language alone."""
    expression = mapper.expressions.compile("traits.name")
    assert_type(expression.text, str)
    return expression.search({"traits": {"name": "Ada"}})


def catches() -> tuple[mapper.Problem, ...]:
    """One root; each branch carries its problems."""
    try:
        loads_a_mapping()
    except mapper.MappingError as error:
        return error.problems
    except mapper.SettingsError as error:
        return error.problems
    except (mapper.PluginError, mapper.StoreError, mapper.MapperError):
        return ()
    return ()


def refuses(mapping: mapper.Mapper, result: mapper.Result) -> None:
    """What a checker must not let through: each ignore is an error of its own once it is no longer needed."""
    mapping.transform()  # type: ignore[call-arg]
    mapper.send(result.request)  # type: ignore[arg-type]
    mapper.send(result)  # type: ignore[arg-type]
    mapper.Outbox("mapping.yaml")  # type: ignore[arg-type]
    mapper.Outbox(mapping).accept(5)  # type: ignore[arg-type]
    result.status = "ready"  # type: ignore[misc]
