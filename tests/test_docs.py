"""The documentation is true: its commands print what it shows, its YAML compiles, its links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from mapper import pipeline

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CHANGELOG.md"]
_YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def _builder() -> Any:
    specification = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _blocks() -> list[Any]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _YAML.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            found.append(pytest.param(match[1], id=f"{page.name}:{line}"))
    return found


def _whole(block: str) -> str:
    """A fragment of a mapping, made a whole one with as little as possible."""
    have = set(re.findall(r"^([a-z_]+):", block, re.MULTILINE))
    head = "" if "mapping" in have else "mapping: 1\ndestination: Example\n"
    fields = "" if "fields" in have else "fields: {email: traits.email}\n"
    send = "" if "send" in have else "send: {url: 'https://example.com/hook'}\n"
    return f"{head}{fields}{send}{block}"


@pytest.mark.parametrize("name", _builder().PAGES)
def test_commands_print_what_the_page_shows(name: str) -> None:
    """Every console block and every generated table is what its command or the code says today."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert _builder().page(text) == text, f"{name} is stale: make docs"


@pytest.mark.parametrize("block", _blocks())
def test_yaml_compiles(block: str) -> None:
    """Every YAML block is a mapping, or a part of one, without a mistake."""
    made, problems, _ = pipeline.inspect(_whole(block), "block.yaml", {})
    assert made is not None, [f"{p.position}: {p.code}: {p.message}" for p in problems]


def test_there_are_blocks_to_check() -> None:
    """The patterns above still find the blocks: a changed fence must not empty the tests."""
    assert len(_blocks()) >= 11
    assert any("```console" in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file names a file that is there."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_a_changed_output_is_noticed() -> None:
    """The check can fail: another output than the command's is rewritten, and dots stand for any lines."""
    builder = _builder()
    assert builder.console("$ echo one\ntwo\n") == "$ echo one\none\n"
    assert builder.console("$ printf 'a\\nb\\nc\\n'\na\n...\n") == "$ printf 'a\\nb\\nc\\n'\na\n...\n"
