"""Keeps the documentation true: runs every command that a page shows and writes what came out.

    python docs/build.py            rewrites the pages (make docs)
    python docs/build.py --check    prints what would change, and fails if anything would

A block that starts with ```console holds commands after `$ ` and, below each, its output. A line that is
only `...` in the present output stands for any lines. Parts between `<!-- NAME -->` and `<!-- end -->` are
generated from the code. tests/test_docs.py runs the check, and compiles every YAML block.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md")))
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
_GENERATED = re.compile(r"(<!-- ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def environment() -> dict[str, str]:
    """What every command of the documentation runs in: no colour, 80 columns, no setting of this machine."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("INKIT_", "MAPPER_", "LOB_", "DRIP_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "NO_COLOR": "1", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}


def run(command: str) -> str:
    """The output of a command, talk included, in the order in which a terminal shows it."""
    done = subprocess.run(
        ["bash", "-c", command],  # noqa: S607 - the reader's own shell
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return "\n".join(line.rstrip() for line in done.stdout.decode().rstrip().split("\n"))


def console(block: str) -> str:
    """A console block with the outputs of today."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    fresh = [parts[0]]
    for part in parts[1:]:
        command, _, shown = part.partition("\n")
        output = run(command)
        if not _same(shown.rstrip("\n"), output):
            shown = output + "\n" if output else ""
        fresh.append(f"{command}\n{shown}")
    return "$ ".join(fresh)


def _same(shown: str, output: str) -> bool:
    """Whether shown text is the output, where a line of dots stands for any lines."""
    pieces = [re.escape(piece) for piece in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)]
    return re.fullmatch(".*".join(pieces), output, re.DOTALL) is not None


def functions_table() -> str:
    """All functions, with what they do and one example."""
    from mapper.functions import TABLE

    rows = ["| function | what it does | for example |", "|---|---|---|"]
    for function in TABLE.values():
        example = function.examples[0]
        rows.append(f"| `{function.signature}` | {_cell(function.summary)} | `{_cell(example.expression)}` |")
    return "\n".join(rows) + "\n"


def keys_table() -> str:
    """All keys of a mapping, section by section."""
    from mapper import keys

    return "\n".join(_section(name, section) for name, section in keys_sections(keys.MAPPING)) + "\n"


def keys_sections(section: object, name: str = "the file") -> Iterator[tuple[str, object]]:
    """A section and all sections inside it, each once."""
    from mapper.shapes import ByKind, ListOf, MapOf, Section

    yield name, section
    for key in section.keys:  # type: ignore[attr-defined]
        shape = key.shape
        while isinstance(shape, ListOf | MapOf | ByKind):
            shape = shape.table if isinstance(shape, ByKind) else shape.part
        if isinstance(shape, Section):
            yield from keys_sections(shape, f"{name} › {key.name}" if name != "the file" else key.name)


def _section(name: str, section: object) -> str:
    rows = [f"**{name}**", "", "| key | what it does |", "|---|---|"]
    for key in section.keys:  # type: ignore[attr-defined]
        must = " (needed)" if key.required else ""
        rows.append(f"| `{key.name}`{must} | {_cell(key.means)} |")
    return "\n".join([*rows, ""])


def codes_table() -> str:
    """Every problem code with its meaning."""
    from mapper.codes import TABLE

    rows = ["| code | what it means | what to do |", "|---|---|---|"]
    rows += [f"| `{name}` | {_cell(entry.title)} | {_cell(entry.to_do)} |" for name, entry in sorted(TABLE.items())]
    return "\n".join(rows) + "\n"


def rules_table() -> str:
    """Every rule with the types it judges."""
    from mapper.rules import RULES

    rows = ["| rule | for fields of type | what it asks |", "|---|---|---|"]
    rows += [f"| `{rule.name}` | {', '.join(rule.kinds)} | {_cell(rule.means)} |" for rule in RULES.values()]
    return "\n".join(rows) + "\n"


def states_drawing() -> str:
    """What moves a job by itself, as a diagram; what people do, and late answers, are in the table."""
    from mapper.delivery.states import EDGES, TERMINAL

    begins = ("waiting", "ready", "invalid", "skipped", "suppressed", "erased")
    moves = [edge for edge in EDGES if edge.by != "person" and not edge.why.startswith("a late answer")]
    lines = [
        *("```mermaid", "stateDiagram-v2", "    direction LR"),
        *(f"    [*] --> {state}: accepted" for state in begins),
        *(f"    {edge.source} --> {edge.target}: {edge.why.replace(':', ',')}" for edge in moves),
        *(f"    {state} --> [*]" for state in TERMINAL),
    ]
    return "\n".join([*lines, "```"]) + "\n"


def states_table() -> str:
    """Every state with its meaning, the open ones first."""
    from mapper.delivery.states import BLOCKING, MEANINGS, OPEN

    rows = ["| state | | what it means |", "|---|---|---|"]
    for state, means in MEANINGS.items():
        kind = "the end" if state not in OPEN else "open; later jobs of the person wait" * (state in BLOCKING) or "open"
        rows.append(f"| `{state}` | {kind} | {_cell(means)} |")
    return "\n".join(rows) + "\n"


def ways_table() -> str:
    """Every way from a state to another: who moves a job, from where to where, and why."""
    from mapper.delivery.states import EDGES

    ways: dict[tuple[str, str, str], list[str]] = {}
    for edge in EDGES:
        ways.setdefault((edge.by, edge.target, edge.why), []).append(f"`{edge.source}`")
    rows = ["| from | to | moved by | why |", "|---|---|---|---|"]
    rows += [f"| {', '.join(sources)} | `{to}` | {by} | {_cell(why)} |" for (by, to, why), sources in ways.items()]
    return "\n".join(rows) + "\n"


def retries_table() -> str:
    """When a job that was not taken is tried again."""
    from mapper.delivery.schedule import Schedule

    schedule = Schedule()
    rows = [
        "| after this many tries | it waits | each time, by chance | at the latest since the first |",
        "|---|---|---|---|",
    ]
    least = most = 0.0
    for failures in range(1, schedule.tries):
        step = schedule.delay(failures, 0.5)
        low, high = schedule.delay(failures, 0.0), schedule.delay(failures, 1.0)
        least, most = least + low, most + high
        rows.append(f"| {failures} | {_time(step)} | {_time(low)} to {_time(high)} | {_time(most)} |")
    rows.append(f"| {schedule.tries} | it is `dead` | | |")
    return "\n".join(rows) + "\n"


def figures_table() -> str:
    """The numbers that delivery keeps to, from the code."""
    from mapper.delivery.policy import IN_A_ROW, LAPSES, Policy
    from mapper.delivery.schedule import LONGEST_WAIT
    from mapper.delivery.worker import Habits

    policy, habits = Policy(), Habits()
    never = "never"
    rows = {
        "an event is too old to be sent after": _time(policy.stale_after) if policy.stale_after else never,
        "a job's tries at most, and the age at which it is given up": f"{policy.schedule.tries}, "
        + _time(policy.schedule.age),
        "requests under way at once in one worker": str(habits.slots),
        "time for them to end when a worker is told to stop": _time(habits.drain),
        "a worker that says nothing for so long is taken for gone": _time(policy.lease),
        "workers in a row that never said how a job ended, and it is dead": str(LAPSES),
        "a pause after the key was refused, doubled each time, at most": f"{_time(policy.pause)}, "
        + _time(policy.longest_pause),
        "sends in a row without a final answer, and one at a time is tried": str(IN_A_ROW),
        "the longest that a Retry-After is believed": _time(LONGEST_WAIT),
        "what a job held is deleted, after its end": _time(policy.keep) if policy.keep else never,
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows.items())]) + "\n"


def _time(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size or seconds == size:
            return f"{round(seconds / size, 1):g} {unit if seconds != size else unit[:-1]}"
    return f"{seconds:g} seconds"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


GENERATED: dict[str, Callable[[], str]] = {
    "functions": functions_table,
    "keys": keys_table,
    "codes": codes_table,
    "rules": rules_table,
    "states-drawing": states_drawing,
    "states": states_table,
    "ways": ways_table,
    "retries": retries_table,
    "figures": figures_table,
}


def page(text: str) -> str:
    """A page as it has to be today."""
    text = _GENERATED.sub(lambda m: f"{m[1]}{GENERATED[m[2]]()}{m[4]}" if m[2] in GENERATED else m[0], text)
    return _CONSOLE.sub(lambda m: f"```console\n{console(m[1])}```", text)


def main(arguments: list[str]) -> int:
    """Rewrite or check all pages."""
    stale = []
    for name in PAGES:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        fresh = page(text)
        if fresh != text:
            stale.append(name)
            if "--check" in arguments:
                print(f"{name} is not what its commands print; run make docs")
            else:
                path.write_text(fresh, encoding="utf-8")
                print(f"rewrote {name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
