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


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


GENERATED: dict[str, Callable[[], str]] = {
    "functions": functions_table,
    "keys": keys_table,
    "codes": codes_table,
    "rules": rules_table,
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
