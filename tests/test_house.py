"""The house rules, each as a test: who imports whom, what the front door shows, and how large a thing may grow."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import mapper
from mapper import plugins

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mapper"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: The rooms beside the street: the only places that may do I/O. Everything else in mapper/ is pure.
SHELL = {"__main__", "apps", "delivery", "pipeline", "plugins", "readers", "transports"}
#: What only those have who asked for it, and the extra that brings it.
EXTRAS = {"opentelemetry": "otel", "prometheus_client": "prometheus", "psycopg": "postgres"}
#: Sizes at which a thing is two things.
FILE_LINES, FUNCTION_LINES, PUBLIC_NAMES = 400, 40, 24
#: What `import mapper` must not load: each costs a service more to start than the whole engine does.
HEAVY = [
    *("celery", "fastapi", "httpx", "opentelemetry", "prometheus_client", "psycopg", "pydantic"),
    *("rich", "sqlalchemy", "starlette", "typer"),
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Each module of the package: its path below the root, and its syntax tree."""
    for path in MODULES:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def on_the_street(path: str) -> bool:
    """Whether a module belongs to the pure street."""
    room = Path(path).parts[1].removesuffix(".py")
    return room not in SHELL and room != "__init__"


# ---------------------------------------------------------------------------------------------- who imports whom


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts on the package in a directory."""
    run = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", run, "--no-logo", "--no-cache"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_contracts_are_kept() -> None:
    """The package keeps every contract of .importlinter."""
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.fixture(scope="module")
def broken_house(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter reports about a copy of the package with one bad import of every kind."""
    directory = tmp_path_factory.mktemp("house")
    shutil.copytree(PACKAGE, directory / "mapper", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", directory)
    for name, line in PLANTED.values():
        target = directory / "mapper" / name
        target.write_text(target.read_text("utf-8") + f"\n{line}\n" if target.exists() else f"{line}\n", "utf-8")
    result = lint_imports(directory)
    assert result.returncode == 1, result.stdout + result.stderr
    return re.sub(r"\s+", " ", result.stdout)


#: What is reported, and the file and line that bring it about.
PLANTED = {
    "One way down the street BROKEN": ("event.py", "import mapper.pipeline"),
    "mapper.event -> mapper.pipeline": ("event.py", "import mapper.pipeline"),
    "mapper.stray": ("stray.py", '"""Nobody placed this file."""'),
    "The apps do not look into each other BROKEN": ("apps/render/problems.py", "import mapper.apps.cli"),
    "No circles, at any depth BROKEN": ("errors.py", "import mapper.source"),
    "Inside, nobody goes through the front door BROKEN": ("plugins.py", "from mapper import load"),
    "The street is pure BROKEN": ("outcome.py", "import time"),
    "mapper.outcome -> time": ("outcome.py", "import time"),
    "yaml only in source BROKEN": ("mapping.py", "import yaml"),
    "jmespath only in expressions BROKEN": ("transports/memory.py", "import jmespath"),
    "cerberus only in rules BROKEN": ("transports/memory.py", "import cerberus"),
    "re2 only in rules BROKEN": ("transports/memory.py", "import re2"),
    "msgspec only in codec BROKEN": ("transports/memory.py", "import msgspec"),
    "httpx only in transports.http BROKEN": ("transports/memory.py", "import httpx"),
    "typer only in apps.cli BROKEN": ("transports/memory.py", "import typer"),
    "rich only in apps.render BROKEN": ("transports/memory.py", "import rich"),
    "SQLAlchemy only in delivery.ledger BROKEN": ("delivery/worker.py", "import sqlalchemy"),
    "psycopg only in delivery.ledger.postgres BROKEN": ("delivery/ledger/sqlite.py", "import psycopg"),
    "prometheus_client only in apps.outbox.watching BROKEN": (
        "apps/outbox/watching/logs.py",
        "import prometheus_client",
    ),
    "OpenTelemetry only in apps.outbox.watching BROKEN": ("apps/outbox/watching/logs.py", "import opentelemetry.trace"),
    "One way down the waiting room BROKEN": ("delivery/verdict.py", "import mapper.delivery.worker"),
}


@pytest.mark.parametrize("report", PLANTED)
def test_a_bad_import_is_found(report: str, broken_house: str) -> None:
    """Each contract, broken on purpose, is reported."""
    assert report in broken_house


def contracts() -> configparser.ConfigParser:
    """The contracts as written."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", "utf-8")
    return parser


def test_every_contract_is_broken_on_purpose() -> None:
    """A contract without a planted fault could have stopped working unseen."""
    written = contracts()
    names = {written[s]["name"] for s in written.sections() if s.startswith("importlinter:contract:")}
    assert names == {report.removesuffix(" BROKEN") for report in PLANTED if report.endswith(" BROKEN")}


def test_the_pure_contract_holds_the_whole_street() -> None:
    """A new module of the street is pure from its first day."""
    listed = set(contracts()["importlinter:contract:pure"]["source_modules"].split())
    street = {"mapper." + Path(path).parts[1].removesuffix(".py") for path, _ in trees() if on_the_street(path)}
    assert listed == street


def test_the_street_asks_nobody_for_the_time_and_talks_to_nobody() -> None:
    """The import contract cannot see a clock inside `datetime`, or what is built in."""
    clocks = {"now", "today", "utcnow"}
    mouths = {"breakpoint", "input", "open", "print"}
    found = []
    for path, tree in trees():
        for node in (each for each in ast.walk(tree) if isinstance(each, ast.expr)):
            asked = isinstance(node, ast.Attribute) and node.attr in clocks
            said = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in mouths
            if on_the_street(path) and (asked or said):
                found.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    assert not found


def test_every_outside_library_is_declared_and_has_a_door() -> None:
    """What mapper/ imports is declared in pyproject.toml, and a contract says where it comes in."""
    imported = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    outside = imported - sys.stdlib_module_names - {"mapper"}
    doors = {s.rpartition("door_")[2] for s in contracts().sections() if "door_" in s}
    assert outside == doors
    owners = importlib.metadata.packages_distributions()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = {extra: project["optional-dependencies"][extra] for extra in EXTRAS.values()}
    declared = {name: extras[EXTRAS[name]] if name in EXTRAS else project["dependencies"] for name in outside}
    names = {name: {_plain(re.split(r"[\[<>=]", line)[0]) for line in lines} for name, lines in declared.items()}
    assert {name for name in outside if not {_plain(o) for o in owners[name]} & names[name]} == set()


def _plain(name: str) -> str:
    """A distribution's name as an index compares it."""
    return name.lower().replace("_", "-")


def test_our_transports_are_announced_as_they_are() -> None:
    """The names in pyproject.toml, which other tools list, are those that a plain checkout has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"][plugins.GROUP] == dict(plugins.OWN)


# ------------------------------------------------------------------------------------------------- the front door


def test_front_door() -> None:
    """The public names are sorted, few, and each is there."""
    names = mapper.__all__
    assert list(names) == sorted(names)
    assert len(set(names)) == len(names) <= PUBLIC_NAMES
    assert [name for name in names if not hasattr(mapper, name)] == []


def test_importing_the_front_door_is_light() -> None:
    """A service that embeds the engine pays for no command line, HTTP client or web framework."""
    program = f"import sys, mapper; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# ---------------------------------------------------------------------------------------------------- words, sizes


def test_the_destination_is_a_file_not_code() -> None:
    """The word inkit is nowhere in the package's code."""
    assert [str(path) for path in MODULES if re.search("inkit", path.read_text("utf-8"), re.IGNORECASE)] == []


def test_only_one_module_says_segment() -> None:
    """What an event looks like is known in event.py alone."""
    said = {str(path.relative_to(PACKAGE)) for path in MODULES if re.search(r"\bSegment\b", path.read_text("utf-8"))}
    assert said <= {"event.py"}


def test_every_module_says_what_it_must_not_know() -> None:
    """The first sentence says what a module knows; a later one, what it must not."""
    mute = []
    for path, tree in trees():
        if len((ROOT / path).read_text("utf-8").splitlines()) <= 5:
            continue
        first, *later = re.split(r"(?<=\.)\s+", " ".join((ast.get_docstring(tree) or "").split()))
        if not first or not any("ust not" in sentence for sentence in later):
            mute.append(path)
    assert mute == []


def test_no_file_is_two_nouns() -> None:
    """A file that grows past its bound is split."""
    sizes = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {path: f"{n} lines, {FILE_LINES} allowed" for path, n in sizes.items() if n > FILE_LINES} == {}


def code_lines(function: Function) -> int:
    """A function's lines without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    doc = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    return lines - (doc.end_lineno - doc.lineno + 1 if doc and doc.end_lineno else 0)


def test_no_function_is_two_functions() -> None:
    """A function that grows past its bound is split."""
    long = {
        f"{path}:{node.lineno} {node.name}": f"{code_lines(node)} lines, {FUNCTION_LINES} allowed"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, Function) and code_lines(node) > FUNCTION_LINES
    }
    assert long == {}


#: Words that say nothing about a thing.
EMPTY_WORDS = {"common", "data", "handler", "helper", "helpers", "info", "item", "manager", "processor", "service"}


def words(name: str) -> list[str]:
    """The words of a name: of ``from_dict`` and ``FromDict`` alike."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower().split("_")


def test_no_name_is_an_empty_word() -> None:
    """Modules, classes and functions are named for what they are."""
    named = []
    for path, tree in trees():
        names = [Path(path).stem, *(n.name for n in ast.walk(tree) if isinstance(n, Function | ast.ClassDef))]
        named += [f"{path} {name}" for name in names if {"util", "utils", *EMPTY_WORDS} & set(words(name))]
    assert named == []
